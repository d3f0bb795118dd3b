/* .snap files whose checksums are made to fit, so that mutations get past them. */
#ifndef DUMPDIFF_FUZZ_FUZZ_CHECKSUMS_H
#define DUMPDIFF_FUZZ_FUZZ_CHECKSUMS_H

#include "tests/fuzz/fuzz.h"

#include "base/hash.h"

/* Layout: see snapfile.h. */
#define COUNT_AT          12u
#define DIRECTORY_HASH_AT 16u
#define DIRECTORY_AT      24u
#define ENTRY_BYTES       32u

static inline void fuzz_put_u64(uint8_t *at, uint64_t value) {
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static inline void fuzz_fix_checksums_once(uint8_t *file, size_t size) {
    if (size < DIRECTORY_AT)
        return;
    uint64_t count = load_u32(file + COUNT_AT);
    if (count > (size - DIRECTORY_AT) / ENTRY_BYTES)
        return;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *entry = file + DIRECTORY_AT + i * ENTRY_BYTES;
        uint64_t offset = load_u64(entry + 8), length = load_u64(entry + 16);
        if (offset <= size && length <= size - offset)
            fuzz_put_u64(entry + 24, hash_bytes(file + offset, (size_t)length));
    }
    fuzz_put_u64(file + DIRECTORY_HASH_AT,
                 hash_bytes(file + DIRECTORY_AT, (size_t)count * ENTRY_BYTES));
}

/* Twice: a section may overlap the directory, whose sums are then other ones. */
static inline void fuzz_fix_checksums(uint8_t *file, size_t size) {
    fuzz_fix_checksums_once(file, size);
    fuzz_fix_checksums_once(file, size);
}

#endif
