#include "cmd/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct command diff = {.name = "diff", .bit = COMMAND_DIFF};
static const struct command list = {.name = "list", .bit = COMMAND_LIST};
static const struct command show = {.name = "show", .bit = COMMAND_SHOW};
static const struct command gate = {.name = "gate", .bit = COMMAND_GATE};
static const struct command snapshot = {.name = "snapshot", .bit = COMMAND_SNAPSHOT};
static const struct command learn = {.name = "learn", .bit = COMMAND_LEARN};
static const struct command history = {.name = "history", .bit = COMMAND_HISTORY};

#define ARGS_MAX 16

/* Splits a line at blanks: good enough for options without any. */
static bool test_options_parse(struct options *o, const struct command *command, const char *line,
                               struct err *err) {
    static char text[256];
    char *argv[ARGS_MAX + 1], *next = text;
    int argc = 0;
    assert_true(strlen(line) < sizeof(text));
    memcpy(text, line, strlen(line) + 1);
    while (argc < ARGS_MAX && *next) {
        argv[argc++] = next;
        next += strcspn(next, " ");
        if (*next)
            *next++ = '\0';
    }
    argv[argc] = NULL;
    err->code = ERR_NONE;
    return options_parse(o, command, argc, argv, err);
}

static void options_come_in_any_order_and_form(void **state) {
    (void)state;
    struct options o;
    struct err err;
    assert_true(
        test_options_parse(&o, &diff, "diff a --top=5 b --per 100 -ox.json --min-bytes=2K", &err));
    assert_int_equal(o.argument_count, 2);
    assert_string_equal(o.arguments[1], "b");
    assert_int_equal(o.report.top, 5);
    assert_true(o.report.per > 99 && o.report.per < 101);
    assert_int_equal(o.report.min_bytes, 2048);
    assert_int_equal(o.max_memory, 0);
    assert_int_equal(o.output_count, 1);
    assert_string_equal(o.outputs[0].path, "x.json");
    assert_true(test_options_parse(&o, &diff, "diff a b --max-memory 3G", &err));
    assert_true(o.max_memory == (uint64_t)3 << 30);
    assert_true(test_options_parse(&o, &diff, "diff a b --max-memory=0", &err));
    assert_int_equal(o.max_memory, 1);
    assert_true(test_options_parse(&o, &diff, "diff - -- --top", &err));
    assert_int_equal(o.argument_count, 2);
    assert_string_equal(o.arguments[0], "-");
    assert_string_equal(o.arguments[1], "--top");
}

static void formats_and_files_go_together_in_pairs(void **state) {
    (void)state;
    struct options o;
    struct err err;
    assert_true(test_options_parse(
        &o, &diff, "diff --format json -o a --format html -o b --format csv", &err));
    assert_int_equal(o.output_count, 3);
    assert_string_equal(o.outputs[0].format, "json");
    assert_string_equal(o.outputs[0].path, "a");
    assert_string_equal(o.outputs[1].format, "html");
    assert_string_equal(o.outputs[1].path, "b");
    assert_string_equal(o.outputs[2].format, "csv");
    assert_null(o.outputs[2].path);
    assert_true(test_options_parse(&o, &diff, "diff -o a --format json -o b", &err));
    assert_int_equal(o.output_count, 2);
    assert_string_equal(o.outputs[0].format, "json");
    assert_null(o.outputs[1].format);
    assert_true(test_options_parse(&o, &diff, "diff --format json --format csv -o b", &err));
    assert_int_equal(o.output_count, 2);
    assert_null(o.outputs[0].path);
    assert_string_equal(o.outputs[1].path, "b");
}

static void the_name_of_a_file_tells_its_format(void **state) {
    (void)state;
    static const struct {
        const struct command *command;
        const char *line, *format;
    } cases[] = {
        {&diff, "diff a b -o x.json", "json"},
        {&diff, "diff a b -o x.html", "html"},
        {&diff, "diff a b -o x.md", "markdown"},
        {&diff, "diff a b -o x.csv --table types", "csv"},
        {&diff, "diff a b -o x.txt", "text"},
        {&diff, "diff a b -o x", "text"},
        {&diff, "diff a b -o v1.2", "text"},
        {&show, "show a -o x.pb.gz", "pprof"},
        {&gate, "gate a b -o x.xml", "junit"},
        {&gate, "gate a b -o x.sarif", "sarif"},
        {&gate, "gate a b -o x.json", "json"},
        {&gate, "gate a b -o x.md", "github-summary"},
        {&gate, "gate a b -o x.prom", "openmetrics"},
        {&diff, "diff a b --format text -o x.pdf", "text"},
        {&history, "history list -o x.csv --raw-csv", "csv"},
        {&history, "history report -o x.html", "html"},
        {&history, "history report -o x.prom", "openmetrics"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options o;
        struct err err;
        if (!test_options_parse(&o, cases[i].command, cases[i].line, &err))
            fail_msg("%s: %s", cases[i].line, err.msg);
        assert_string_equal(output_format(&o, &o.outputs[0]), cases[i].format);
    }
}

static void the_ending_of_a_format_is_a_name_of_it(void **state) {
    (void)state;
    struct options o;
    struct err err;
    assert_true(test_options_parse(&o, &diff, "diff a b --format md", &err));
    assert_string_equal(output_format(&o, &o.outputs[0]), "markdown");
    assert_true(test_options_parse(&o, &gate, "gate a b --budget x --format xml", &err));
    assert_string_equal(output_format(&o, &o.outputs[0]), "junit");
    assert_false(test_options_parse(&o, &diff, "diff a b --format xml", &err));
    assert_string_equal(err.msg,
                        "--format: no format is called 'xml' (see `dumpdiff list reports`)");
}

static void a_file_that_nothing_writes_is_refused_with_who_does(void **state) {
    (void)state;
    static const struct {
        const struct command *command;
        const char *line, *says;
    } cases[] = {
        {&diff, "diff a b -o x.xml", "`dumpdiff gate` does (--format junit)"},
        {&show, "show a -o x.sarif", "`dumpdiff show` writes no .sarif; `dumpdiff gate` does"},
        {&gate, "gate a b -o x.html", "`dumpdiff diff` does (--format html)"},
        {&diff, "diff a b -o x.snap", "`dumpdiff snapshot` writes .snap files"},
        {&diff, "diff a b -o x.pdf", "nothing is written as .pdf"},
        {&diff, "diff a b -o x.json -o y.xml", "-o y.xml:"},
        {&snapshot, "snapshot a -o x.json", "`dumpdiff show -o` writes json"},
        {&snapshot, "snapshot a -o x.pdf", "writes a .snap file"},
        {&learn, "learn a b -o x.csv", "writes JSON"},
        {&diff, "diff a b --table types", "--table types: only CSV has single tables"},
        {&diff, "diff a b --table types -o x.json", "--table types: only CSV"},
        {&diff, "diff a b --raw-csv", "--raw-csv: goes with CSV"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options o;
        struct err err;
        if (test_options_parse(&o, cases[i].command, cases[i].line, &err))
            fail_msg("%s is taken", cases[i].line);
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("%s: %s", cases[i].line, err.msg);
    }
    struct options o;
    struct err err;
    assert_true(test_options_parse(&o, &snapshot, "snapshot a -o x.snap", &err));
    assert_true(test_options_parse(&o, &snapshot, "snapshot a -o x", &err));
    assert_true(test_options_parse(&o, &learn, "learn a b -o x.json", &err));
}

/* What is said there of an option is about that command alone. */
static void help_speaks_of_what_a_command_can_do(void **state) {
    (void)state;
    static const struct {
        const struct command *command;
        const char *never[6];
    } cases[] = {
        {&show, {"bytes-delta", "changed", "compared", "--per", "--series", "--exact-names"}},
        {&gate, {"--table", "--limit", "--sort", "markdown", "--raw-csv", "--width"}},
        {&history, {"markdown", "pprof", "unchanged", "--table", "--sort", "--config"}},
        {&snapshot, {"--format", "that its name tells", "--table", "--color", "--top", "--limit"}},
        {&learn, {"--format", "--symbols", "--label", "--no-paths", "--max-memory", "--pid"}},
        {&list, {"--format", "--output", "--symbols", "--top", "--color", "--no-sandbox"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct command command = *cases[i].command;
        struct strbuf help;
        command.help = command.arguments = "";
        strbuf_init(&help);
        options_help(&command, &help);
        for (size_t k = 0; k < 6; k++)
            if (strstr(strbuf_cstr(&help), cases[i].never[k]))
                fail_msg("%s --help: %s", command.name, cases[i].never[k]);
        strbuf_deinit(&help);
    }
    /* Whatever is about a dump, only `add` reads one. */
    static const char *const of_dumps[] = {"label",   "threads",  "pid",       "symbols",
                                           "sysroot", "no-paths", "max-memory"};
    for (size_t i = 0; option_descs[i].name; i++)
        for (size_t k = 0; k < sizeof(of_dumps) / sizeof(*of_dumps); k++)
            if (option_descs[i].commands == COMMAND_HISTORY &&
                strcmp(option_descs[i].name, of_dumps[k]) == 0 &&
                strncmp(option_descs[i].help, "add: ", 5) != 0)
                fail_msg("history --%s: %s", of_dumps[k], option_descs[i].help);
}

static void wrong_options_are_named_in_one_line(void **state) {
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"diff --focsu x", "did you mean --focus?"},
        {"diff --nonsense", "unknown option --nonsense"},
        {"diff -x", "unknown option -x"},
        {"diff --top", "--top wants a value: N"},
        {"diff --top 0", "--top: at least one row"},
        {"diff --top -1", "--top: not a whole number"},
        {"diff --top 1x", "--top: not a whole number"},
        {"diff --top 18446744073709551615", "--top: not a whole number"},
        {"diff --all=yes", "--all takes no value"},
        {"diff --format pdf", "--format: no format is called 'pdf'"},
        {"diff --sort size", "--sort:"},
        {"diff --color red", "--color:"},
        {"diff --limit x", "--limit: KEY=VALUE"},
        {"diff --limit =1", "--limit: KEY=VALUE"},
        {"diff --per 0", "--per:"},
        {"diff --min-bytes 5Q", "--min-bytes:"},
        {"diff --max-memory 5Q", "--max-memory:"},
        {"diff --min-bytes 99999999999999999T", "--min-bytes:"},
        {"diff --table nothing", "--table:"},
        {"diff --width 10", "--width:"},
        {"diff --focus (",
         "--focus: not a regular expression: missing closing parenthesis (column 2)"},
        {"diff --ignore (",
         "--ignore: not a regular expression: missing closing parenthesis (column 2)"},
        {"diff -o ", "--output wants a value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options o;
        struct err err;
        if (test_options_parse(&o, &diff, cases[i].line, &err))
            fail_msg("%s is taken", cases[i].line);
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.msg, cases[i].says) || strchr(err.msg, '\n'))
            fail_msg("%s: %s", cases[i].line, err.msg);
    }
    struct options o;
    struct err err;
    assert_false(test_options_parse(&o, &list, "list --top 5", &err));
    assert_string_equal(err.msg, "`dumpdiff list` has no option --top");
}

static void a_time_is_a_day_a_moment_or_so_long_ago(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "2026-13-01", "2026-1-01", "2026-01-01T18:00:00", "26-01-01", "2026-01-01T24:00:00Z",
        "90",         "d"};
    struct options o;
    struct err err;
    char line[64];
    assert_true(test_options_parse(&o, &history, "trend X --since 2026-11-30", &err));
    assert_true(o.since_ns == 1795996800000000000u);
    assert_true(test_options_parse(&o, &history, "trend X --since 2026-11-30T18:00:05Z", &err));
    assert_true(o.since_ns == 1795996800000000000u + 64805000000000u);
    assert_true(test_options_parse(&o, &history, "trend X --since 90d", &err));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        snprintf(line, sizeof(line), "trend X --since %s", wrong[i]);
        assert_false(test_options_parse(&o, &history, line, &err));
        assert_non_null(strstr(err.msg, "not a time"));
    }
}

static void every_option_has_help_and_a_command(void **state) {
    (void)state;
    for (size_t i = 0; option_descs[i].name; i++) {
        assert_true(option_descs[i].commands != 0);
        assert_true(strlen(option_descs[i].help) > 10);
        /* A name may mean something else in another command, but not in the same one. */
        for (size_t k = 0; k < i; k++)
            assert_true(strcmp(option_descs[i].name, option_descs[k].name) != 0 ||
                        (option_descs[i].commands & option_descs[k].commands) == 0);
    }
}

static void a_near_name_is_suggested_and_a_far_one_is_not(void **state) {
    (void)state;
    static const char *const names[] = {"diff", "snapshot", "show", "list", "explain"};
    assert_string_equal(nearest_name("dif", names, 5), "diff");
    assert_string_equal(nearest_name("snapshto", names, 5), "snapshot");
    assert_string_equal(nearest_name("shwo", names, 5), "show");
    assert_null(nearest_name("compare", names, 5));
    assert_null(nearest_name("x", names, 5));
    assert_null(nearest_name("a-name-that-is-much-longer-than-any-command", names, 5));
}

static void a_config_file_sets_limits_and_refuses_what_it_does_not_know(void **state) {
    (void)state;
    static const struct {
        const char *json, *says; /* NULL: taken */
    } cases[] = {
        {"{\"heap-growth.percent\": 20, \"heap-growth.min-bytes\": \"1048576\"}", NULL},
        {"{}\n", NULL},
        {"{\"heap-growht.percent\": 20}", "heap-growht.percent"},
        {"{\"heap-growth.percent\": true}", "heap-growth.percent"},
        {"{\"heap-growth.percent\": {}}", "heap-growth.percent"},
        {"{\"heap-growth.percent\": -1}", "heap-growth.percent"},
        {"[1]", "object"},
        {"{\"a\": 1", "not valid JSON"},
        {"", "not valid JSON"},
        {"{} x", "something follows"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct limits limits;
        struct err err = {.code = ERR_NONE};
        limits_init(&limits);
        bool ok = config_parse(str_of(cases[i].json), &limits, &err);
        if (ok != !cases[i].says || (!ok && !strstr(err.msg, cases[i].says)))
            fail_msg("%s: %s", cases[i].json, ok ? "taken" : err.msg);
        if (!ok)
            assert_int_equal(err.code, ERR_USAGE);
    }
    struct limits limits;
    struct err err;
    limits_init(&limits);
    assert_true(config_parse(str_of(cases[0].json), &limits, &err));
    assert_true(limits.heap_growth_percent > 19.9 && limits.heap_growth_percent < 20.1);
    assert_int_equal(limits.heap_growth_min_bytes, 1048576);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_come_in_any_order_and_form),
        cmocka_unit_test(formats_and_files_go_together_in_pairs),
        cmocka_unit_test(the_name_of_a_file_tells_its_format),
        cmocka_unit_test(the_ending_of_a_format_is_a_name_of_it),
        cmocka_unit_test(a_file_that_nothing_writes_is_refused_with_who_does),
        cmocka_unit_test(help_speaks_of_what_a_command_can_do),
        cmocka_unit_test(wrong_options_are_named_in_one_line),
        cmocka_unit_test(every_option_has_help_and_a_command),
        cmocka_unit_test(a_time_is_a_day_a_moment_or_so_long_ago),
        cmocka_unit_test(a_near_name_is_suggested_and_a_far_one_is_not),
        cmocka_unit_test(a_config_file_sets_limits_and_refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
