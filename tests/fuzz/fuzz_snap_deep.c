/*
 * A .snap file whose checksums are made to fit first, so that mutations get past them and into the
 * tables.
 */
#include "tests/fuzz/fuzz_checksums.h"

#include "model/snapshot.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *file = malloc(size ? size : 1);
    struct snapshot s;
    struct err err = {.msg = ""};
    if (!file)
        return 0;
    if (size)
        memcpy(file, data, size);
    fuzz_fix_checksums(file, size);
    snapshot_init(&s);
    if (snapfile_decode((struct bytes){file, size}, &s, &err))
        fuzz_round_trip(&s);
    snapshot_deinit(&s);
    free(file);
    return 0;
}
