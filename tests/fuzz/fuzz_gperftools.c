/* Heap profiles of gperftools, tcmalloc and Go, from the text to the snapshot. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_gperftools;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_gperftools, data, size);
    return 0;
}
