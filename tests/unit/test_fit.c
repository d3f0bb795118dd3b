/* What may leave the program. */
#include "base/fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void becomes(const char *text, enum fit_how how, bool in_log, const char *wanted) {
    struct strbuf b;
    strbuf_init(&b);
    strbuf_adds(&b, text);
    struct fit fit = fit_text(&b, how, in_log);
    assert_true(str_eq(fit.left_by_fit, str_of(wanted)));
    assert_true(str_eq(fit.left_by_fit, strbuf_str(&b)));
    strbuf_deinit(&b);
}

static void what_acts_on_a_reader_does_not_leave(void **state) {
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"", ""},
        {"no end", "no end"},
        {"one\n\ntwo \xc3\xa9 \xe2\x86\x92\n", "one\n\ntwo \xc3\xa9 \xe2\x86\x92\n"},
        {"a\tb\n", "a\tb\n"},
        {"a,b\r\nc\r\n", "a,b\r\nc\r\n"},
        {"a\r\r\n", "a\xef\xbf\xbd\r\n"},
        {"a\rb\n", "a\xef\xbf\xbd"
                   "b\n"},
        {"x\n\033]0;title\007\ny", "x\n\xef\xbf\xbd]0;title\xef\xbf\xbd\ny"},
        {"\033[31mred\n", "\xef\xbf\xbd[31mred\n"},
        {"c1 \xc2\x9b"
         "31m\n",
         "c1 \xef\xbf\xbd"
         "31m\n"},
        {"\xe2\x80\xae\t\xe2\x80\xa8\n", "\xef\xbf\xbd\t\xef\xbf\xbd\n"},
        {"broken \xff\xc3\nnext", "broken \xef\xbf\xbd\xef\xbf\xbd\nnext"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        becomes(cases[i].from, FIT_TEXT, false, cases[i].to);
        becomes(cases[i].from, FIT_TEXT, true, cases[i].to);
        becomes(cases[i].to, FIT_TEXT, true, cases[i].to);
    }
}

static void colours_of_ours_are_let_through_where_there_are_any(void **state) {
    (void)state;
    becomes("\033[1;31mCRITICAL\033[0m x\n", FIT_COLOR, true, "\033[1;31mCRITICAL\033[0m x\n");
    becomes("\033[0m\t\033[2J\033[m\033[31", FIT_COLOR, true,
            "\033[0m\t\xef\xbf\xbd[2J\033[m\xef\xbf\xbd[31");
    becomes("\033\033[0m\a\n", FIT_COLOR, false, "\xef\xbf\xbd\033[0m\xef\xbf\xbd\n");
}

static void lines_are_no_commands_of_ci_but_where_they_are_meant(void **state) {
    (void)state;
    becomes("a\n  ::error::x\033\n##vso[task\n::b\n##[c", FIT_TEXT, true,
            "a\n'  ::error::x\xef\xbf\xbd\n'##vso[task\n::b\n'##[c");
    becomes("::error::x\n", FIT_TEXT, false, "::error::x\n");
    becomes("::error::x\001\n", FIT_COMMANDS, true, "::error::x\xef\xbf\xbd\n");
}

static void a_line_is_one_line_without_what_acts_on_its_reader(void **state) {
    struct strbuf b;
    (void)state;
    strbuf_init(&b);
    strbuf_adds(&b, "what was there");
    struct fit fit = fit_line(&b, STR("dumpdiff: a\nb\033[2J: \xe2\x80\xae"));
    assert_true(str_eq(fit.left_by_fit, STR("dumpdiff: a\xef\xbf\xbd"
                                            "b\xef\xbf\xbd[2J: \xef\xbf\xbd\n")));
    strbuf_deinit(&b);
}

static void bytes_stay_what_they_are(void **state) {
    struct str bytes = STR("\x28\xb5\x2f\xfd\0\033::error::\n");
    (void)state;
    assert_true(str_eq(fit_bytes(bytes).left_by_fit, bytes));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_acts_on_a_reader_does_not_leave),
        cmocka_unit_test(colours_of_ours_are_let_through_where_there_are_any),
        cmocka_unit_test(lines_are_no_commands_of_ci_but_where_they_are_meant),
        cmocka_unit_test(a_line_is_one_line_without_what_acts_on_its_reader),
        cmocka_unit_test(bytes_stay_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
