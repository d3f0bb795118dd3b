/* Heap profiles of jemalloc, from the text to the snapshot. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_jemalloc;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_jemalloc, data, size);
    return 0;
}
