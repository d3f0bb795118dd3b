/* What is said while something long is read. */
#include "cmd/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)

static void lines_tell_work_share_and_rate(void **state) {
    static const struct {
        enum meter_work work;
        uint64_t done, total, before;
        enum progress_mode mode;
        const char *line;
    } cases[] = {
        {METER_READING, 0, 0, 0, PROGRESS_AUTO, "dumpdiff: reading a.core ..."},
        {METER_HOLDERS, 0, 0, 0, PROGRESS_AUTO, "dumpdiff: reading a.core: who holds what"},
        {METER_WALKING, 512 * MIB, 1434 * MIB, 32 * MIB, PROGRESS_AUTO,
         "dumpdiff: reading a.core: heap 512 MiB of 1.4 GiB, 35 %, 480 MiB/s"},
        {METER_UNPACKING, 1536, 0, 0, PROGRESS_AUTO,
         "dumpdiff: reading a.core: unpacking 1.5 KiB, 1.5 KiB/s"},
        /* More than there is, going backwards, work that nobody knows: another process wrote it. */
        {METER_WALKING, 20, 10, 30, PROGRESS_AUTO,
         "dumpdiff: reading a.core: heap 20 B of 10 B, 100 %, 0 B/s"},
        {METER_WALKING, UINT64_MAX, UINT64_MAX, 0, PROGRESS_AUTO,
         "dumpdiff: reading a.core: heap 16777215 TiB of 16777215 TiB, 100 %, 16777215 TiB/s"},
        {(enum meter_work)99, 0, 0, 0, PROGRESS_AUTO, "dumpdiff: reading a.core ..."},
        {METER_WALKING, 5, 10, 2, PROGRESS_JSON,
         "{\"reading\":\"a.core\",\"work\":\"heap\",\"bytes\":5,\"of\":10,\"bytes_a_second\":3}\n"},
        {METER_READING, 0, 0, 0, PROGRESS_JSON,
         "{\"reading\":\"a.core\",\"work\":\"reading\",\"bytes\":0,\"of\":null,"
         "\"bytes_a_second\":0}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char line[PROGRESS_MAX + 1];
        size_t length = progress_line(line, "a.core", cases[i].work, cases[i].done, cases[i].total,
                                      cases[i].before, cases[i].mode);
        line[length] = '\0';
        assert_string_equal(line, cases[i].line);
    }
}

static void long_names_end_within_the_line(void **state) {
    char name[2 * PROGRESS_MAX], line[PROGRESS_MAX];
    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(progress_line(line, name, METER_WALKING, 1, 2, 0, PROGRESS_JSON),
                     PROGRESS_MAX);
}

static void what_a_child_counts_is_seen(void **state) {
    struct meter *meter = meter_open();
    (void)state;
    assert_non_null(meter);
    meter_begin(METER_WALKING, 100);
    meter_add(30);
    meter_add(12);
    assert_int_equal(atomic_load(&meter->work), METER_WALKING);
    assert_int_equal(atomic_load(&meter->done), 42);
    assert_int_equal(atomic_load(&meter->total), 100);
    meter_set(7);
    assert_int_equal(atomic_load(&meter->done), 7);
}

/* Of dumps that are read side by side. */
static void each_reading_has_its_meter(void **state) {
    struct meter *one = meter_open(), *other;
    (void)state;
    meter_begin(METER_WALKING, 100);
    meter_add(30);
    other = meter_open();
    assert_non_null(other);
    assert_ptr_not_equal(one, other);
    meter_add(5);
    assert_int_equal(atomic_load(&one->done), 30);
    assert_int_equal(atomic_load(&other->done), 5);
    for (unsigned i = 0; i < METERS_MAX - 1; i++)
        other = meter_open();
    assert_ptr_equal(one, other);
    assert_int_equal(atomic_load(&one->done), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_tell_work_share_and_rate),
        cmocka_unit_test(long_names_end_within_the_line),
        cmocka_unit_test(what_a_child_counts_is_seen),
        cmocka_unit_test(each_reading_has_its_meter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
