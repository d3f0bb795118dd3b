/* Logs of performance counters: CSV and JSON. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_counters;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_counters, data, size);
    return 0;
}
