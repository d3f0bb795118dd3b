/* Patterns: what they mean, what is said of wrong ones, and that each comes to an end. */
#include "base/pattern.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_pattern_is_found_anywhere_or_refused_with_its_reason(void **state) {
    struct pattern p;
    struct err err = {.code = ERR_NONE};
    (void)state;
    assert_true(pattern_init(&p, "^Shop\\.(Cart|Entry)$", &err, "here"));
    assert_true(pattern_given(&p));
    assert_true(pattern_matches(&p, "Shop.Cart"));
    assert_false(pattern_matches(&p, "Shop.Carts"));
    pattern_deinit(&p);
    assert_false(pattern_given(&p));
    assert_false(pattern_init(&p, "Shop(", &err, "line %d: '%s'", 3, "Shop("));
    assert_int_equal(err.code, ERR_USAGE);
    assert_int_equal(strncmp(err.msg, "line 3: 'Shop(': ", 17), 0);
    assert_int_not_equal(err.msg[17], '\0');
    assert_false(pattern_given(&p));
    pattern_deinit(&p);
}

static void a_pattern_of_posix_means_in_pcre2_what_it_did(void **state) {
    static const struct {
        const char *pattern, *text;
        bool found;
    } cases[] = {
        {"[\\.]", "a\\b", true},
        {"[\\.]", "a.b", true},
        {"[\\d]", "1", false},
        {"^[]a]$", "]", true},
        {"^[^]a]$", "]", false},
        {"^[a\\]$", "\\", true},
        {"^[[:alpha:]_]+$", "aB_", true},
        {"^a{,2}$", "aa", true},
        {"^a{,2}$", "aaa", false},
        {"\\<Cart\\>", "Shop.Cart<int>", true},
        {"\\<Cart\\>", "Shop.Carts", false},
        {"\\`Shop", "Shop.Cart", true},
        {"Cart\\'", "Carts", false},
        {"a.b", "a\nb", true},
        {"b$", "ab\n", false},
        {"(a|ab)(c|bcd)$", "abcd", true},
        {"^(.)\\1$", "xx", true},
        {"^.$", "\xc3\xa4", true},
        {"a",
         "\xff"
         "a",
         true},
        {"List`1\\[", "List`1[int]", true},
        /* What a pattern begins with is looked for first. */
        {"Cart", "Shop.Carts", true},
        {"Cart", "Shop.Car", false},
        {"^Cart", "Cart", true},
        {"^Cart", "Shop.Cart", false},
        {"Carts?", "Shop.Cart", true},
        {"Carts*", "Shop.Cart", true},
        {"Carts+", "Shop.Cart", false},
        {"Carts{0}", "Shop.Cart", true},
        {"Carts{,2}$", "Shop.Cart", true},
        {"^Shop\\.Cart", "Shop.Cart", true},
        {"^Shop\\.Cart", "Shop+Cart", false},
        {"^Shop\\.?Cart", "ShopCart", true},
        {"^S?Cart", "Cart", true},
        {"Cart|Entry", "Shop.Entry", true},
        {"^Cart|Entry", "Shop.Entry", true},
        {"^^Cart", "Cart", true},
        {"(?i)cart", "Shop.Cart", true},
        {"Cart(?i)ENTRY", "CartEntry", true},
        {"^", "", true},
        {"Cart$", "\xff Cart", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct pattern p;
        struct err err = {.code = ERR_NONE};
        assert_true(pattern_init(&p, cases[i].pattern, &err, "case %zu", i));
        if (pattern_matches(&p, cases[i].text) != cases[i].found)
            fail_msg("%s in %s", cases[i].pattern, cases[i].text);
        assert_true(pattern_settled(&p, &err));
        pattern_deinit(&p);
    }
}

static void a_wrong_pattern_is_told_with_its_column(void **state) {
    static const struct {
        const char *pattern, *why;
    } cases[] = {
        {"Shop(", "missing closing parenthesis (column 6)"},
        {"\xc3\xa4[\\.]*(", "(column 8)"}, /* columns of what the user wrote */
        {"*a", "(column 1)"},
        {"((((a{1,255}){1,255}){1,255}){1,255})", "too large"},
        {"\\C", "disabled"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct pattern p;
        struct err err = {.code = ERR_NONE};
        assert_false(pattern_init(&p, cases[i].pattern, &err, "here"));
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.msg, cases[i].why))
            fail_msg("%s: %s", cases[i].pattern, err.msg);
    }
}

static void a_pattern_of_any_kind_comes_to_an_end(void **state) {
    static const char *const endless[] = {"^(a*)*\\1b$", "^(a|aa)+$b", "(x+x+)+y",
                                          "^(?:(a)|b|(?R))*c$"};
    char many[400], deep[400];
    struct pattern p;
    struct err err = {.code = ERR_NONE};
    (void)state;
    memset(many, 'a', sizeof(many) - 1);
    many[sizeof(many) - 2] = 'b';
    many[sizeof(many) - 1] = '\0';
    for (size_t i = 0; i < sizeof(endless) / sizeof(*endless); i++) {
        assert_true(pattern_init(&p, endless[i], &err, "--focus"));
        (void)pattern_matches(&p, many);
        pattern_deinit(&p);
    }
    assert_true(pattern_init(&p, "^(a|aa)+$", &err, "--focus"));
    assert_false(pattern_matches(&p, many));
    assert_false(pattern_settled(&p, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.msg,
                        "--focus: the pattern takes too many steps to be found or not in a name");
    pattern_deinit(&p);
    memset(deep, '(', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    assert_false(pattern_init(&p, deep, &err, "--focus"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_found_anywhere_or_refused_with_its_reason),
        cmocka_unit_test(a_pattern_of_posix_means_in_pcre2_what_it_did),
        cmocka_unit_test(a_wrong_pattern_is_told_with_its_column),
        cmocka_unit_test(a_pattern_of_any_kind_comes_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
