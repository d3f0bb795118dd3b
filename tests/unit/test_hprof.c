/* Java heap dumps: types, counts, and sizes that the file does not tell. */
#include "base/file.h"
#include "java/hprof_size.h"
#include "input/input.h"
#include "tests/support/logs.h"
#include "tests/support/made_format.h"
#include "tests/support/mk_hprof.h"
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

extern const struct input input_hprof;

static const char *const fixtures[] = {"mill-1", "mill-2", "old", "shop", "run-1", "run-2"};

static const struct made_format format = {"hprof", "hprof", mk_hprof, &input_hprof};

static void hprof_read_spec(const char *spec, struct snapshot *s) {
    made_read_spec(&format, spec, s);
}

static void hprof_refuse_spec(const char *spec, enum err_code code, const char *message) {
    made_refuse_spec(&format, spec, code, message);
}

static void hprof_read_fixture(const char *name, struct snapshot *s) {
    made_read_fixture(&format, name, s);
}

static void hprof_type_is(const struct snapshot *s, const char *name, uint64_t objects,
                          uint64_t bytes) {
    const struct type_row *row = logs_type(s, name);
    if (row->gen[GEN_UNKNOWN].objects != objects || row->gen[GEN_UNKNOWN].bytes != bytes)
        fail_msg("%s: %llu objects, %llu bytes", name,
                 (unsigned long long)row->gen[GEN_UNKNOWN].objects,
                 (unsigned long long)row->gen[GEN_UNKNOWN].bytes);
}

static void types_are_counted_as_histograms_do(void **state) {
    (void)state;
    struct snapshot s;
    hprof_read_fixture("mill-1", &s);
    const struct origin_row *o = snapshot_origin(&s);
    assert_string_equal(o->format, "hprof");
    assert_string_equal(o->runtime, "HotSpot");
    assert_true(o->captured_at_ns == 1735637700000u * (uint64_t)1000000);
    assert_true(o->collected_first == ABSENT);
    hprof_type_is(&s, "mill.Basket", 12, 12 * 24);
    hprof_type_is(&s, "mill.Grain", 36, 36 * 24);
    hprof_type_is(&s, "[Lmill.Grain;", 12, 12 * 32); /* 16 + 3 * 4, aligned */
    hprof_type_is(&s, "java.lang.String", 12, 12 * 24);
    hprof_type_is(&s, "[B", 12, 12 * 24);
    hprof_type_is(&s, "[J", 1, 816);
    hprof_type_is(&s, "[C", 1, 32);
    hprof_type_is(&s, "mill.Mill$$Lambda$14/0x0000000800c03000", 1, 16);
    hprof_type_is(&s, "java.lang.Object", 1, 16);
    /* 9 of primitive types, 9 of classes; one has a reference and a long among its statics. */
    hprof_type_is(&s, "java.lang.Class", 18, 18 * 72 + 16);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_true(logs_has_reason(&s, "compressed references"));
    assert_string_equal(snapshot_origin(&s)->object_layout, "compressed references");
    snapshot_deinit(&s);
}

static void a_32_bit_dump_without_segments_is_read(void **state) {
    (void)state;
    struct snapshot s;
    hprof_read_fixture("old", &s);
    hprof_type_is(&s, "java.lang.String", 4, 4 * 24);
    hprof_type_is(&s, "[C", 3, 3 * 24);
    hprof_type_is(&s, "[Ljava.lang.String;", 2, 2 * 32);
    /* long at 8, byte at 16: 24; then short and reference behind the reference's boundary: 28 */
    hprof_type_is(&s, "mill.Barrel", 2, 2 * 24);
    hprof_type_is(&s, "mill.BigBarrel", 1, 32);
    assert_int_equal(snapshot_origin(&s)->pointer_bytes, 4);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

#define OBJECT "class id=0x100 name=\"java/lang/Object\"\n"
#define RECORD "class id=0x103 name=\"java/lang/Record\" super=0x100\n"
#define ARRAYS "class id=0x110 name=\"[LA;\" super=0x100\n"

static void layouts_are_known_by_the_distances_of_arrays(void **state) {
    (void)state;
    static const struct {
        const char *name, *arrays;
        uint64_t object, references, bytes; /* of a class "JL", of 5 references, of 1 byte */
    } cases[] = {
        {"compressed references",
         "array id=0x1000 class=0x110 length=5 times=9 step=40\nvalues id=0x1168 type=B length=1 "
         "times=9 step=24\n",
         24, 40, 24},
        {"whole references",
         "array id=0x1000 class=0x110 length=5 times=9 step=64\nvalues id=0x1240 type=B length=1 "
         "times=9 step=32\n",
         32, 64, 32},
        {"compressed classes, whole references",
         "array id=0x1000 class=0x110 length=5 times=9 step=56\nvalues id=0x11f8 type=B length=1 "
         "times=9 step=24\n",
         32, 56, 24},
        {"compressed references, whole classes",
         "array id=0x1000 class=0x110 length=5 times=9 step=48\nvalues id=0x11b0 type=B length=1 "
         "times=9 step=32\n",
         32, 48, 32},
        {"compressed references, whole classes, elements at 20",
         "array id=0x1000 class=0x110 length=5 times=9 step=40\nvalues id=0x1168 type=B length=5 "
         "times=9 step=32\n",
         32, 40, 32},
        {"compact headers",
         "array id=0x1000 class=0x110 length=5 times=9 step=32\nvalues id=0x1120 type=B length=1 "
         "times=9 step=16\n",
         24, 32, 16},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char spec[1024];
        struct snapshot s;
        snprintf(spec, sizeof(spec),
                 "dump\n" OBJECT RECORD ARRAYS
                 "class id=0x104 name=\"A\" super=0x100 fields=\"JL\"\n%s"
                 "object id=0x8000 class=0x104 data=16\n",
                 cases[i].arrays);
        hprof_read_spec(spec, &s);
        hprof_type_is(&s, "A", 1, cases[i].object);
        hprof_type_is(&s, "[LA;", 9, 9 * cases[i].references);
        hprof_type_is(&s, "[B", 9, 9 * cases[i].bytes);
        assert_true(logs_has_reason(&s, cases[i].name));
        snapshot_deinit(&s);
    }
}

static void fields_fill_gaps_as_the_machine_of_the_time_does(void **state) {
    (void)state;
    static const struct {
        const char *supers, *fields;
        uint64_t packed, old;
    } cases[] = {
        {"", "", 16, 16},     {"", "I", 16, 16},      {"", "J", 24, 24},    {"", "JI", 24, 24},
        {"", "JBS", 24, 24},  {"", "JLB", 32, 32},    {"B", "BBB", 16, 24}, {"J", "B", 24, 32},
        {"B", "I", 24, 24},   {"BJ", "SSL", 32, 32},  {"L", "J", 24, 24},   {"JJ", "I", 32, 40},
        {"ISB", "B", 24, 24}, {"ZZZZZ", "L", 24, 24},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int packed = 0; packed < 2; packed++) {
            char spec[1024];
            struct snapshot s;
            snprintf(spec, sizeof(spec),
                     "dump\n" OBJECT "%s"
                     "class id=0x104 name=\"A\" super=0x100 fields=\"%s\"\n"
                     "class id=0x105 name=\"B\" super=0x104 fields=\"%s\"\n"
                     "values id=0x1000 type=B length=1 times=9 step=24\n"
                     "object id=0x8000 class=0x105\n",
                     packed ? RECORD : "", cases[i].supers, cases[i].fields);
            hprof_read_spec(spec, &s);
            uint64_t size = logs_type(&s, "B")->gen[GEN_UNKNOWN].bytes;
            uint64_t expected = packed ? cases[i].packed : cases[i].old;
            if (size != expected)
                fail_msg("%s + %s, %s: %u, not %u", cases[i].supers, cases[i].fields,
                         packed ? "packed" : "old", (unsigned)size, (unsigned)expected);
            snapshot_deinit(&s);
        }
}

static void objects_closer_than_their_fields_need_are_that_small(void **state) {
    (void)state;
    struct snapshot s;
    /* The old layout needs 24 bytes; these are 16 apart, and no less than their fields. */
    hprof_read_spec("dump\n" OBJECT "class id=0x104 name=\"A\" super=0x100 fields=\"B\"\n"
                    "class id=0x105 name=\"B\" super=0x104 fields=\"BB\"\n"
                    "values id=0x1000 type=B length=1 times=9 step=24\n"
                    "object id=0x8000 class=0x105 times=3 step=16\n",
                    &s);
    hprof_type_is(&s, "B", 3, 48);
    snapshot_deinit(&s);
    /* Closer than that is no neighbourhood. */
    hprof_read_spec("dump\n" OBJECT "class id=0x105 name=\"B\" super=0x100 fields=\"JJJ\"\n"
                    "values id=0x1000 type=B length=1 times=9 step=24\n"
                    "object id=0x8000 class=0x105 times=3 step=16\n",
                    &s);
    hprof_type_is(&s, "B", 3, 3 * 40);
    snapshot_deinit(&s);
    hprof_read_spec("dump\n" OBJECT "class id=0x105 name=\"B\" super=0x100\n"
                    "values id=0x1000 type=B length=1 times=9 step=32\n"
                    "object id=0x8000 class=0x105 times=30 step=32\n",
                    &s);
    hprof_type_is(&s, "B", 30, 30 * 32); /* all ids are multiples of 32: aligned to that */
    snapshot_deinit(&s);
}

/* What fields of two classes need that are set apart, one of which is that of threads. */
static void fields_that_are_contended_lie_apart_unless_neighbours_show_otherwise(void **state) {
    (void)state;
    static const struct {
        const char *is_new; /* the class that JDK 19 has */
        unsigned thread_step;
        uint64_t thread, pool;
    } cases[] = {
        {"", 400, 288, 280}, /* 12 + 128 + 16 + 128, and 12 + 128 + 8 + 128 */
        {"", 32, 32, 24},    /* threads are 32 bytes apart: nothing is */
        {"class id=0x107 name=\"java/lang/VirtualThread\" super=0x100\n", 48, 48, 280},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char spec[1024];
        struct snapshot s;
        snprintf(spec, sizeof(spec),
                 "dump\n" OBJECT RECORD "%s"
                 "class id=0x104 name=\"java/lang/Thread\" super=0x100 fields=\"JII\"\n"
                 "class id=0x105 name=\"java/util/concurrent/ForkJoinPool\" super=0x100 "
                 "fields=\"J\"\n"
                 "values id=0x1000 type=B length=1 times=9 step=24\n"
                 "object id=0x8000 class=0x104 times=2 step=%u\n"
                 "object id=0x10000 class=0x105\n",
                 cases[i].is_new, cases[i].thread_step);
        hprof_read_spec(spec, &s);
        hprof_type_is(&s, "java.lang.Thread", 2, 2 * cases[i].thread);
        hprof_type_is(&s, "java.util.concurrent.ForkJoinPool", 1, cases[i].pool);
        snapshot_deinit(&s);
    }
}

static void what_makes_no_sense_is_counted(void **state) {
    (void)state;
    struct snapshot s;
    bool found;
    hprof_read_spec("dump\n" OBJECT "object id=0x1000 class=0x100 times=2\nraw hex=\"77 00 00\"\n"
                    "segment\nobject id=0x2000 class=0x100\n",
                    &s);
    hprof_type_is(&s, "java.lang.Object", 3, 48);
    assert_int_equal(logs_reason(&s, "skipped behind records", &found), 3);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
    hprof_read_spec("dump end=0\n" OBJECT "object id=0x1000 class=0x100\n", &s);
    assert_true(logs_has_reason(&s, "has no end"));
    snapshot_deinit(&s);
    /* A class that is its own superclass, and one that is nowhere. */
    hprof_read_spec(
        "dump\nclass id=0x100 name=\"A\" super=0x100\nclass id=0x101 name=\"B\" super=0x999\n"
        "object id=0x1000 class=0x100 data=20\nobject id=0x2000 class=0x101 data=3\n"
        "object id=0x3000 class=0x777 data=1\n",
        &s);
    assert_int_equal(logs_reason(&s, "sizes are guesses", &found), 3);
    hprof_type_is(&s, "A", 1, 32);
    hprof_type_is(&s, "<class 0x777>", 1, 16);
    snapshot_deinit(&s);
    /* The machine ended before it wrote how long the segment is. */
    hprof_read_spec("dump end=0\n" OBJECT "object id=0x1000 class=0x100\nsegment length=0\n"
                    "object id=0x2000 class=0x100\n",
                    &s);
    hprof_type_is(&s, "java.lang.Object", 2, 32);
    snapshot_deinit(&s);
    hprof_refuse_spec("dump version=\"1.0.4\"\n", ERR_UNSUPPORTED, "1.0.4");
    hprof_refuse_spec("dump ids=2\n", ERR_FORMAT, "ids of 2 bytes");
}

/* Each prefix in memory of exactly its size, so that one byte too far is seen. */
static void hprof_every_prefix_is_refused_or_warned_about(void **state) {
    (void)state;
    made_prefixes_are_told(&format, fixtures, COUNT(fixtures), 3);
}

/* The golden cases and the fuzzer use these files. */
static void hprof_corpus_is_made_of_its_texts(void **state) {
    (void)state;
    made_corpus_is_that(&format, fixtures, COUNT(fixtures));
}

#define HPROF_HEADER 31u /* [bytes] in front of the records */

/* Dump `moment` of a file, from 1 (0: the last). */
static void read_moment(struct bytes file, uint64_t moment, struct snapshot *s) {
    const struct input_options options = {.moment = moment};
    struct source source = {.path = "two.hprof", .bytes = file, .options = &options};
    struct err err = {.msg = ""};
    snapshot_init(s);
    struct builder *b = builder_new(s, &err);
    assert_non_null(b);
    builder_choose(b, moment ? moment - 1 : ABSENT);
    assert_true(input_read_source(&source, &input_hprof, b, &err) && input_finish(b, &err));
    builder_free(b);
}

/* The agent of HPROF appends a dump whenever it is asked to: they are no one heap. */
static void dumps_in_one_file_are_moments(void **state) {
    (void)state;
    static const char *const first[] = {
        "dump time=1000\nclass id=7 name=\"Cup\" fields=\"I\"\nobject id=0x100 class=7 data=4 "
        "times=5\n",
        "dump time=1000 one=1\nclass id=7 name=\"Cup\" fields=\"I\"\n"
        "object id=0x100 class=7 data=4 times=5\n"};
    for (size_t i = 0; i < COUNT(first); i++) {
        struct bytes a = mk_hprof(first[i]);
        struct bytes b = mk_hprof("dump time=1000\nclass id=7 name=\"Cup\" fields=\"I\"\n"
                                  "object id=0x100 class=7 data=4 times=8\n");
        size_t size = a.size + b.size - HPROF_HEADER;
        uint8_t *both = malloc(size);
        memcpy(both, a.data, a.size);
        memcpy(both + a.size, b.data + HPROF_HEADER, b.size - HPROF_HEADER);
        static const struct { uint64_t moment, objects; } moments[] = {{1, 5}, {2, 8}, {0, 8}};
        for (size_t m = 0; m < COUNT(moments); m++) {
            struct snapshot s;
            read_moment((struct bytes){both, size}, moments[m].moment, &s);
            assert_int_equal(logs_type(&s, "Cup")->gen[GEN_UNKNOWN].objects, moments[m].objects);
            assert_int_equal(snapshot_origin(&s)->moments, 2);
            snapshot_deinit(&s);
        }
        free(both);
        free((void *)(uintptr_t)a.data);
        free((void *)(uintptr_t)b.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_counted_as_histograms_do),
        cmocka_unit_test(a_32_bit_dump_without_segments_is_read),
        cmocka_unit_test(layouts_are_known_by_the_distances_of_arrays),
        cmocka_unit_test(fields_fill_gaps_as_the_machine_of_the_time_does),
        cmocka_unit_test(objects_closer_than_their_fields_need_are_that_small),
        cmocka_unit_test(fields_that_are_contended_lie_apart_unless_neighbours_show_otherwise),
        cmocka_unit_test(what_makes_no_sense_is_counted),
        cmocka_unit_test(dumps_in_one_file_are_moments),
        cmocka_unit_test(hprof_every_prefix_is_refused_or_warned_about),
        cmocka_unit_test(hprof_corpus_is_made_of_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
