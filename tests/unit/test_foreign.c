/* Kinds of files that are not read are said by name, with the way to one that is. */
#include "input/foreign.h"
#include "input/input.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(text) \
    { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct {
    struct bytes head;
    const char *path, *says;
} cases[] = {
    {HEAD("\0\x12portable heap dump\0\0\0\6"), "a.phd", "portable heap dump of OpenJ9"},
    {HEAD("NULL           ------------------------------\n"
          "0SECTION       TITLE subcomponent dump routine\n"),
     "javacore.txt", "javacore of OpenJ9"},
    {HEAD("Nettrace\x14\0\0\0!FastSerialization.1"), "a", "recording of events (.nettrace)"},
    {HEAD("<?xml version=\"1.0\"?>\n<GCHeapDump>\n"), "a.gcdump.xml", "heap of PerfView as XML"},
    {HEAD("<gcheap>\n  <types>\n"), "heap.xml", "`traverseheap -xml` of SOS"},
    {HEAD("FLR\0\0\2\0\0"), "a", "Java Flight Recorder"},
    {HEAD("\0\0\1\0\0\0\0\0"), "logs/Trace.ETL", "trace of Windows events"},
    {HEAD("\0\0\1\0\0\0\0\0"), "a.etl.zip", "trace of Windows events"},
    {HEAD("\0\0\1\0\0\0\0\0"), "a.blg", "Windows performance monitor"},
    {HEAD("<?xml version=\"1.0\"?><root>"), "a.mmp", "memory map of VMMap"},
    {HEAD("KDUMP   \6\0\0\0"), "vmcore", "dump of the Linux kernel"},
    {HEAD("\xcf\xfa\xed\xfe\7\0\0\1"), "core.12", "Mach-O file"},
};

static void kinds_are_told_by_what_they_begin_with(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *says = foreign_kind(cases[i].head, cases[i].path);
        if (!says || !strstr(says, cases[i].says) || strlen(says) > 190)
            fail_msg("case %zu says: %s", i, says ? says : "nothing");
        assert_non_null(strchr(says, ':')); /* the way to one that is read */
    }
}

/* What was begun of a kind is none of it yet, and what is read is none either. */
static void nothing_else_is_taken_for_one(void **state) {
    (void)state;
    static const char *const others[] = {
        "",     "{",      "{\"snapshot\":{}}", "{\"TargetProcess\":\"shop\"",
        "MDMP", "PK\3\4", "Statistics:\n"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_null(
            foreign_kind((struct bytes){(const uint8_t *)others[i], strlen(others[i])}, "a.txt"));
    assert_null(foreign_kind((struct bytes){NULL, 0}, ".etl"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t cut = 0; cut < 4; cut++) {
            uint8_t *exact = malloc(cut + 1);
            memcpy(exact, cases[i].head.data, cut);
            assert_null(foreign_kind((struct bytes){exact, cut}, "a"));
            free(exact);
        }
}

static void a_file_of_such_a_kind_is_refused_by_name(void **state) {
    (void)state;
    static const struct input_options options = {.label = NULL};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source source = {.path = cases[i].path, .bytes = cases[i].head, .options = &options};
        struct snapshot s;
        struct err err = {.msg = ""};
        snapshot_init(&s);
        struct builder *b = builder_new(&s, &err);
        assert_non_null(b);
        assert_false(input_read_source(&source, NULL, b, &err));
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        assert_non_null(strstr(err.msg, cases[i].says));
        builder_free(b);
        snapshot_deinit(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_told_by_what_they_begin_with),
        cmocka_unit_test(nothing_else_is_taken_for_one),
        cmocka_unit_test(a_file_of_such_a_kind_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
