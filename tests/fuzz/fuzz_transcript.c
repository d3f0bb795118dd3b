/* A whole log through the driver and all sections. */
#include "tests/fuzz/fuzz.h"

#include "input/log/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_transcript, data, size);
    return 0;
}
