#include "diff/report/csv.h"
#include "diff/report/fmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void numbers_read_well_and_absent_is_a_dash(void **state) {
    (void)state;
    char buf[FMT_MAX];
    assert_string_equal(fmt_count(1234567, buf), "1,234,567");
    assert_string_equal(fmt_count(0, buf), "0");
    assert_string_equal(fmt_count(ABSENT, buf), "-");
    assert_string_equal(fmt_bytes(1536, buf), "1.5 KiB");
    assert_string_equal(fmt_bytes(ABSENT, buf), "-");
    assert_string_equal(fmt_count_delta(-1234, buf), "-1,234");
    assert_string_equal(fmt_count_delta(7, buf), "+7");
    assert_string_equal(fmt_bytes_delta(0, buf), "0");
    assert_string_equal(fmt_bytes_delta(-1536, buf), "-1.5 KiB");
    assert_string_equal(fmt_bytes_delta(INT64_MIN, buf), "-8.0 EiB");
    assert_string_equal(fmt_bytes_pair(9000, 18000, buf), "8.8 -> 17.6 KiB");
    assert_string_equal(fmt_bytes_pair(900, 18000, buf), "900 B -> 17.6 KiB");
    assert_string_equal(fmt_hex(0x13c2, buf), "0x13c2");
    assert_string_equal(fmt_percent(1, 8, buf), "12.5 %");
    assert_string_equal(fmt_percent(1, 0, buf), "-");
    assert_string_equal(fmt_percent(ABSENT, 8, buf), "-");
}

static void durations_keep_three_figures_that_matter(void **state) {
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0 s"},
        {999, "999 ns"},
        {1500, "1 us"},
        {15000000, "15 ms"},
        {2047000000, "2.047 s"},
        {UINT64_C(3599) * 1000000000, "59 min 59 s"},
        {UINT64_C(7260) * 1000000000, "2 h 1 min"},
        {UINT64_C(90000) * 1000000000, "1 d 1 h"},
        {ABSENT, "-"},
    };
    char buf[FMT_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(fmt_ns(cases[i].ns, buf), cases[i].text);
    assert_string_equal(fmt_ns_delta(2047000000, buf), "+2.047 s");
    assert_string_equal(fmt_ns_delta(0, buf), "0");
    assert_string_equal(fmt_ns_delta(ABSENT, buf), "-");
    assert_string_equal(fmt_ns_change(5000000, 2000000, buf), "-3 ms");
    assert_string_equal(fmt_ns_change(2000000, 5000000, buf), "+3 ms");
    assert_string_equal(fmt_ns_change(5, 5, buf), "0");
    assert_string_equal(fmt_ns_change(ABSENT, 5, buf), "-");
}

static void times_are_utc_whatever_the_year(void **state) {
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {UINT64_C(951782400) * 1000000000, "2000-02-29T00:00:00Z"},
        {UINT64_C(1709164799) * 1000000000, "2024-02-28T23:59:59Z"},
        {UINT64_C(1709208000) * 1000000000 + 5000000, "2024-02-29T12:00:00.005Z"},
        {UINT64_C(1709208000) * 1000000000 + 1, "2024-02-29T12:00:00.000000001Z"},
        {ABSENT, "-"},
    };
    char buf[FMT_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(fmt_time(cases[i].ns, buf), cases[i].text);
}

static void a_delta_never_overflows(void **state) {
    (void)state;
    assert_true(fmt_delta(5, 3) == -2);
    assert_true(fmt_delta(0, UINT64_MAX - 1) == INT64_MAX);
    assert_true(fmt_delta(UINT64_MAX - 1, 0) == -INT64_MAX);
    assert_true(fmt_delta(ABSENT, 3) == 0);
    assert_true(fmt_delta(3, ABSENT) == 0);
}

typedef void cut_function(struct strbuf *, const char *, size_t);

static void check_cut(cut_function *cut, const char *s, size_t width, const char *expected) {
    struct strbuf out;
    strbuf_init(&out);
    cut(&out, s, width);
    assert_string_equal(strbuf_cstr(&out), expected);
    assert_true(fmt_width(strbuf_cstr(&out)) <= width);
    assert_int_equal(str_utf8_valid(strbuf_str(&out)), out.len);
    strbuf_deinit(&out);
}

static void names_are_cut_where_it_costs_least(void **state) {
    (void)state;
    check_cut(fmt_cut, "short", 5, "short");
    check_cut(fmt_cut, "Shop.Caching.CacheEntry", 11, "Shop…eEntry");
    check_cut(fmt_cut, "äöüäöüäöü", 5, "ä…äöü");
    check_cut(fmt_cut, "abc", 1, "…");
    check_cut(fmt_cut_type, "A.B.Cache<System.String, C.D.Entry>+Slot[]", 35,
              "A.B.Cache<String, Entry>+Slot[]");
    check_cut(fmt_cut_type, "A.B.Cache<System.String, C.D.Entry>+Slot[]", 28,
              "…Cache<String, Entry>+Slot[]");
    check_cut(fmt_cut_type, "A.B.Cache<System.String, C.D.Entry>+Slot[]", 12, "…Cac…+Slot[]");
    check_cut(fmt_cut_frame, "A.B.Run(System.String, System.Int32)", 14, "A.B.Run(…)");
    check_cut(fmt_cut_frame, "A.B.Run()", 14, "A.B.Run()");
}

static void a_method_is_its_type_and_its_name(void **state) {
    (void)state;
    static const struct {
        const char *frame, *method;
    } cases[] = {
        {"Ns.Shop.Cart.Add(System.Int32)", "Cart.Add"},
        {"Cart.Add()", "Cart.Add"},
        {"A.B..ctor(System.String)", "B..ctor"},
        {"A.List<System.String>.Add(System.String)", "List<System.String>.Add"},
        {"ntdll!NtWaitForSingleObject", "ntdll!NtWaitForSingleObject"},
        {"main", "main"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str method = fmt_method(cases[i].frame);
        if (!str_eq(method, str_of(cases[i].method)))
            fail_msg("%s: %.*s", cases[i].frame, (int)method.len, method.ptr);
    }
}

static void a_sparkline_has_one_bar_a_value(void **state) {
    (void)state;
    static const uint64_t values[] = {0, 50, ABSENT, 100}, flat[] = {7, 7};
    struct strbuf out;
    strbuf_init(&out);
    fmt_sparkline(&out, values, 4);
    assert_string_equal(strbuf_cstr(&out), "▁▅ █");
    strbuf_clear(&out);
    fmt_sparkline(&out, flat, 2);
    assert_string_equal(strbuf_cstr(&out), "▁▁");
    strbuf_deinit(&out);
}

static void csv_fields_are_quoted_as_rfc_4180_says(void **state) {
    (void)state;
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"A<B, C>", "\"A<B, C>\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"two\nlines", "\"two\nlines\""},
        {"cr\r", "\"cr\r\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        csv_text(&out, cases[i].text);
        assert_string_equal(strbuf_cstr(&out), cases[i].field);
        strbuf_deinit(&out);
    }
}

static void other_alphabets_become_ascii_as_wide_as_before(void **state) {
    (void)state;
    static const struct {
        const char *text, *ascii;
    } cases[] = {
        {"", ""},
        {"plain text\n", "plain text\n"},
        {"Shop.Cach\xe2\x80\xa6"
         "acheEntry",
         "Shop.Cach~acheEntry"},
        {"a \xe2\x86\x92 b", "a > b"},
        {"\xe2\x96\x81\xe2\x96\x84\xe2\x96\x88", "_:#"},
        {"Gr\xc3\xb6\xc3\x9f"
         "e \xf0\x9f\x98\x80.",
         "Gr??e ?."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf text;
        strbuf_init(&text);
        strbuf_adds(&text, cases[i].text);
        fmt_ascii(&text);
        assert_string_equal(strbuf_cstr(&text), cases[i].ascii);
        assert_int_equal(fmt_width(cases[i].text), strlen(cases[i].ascii));
        strbuf_deinit(&text);
    }
}

static void in_markdown_only_commands_of_ours_are_code(void **state) {
    static const struct {
        const char *text, *markdown;
    } cases[] = {
        {"Look; `dumpdiff show --all x.core` lists it.",
         "Look; `dumpdiff show --all x.core` lists it."},
        {"List`1 of Pair`2 <T>", "List\\`1 of Pair\\`2 &lt;T&gt;"},
        {"`dumpdiff show --path 'Of`1' x` tells", "`` dumpdiff show --path 'Of`1' x `` tells"},
        {"```<img>`", "\\`\\`\\`&lt;img&gt;\\`"},
        {"`dumpdiff '``<b>' x`<i>", "``` dumpdiff '``<b>' x ```&lt;i&gt;"},
        {"`dumpdiff <b>", "\\`dumpdiff &lt;b&gt;"},
        {"`dumpdiff 'a` b", "\\`dumpdiff 'a\\` b"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        fmt_markdown_said(&out, str_of(cases[i].text));
        assert_string_equal(strbuf_cstr(&out), cases[i].markdown);
        strbuf_deinit(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_alphabets_become_ascii_as_wide_as_before),
        cmocka_unit_test(numbers_read_well_and_absent_is_a_dash),
        cmocka_unit_test(durations_keep_three_figures_that_matter),
        cmocka_unit_test(times_are_utc_whatever_the_year),
        cmocka_unit_test(a_delta_never_overflows),
        cmocka_unit_test(names_are_cut_where_it_costs_least),
        cmocka_unit_test(a_method_is_its_type_and_its_name),
        cmocka_unit_test(a_sparkline_has_one_bar_a_value),
        cmocka_unit_test(in_markdown_only_commands_of_ours_are_code),
        cmocka_unit_test(csv_fields_are_quoted_as_rfc_4180_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
