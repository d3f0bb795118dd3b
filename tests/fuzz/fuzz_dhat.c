/* JSON of DHAT. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_dhat;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_dhat, data, size);
    return 0;
}
