/* Java heap dumps, from the header to the snapshot. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_hprof;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_hprof, data, size);
    return 0;
}
