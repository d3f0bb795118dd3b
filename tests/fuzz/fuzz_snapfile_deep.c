/*
 * A .snap file whose checksums are made to fit first, so that mutations get past them and into the
 * tables.
 */
#include "tests/fuzz/fuzz.h"

#include "base/hash.h"

#include <string.h>

/* Layout: see snapfile.h. */
#define COUNT_AT          12u
#define DIRECTORY_HASH_AT 16u
#define DIRECTORY_AT      24u
#define ENTRY_BYTES       32u

static void put_u64(uint8_t *at, uint64_t value) {
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void fix_checksums(uint8_t *file, size_t size) {
    if (size < DIRECTORY_AT)
        return;
    uint64_t count = load_u32(file + COUNT_AT);
    if (count > (size - DIRECTORY_AT) / ENTRY_BYTES)
        return;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *entry = file + DIRECTORY_AT + i * ENTRY_BYTES;
        uint64_t offset = load_u64(entry + 8), length = load_u64(entry + 16);
        if (offset <= size && length <= size - offset)
            put_u64(entry + 24, hash_bytes(file + offset, (size_t)length));
    }
    put_u64(file + DIRECTORY_HASH_AT, hash_bytes(file + DIRECTORY_AT, (size_t)count * ENTRY_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *file = malloc(size ? size : 1);
    struct snapshot s;
    struct err err = {.msg = ""};
    if (!file)
        return 0;
    if (size)
        memcpy(file, data, size);
    /* Twice: a section may overlap the directory, whose sums are then other ones. */
    fix_checksums(file, size);
    fix_checksums(file, size);
    snapshot_init(&s);
    if (snapfile_decode((struct bytes){file, size}, &s, &err))
        fuzz_round_trip(&s);
    snapshot_deinit(&s);
    free(file);
    return 0;
}
