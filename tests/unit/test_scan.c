#include "input/log/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void durations_of_both_eras_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t ns;
    } cases[] = {
        {"0 days 0:00:05.093", true, 5093000000},
        {"1 day 2:03:04.005", true, 93784005000000},
        {"0:27:19.817", true, 1639817000000},
        {"0:12:16.0312", true, 736312000000}, /* milliseconds in four digits, not a fraction */
        {"0:12:16.3120", false, 0},
        {"0 days 0:00:05.09", false, 0}, /* cut */
        {"0 days 0:00:60.000", false, 0},
        {"0 days 0:00:05", false, 0},
        {"-1 days 0:00:05.093", false, 0},
        {"99999999999999999999 days 0:00:05.093", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t ns = 1;
        assert_int_equal(scan_duration(str_of(cases[i].text), &ns), cases[i].ok);
        assert_int_equal(ns, cases[i].ok ? cases[i].ns : 1);
    }
}

static void offsets_and_sources_are_cut_off(void **state) {
    (void)state;
    static const char *const native[][2] = {
        {"ntdll!NtWaitForSingleObject+0x14", "ntdll!NtWaitForSingleObject"},
        {"inn!Ledger::Post<int>+0x1c [d:\\inn\\ledger.cpp @ 12]", "inn!Ledger::Post<int>"},
        {"ntdll!RtlUserThreadStart", "ntdll!RtlUserThreadStart"},
        {"inn_ni+0x4d2a63", "inn_ni+0x4d2a63"},
        {"", ""},
    };
    static const char *const managed[][2] = {
        {"Inn.Guest.Load(System.Object[])", "Inn.Guest.Load(System.Object[])"},
        {"Inn.Guest.Load(Int32) [E:\\inn\\Guest.cs @ 70]", "Inn.Guest.Load(Int32)"},
        {"Inn.dll!Inn.Guest.Load(Int32) + 20", "Inn.dll!Inn.Guest.Load(Int32)"},
        {"Inn.dll!Inn.Guest.Load(Int32) + -1 at /src/Guest.cs:7", "Inn.dll!Inn.Guest.Load(Int32)"},
    };
    for (size_t i = 0; i < sizeof(native) / sizeof(*native); i++)
        assert_true(str_eq(scan_without_offset(str_of(native[i][0])), str_of(native[i][1])));
    for (size_t i = 0; i < sizeof(managed) / sizeof(*managed); i++)
        assert_true(str_eq(scan_without_source(str_of(managed[i][0])), str_of(managed[i][1])));
}

static void prompts_and_commands_name_the_thread(void **state) {
    (void)state;
    static const struct {
        const char *line;
        uint64_t thread;
    } cases[] = {
        {"0:045> k", 45},
        {":009> kb", 9},
        {"0:000> ~12e !clrstack", 12},
        {"0:001> ~*k", ABSENT},
        {"(lldb) bt", ABSENT},
        {"> clrstack", ABSENT},
        {"# 0:045> k", 45},
        {"> > 0:045> ~*k", ABSENT},
        {"~7k", 7},
        {"k", ABSENT},
        {"0:99999999999999999999> k", ABSENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_true(scan_command_thread(str_of(cases[i].line)) == cases[i].thread);
}

static void addresses_are_told_from_numbers(void **state) {
    (void)state;
    assert_true(scan_is_address(STR("00002af0")));
    assert_true(scan_is_address(STR("7ffd`d8ac0000")));
    assert_true(scan_is_address(STR("0x153ed8")));
    assert_false(scan_is_address(STR("2af0")));
    assert_false(scan_is_address(STR("Child")));
    assert_false(scan_is_address(STR("")));
}

static void an_empty_text_has_no_first_byte(void **state) {
    (void)state;
    const char *end = "ab" + 2; /* where a text may end that is no string */
    assert_int_equal(str_first(STR("ab")), 'a');
    assert_int_equal(str_last(STR("ab")), 'b');
    assert_int_equal(str_first((struct str){end, 0}), '\0');
    assert_int_equal(str_last((struct str){NULL, 0}), '\0');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_of_both_eras_are_read),
        cmocka_unit_test(offsets_and_sources_are_cut_off),
        cmocka_unit_test(prompts_and_commands_name_the_thread),
        cmocka_unit_test(addresses_are_told_from_numbers),
        cmocka_unit_test(an_empty_text_has_no_first_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
