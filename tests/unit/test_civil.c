/* Days as dates of the calendar. */
#include "base/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void days_are_dates_and_dates_are_days(void **state) {
    (void)state;
    char date[CIVIL_MAX];
    civil_print(0, date);
    assert_string_equal(date, "1970-01-01");
    civil_print(11016, date);
    assert_string_equal(date, "2000-02-29");
    civil_print(47541, date); /* no leap year */
    assert_string_equal(date, "2100-03-01");
    assert_int_equal(civil_day(2100, 2, 29), 47541);
    for (uint64_t day = 0; day < 120000; day++) {
        struct civil c = civil_of_day(day);
        if (civil_day(c.year, c.month, c.day) != day)
            fail_msg("day %llu", (unsigned long long)day);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_dates_and_dates_are_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
