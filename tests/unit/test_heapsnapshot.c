/* Heap snapshots of V8: from the JSON to what holds the objects. */
#include "tests/support/logs.h"
#include "tests/support/read_bytes.h"

#include "base/file.h"
#include "base/json_scan.h"
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

extern const struct input input_heapsnapshot;

static bool heapsnapshot_read_bytes(struct bytes bytes, const struct input_options *options,
                                    struct snapshot *s, struct err *err) {
    snapshot_init(s);
    return input_read_bytes(bytes, "shop.heapsnapshot", NULL, options, s, err);
}

static void open_shop(struct file *file) {
    struct err err;
    assert_true(file_open(file, "tests/fixture/heapsnapshot/shop-1.heapsnapshot", &err));
}

static void read_shop(const struct input_options *options, struct snapshot *s) {
    struct file file;
    struct err err = {.msg = ""};
    open_shop(&file);
    assert_true(input_heapsnapshot.probe(bytes_slice(file.bytes, 0, INPUT_PROBE_BYTES)));
    if (!heapsnapshot_read_bytes(file.bytes, options, s, &err))
        fail_msg("%s", err.msg);
    file_close(&file);
}

/* The fixture with `from` replaced by `to`, which is as long at most and filled up by blanks. */
static struct bytes changed_shop(const char *from, const char *to) {
    struct file file;
    open_shop(&file);
    size_t length = strlen(from);
    char *copy = malloc(file.bytes.size);
    assert_non_null(copy);
    memcpy(copy, file.bytes.data, file.bytes.size);
    size_t at = str_find((struct str){copy, file.bytes.size}, str_of(from), 0);
    assert_true(at != STR_NOT_FOUND && strlen(to) <= length);
    memset(copy + at, ' ', length);
    memcpy(copy + at, to, strlen(to));
    struct bytes bytes = {(const uint8_t *)copy, file.bytes.size};
    file_close(&file);
    return bytes;
}

static void shop_type_is(const struct snapshot *s, const char *name, uint64_t objects,
                         uint64_t bytes) {
    const struct type_row *row = logs_type(s, name);
    if (!row)
        fail_msg("no type %s", name);
    assert_int_equal(row->gen[GEN_UNKNOWN].objects, objects);
    assert_int_equal(row->gen[GEN_UNKNOWN].bytes, bytes);
}

static void nodes_are_grouped_as_devtools_does_and_closures_by_their_function(void **state) {
    (void)state;
    static const struct input_options options = {0};
    struct snapshot s;
    read_shop(&options, &s);
    const struct origin_row *o = snapshot_origin(&s);
    assert_string_equal(o->format, "heapsnapshot");
    assert_string_equal(o->runtime, "V8");
    assert_int_equal(o->collected_first, 1);
    shop_type_is(&s, "Session", 10, 400);
    shop_type_is(&s, "(string)", 11, 440);
    shop_type_is(&s, "(array)", 3, 400);
    shop_type_is(&s, "(compiled code)", 3, 208);
    shop_type_is(&s, "(system)", 1, 40);
    shop_type_is(&s, "system / Context", 11, 368);
    shop_type_is(&s, "(closure) onPrice market.js:20", 10, 640);
    shop_type_is(&s, "(closure) serve market.js:41", 1, 64);
    shop_type_is(&s, "Detached <div>", 1, 120); /* its attributes are somebody's data */
    SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, types, type_count);
    for (uint32_t i = 0; i < type_count; i++) /* without a size: no objects */
        assert_string_not_equal(types[i].name, "(synthetic)");
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    assert_int_equal(live->objects, 72);
    assert_int_equal(live->bytes, 7696);
    assert_int_equal(live->stack_only_bytes, 72);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static const struct path_row *shop_path_to(const struct snapshot *s, const char *type) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].type && strcmp(rows[i].type, type) == 0)
            return &rows[i];
    fail_msg("no path to %s", type);
    return NULL;
}

static const struct path_row *parent_of(const struct snapshot *s, const struct path_row *row) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    assert_true(row->parent < count);
    return &rows[row->parent];
}

static void paths_go_from_the_global_object_by_names_of_variables(void **state) {
    (void)state;
    static const struct input_options options = {0};
    static const struct {
        const char *edge, *type;
    } way[] = {{"[]", "Session"},
               {"table", "(array)"},
               {"sessions", "Map"},
               {"context", "system / Context"},
               {"serve", "(closure) serve market.js:41"}};
    struct snapshot s;
    read_shop(&options, &s);
    const struct path_row *row = shop_path_to(&s, "Session");
    assert_int_equal(row->objects, 10);
    for (size_t i = 0; i < COUNT(way); i++) {
        assert_string_equal(row->type, way[i].type);
        assert_string_equal(row->edge, way[i].edge);
        row = parent_of(&s, row);
    }
    assert_string_equal(row->type, "global");
    assert_string_equal(row->root, "global");
    snapshot_deinit(&s);
}

static void what_is_weak_holds_nothing_and_a_weak_map_holds_by_its_key(void **state) {
    (void)state;
    static const struct input_options options = {0};
    struct snapshot s;
    read_shop(&options, &s);
    assert_string_equal(shop_path_to(&s, "Page")->root, "not reachable from roots");
    const struct path_row *draft = shop_path_to(&s, "Draft");
    assert_string_equal(draft->edge, "(weak map)");
    assert_string_equal(parent_of(&s, draft)->type, "Tab");
    assert_string_equal(shop_path_to(&s, "Request")->root, "stack (handles of native code)");
    snapshot_deinit(&s);
}

static void text_of_strings_is_nowhere(void **state) {
    (void)state;
    struct snapshot s;
    struct answers answers;
    struct question question = {.asked = {[QUESTION_DUPLICATES] = true, [QUESTION_PATH] = true},
                                .path_of = "Session"};
    answers_init(&answers, &question);
    const struct input_options options = {.answers = &answers, .places = true, .contents = true};
    read_shop(&options, &s);
    SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, types, type_count);
    for (uint32_t i = 0; i < type_count; i++)
        assert_true(!strstr(types[i].name, "guest") && !strstr(types[i].name, "basket"));
    SNAPSHOT_ROWS(&s, PART_PATHS, struct path_row, paths, path_count);
    assert_true(type_count && path_count && answers.paths.count);
    for (uint32_t i = 0; i < path_count; i++)
        assert_true(!paths[i].edge || !strstr(paths[i].edge, "part of key"));
    snapshot_deinit(&s);
    answers_deinit(&answers);
}

static void equal_strings_are_found_without_being_kept(void **state) {
    (void)state;
    struct snapshot s;
    struct answers answers;
    const struct question question = {.asked = {[QUESTION_DUPLICATES] = true}};
    struct bytes bytes = changed_shop("\"guest \\\"1\\\" \\\\ x\"", "\"guest \\\"0\\\" \\\\ \"");
    struct err err = {.msg = ""};
    answers_init(&answers, &question);
    const struct input_options options = {.answers = &answers};
    assert_true(heapsnapshot_read_bytes(bytes, &options, &s, &err));
    assert_int_equal(answers.duplicates.objects, 11);
    assert_int_equal(answers.duplicates.groups, 1);
    assert_int_equal(answers.duplicates.copies, 2);
    snapshot_deinit(&s);
    answers_deinit(&answers);
    free((void *)(uintptr_t)bytes.data);
}

static void every_prefix_of_a_heap_snapshot_is_refused_or_warned_about(void **state) {
    (void)state;
    static const struct input_options options = {.places = true};
    struct file file;
    open_shop(&file);
    size_t read = 0;
    for (size_t size = 1; size + 1 < file.bytes.size; size++) { /* the last is the end of a line */
        uint8_t *copy = malloc(size);
        struct snapshot s;
        struct err err = {.msg = ""};
        assert_non_null(copy);
        memcpy(copy, file.bytes.data, size);
        snapshot_init(&s);
        bool ok = input_read_bytes((struct bytes){copy, size}, "shop.heapsnapshot",
                                   &input_heapsnapshot, &options, &s, &err);
        if (!ok)
            assert_true(err.msg[0] != 0);
        else if (snapshot_trust(&s) == TRUST_EXACT)
            fail_msg("%zu bytes pass for the whole", size);
        read += ok;
        snapshot_deinit(&s);
        free(copy);
    }
    assert_true(read > file.bytes.size / 10); /* some strings are there */
    file_close(&file);
}

static const struct {
    const char *what, *from, *to;
    bool read;
    const char *message; /* of the error, or of a reason of the trust */
} changes[] = {
    {"no field of sizes", "\"self_size\"", "\"size\"", false, "lack fields"},
    {"more nodes than there are", "\"node_count\":77", "\"node_count\":99", true,
     "objects are not in the file"},
    {"an edge to no node", "[1,1,7,", "[1,1,8,", true, "references of objects are broken"},
    {"no nodes", "\"nodes\":[", "\"modes\":[", false, "no nodes"},
    {"no edges", "\"edges\":[", "\"hedge\":[", true, "no roots"},
    {"letters among the edges", "1,2,21,1,3,28,", "1,2,21,x,3,28,", true, "fewer references"},
};

static bool trust_says(const struct snapshot *s, const char *text) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strstr(rows[i].text, text))
            return true;
    return false;
}

static void what_does_not_fit_is_refused_or_told(void **state) {
    (void)state;
    static const struct input_options options = {.places = true};
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct err err = {.msg = ""};
        struct snapshot s;
        struct bytes bytes = changed_shop(changes[i].from, changes[i].to);
        bool ok = heapsnapshot_read_bytes(bytes, &options, &s, &err);
        if (ok != changes[i].read)
            fail_msg("%s: %s", changes[i].what, ok ? "read" : err.msg);
        if (ok ? !trust_says(&s, changes[i].message) : !strstr(err.msg, changes[i].message))
            fail_msg("%s: not '%s' but '%s'", changes[i].what, changes[i].message, err.msg);
        snapshot_deinit(&s);
        free((void *)(uintptr_t)bytes.data);
    }
}

/* A function whose script is looked for among references that the file does not have at all. */
static void a_file_without_edges_names_functions_all_the_same(void **state) {
    (void)state;
    static const struct input_options options = {.places = true};
    static const char text[] =
        "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\","
        "\"edge_count\"],\"node_types\":[[\"hidden\",\"object\",\"closure\",\"synthetic\"],"
        "\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\","
        "\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"internal\"],"
        "\"string_or_number\",\"node\"],\"location_fields\":[\"object_index\",\"script_id\","
        "\"line\",\"column\"]},\"node_count\":2,\"edge_count\":3},"
        "\"nodes\":[3,0,1,0,1,2,1,3,64,2],\"locations\":[5,7,3,0],\"strings\":[\"\",\"f\"]}";
    struct err err = {.msg = ""};
    struct snapshot s;
    struct bytes bytes = {(const uint8_t *)text, sizeof(text) - 1};
    assert_true(heapsnapshot_read_bytes(bytes, &options, &s, &err));
    shop_type_is(&s, "(closure) f", 1, 64);
    assert_true(trust_says(&s, "no roots"));
    snapshot_deinit(&s);
}

static void a_graph_that_takes_too_much_memory_is_refused_and_types_are_not(void **state) {
    (void)state;
    static const struct input_options options = {.max_memory = 1};
    struct snapshot s;
    read_shop(&options, &s);
    shop_type_is(&s, "Session", 10, 400);
    assert_false(snapshot_has(&s, PART_PATHS));
    assert_true(trust_says(&s, "what holds the objects was not looked for"));
    snapshot_deinit(&s);
}

/* -- The scanner of JSON ----------------------------------------------------------------------- */

static void escapes_and_pairs_of_them_are_resolved(void **state) {
    (void)state;
    static const char text[] = "\"a\\u00e9\\ud83d\\ude00\\\"\\n\\\\\" 12 -3 [[1,\"]\"],{}] x";
    struct json_scan j = {.rest = {text, sizeof(text) - 1}};
    struct strbuf out;
    strbuf_init(&out);
    assert_true(str_eq(json_scan_string(&j, &out), STR("a\xc3\xa9\xf0\x9f\x98\x80\" \\")));
    assert_int_equal(json_scan_number(&j), 12);
    assert_true(json_scan_number(&j) == UINT64_MAX);
    json_scan_skip(&j);
    assert_false(j.bad);
    assert_int_equal(json_scan_peek(&j), 'x');
    assert_false(json_scan_want(&j, 'y'));
    assert_true(j.bad);
    strbuf_deinit(&out);
}

static void json_that_is_nested_too_deep_is_bad(void **state) {
    (void)state;
    char text[2 * JSON_SCAN_DEPTH_MOST + 4];
    memset(text, '[', sizeof(text));
    struct json_scan j = {.rest = {text, sizeof(text)}};
    json_scan_skip(&j);
    assert_true(j.bad);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_grouped_as_devtools_does_and_closures_by_their_function),
        cmocka_unit_test(paths_go_from_the_global_object_by_names_of_variables),
        cmocka_unit_test(what_is_weak_holds_nothing_and_a_weak_map_holds_by_its_key),
        cmocka_unit_test(text_of_strings_is_nowhere),
        cmocka_unit_test(equal_strings_are_found_without_being_kept),
        cmocka_unit_test(every_prefix_of_a_heap_snapshot_is_refused_or_warned_about),
        cmocka_unit_test(what_does_not_fit_is_refused_or_told),
        cmocka_unit_test(a_file_without_edges_names_functions_all_the_same),
        cmocka_unit_test(a_graph_that_takes_too_much_memory_is_refused_and_types_are_not),
        cmocka_unit_test(escapes_and_pairs_of_them_are_resolved),
        cmocka_unit_test(json_that_is_nested_too_deep_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
