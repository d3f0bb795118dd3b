/* Object graphs of PerfView and dotnet-gcdump: from the stream to types. */
#include "base/file.h"
#include "input/gcdump/gcdump_file.h"
#include "dotnet/gcdump_names.h"
#include "input/input.h"
#include "tests/support/gcdump_reference.h"
#include "tests/support/logs.h"
#include "tests/support/made_format.h"
#include "tests/support/mk_gcdump.h"
#include "tests/support/read_bytes.h"
#include "model/answers.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

extern const struct input input_gcdump;

static const char *const fixtures[] = {"mill-1", "mill-2", "sampled", "native", "old"};

static const struct made_format format = {"gcdump", "gcdump", mk_gcdump, &input_gcdump};

static void gcdump_read_spec(const char *spec, struct snapshot *s) {
    made_read_spec(&format, spec, s);
}

static void gcdump_refuse_spec(const char *spec, enum err_code code, const char *message) {
    made_refuse_spec(&format, spec, code, message);
}

static struct bytes gcdump_make_fixture(const char *name) {
    return made_fixture(&format, name);
}

static void gcdump_read_fixture(const char *name, struct snapshot *s) {
    made_read_fixture(&format, name, s);
}

static void gcdump_type_is(const struct snapshot *s, const char *name, const char *module,
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
    gcdump_read_fixture("mill-1", &s);
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
    gcdump_type_is(&s, "Mill.Basket", "mill.dll", 20, 960);
    gcdump_type_is(&s, "Mill.Grain", "mill.dll", 20, 480);
    gcdump_type_is(&s, "Mill.Basket[]", "mill.dll", 1, 184);
    gcdump_type_is(&s, "System.String", "System.Private.CoreLib.dll", 4, 60 + 60 + 20480 + 34);
    gcdump_type_is(&s, "System.Byte[]", "System.Private.CoreLib.dll", 2, 131096 + 1048);
    assert_false(has_type(&s, "[static vars]"));
    assert_false(has_type(&s, "UNDEFINED"));
    snapshot_deinit(&s);
}

static void samples_are_scaled_by_type_and_said_to_be_estimates(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_fixture("sampled", &s);
    gcdump_type_is(&s, "Mill.Grain", "mill.dll", 90, 2160);
    gcdump_type_is(&s, "Mill.Sack[]", "mill.dll", 1 + 5, 8024 + 440);
    assert_int_equal(snapshot_origin(&s)->sampled, 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    assert_true(logs_has_reason(&s, "sample"));
    snapshot_deinit(&s);
}

static void types_without_names_are_numbers_of_their_module(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_fixture("native", &s);
    gcdump_type_is(&s, "mill.exe!0x1234", "mill.exe", 2, 2040);
    gcdump_type_is(&s, "native.dll!0x99", "native.dll", 1, 16);
    gcdump_type_is(&s, "System.String", "corefx.dll", 2, 64);
    assert_int_equal(snapshot_origin(&s)->collected_first, 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void old_versions_are_read(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_fixture("old", &s);
    gcdump_type_is(&s, "(Type  Window)", NULL, 1, 28);
    gcdump_type_is(&s, "grind (Type  JSFunction)", NULL, 2, 64);
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
            gcdump_refuse_spec(spec, ERR_UNSUPPORTED, "version 8");
            continue;
        }
        gcdump_read_spec(spec, &s);
        gcdump_type_is(&s, "A", NULL, 1, 24);
        assert_int_equal(snapshot_origin(&s)->pid, version >= 5 ? 5 : ABSENT);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
    gcdump_refuse_spec("dump version=3\n", ERR_UNSUPPORTED, "version 3");
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
        gcdump_read_spec(spec, &s);
        gcdump_type_is(&s, "A", NULL, 1, 24);
        assert_int_equal(logs_reason(&s, "objects are broken", &found), cases[i].broken);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

static void what_does_not_add_up_is_said(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_spec("dump total=25\n" TWO_TYPES "node type=1\n", &s);
    assert_true(logs_has_reason(&s, "not the sum"));
    snapshot_deinit(&s);
    gcdump_read_spec("dump trailer=0\n" TWO_TYPES "node type=1\n", &s);
    assert_true(logs_has_reason(&s, "its end"));
    snapshot_deinit(&s);
    gcdump_read_spec(
        "dump\n" TWO_TYPES "type name=\"B\" size=16 multiplier=0\nnode type=1\nnode type=2\n", &s);
    assert_true(logs_has_reason(&s, "no multiplier that makes sense"));
    gcdump_type_is(&s, "B", NULL, 1, 16);
    snapshot_deinit(&s);
    gcdump_refuse_spec("dump nodes=100000000\n" TWO_TYPES "node type=1\n", ERR_TRUNCATED,
                       "table of nodes");
}

/* -- Who holds what ---------------------------------------------------------------------------- */

#define BASKETS "static var System.Collections.Generic.List<Mill.Basket>.baskets"

static void paths_begin_at_groups_in_the_order_of_all_dumps(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_fixture("mill-1", &s);
    const struct path_row *row = gcdump_reference_path(&s, BASKETS, "Mill.Basket");
    assert_int_equal(row->own_objects, 20);
    assert_int_equal(row->objects, 41); /* a grain each, and the tag of all */
    assert_string_equal(row->edge, "[]");
    row = gcdump_reference_path(&s, BASKETS, "Mill.Basket[]");
    assert_null(row->edge);
    assert_int_equal(gcdump_reference_path(&s, BASKETS, "System.String")->own_objects, 1);
    assert_int_equal(gcdump_reference_path(&s, "stack (local vars)", "System.String")->own_objects,
                     2);
    assert_int_equal(gcdump_reference_path(&s, "strong Handles", "System.Byte[]")->own_bytes,
                     131096);
    assert_int_equal(
        gcdump_reference_path(&s, "not reachable from roots", "System.String")->own_bytes, 34);
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    assert_int_equal(live->stack_only_bytes, 60 + 20480);
    assert_true(logs_has_reason(&s, "held by nothing that"));
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* The collection of the tool has found dead what it gives to the finalizer. */
static void what_only_finalizers_are_to_see_is_neither_live_nor_a_backlog(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_fixture("mill-1", &s);
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    /* Two husks, and what one of them holds alone; a strong handle holds the other's. */
    assert_int_equal(live->garbage_objects, 3);
    assert_int_equal(live->garbage_bytes, 1048 + 2 * 24);
    assert_int_equal(live->objects, snapshot_totals(&s).objects - live->garbage_objects);
    assert_int_equal(live->bytes, snapshot_totals(&s).bytes - live->garbage_bytes);
    SNAPSHOT_ROWS(&s, PART_PATHS, struct path_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(!rows[i].root || !str_contains(str_of(rows[i].root), STR("finalizer")));
    SNAPSHOT_ROWS(&s, PART_PLACES, struct path_row, places, place_count);
    for (uint32_t i = 0; i < place_count; i++)
        assert_true(!places[i].root || !str_contains(str_of(places[i].root), STR("finalizer")));
    assert_null(snapshot_row(&s, PART_FINALIZER));
    assert_non_null(snapshot_absence(&s, PART_FINALIZER, ASPECT_ALL));
    assert_true(logs_has_reason(&s, "no backlog"));
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* So many that they are not met all at once. */
static void thousands_of_finalizers_are_no_backlog(void **state) {
    (void)state;
    struct strbuf spec;
    struct snapshot s;
    strbuf_init(&spec);
    strbuf_adds(&spec, "dump pid=70 process=\"mill\" tool=\"dotnet-gcdump\"\n"
                       "type name=\"UNDEFINED\" size=0\ntype name=\"[.NET Roots]\" size=0\n"
                       "type name=\"[finalizer Handles]\" size=0\n"
                       "type name=\"[strong Handles]\" size=0\n"
                       "type name=\"Mill.Pipe\" size=24\ntype name=\"Mill.Grain\" size=40\n"
                       "node type=1 children=\"1 2\"\nnode type=2 children=\"");
    for (unsigned i = 0; i < 1500; i++)
        strbuf_addf(&spec, "%s%u", i ? " " : "", 4 + 2 * i);
    strbuf_adds(&spec, "\"\nnode type=3 children=\"3\"\nnode type=5 address=4096\n");
    for (unsigned i = 0; i < 1500; i++)
        strbuf_addf(&spec, "node type=4 children=\"%u\" address=%u\nnode type=5 address=%u\n",
                    5 + 2 * i, 65536 + 64 * i, 65536 + 64 * i + 24);
    gcdump_read_spec(strbuf_cstr(&spec), &s);
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    assert_int_equal(live->objects, 1);
    assert_int_equal(live->bytes, 40);
    assert_int_equal(live->garbage_objects, 3000);
    assert_int_equal(logs_type(&s, "Mill.Pipe")->live_objects, 0);
    assert_int_equal(logs_type(&s, "Mill.Grain")->live_objects, 1);
    snapshot_deinit(&s);
    strbuf_deinit(&spec);
}

static void what_no_root_leads_to_is_garbage_where_nothing_was_collected(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_fixture("native", &s);
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    assert_int_equal(live->objects, 4);
    assert_int_equal(live->garbage_objects, 1);
    assert_int_equal(live->garbage_bytes, 32);
    assert_int_equal(logs_type(&s, "System.String")->live_objects, 1);
    snapshot_deinit(&s);
}

static void samples_weigh_on_their_paths_what_they_stand_for(void **state) {
    (void)state;
    struct snapshot s;
    gcdump_read_fixture("sampled", &s);
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    assert_int_equal(live->objects, snapshot_totals(&s).objects);
    assert_int_equal(live->bytes, snapshot_totals(&s).bytes);
    assert_int_equal(gcdump_reference_path(&s, ".NET Roots", "Mill.Sack[]")->own_objects, 6);
    snapshot_deinit(&s);
}

static void gcdump_ask(const char *name, const struct question *question, struct answers *a,
                       struct snapshot *s) {
    struct err err = {.msg = ""};
    struct bytes file = gcdump_make_fixture(name);
    answers_init(a, question);
    const struct input_options options = {.answers = a};
    snapshot_init(s);
    if (!input_read_bytes(file, name, &input_gcdump, &options, s, &err))
        fail_msg("%s: %s", name, err.msg);
    free((void *)(uintptr_t)file.data);
}

static void questions_are_answered(void **state) {
    (void)state;
    static const struct question question = {
        .asked = {[QUESTION_PATH] = true, [QUESTION_HOLDERS] = true, [QUESTION_RETAINED] = true},
        .path_of = "Basket",
        .holders_of = "System.String"};
    struct answers a;
    struct snapshot s;
    struct err err = {.msg = ""};
    gcdump_ask("mill-1", &question, &a, &s);
    if (!answers_from_snapshot(&a, &s, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(a.paths.count, 1);
    assert_int_equal(a.paths.subject.live.objects, 20);
    assert_int_equal(a.paths.below_floor.objects, 0);
    assert_int_equal(a.holders.subject.live.objects, 4);
    assert_int_equal(a.holders.count, 2); /* baskets and local variables */
    assert_string_equal(a.holders.rows[0].holder, "Mill.Basket");
    assert_string_equal(a.holders.rows[0].field, "");
    assert_int_equal(a.holders.rows[0].references, 20);
    assert_int_equal(a.holders.rows[0].holders, 20);
    assert_int_equal(a.holders.total.references, 20);
    assert_null(a.holders.rows[1].holder);
    assert_string_equal(a.retained.types[0].type, "System.Byte[]");
    for (uint32_t i = 0; i < a.retained.type_count; i++) {
        const struct retained_row *row = &a.retained.types[i];
        if (strcmp(row->type, "System.Collections.Generic.List<Mill.Basket>") == 0) {
            assert_int_equal(row->retained.objects, 2 + 20 + 20 + 1);
            assert_int_equal(row->retained.bytes, 32 + 184 + 20 * (48 + 24) + 60);
        }
        if (strcmp(row->type, "Mill.Basket") == 0)
            assert_int_equal(row->retained.objects, 40); /* the tag is everybody's */
    }
    answers_deinit(&a);
    snapshot_deinit(&s);
}

static void single_references_of_samples_are_not_asked_for(void **state) {
    (void)state;
    static const struct question question = {.asked = {[QUESTION_HOLDERS] = true},
                                             .holders_of = "Mill.Grain"};
    struct answers a;
    struct snapshot s;
    struct err err = {.msg = ""};
    gcdump_ask("sampled", &question, &a, &s);
    assert_false(answers_from_snapshot(&a, &s, &err));
    assert_int_equal(err.code, ERR_INCONCLUSIVE);
    answers_deinit(&a);
    snapshot_deinit(&s);
}

static void graphs_that_lie_are_bounded(void **state) {
    (void)state;
    struct snapshot s;
    /* Nodes that share their references: more than there are bytes. */
    gcdump_read_spec("dump\n" TWO_TYPES
                     "node type=1 children=\"1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9\"\n"
                     "node type=1 at=0 times=9\n",
                     &s);
    assert_true(logs_has_reason(&s, "overlap"));
    snapshot_deinit(&s);
    gcdump_read_spec("dump\n" TWO_TYPES "node type=1 children=\"2000000\"\n", &s);
    assert_true(logs_has_reason(&s, "references of objects are broken"));
    snapshot_deinit(&s);
    gcdump_read_spec("dump root=7\n" TWO_TYPES "node type=1\n", &s);
    assert_true(logs_has_reason(&s, "no roots"));
    assert_false(snapshot_has(&s, PART_LIVE));
    snapshot_deinit(&s);
}

/* Each prefix in memory of exactly its size, so that one byte too far is seen. */
static void gcdump_every_prefix_is_refused_or_warned_about(void **state) {
    (void)state;
    made_prefixes_are_told(&format, fixtures, COUNT(fixtures), 8);
}

/* The golden cases and the fuzzer use these files. */
static void gcdump_corpus_is_made_of_its_texts(void **state) {
    (void)state;
    made_corpus_is_that(&format, fixtures, COUNT(fixtures));
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
        cmocka_unit_test(paths_begin_at_groups_in_the_order_of_all_dumps),
        cmocka_unit_test(what_only_finalizers_are_to_see_is_neither_live_nor_a_backlog),
        cmocka_unit_test(thousands_of_finalizers_are_no_backlog),
        cmocka_unit_test(what_no_root_leads_to_is_garbage_where_nothing_was_collected),
        cmocka_unit_test(samples_weigh_on_their_paths_what_they_stand_for),
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(single_references_of_samples_are_not_asked_for),
        cmocka_unit_test(graphs_that_lie_are_bounded),
        cmocka_unit_test(gcdump_every_prefix_is_refused_or_warned_about),
        cmocka_unit_test(gcdump_corpus_is_made_of_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
