/* Profiles in profile.proto, from the bytes to the snapshot. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_pprof;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_pprof, data, size);
    return 0;
}
