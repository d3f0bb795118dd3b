/* Thread times as /proc prints them. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_thread_times;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_thread_times, data, size);
    return 0;
}
