/* Object graphs of PerfView and dotnet-gcdump, from the stream to the snapshot. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_gcdump;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_gcdump, data, size);
    return 0;
}
