/* Minidumps, from the header to the snapshot. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_minidump;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_minidump, data, size);
    return 0;
}
