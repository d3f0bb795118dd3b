/* Object graphs of PerfView and dotnet-gcdump: from the stream to types. */
#include "base/file.h"
#include "input/gcdump_file.h"
#include "input/gcdump_names.h"
#include "input/input.h"
#include "tests/support/logs.h"
#include "tests/support/mk_gcdump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

extern const struct input input_gcdump;

static const char *const fixtures[] = {"mill-1", "mill-2", "sampled", "native", "old"};

static bool read_bytes(struct bytes bytes, struct snapshot *s, struct err *err) {
    static const struct input_options options = {0};
    snapshot_init(s);
    return input_read_bytes(bytes, "mill.gcdump", &input_gcdump, &options, s, err);
}

static void read_spec(const char *spec, struct snapshot *s) {
    struct err err = {.msg = ""};
    struct bytes file = mk_gcdump(spec);
    if (!read_bytes(file, s, &err))
        fail_msg("%s", err.msg);
    free((void *)(uintptr_t)file.data);
}

static void refuse_spec(const char *spec, enum err_code code, const char *message) {
    struct err err = {.msg = ""};
    struct bytes file = mk_gcdump(spec);
    struct snapshot s;
    assert_false(read_bytes(file, &s, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, message))
        fail_msg("'%s' is not in '%s'", message, err.msg);
    snapshot_deinit(&s);
    free((void *)(uintptr_t)file.data);
}

static struct bytes make_fixture(const char *name) {
    struct file text;
    struct err err;
    static char spec[65536];
    char path[128];
    snprintf(path, sizeof(path), "tests/fixture/gcdump/%s.txt", name);
    assert_true(file_open(&text, path, &err));
    assert_true(text.bytes.size < sizeof(spec));
    memcpy(spec, text.bytes.data, text.bytes.size);
    spec[text.bytes.size] = '\0';
    file_close(&text);
    return mk_gcdump(spec);
}

static void read_fixture(const char *name, struct snapshot *s) {
    struct err err = {.msg = ""};
    struct bytes file = make_fixture(name);
    if (!read_bytes(file, s, &err))
        fail_msg("%s: %s", name, err.msg);
    free((void *)(uintptr_t)file.data);
}

static void type_is(const struct snapshot *s, const char *name, const char *module,
                    uint64_t objects, uint64_t bytes) {
    const struct type_row *row = logs_type(s, name);
    if (!row)
        fail_msg("no type %s", name);
    assert_int_equal(row->gen[GEN_UNKNOWN].objects, objects);
    assert_int_equal(row->gen[GEN_UNKNOWN].bytes, bytes);
    if (module)
        assert_string_equal(row->module, module);
    else
        assert_null(row->module);
}

static bool has_type(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

static void types_are_counted_and_ranges_of_sizes_joined(void **state) {
    (void)state;
    struct snapshot s;
    read_fixture("mill-1", &s);
    const struct origin_row *o = snapshot_origin(&s);
    assert_string_equal(o->format, "gcdump");
    assert_string_equal(o->process, "mill");
    assert_string_equal(o->tool, "dotnet-gcdump");
    assert_int_equal(o->pid, 70);
    assert_int_equal(o->collected_first, 1);
    assert_true(o->sampled == ABSENT);
    assert_int_equal(o->pointer_bytes, 8);
    assert_true(o->captured_at_ns == (638712345000000000u - 621355968000000000u) * 100);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(logs_counter(&s, "process.working_set"), 83886080);
    type_is(&s, "Mill.Basket", "mill.dll", 20, 960);
    type_is(&s, "Mill.Grain", "mill.dll", 20, 480);
    type_is(&s, "Mill.Basket[]", "mill.dll", 1, 184);
    type_is(&s, "System.String", "System.Private.CoreLib.dll", 4, 60 + 60 + 20480 + 34);
    type_is(&s, "System.Byte[]", "System.Private.CoreLib.dll", 2, 131096 + 1048);
    assert_false(has_type(&s, "[static vars]"));
    assert_false(has_type(&s, "UNDEFINED"));
    snapshot_deinit(&s);
}

static void samples_are_scaled_by_type_and_said_to_be_estimates(void **state) {
    (void)state;
    struct snapshot s;
    read_fixture("sampled", &s);
    type_is(&s, "Mill.Grain", "mill.dll", 90, 2160);
    type_is(&s, "Mill.Sack[]", "mill.dll", 1 + 5, 8024 + 440);
    assert_int_equal(snapshot_origin(&s)->sampled, 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    assert_true(logs_has_reason(&s, "sample"));
    snapshot_deinit(&s);
}

static void types_without_names_are_numbers_of_their_module(void **state) {
    (void)state;
    struct snapshot s;
    read_fixture("native", &s);
    type_is(&s, "mill.exe!0x1234", "mill.exe", 2, 2040);
    type_is(&s, "native.dll!0x99", "native.dll", 1, 16);
    type_is(&s, "System.String", "corefx.dll", 2, 64);
    assert_int_equal(snapshot_origin(&s)->collected_first, 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void old_versions_are_read(void **state) {
    (void)state;
    struct snapshot s;
    read_fixture("old", &s);
    type_is(&s, "(Type  Window)", NULL, 1, 28);
    type_is(&s, "grind (Type  JSFunction)", NULL, 2, 64);
    assert_false(has_type(&s, "message (Type  String)"));
    assert_string_equal(snapshot_origin(&s)->process, "oldmill");
    assert_int_equal(snapshot_origin(&s)->pointer_bytes, 4);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    for (unsigned version = 4; version <= 12; version++) {
        char spec[256];
        snprintf(spec, sizeof(spec),
                 "dump version=%u pid=5 process=\"p\"\ntype name=\"A\" size=24\nnode type=0\n",
                 version);
        if (version == 8) {
            refuse_spec(spec, ERR_UNSUPPORTED, "version 8");
            continue;
        }
        read_spec(spec, &s);
        type_is(&s, "A", NULL, 1, 24);
        assert_int_equal(snapshot_origin(&s)->pid, version >= 5 ? 5 : ABSENT);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
    refuse_spec("dump version=3\n", ERR_UNSUPPORTED, "version 3");
}

static void names_lose_only_what_tools_add(void **state) {
    (void)state;
    static const struct {
        const char *name, *bare;
    } cases[] = {
        {"System.Byte[] (Bytes > 100K)", "System.Byte[]"},
        {"System.Byte[] (Bytes > 10M,NoPtrs,ElemSize=1)", "System.Byte[]"},
        {"Entry[] (Ptrs,ElemSize=24)", "Entry[]"},
        {"Free (Bytes > 1K)", "Free"},
        {"System.String (Bytes > many)", "System.String (Bytes > many)"},
        {"a (Type  String)", "a (Type  String)"},
        {"F()", "F()"},
        {"F ()", "F ()"},
        {" (Bytes > 1K)", ""},
        {"(Bytes > 1K)", "(Bytes > 1K)"},
        {"A (Bytes > 1K,)", "A"},
        {"A (,Bytes > 1K)", "A (,Bytes > 1K)"},
        {"", ""},
        {")", ")"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str bare = gcdump_type_name(str_of(cases[i].name));
        if (!str_eq(bare, str_of(cases[i].bare)))
            fail_msg("'%s' gives '%.*s'", cases[i].name, (int)bare.len, bare.ptr);
    }
    assert_true(str_eq(gcdump_file_name(STR("C:\\a\\b.dll")), STR("b.dll")));
    assert_true(str_eq(gcdump_file_name(STR("/a/b.dll")), STR("b.dll")));
    assert_int_equal(gcdump_file_name(STR("/a/")).len, 0);
}

#define TWO_TYPES "type name=\"UNDEFINED\" size=0\ntype name=\"A\" size=24\n"

static void broken_nodes_are_counted(void **state) {
    (void)state;
    static const struct {
        const char *nodes;
        uint64_t broken;
    } cases[] = {
        {"node type=1\nnode raw=\"84\"\n", 1},                   /* ends in a number */
        {"node type=1\nnode raw=\"08 00\"\n", 1},                /* type 4 */
        {"node type=1\nnode raw=\"7e 00\"\n", 1},                /* type -1 */
        {"node type=1\nnode raw=\"02 05\"\n", 1},                /* more children than bytes */
        {"node type=1\nnode raw=\"02 7f\"\n", 1},                /* -1 children */
        {"node type=1\nnode raw=\"03 7f 00\"\n", 1},             /* size -1 */
        {"node type=1\nnode raw=\"80 80 80 80 80 02 00\"\n", 1}, /* six bytes */
        {"node type=1\nnode type=1 at=0x7fffffff\n", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char spec[512];
        struct snapshot s;
        bool found;
        snprintf(spec, sizeof(spec), "dump\n" TWO_TYPES "%s", cases[i].nodes);
        read_spec(spec, &s);
        type_is(&s, "A", NULL, 1, 24);
        assert_int_equal(logs_reason(&s, "objects are broken", &found), cases[i].broken);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

static void what_does_not_add_up_is_said(void **state) {
    (void)state;
    struct snapshot s;
    read_spec("dump total=25\n" TWO_TYPES "node type=1\n", &s);
    assert_true(logs_has_reason(&s, "not the sum"));
    snapshot_deinit(&s);
    read_spec("dump trailer=0\n" TWO_TYPES "node type=1\n", &s);
    assert_true(logs_has_reason(&s, "its end"));
    snapshot_deinit(&s);
    read_spec("dump\n" TWO_TYPES "type name=\"B\" size=16 multiplier=0\nnode type=1\nnode type=2\n",
              &s);
    assert_true(logs_has_reason(&s, "no multiplier that makes sense"));
    type_is(&s, "B", NULL, 1, 16);
    snapshot_deinit(&s);
    refuse_spec("dump nodes=100000000\n" TWO_TYPES "node type=1\n", ERR_TRUNCATED,
                "table of nodes");
}

/* Each prefix in memory of exactly its size, so that one byte too far is seen. */
static void every_prefix_is_refused_or_warned_about(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct bytes file = make_fixture(fixtures[i]);
        size_t read = 0;
        for (size_t n = 0; n < file.size; n++) {
            uint8_t *copy = malloc(n ? n : 1);
            struct snapshot s;
            struct err err = {.msg = ""};
            assert_non_null(copy);
            memcpy(copy, file.data, n);
            if (read_bytes((struct bytes){copy, n}, &s, &err)) {
                read++;
                if (snapshot_trust(&s) != TRUST_PARTIAL)
                    fail_msg("%s: %zu bytes pass for the whole", fixtures[i], n);
            } else {
                assert_true(err.msg[0] != 0);
            }
            snapshot_deinit(&s);
            free(copy);
        }
        assert_true(read > file.size / 8);
        free((void *)(uintptr_t)file.data);
    }
}

/*
 * The golden cases and the fuzzer use tests/fuzz/corpus/gcdump, made of tests/fixture/gcdump. With
 * UPDATE_FIXTURES set they are written anew.
 */
static void corpus_is_made_of_its_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct file dump;
        struct err err;
        char path[128];
        struct bytes made = make_fixture(fixtures[i]);
        snprintf(path, sizeof(path), "tests/fuzz/corpus/gcdump/%s.gcdump", fixtures[i]);
        if (getenv("UPDATE_FIXTURES"))
            assert_true(file_write(path, (struct str){(const char *)made.data, made.size}, &err));
        assert_true(file_open(&dump, path, &err));
        assert_int_equal(dump.bytes.size, made.size);
        assert_memory_equal(dump.bytes.data, made.data, made.size);
        file_close(&dump);
        free((void *)(uintptr_t)made.data);
    }
}

/* -- Real ones (../shared) --------------------------------------------------------------------- */

struct reference {
    char path[512];
    struct file file;
    struct snapshot expected; /* its lines, of one name and module added up */
};

static bool reference_open(struct reference *r, const char *name, struct snapshot *s) {
    const char *shared = getenv("DUMPDIFF_SHARED");
    struct err err = {.msg = ""};
    static const struct input_options options = {0};
    int end =
        snprintf(r->path, sizeof(r->path), "%s/fixtures/%s", shared ? shared : "../shared", name);
    snapshot_init(s);
    if (access(r->path, R_OK) != 0) {
        print_message("skipped: %s is not there (set DUMPDIFF_SHARED)\n", r->path);
        return false;
    }
    if (!input_read(r->path, &options, s, &err))
        fail_msg("%s", err.msg);
    snprintf(r->path + end, sizeof(r->path) - (size_t)end, ".tsv");
    if (!file_open(&r->file, r->path, &err))
        fail_msg("%s: %s", r->path, err.msg);
    return true;
}

static struct str next_column(struct str *line) {
    size_t tab = str_find(*line, STR("\t"), 0);
    struct str column = str_take(*line, tab);
    *line = tab == STR_NOT_FOUND ? str_drop(*line, line->len) : str_drop(*line, tab + 1);
    return column;
}

/* The lines of the reference, added up as names are joined. */
static void reference_sum(struct reference *r) {
    struct str rest = {(const char *)r->file.bytes.data, r->file.bytes.size}, line;
    struct builder b;
    struct err err = {.msg = ""};
    snapshot_init(&r->expected);
    assert_true(builder_init(&b, &r->expected, &err));
    while (str_next_line(&rest, &line)) {
        struct cell cell;
        if (str_starts(line, STR("#")))
            continue;
        assert_true(num_dec(next_column(&line), &cell.objects));
        assert_true(num_dec(next_column(&line), &cell.bytes));
        struct str name = gcdump_type_name(next_column(&line));
        struct str module = gcdump_file_name(next_column(&line));
        assert_true(builder_add_type(&b, name, module, GEN_UNKNOWN, cell, &err));
    }
    assert_true(builder_finish(&b, &err));
    builder_deinit(&b);
}

static void real_dumps_equal_the_reference_type_by_type(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t objects, bytes;
    } cases[] = {{"perfview-test1.gcdump", 6479, 1009270},
                 {"shop-linux-0.gcdump", 16867, 2887600},
                 {"shop-linux-1.gcdump", 36474, 5773634}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reference r;
        struct snapshot s;
        if (!reference_open(&r, cases[i].name, &s)) {
            snapshot_deinit(&s);
            continue;
        }
        reference_sum(&r);
        SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, rows, count);
        SNAPSHOT_ROWS(&r.expected, PART_TYPES, struct type_row, wanted, wanted_count);
        assert_true(count > 50);
        assert_int_equal(count, wanted_count);
        for (uint32_t t = 0; t < count; t++) {
            assert_string_equal(rows[t].name, wanted[t].name);
            assert_true(str_eq(str_of(rows[t].module), str_of(wanted[t].module)));
            assert_memory_equal(rows[t].gen, wanted[t].gen, sizeof(rows[t].gen));
        }
        assert_int_equal(snapshot_totals(&s).objects, cases[i].objects);
        assert_int_equal(snapshot_totals(&s).bytes, cases[i].bytes);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&r.expected);
        snapshot_deinit(&s);
        file_close(&r.file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_counted_and_ranges_of_sizes_joined),
        cmocka_unit_test(samples_are_scaled_by_type_and_said_to_be_estimates),
        cmocka_unit_test(types_without_names_are_numbers_of_their_module),
        cmocka_unit_test(old_versions_are_read),
        cmocka_unit_test(names_lose_only_what_tools_add),
        cmocka_unit_test(broken_nodes_are_counted),
        cmocka_unit_test(what_does_not_add_up_is_said),
        cmocka_unit_test(every_prefix_is_refused_or_warned_about),
        cmocka_unit_test(corpus_is_made_of_its_texts),
        cmocka_unit_test(real_dumps_equal_the_reference_type_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
