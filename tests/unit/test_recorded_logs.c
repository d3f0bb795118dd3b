/* However a log was collected, kept or sent: it says the same. */
#include "input/log/covered_text.h"
#include "input/log/recorded_text.h"
#include "input/log/wrapped_text.h"
#include "model/rows_origin.h"
#include "model/snapfile.h"
#include "model/snapshot.h"
#include "tests/support/logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* -- Keepers ----------------------------------------------------------------------------------- */

static void put_json(struct str text, struct strbuf *out) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else if (c == '\t')
            strbuf_adds(out, "\\t");
        else if ((unsigned char)c < 0x20 || c == '<')
            strbuf_addf(out, "\\u%04x", (unsigned)c);
        else
            strbuf_addc(out, c);
    }
}

/* What stands in front of a piece of a line, and behind it. */
struct keeper {
    const char *name, *before, *behind;
    const char *piece, *behind_piece; /* of a piece that goes on; NULL: lines are whole */
    bool json;
    bool named;  /* the prefix, or the record, is a keeper's that is known */
    bool others; /* write in turns with it */
};

static const struct keeper keepers[] = {
    {"json-file of docker", "{\"log\":\"", "\\n\",\"stream\":\"stdout\",\"time\":\"2031\"}\n",
     "{\"log\":\"", "\",\"stream\":\"stdout\",\"time\":\"2031\"}\n", true, true, false},
    {"journalctl -o json", "{\"_PID\":\"812\",\"MESSAGE\":\"", "\",\"PRIORITY\":\"6\"}\n", NULL,
     NULL, true, true, false},
    {"a collector", "{\"kubernetes\":{\"pod\":\"till-0\"},\"level\":6,\"message\":\"", "\"}\n",
     NULL, NULL, true, true, false},
    {"pairs", "time=2031-02-03T04:05:06Z level=info msg=\"", "\" pid=812\n", NULL, NULL, true, true,
     false},
    {"CRI", "2031-02-03T04:05:06.1Z stdout F ", "\n", "2031-02-03T04:05:06.1Z stdout P ", "\n",
     false, true, false},
    {"two containers", "[pod/till-0/till] ", "\n[pod/till-0/proxy] GET /health 200 3 ms\n", NULL,
     NULL, false, true, true},
    {"two services", "till-1   | ", "\nworker-1 | tick 17\n", NULL, NULL, false, true, true},
    {"a logger", "2031-02-03 04:05:06,123 INFO  [main] c.s.Till - ", "\n", NULL, NULL, false, false,
     false},
    {"a terminal's log", "[2031-02-03 04:05:06.123] ", "\n", NULL, NULL, false, false, false},
    {"a platform", "2031-02-03T04:05:06.123456+00:00 app[web.1]: ", "\n", NULL, NULL, false, false,
     false},
    {"a pod and its container", "till-7d9f4-x2x4 till ", "\n", NULL, NULL, false, false, false},
    {"RFC 5424", "<14>1 2031-02-03T04:05:06.123Z quay till 812 - - ", "\n", NULL, NULL, false,
     false, false},
    {"a bar", "| ", "\n", NULL, NULL, false, false, false},
    {"a diff", "+", "\n", NULL, NULL, false, false, false},
    {"CR as it is shown", "", "^M\n", NULL, NULL, false, false, false},
    {"two CR", "", "\r\r\n", NULL, NULL, false, false, false},
    {"backslashes", "", "\\\n", NULL, NULL, false, false, false},
};

/* Bytes of a piece of a line. */
#define PIECE 47u

static void keep(const struct keeper *how, struct str text, struct strbuf *out) {
    for (struct str line; str_next_line(&text, &line);) {
        bool goes_on;
        do {
            goes_on = how->piece && line.len > PIECE && (line.ptr[PIECE] & 0x80) == 0 &&
                      (line.ptr[PIECE - 1] & 0x80) == 0;
            struct str piece = goes_on ? str_take(line, PIECE) : line;
            strbuf_adds(out, goes_on ? how->piece : how->before);
            if (how->json)
                put_json(piece, out);
            else
                strbuf_add(out, piece);
            strbuf_adds(out, goes_on ? how->behind_piece : how->behind);
            line = str_drop(line, piece.len);
        } while (goes_on);
    }
}

static void put_printable(struct str text, struct strbuf *out) {
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = c == '\n' || (c >= ' ' && c < 0x7f && c != '=');
        if (c != '\n' && column + 3 > 75) {
            strbuf_adds(out, "=\n");
            column = 0;
        }
        if (plain)
            strbuf_addc(out, (char)c);
        else
            strbuf_addf(out, "=%02X", c);
        column = c == '\n' ? 0 : column + (plain ? 1 : 3);
    }
}

/* -- All logs ---------------------------------------------------------------------------------- */

struct kept_logs {
    int logs, differ;
};

static bool kept_snap_of(struct str log, struct strbuf *ret_file) {
    struct snapshot s;
    struct err err;
    strbuf_init(ret_file);
    bool ok = logs_read_bytes(log.ptr, log.len, &s, &err);
    if (ok)
        assert_true(snapfile_encode(&s, ret_file, &err));
    snapshot_deinit(&s);
    return ok;
}

static void compare_kept(const char *name, const char *how, struct str plain, struct str log,
                         struct kept_logs *all) {
    struct strbuf kept;
    bool same = kept_snap_of(log, &kept) && str_eq(plain, strbuf_str(&kept));
    if (!same)
        print_error("%s reads differently: %s\n", name, how);
    all->differ += !same;
    strbuf_deinit(&kept);
}

/*
 * Where a prefix has no name, that it is one can only be told by what is read without it: not of a
 * few lines, and not of these.
 */
static bool is_too_alike(const char *name, struct str text) {
    static const char *const alike[] = {
        "memcheck_till.txt",        /* valgrind's lines are found behind whatever prefix */
        "counters-screen_till.txt", /* a counter may have any name, in words */
    };
    size_t lines = 0;
    for (struct str line; str_next_line(&text, &line);)
        lines += str_trim(line).len > 0;
    return lines < 6 || STR_IS_ONE_OF(str_of(name), alike);
}

static void keep_every_way(const char *name, struct str text, void *context) {
    struct kept_logs *all = context;
    struct strbuf plain;
    if (str_starts(str_of(name), STR("leaktrack_mht")) ||
        str_starts(str_of(name), STR("leaktrack_page")) ||
        str_starts(str_of(name), STR("jstack_json")))
        return; /* files, and no text that is logged */
    if (kept_snap_of(text, &plain)) {
        all->logs++;
        for (size_t k = 0; k < sizeof(keepers) / sizeof(*keepers); k++) {
            struct strbuf log;
            strbuf_init(&log);
            keep(&keepers[k], text, &log);
            /* Its handles go on behind lines of others, as far as the next heading. */
            bool others = keepers[k].others && str_starts(str_of(name), STR("gchandles_"));
            if (!others && (keepers[k].named || !is_too_alike(name, text)))
                compare_kept(name, keepers[k].name, strbuf_str(&plain), strbuf_str(&log), all);
            strbuf_deinit(&log);
        }
        struct strbuf mail;
        strbuf_init(&mail);
        put_printable(text, &mail);
        if (recorded_text_probe(strbuf_str(&mail)))
            compare_kept(name, "quoted-printable", strbuf_str(&plain), strbuf_str(&mail), all);
        strbuf_deinit(&mail);
    }
    strbuf_deinit(&plain);
}

static void a_log_says_the_same_whoever_kept_it(void **state) {
    (void)state;
    struct kept_logs all = {0};
    logs_each_fixture(keep_every_way, &all);
    assert_true(all.logs > 150);
    assert_int_equal(all.differ, 0);
}

/* -- By themselves ----------------------------------------------------------------------------- */

static void records_are_what_they_hold(void **state) {
    (void)state;
    static const struct {
        const char *kept, *printed; /* NULL: they are no records */
    } cases[] = {
        {"{\"log\":\"a\\n\"}\n{\"log\":\"b\"}\n{\"log\":\"c\\n\"}\n", "a\nbc\n"},
        {"{\"MESSAGE\":[72,105,32,226,130,172]}\n{\"MESSAGE\":\"x\"}\n", "Hi \xe2\x82\xac\nx\n"},
        {"{\"msg\":\"\\u20ac \\ud83d\\ude00 \\ud83d \\/ \\\"\"}\n{\"msg\":\"b\"}\n",
         "\xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbd / \"\nb\n"},
        {"{\"body\":\"a\\n  b\\n\"}\n", "a\n  b\n"},
        {"{\"level\":1,\"message\":\"a\",\"log\":{\"x\":1}}\n{\"message\":\"b\"}\n", "a\nb\n"},
        {"x=1 msg=\"a \\\"b\\\"\"\nx=2 msg=\"c\" y=3\n", "a \"b\"\nc\n"},
        {"=3D=3D12=3D=3D a =\nb\n", "==12== a b\n"},
        {"{\"a\":1}\n{\"a\":2}\n", NULL},
        {"{\"log\":\"a\"\n{\"log\":\"b\"\n", NULL},
        {"{\"msg\":\"a\"}\n", NULL}, /* one line is no log */
        {"==12== a\n==12== b\n", NULL},
        {"a = b\nc =\n", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf read;
        strbuf_init(&read);
        assert_int_equal(recorded_text_probe(str_of(cases[i].kept)), cases[i].printed != NULL);
        if (cases[i].printed) {
            recorded_text_add(&read, str_of(cases[i].kept));
            assert_string_equal(strbuf_cstr(&read), cases[i].printed);
        }
        strbuf_deinit(&read);
    }
}

static void what_all_lines_begin_with_is_found(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t fields;
    } cases[] = {
        {"1: a b\n2: c\n17: d e\n4: f\n", 2}, /* and a word */
        {"[12:01:02] INFO x: 1\n[12:01:03] WARN y: 2\n[12:01:04] INFO zz: 3\n[12:01:05] INFO w: "
         "4\n",
         4},
        {"a 1\nb 2\nc 3\n", 0}, /* too few */
        {"a\n1\nb\n2\nc\n", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(covered_text_fields(str_of(cases[i].text)), cases[i].fields);
    struct strbuf out;
    strbuf_init(&out);
    covered_text_drop_fields(&out, str_of(cases[1].text), 2);
    assert_string_equal(strbuf_cstr(&out), "x: 1\ny: 2\nzz: 3\nw: 4\n");
    strbuf_deinit(&out);
}

static void marks_around_lines_are_taken_off(void **state) {
    (void)state;
    static const struct {
        const char *text, *printed;
        bool enclosed;
    } cases[] = {
        {"\"a\"\n\"\"\n\"b \"\"c\"\"\"\n\"d\"\n", "a\n\nb \"c\"\nd\n", true},
        {"| a |\n|   b |\n| c |\n| d |\n", "a \n  b \nc \nd \n", true},
        {"a^M\n^M\n  b^M\nc^M\n", "a\n\n  b\nc\n", true},
        {"a\\\nb\\\nc\\\nd\\\n", "a\nb\nc\nd\n", true},
        {"+a\n+\n+ b\n+c\n", "a\n\n b\nc\n", false},
        {"\"a\" 1\n\"b\" 2\n\"c\" 3\n\"d\" 4\n", "a\" 1\nb\" 2\nc\" 3\nd\" 4\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        assert_int_equal(covered_text_is_enclosed(str_of(cases[i].text)), cases[i].enclosed);
        assert_true(covered_text_has_edges(str_of(cases[i].text)));
        covered_text_drop_edges(&out, str_of(cases[i].text));
        assert_string_equal(strbuf_cstr(&out), cases[i].printed);
        strbuf_deinit(&out);
    }
    assert_false(covered_text_has_edges(STR("a\nb|\nc\nd\n")));
}

static void lines_that_are_full_go_on(void **state) {
    (void)state;
    struct strbuf log, out;
    bool marked;
    strbuf_init(&log);
    strbuf_init(&out);
    for (int i = 0; i < 4; i++)
        strbuf_adds(&log, "at Mill.Wheel.turn(Wheel.java:2\\\n1)\n");
    assert_false(marked_text_probe(strbuf_str(&log))); /* so short lines nobody wraps */
    strbuf_clear(&log);
    for (int i = 0; i < 4; i++)
        strbuf_adds(&log, "at Mill.Wheel.turn.slowly.and.well(Wheel.java:2\\\n1)\n");
    assert_true(marked_text_probe(strbuf_str(&log)));
    assert_true(wrapped_text_join_full(&out, strbuf_str(&log), &marked));
    assert_true(marked);
    assert_true(
        str_starts(strbuf_str(&out), STR("at Mill.Wheel.turn.slowly.and.well(Wheel.java:21)\n")));
    strbuf_deinit(&out);
    strbuf_deinit(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_says_the_same_whoever_kept_it),
        cmocka_unit_test(records_are_what_they_hold),
        cmocka_unit_test(what_all_lines_begin_with_is_found),
        cmocka_unit_test(marks_around_lines_are_taken_off),
        cmocka_unit_test(lines_that_are_full_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
