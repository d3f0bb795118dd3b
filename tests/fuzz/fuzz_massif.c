/* massif output of valgrind. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_massif;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_massif, data, size);
    return 0;
}
