/* heaptrack data files. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_heaptrack;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_heaptrack, data, size);
    return 0;
}
