/* XML of memcheck. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_memcheck_xml;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_memcheck_xml, data, size);
    return 0;
}
