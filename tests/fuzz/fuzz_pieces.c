/* What several threads unpack in pieces is what one unpacks from the begin to the end. */
#include "tests/fuzz/fuzz.h"

#include "memory/unpack/parallel.h"
#include "memory/unpack/unpack.h"

#include <string.h>

#define MOST ((uint64_t)1 << 22)

static void as_one_unpacks_it(const uint8_t *data, size_t size, struct bytes pieced) {
    /* Small, so that a bomb does not take the machine with it. */
    static const struct unpack_limits limits = {.base_bytes = MOST, .ratio = 1};
    uint8_t *copy = malloc(size);
    if (!copy)
        return;
    memcpy(copy, data, size);
    struct file f = {.bytes = {copy, size}};
    struct unpack_report report = {0};
    struct err err = {.code = ERR_NONE, .msg = ""};
    bool ok = unpack_file(&f, &limits, &report, &err);
    /* What is packed within is unpacked there, too, by its first bytes. */
    if (!unpack_probe(bytes_slice(pieced, 0, 4096))) {
        FUZZ_CHECK(ok && report.unpacked && !report.damaged);
        FUZZ_CHECK(f.bytes.size == pieced.size);
        FUZZ_CHECK(memcmp(f.bytes.data, pieced.data, pieced.size) == 0);
    }
    file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct archive_api lib;
    struct pieces pieces;
    struct spool spool;
    struct file f;
    struct err err = {.msg = ""};
    bool whole = false;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    spool_init(&spool);
    if (pieces_find(&pieces, (struct bytes){copy, size}, 32) && archive_api_load(&lib, &err)) {
        FUZZ_CHECK(pieces.count > 1);
        for (uint32_t i = 0; i < pieces.count; i++)
            FUZZ_CHECK(pieces.items[i].at <= size &&
                       pieces.items[i].size <= size - pieces.items[i].at);
        bool ok = parallel_unpack(&lib, &pieces, 2, MOST, &spool, &whole, &err);
        FUZZ_CHECK(ok || (err.code != ERR_NONE && err.msg[0]));
        if (ok && whole && spool_size(&spool) && spool_finish(&spool, &f, &err)) {
            as_one_unpacks_it(copy, size, f.bytes);
            file_close(&f);
        }
        archive_api_unload(&lib);
    }
    spool_deinit(&spool);
    pieces_free(&pieces);
    free(copy);
    return 0;
}
