/*
 * The whole of a fuzz target for one section of transcripts: all sections share one driver, so that
 * a target differs by its seeds (tests/fixture/transcripts/<section>_*.txt) alone.
 */
#include "input/log/transcript.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_transcript, data, size);
    return 0;
}
