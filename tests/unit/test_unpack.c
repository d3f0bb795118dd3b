/* Compressed files and archives; the packed bytes are made here with libarchive. */
#include "memory/unpack/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

struct member {
    const char *name;
    struct bytes content;
};

typedef int (*archive_setting)(struct archive *);

static struct file unpack_pack(archive_setting filter, archive_setting format,
                               const struct member *members, size_t count) {
    size_t capacity = 1 << 16, used = 0;
    for (size_t i = 0; i < count; i++)
        capacity += members[i].content.size * 2 + 4096;
    uint8_t *out = malloc(capacity);
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_true(out && a && entry);
    assert_int_equal(filter(a), ARCHIVE_OK);
    assert_int_equal(format(a), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, out, capacity, &used), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        archive_entry_clear(entry);
        archive_entry_set_pathname(entry, members[i].name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)members[i].content.size);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, members[i].content.data, members[i].content.size),
                         members[i].content.size);
    }
    archive_entry_free(entry);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
    uint8_t *fit = realloc(out, used ? used : 1);
    return (struct file){.bytes = {fit ? fit : out, used}};
}

/* Something with both noise and pages of zeros. */
static struct bytes noise(size_t size) {
    uint8_t *p = calloc(1, size);
    assert_non_null(p);
    uint64_t x = 88172645463325252;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if ((i >> 14) % 3 != 1)
            p[i] = (uint8_t)x;
    }
    return (struct bytes){p, size};
}

static void unpack_drop(struct bytes b) {
    free((void *)(uintptr_t)b.data);
}

static void unpack_assert_same(struct bytes a, struct bytes b) {
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
}

static const archive_setting filters[] = {
    archive_write_add_filter_zstd, archive_write_add_filter_gzip,  archive_write_add_filter_xz,
    archive_write_add_filter_lz4,  archive_write_add_filter_bzip2,
};

static void unpack_knows_every_compression(void **state) {
    (void)state;
    struct bytes plain = noise(300000);
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
        struct member m = {"x", plain};
        struct file f = unpack_pack(filters[i], archive_write_set_format_raw, &m, 1);
        struct unpack_report report;
        struct err err;
        assert_true(unpack_probe(f.bytes));
        assert_true(unpack_file(&f, NULL, &report, &err));
        assert_true(report.unpacked);
        assert_false(report.damaged);
        unpack_assert_same(f.bytes, plain);
        file_close(&f);
    }
    unpack_drop(plain);
}

static void unpack_gives_what_comes_before_a_cut(void **state) {
    (void)state;
    struct bytes plain = noise(1000000);
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
        struct member m = {"x", plain};
        struct file whole = unpack_pack(filters[i], archive_write_set_format_raw, &m, 1);
        for (size_t size = 0; size < whole.bytes.size; size += 1 + size / 3) {
            uint8_t *copy = malloc(size ? size : 1); /* exact, so that an overrun is seen */
            memcpy(copy, whole.bytes.data, size);
            struct file f = {.bytes = {copy, size}};
            struct unpack_report report;
            struct err err;
            if (unpack_file(&f, NULL, &report, &err) && report.unpacked) {
                assert_true(report.damaged);
                assert_true(f.bytes.size < plain.size);
                assert_memory_equal(f.bytes.data, plain.data, f.bytes.size);
            }
            file_close(&f);
        }
        file_close(&whole);
    }
    unpack_drop(plain);
}

static void unpack_keeps_large_results_in_a_file(void **state) {
    (void)state;
    struct bytes plain = noise(((size_t)40 << 20) + 12345);
    struct member m = {"x", plain};
    struct file f = unpack_pack(archive_write_add_filter_lz4, archive_write_set_format_raw, &m, 1);
    struct unpack_report report;
    struct err err;
    assert_true(unpack_file(&f, NULL, &report, &err));
    assert_true(f.mapped);
    unpack_assert_same(f.bytes, plain);
    uint8_t part[1000];
    assert_true(file_copy(&f, plain.size - sizeof(part), part, sizeof(part)));
    assert_memory_equal(part, plain.data + plain.size - sizeof(part), sizeof(part));
    assert_false(file_copy(&f, plain.size - sizeof(part) + 1, part, sizeof(part)));
    file_close(&f);
    unpack_drop(plain);
}

static void unpack_takes_the_one_dump_of_an_archive(void **state) {
    (void)state;
    static const archive_setting formats[] = {archive_write_set_format_zip,
                                              archive_write_set_format_ustar};
    struct bytes text = {(const uint8_t *)"read me", 7}, dump = {(const uint8_t *)"MDMPetc", 7};
    for (size_t i = 0; i < 2; i++) {
        struct member members[] = {{"notes.txt", text}, {"a/b.bin", dump}, {"z.txt", text}};
        struct file f = unpack_pack(archive_write_add_filter_none, formats[i], members, 3);
        struct unpack_report report;
        struct err err;
        assert_true(unpack_file(&f, NULL, &report, &err));
        assert_string_equal(report.member, "a/b.bin");
        unpack_assert_same(f.bytes, dump);
        file_close(&f);
    }
}

static void unpack_goes_through_several_layers(void **state) {
    (void)state;
    struct bytes plain = noise(5000);
    struct member inner = {"x", plain};
    struct file zst =
        unpack_pack(archive_write_add_filter_zstd, archive_write_set_format_raw, &inner, 1);
    struct member outer = {"app.core.zst", zst.bytes};
    struct file f =
        unpack_pack(archive_write_add_filter_gzip, archive_write_set_format_ustar, &outer, 1);
    struct unpack_report report;
    struct err err;
    assert_true(unpack_file(&f, NULL, &report, &err));
    assert_string_equal(report.member, "app.core.zst");
    unpack_assert_same(f.bytes, plain);
    file_close(&f);
    file_close(&zst);
    unpack_drop(plain);
}

static void unpack_refuses_to_guess(void **state) {
    (void)state;
    struct bytes text = {(const uint8_t *)"text", 4}, dump = {(const uint8_t *)"MDMPetc", 7};
    const struct {
        struct member members[2];
        size_t count;
        const char *says;
    } cases[] = {
        {{{"a.dmp", dump}, {"b.dmp", dump}}, 2, "several dumps (a.dmp, b.dmp)"},
        {{{"a.txt", text}, {"b.txt", text}}, 2, "several files"},
        {{{"a.txt", {text.data, 0}}}, 1, "nothing in it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct file f = unpack_pack(archive_write_add_filter_none, archive_write_set_format_zip,
                                    cases[i].members, cases[i].count);
        const uint8_t *before = f.bytes.data;
        struct unpack_report report;
        struct err err;
        assert_false(unpack_file(&f, NULL, &report, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_non_null(strstr(err.msg, cases[i].says));
        assert_ptr_equal(f.bytes.data, before);
        file_close(&f);
    }
}

static void unpack_stops_a_bomb(void **state) {
    (void)state;
    size_t size = (size_t)32 << 20;
    uint8_t *zeros = calloc(1, size);
    struct member m = {"x", {zeros, size}};
    struct file f = unpack_pack(archive_write_add_filter_zstd, archive_write_set_format_raw, &m, 1);
    struct unpack_limits limits = {.base_bytes = 1 << 20, .ratio = 100};
    struct unpack_report report;
    struct err err;
    assert_false(unpack_file(&f, &limits, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    file_close(&f);
    free(zeros);
}

/* What is in the bomb is small enough for itself, but not for the file. */
static void unpack_stops_a_bomb_in_a_bomb(void **state) {
    (void)state;
    size_t size = (size_t)32 << 20;
    uint8_t *zeros = calloc(1, size);
    struct member m = {"x", {zeros, size}};
    struct file once =
        unpack_pack(archive_write_add_filter_xz, archive_write_set_format_raw, &m, 1);
    struct member packed = {"y", once.bytes};
    struct file twice =
        unpack_pack(archive_write_add_filter_xz, archive_write_set_format_raw, &packed, 1);
    struct unpack_limits limits = {.base_bytes = 1 << 20, .ratio = 10000};
    struct unpack_report report;
    struct err err;
    assert_in_range(twice.bytes.size, 1, 600);
    assert_false(unpack_file(&twice, &limits, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.msg, "out of all proportion"));
    assert_true(unpack_file(&once, &limits, &report, &err));
    file_close(&once);
    file_close(&twice);
    free(zeros);
}

/* Where temporary files are memory, they are not to take all of it. */
static void unpack_takes_no_more_memory_than_it_may(void **state) {
    (void)state;
    struct statfs fs;
    if (statfs("/dev/shm", &fs) != 0 || fs.f_type != TMPFS_MAGIC ||
        (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize < (uint64_t)256 << 20)
        skip();
    struct bytes plain = noise((size_t)48 << 20);
    struct member m = {"x", plain};
    struct file f = unpack_pack(archive_write_add_filter_lz4, archive_write_set_format_raw, &m, 1);
    const uint64_t few = (uint64_t)20 << 20, many = (uint64_t)64 << 20;
    struct unpack_report report;
    struct err err;
    setenv("TMPDIR", "/dev/shm", 1);
    assert_false(unpack_file(&f, &(struct unpack_limits){.memory_most = few}, &report, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_true(unpack_file(&f, &(struct unpack_limits){.memory_most = many}, &report, &err));
    unsetenv("TMPDIR");
    unpack_assert_same(f.bytes, plain);
    file_close(&f);
    unpack_drop(plain);
}

static void unpack_leaves_other_files_alone(void **state) {
    (void)state;
    static const char *const texts[] = {"", "PK", "BZh9 is how bzip2 starts", "plain text"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char *copy = strdup(texts[i]);
        struct file f = {.bytes = {(const uint8_t *)copy, strlen(copy)}};
        struct unpack_report report;
        struct err err;
        assert_true(unpack_file(&f, NULL, &report, &err));
        assert_false(report.unpacked);
        assert_ptr_equal(f.bytes.data, copy);
        file_close(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpack_knows_every_compression),
        cmocka_unit_test(unpack_gives_what_comes_before_a_cut),
        cmocka_unit_test(unpack_keeps_large_results_in_a_file),
        cmocka_unit_test(unpack_takes_the_one_dump_of_an_archive),
        cmocka_unit_test(unpack_goes_through_several_layers),
        cmocka_unit_test(unpack_refuses_to_guess),
        cmocka_unit_test(unpack_stops_a_bomb),
        cmocka_unit_test(unpack_stops_a_bomb_in_a_bomb),
        cmocka_unit_test(unpack_takes_no_more_memory_than_it_may),
        cmocka_unit_test(unpack_leaves_other_files_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
