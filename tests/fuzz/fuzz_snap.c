/* A .snap file as it comes: mostly the header, the directory and the checksums. */
#include "tests/fuzz/fuzz.h"

#include "model/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct snapshot s;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    if (snapfile_decode((struct bytes){data, size}, &s, &err))
        fuzz_round_trip(&s);
    else
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
    snapshot_deinit(&s);
    return 0;
}
