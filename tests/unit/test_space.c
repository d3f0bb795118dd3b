/* One address space: look-ups, reads across ranges. */
#include "memory/space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint8_t digits[] = "0123456789abcdefghijklmnopqrstuv";

static void space_fill(struct space *s, const struct space_range *ranges, uint32_t count) {
    struct err err;
    space_init(s);
    s->ranges = arena_array(&s->arena, count, sizeof(*ranges));
    memcpy(s->ranges, ranges, count * sizeof(*ranges));
    s->range_count = s->range_capacity = count;
    assert_true(space_finish(s, &err));
}

static void space_reads_across_adjacent_ranges(void **state) {
    (void)state;
    static const struct space_range ranges[] = {
        {0x1004, 0x1008, digits + 4, 0},
        {0x1000, 0x1004, digits, 0},
        {0x2000, 0x2004, digits + 16, 0},
    };
    struct space s;
    space_fill(&s, ranges, 3);
    char out[9] = "";
    assert_true(space_read(&s, 0x1000, out, 8));
    assert_string_equal(out, "01234567");
    assert_false(space_read(&s, 0x1006, out, 4));
    assert_int_equal(s.missing_bytes, 2);
    uint64_t value;
    assert_false(space_u64(&s, UINT64_MAX - 3, &value));
    assert_int_equal(space_lend(&s, 0x1006, 100).size, 2);
    assert_int_equal(space_lend(&s, 0x1800, 100).size, 0);
    space_deinit(&s);
}

static bool fetch_digits(struct space *s, uint64_t address, void *buffer, size_t size) {
    (void)s;
    memcpy(buffer, digits + address % 32, size);
    return address < 0x3010;
}

/* From a file, from memory, and from a process. */
static void space_window_copies_whatever_there_is(void **state) {
    (void)state;
    char path[] = "/tmp/dumpdiff-space.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, digits, 32), 32);
    struct file file;
    struct err err;
    assert_true(file_open(&file, path, &err));
    const struct space_range ranges[] = {
        {0x1000, 0x1010, file.bytes.data + 16, 0},
        {0x2000, 0x2008, digits, 0},
        {0x3000, 0x3020, NULL, 0},
    };
    struct space s;
    space_fill(&s, ranges, 3);
    s.file = &file;
    s.fetch = fetch_digits;
    uint8_t buffer[64] = "";
    struct bytes got = space_window(&s, 0x1004, buffer, sizeof(buffer));
    assert_ptr_equal(got.data, buffer);
    assert_int_equal(got.size, 12);
    assert_memory_equal(buffer, digits + 20, 12);
    got = space_window(&s, 0x2002, buffer, 4);
    assert_int_equal(got.size, 4);
    assert_memory_equal(got.data, digits + 2, 4);
    got = space_window(&s, 0x3001, buffer, 8);
    assert_ptr_equal(got.data, buffer);
    assert_int_equal(got.size, 8);
    assert_memory_equal(buffer, digits + 1, 8);
    assert_int_equal(space_window(&s, 0x3011, buffer, 8).size, 0);
    assert_int_equal(space_window(&s, 0x1010, buffer, 8).size, 0);
    /* A file that has become shorter since: the mapping is all there is. */
    assert_int_equal(ftruncate(fd, 24), 0);
    got = space_window(&s, 0x1004, buffer, 8);
    assert_int_equal(got.size, 8);
    assert_memory_equal(got.data, digits + 20, 4); /* the rest of the page is zeros */
    space_deinit(&s);
    file_close(&file);
    close(fd);
    unlink(path);
}

static void space_reads_up_to_the_last_address(void **state) {
    (void)state;
    static const struct space_range ranges[] = {
        {0, 4, digits, 0},
        {UINT64_MAX - 4, UINT64_MAX, digits, 0},
    };
    struct space s;
    space_fill(&s, ranges, 2);
    uint32_t value;
    assert_true(space_u32(&s, UINT64_MAX - 4, &value));
    assert_false(space_u32(&s, UINT64_MAX - 3, &value));
    space_deinit(&s);
}

static void space_keeps_the_first_of_overlapping_ranges(void **state) {
    (void)state;
    static const struct space_range ranges[] = {
        {0x1002, 0x1006, digits + 8, 0},
        {0x1000, 0x1004, digits, 0},
        {0x1001, 0x1003, digits + 20, 0},
        {0x1005, 0x1005, digits, 0},
    };
    struct space s;
    space_fill(&s, ranges, 4);
    char out[7] = "";
    assert_int_equal(s.range_count, 2);
    assert_true(space_read(&s, 0x1000, out, 6));
    assert_string_equal(out, "0123ab");
    space_deinit(&s);
}

static void space_string_needs_its_end(void **state) {
    (void)state;
    static const struct space_range ranges[] = {{0x10fe, 0x1102, (const uint8_t *)"ab\0c", 0}};
    struct space s;
    space_fill(&s, ranges, 1);
    assert_string_equal(space_string(&s, 0x10fe, 100), "ab");
    assert_null(space_string(&s, 0x1101, 100));
    assert_null(space_string(&s, 0x10fe, 2));
    assert_string_equal(space_string(&s, 0x1100, 1), "");
    space_deinit(&s);
}

static void space_adds_up_equal_warnings(void **state) {
    (void)state;
    struct space s;
    space_init(&s);
    for (unsigned i = 0; i < 100; i++) {
        space_warn(&s, 2, "the same");
        space_warn(&s, 1, "number %u", i);
    }
    assert_int_equal(s.warning_count, SPACE_WARNINGS_MAX);
    assert_string_equal(s.warnings[0].text, "the same");
    assert_int_equal(s.warnings[0].count, 200);
    space_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(space_reads_across_adjacent_ranges),
        cmocka_unit_test(space_window_copies_whatever_there_is),
        cmocka_unit_test(space_reads_up_to_the_last_address),
        cmocka_unit_test(space_keeps_the_first_of_overlapping_ranges),
        cmocka_unit_test(space_string_needs_its_end),
        cmocka_unit_test(space_adds_up_equal_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
