/* Sampling heap profiles of V8. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_heapprofile;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_heapprofile, data, size);
    return 0;
}
