/* Compressed files in pieces that several threads unpack; the packed bytes are made here with
 * libarchive. */
#include "memory/unpack/parallel.h"
#include "memory/unpack/pieces.h"
#include "memory/unpack/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Something that packs to about a half, with pages of zeros; never the begin of an archive. */
static struct strbuf make_plain(size_t size) {
    struct strbuf b;
    strbuf_init(&b);
    uint64_t x = 88172645463325252;
    while (b.len < size) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint64_t words[2] = {(b.len >> 14) % 5 == 1 ? 0 : x, 0x0123456789abcdef};
        strbuf_add(&b, (struct str){(const char *)words, sizeof(words)});
    }
    assert_false(strbuf_failed(&b));
    return b;
}

/* Adds one frame or stream. options: libarchive's for the filter, NULL: none. */
static void add_packed(struct strbuf *out, bool xz, const char *options, const char *plain,
                       size_t size) {
    size_t capacity = size * 2 + 65536, used = 0;
    char *packed = malloc(capacity);
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_true(packed && a && entry);
    assert_int_equal(xz ? archive_write_add_filter_xz(a) : archive_write_add_filter_zstd(a),
                     ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    if (options)
        assert_int_equal(archive_write_set_options(a, options), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, packed, capacity, &used), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "x");
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, plain, size), size);
    archive_entry_free(entry);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
    strbuf_add(out, (struct str){packed, used});
    free(packed);
}

static void add_skippable(struct strbuf *out, uint32_t size) {
    static const char zeros[64];
    const uint32_t head[] = {0x184d2a5f, size};
    strbuf_add(out, (struct str){(const char *)head, sizeof(head)});
    strbuf_add(out, (struct str){zeros, size});
}

/* Frames of so many bytes each, with frames between them that are skipped. */
static struct strbuf pack_frames(const struct strbuf *plain, size_t frame) {
    struct strbuf out;
    strbuf_init(&out);
    add_skippable(&out, 4);
    for (size_t at = 0; at < plain->len; at += frame) {
        add_packed(&out, false, NULL, plain->ptr + at,
                   plain->len - at < frame ? plain->len - at : frame);
        add_skippable(&out, (uint32_t)(at % 60));
    }
    assert_false(strbuf_failed(&out));
    return out;
}

/* Blocks of 1 MiB. */
static struct strbuf pack_blocks(const struct strbuf *plain) {
    struct strbuf out;
    strbuf_init(&out);
    add_packed(&out, true, "xz:compression-level=0,xz:threads=2", plain->ptr, plain->len);
    assert_false(strbuf_failed(&out));
    return out;
}

static struct bytes bytes_of(const struct strbuf *b) {
    return (struct bytes){(const uint8_t *)strbuf_cstr(b), b->len};
}

/* How many pieces the first bytes have; 0: they are not cut. The copy is exact: overruns are seen.
 */
static uint32_t count_of(struct bytes in, size_t size, uint64_t least) {
    struct pieces p;
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, in.data, size);
    uint32_t count = pieces_find(&p, (struct bytes){copy, size}, least) ? p.count : 0;
    pieces_free(&p);
    free(copy);
    return count;
}

/* -- Where it is cut --------------------------------------------------------------------------- */

static void frames_are_joined_until_they_are_worth_it(void **state) {
    (void)state;
    struct strbuf plain = make_plain(100 * KIB), packed = pack_frames(&plain, 10 * KIB);
    struct bytes in = bytes_of(&packed);
    assert_int_equal(count_of(in, in.size, 1), 10);
    uint32_t by_two = count_of(in, in.size, 9 * KIB);
    assert_true(by_two > 1 && by_two <= 5);
    assert_int_equal(count_of(in, in.size, in.size - 1), 0);
    strbuf_deinit(&plain);
    strbuf_deinit(&packed);
}

static void a_cut_file_is_cut_between_whole_frames_alone(void **state) {
    (void)state;
    struct strbuf plain = make_plain(9 * KIB), packed = pack_frames(&plain, 3 * KIB);
    struct bytes in = bytes_of(&packed);
    uint32_t whole = 0;
    assert_int_equal(count_of(in, in.size, 1), 3);
    for (size_t size = 0; size < in.size; size++)
        whole += count_of(in, size, 1) != 0;
    assert_int_equal(whole, 3); /* behind two frames, what is skipped there, and three */
    strbuf_deinit(&plain);
    strbuf_deinit(&packed);
}

static void a_file_of_blocks_is_cut_when_it_is_whole(void **state) {
    (void)state;
    struct strbuf plain = make_plain(3 * MIB + 12345), packed = pack_blocks(&plain);
    struct bytes in = bytes_of(&packed);
    assert_int_equal(count_of(in, in.size, 1), 4);
    for (size_t size = 0; size < in.size; size += 1 + size / 7)
        assert_int_equal(count_of(in, size, 1), 0);
    for (size_t size = in.size - 100; size < in.size; size++)
        assert_int_equal(count_of(in, size, 1), 0);
    /* Every bit of index and footer is held by a sum. */
    for (size_t at = in.size - 40; at < in.size; at++) {
        packed.ptr[at] ^= 4;
        assert_int_equal(count_of(in, in.size, 1), 0);
        packed.ptr[at] ^= 4;
    }
    assert_int_equal(count_of(in, in.size, 32 * MIB), 0); /* too small for that */
    strbuf_deinit(&plain);
    strbuf_deinit(&packed);
}

/* -- What comes out ---------------------------------------------------------------------------- */

/* In pieces. true: all of it is whole. */
static bool unpack_pieces_of(const struct strbuf *packed, unsigned threads, uint64_t most,
                             struct file *f) {
    struct archive_api lib;
    struct pieces pieces;
    struct spool spool;
    struct err err;
    bool whole;
    assert_true(archive_api_load(&lib, &err));
    assert_true(pieces_find(&pieces, bytes_of(packed), 4 * KIB));
    spool_init(&spool);
    assert_true(parallel_unpack(&lib, &pieces, threads, most, &spool, &whole, &err));
    if (whole)
        assert_true(spool_finish(&spool, f, &err));
    spool_deinit(&spool);
    pieces_free(&pieces);
    archive_api_unload(&lib);
    return whole;
}

static void pieces_come_out_in_their_order(void **state) {
    static const unsigned threads[] = {1, 2, 5, 99};
    (void)state;
    struct strbuf plain = make_plain(6 * MIB + 777);
    struct strbuf packed[] = {pack_frames(&plain, 50 * KIB), pack_frames(&plain, 4 * MIB),
                              pack_blocks(&plain)};
    for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
        for (size_t k = 0; k < sizeof(threads) / sizeof(*threads); k++) {
            struct file f;
            assert_true(unpack_pieces_of(&packed[i], threads[k], UINT64_MAX, &f));
            assert_int_equal(f.bytes.size, plain.len);
            assert_memory_equal(f.bytes.data, plain.ptr, plain.len);
            file_close(&f);
            assert_false(unpack_pieces_of(&packed[i], threads[k], plain.len - 1, &f));
        }
        strbuf_deinit(&packed[i]);
    }
    strbuf_deinit(&plain);
}

/* More than a thread keeps for itself before its turn. */
static void a_piece_may_become_large(void **state) {
    (void)state;
    struct strbuf plain = make_plain(50 * MIB);
    memset(plain.ptr + MIB, 'x', plain.len - MIB);
    struct strbuf packed = pack_frames(&plain, 25 * MIB);
    struct file f;
    struct pieces p;
    struct archive_api lib;
    struct spool spool;
    struct err err;
    bool whole;
    assert_true(archive_api_load(&lib, &err) && pieces_find(&p, bytes_of(&packed), 512));
    spool_init(&spool);
    assert_true(parallel_unpack(&lib, &p, 2, UINT64_MAX, &spool, &whole, &err) && whole);
    assert_true(spool_finish(&spool, &f, &err));
    assert_int_equal(f.bytes.size, plain.len);
    assert_memory_equal(f.bytes.data, plain.ptr, plain.len);
    file_close(&f);
    spool_deinit(&spool);
    pieces_free(&p);
    archive_api_unload(&lib);
    strbuf_deinit(&plain);
    strbuf_deinit(&packed);
}

/* -- The same as from the begin to the end ----------------------------------------------------- */

static void unpack_copy(const struct strbuf *packed, const struct unpack_limits *limits,
                        struct file *f, struct unpack_report *report) {
    struct err err = {.msg = ""};
    uint8_t *copy = malloc(packed->len);
    memcpy(copy, packed->ptr, packed->len);
    *f = (struct file){.bytes = {copy, packed->len}};
    assert_true(unpack_file(f, limits, report, &err));
}

static void damage_is_told_and_what_comes_before_it_kept(void **state) {
    (void)state;
    struct strbuf plain = make_plain(3 * MIB);
    struct strbuf packed[] = {pack_frames(&plain, 600 * KIB), pack_blocks(&plain)};
    for (size_t i = 0; i < 2; i++) {
        struct file f;
        struct unpack_report report;
        assert_true(packed[i].len > 2 * PIECES_LEAST);
        unpack_copy(&packed[i], NULL, &f, &report);
        assert_false(report.damaged);
        assert_int_equal(f.bytes.size, plain.len);
        file_close(&f);
        struct pieces p;
        assert_true(pieces_find(&p, bytes_of(&packed[i]), PIECES_LEAST));
        size_t at = (size_t)p.items[1].at;
        pieces_free(&p);
        /* A window that nobody has the memory for; what the sum of a block notices. */
        packed[i].ptr[i ? at + 1000 : at + 5] = (char)(i ? packed[i].ptr[at + 1000] ^ 0x55 : 0xff);
        assert_true(count_of(bytes_of(&packed[i]), packed[i].len, PIECES_LEAST) > 1);
        unpack_copy(&packed[i], NULL, &f, &report);
        assert_true(report.unpacked && report.damaged && report.why[0]);
        assert_in_range(f.bytes.size, plain.len / 8, plain.len - 1);
        assert_memory_equal(f.bytes.data, plain.ptr, f.bytes.size);
        file_close(&f);
        strbuf_deinit(&packed[i]);
    }
    strbuf_deinit(&plain);
}

/* A file packed in pieces of what is packed in pieces. */
static void layers_are_unpacked(void **state) {
    (void)state;
    struct strbuf plain = make_plain(3 * MIB);
    struct strbuf once = pack_frames(&plain, 600 * KIB), twice = pack_frames(&once, 400 * KIB);
    struct file f;
    struct unpack_report report;
    unpack_copy(&twice, NULL, &f, &report);
    assert_true(report.unpacked && !report.damaged);
    assert_int_equal(f.bytes.size, plain.len);
    assert_memory_equal(f.bytes.data, plain.ptr, plain.len);
    file_close(&f);
    strbuf_deinit(&plain);
    strbuf_deinit(&once);
    strbuf_deinit(&twice);
}

static void a_bomb_in_pieces_is_stopped(void **state) {
    (void)state;
    struct strbuf plain = make_plain(8 * MIB), packed = pack_frames(&plain, 1 * MIB);
    const struct unpack_limits limits = {.base_bytes = 1 * MIB, .ratio = 1};
    struct file f = {.bytes = bytes_of(&packed)};
    struct unpack_report report;
    struct err err = {.msg = ""};
    assert_true(packed.len + 1 * MIB < plain.len);
    assert_false(unpack_file(&f, &limits, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_ptr_equal(f.bytes.data, packed.ptr);
    strbuf_deinit(&plain);
    strbuf_deinit(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_joined_until_they_are_worth_it),
        cmocka_unit_test(a_cut_file_is_cut_between_whole_frames_alone),
        cmocka_unit_test(a_file_of_blocks_is_cut_when_it_is_whole),
        cmocka_unit_test(pieces_come_out_in_their_order),
        cmocka_unit_test(a_piece_may_become_large),
        cmocka_unit_test(damage_is_told_and_what_comes_before_it_kept),
        cmocka_unit_test(layers_are_unpacked),
        cmocka_unit_test(a_bomb_in_pieces_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
