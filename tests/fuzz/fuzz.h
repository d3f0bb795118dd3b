/*
 * What fuzz targets share. A target is fuzz_<name>.c with an LLVMFuzzerTestOneInput; it finds its
 * corpus in corpus/<name>/, its first seeds in tests/fixture/<name>/, too.
 *
 * Besides not crashing, a target should check what must hold whatever the input (FUZZ_CHECK).
 */
#ifndef DUMPDIFF_FUZZ_FUZZ_H
#define DUMPDIFF_FUZZ_FUZZ_H

#include "input/input.h"
#include "model/snapfile.h"
#include "model/snapshot.h"
#include "tests/support/read_bytes.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/* A snapshot that was read can be written, read back, and then gives the same bytes again. */
static inline void fuzz_round_trip(const struct snapshot *s) {
    struct strbuf first, second;
    struct snapshot back;
    struct err err = {.msg = ""};
    strbuf_init(&first);
    strbuf_init(&second);
    snapshot_init(&back);
    FUZZ_CHECK(snapfile_encode(s, &first, &err));
    struct bytes file = {(const uint8_t *)first.ptr, first.len};
    bool decoded = snapfile_decode(file, &back, &err);
    if (!decoded)
        fprintf(stderr, "round trip: %s\n", err.msg);
    FUZZ_CHECK(decoded);
    FUZZ_CHECK(snapfile_encode(&back, &second, &err));
    FUZZ_CHECK(str_eq(strbuf_str(&first), strbuf_str(&second)));
    snapshot_deinit(&back);
    strbuf_deinit(&first);
    strbuf_deinit(&second);
}

/* The next two bytes of what the fuzzer chose, as a little-endian number. */
static inline uint16_t fuzz_u16(struct reader *r) {
    uint8_t low = reader_u8(r);
    return (uint16_t)(low | reader_u8(r) << 8);
}

/* Reads data as one format does (NULL: as probing finds), and takes what was read for a trip. */
static inline void fuzz_input(const struct input *format, const uint8_t *data, size_t size) {
    static const struct input_options options = {.no_native_stacks = true};
    struct snapshot s;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    if (input_read_bytes((struct bytes){data, size}, "fuzz", format, &options, &s, &err)) {
        fuzz_round_trip(&s);
    } else {
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
        FUZZ_CHECK(err.code != ERR_USAGE);
    }
    snapshot_deinit(&s);
}

#endif
