/*
 * What a dump says of a service in the middle of its work: in one of a program of ours that throws,
 * queues, answers and asks (tests/e2e/desk), and of made ones where they are compared.
 */
#include "diff/series/series.h"
#include "dotnet/exception_objects.h"
#include "input/input.h"
#include "model/known_names.h"
#include "model/rows_process.h"
#include "model/snapfile.h"

#include "made.h"

#define DUMP "tests/dumps/desk.core.zst"

static void desk_read(struct snapshot *s, bool contents, bool no_paths) {
    const struct input_options options = {.contents = contents, .no_paths = no_paths};
    struct err err;
    snapshot_init(s);
    if (!input_read(DUMP, &options, s, &err))
        fail_msg("%s: %s", DUMP, err.msg);
    /* A page inside of an array was not looked at, so it was cut out. */
    assert_int_not_equal(snapshot_trust(s), TRUST_UNUSABLE);
}

static void desk_text_is(const char *text, const char *wanted) {
    assert_string_equal(text ? text : "(none)", wanted ? wanted : "(none)");
}

/* -- Exceptions -------------------------------------------------------------------------------- */

static void exceptions_are_told_by_type_place_and_message(void **state) {
    (void)state;
    static const struct {
        const char *type, *thrown_in, *message;
        uint64_t objects, live;
    } wanted[] = {
        {"System.InvalidOperationException", "Desk+Till.Pay", "order 100 is closed", 12, 12},
        {"Desk+CartException", "Desk.Fill", "the cart is full", 7, 0},
        {"System.InvalidOperationException", "Desk+Till.Refund", "order 100 was never paid", 5, 5},
        {"System.TimeoutException", "Desk+Printer.Print", "no answer from 'printer a' in time", 4,
         4},
        {"System.OperationCanceledException", NULL, "The operation was canceled.", 3, 3},
    };
    struct snapshot s;
    desk_read(&s, true, false);
    SNAPSHOT_ROWS(&s, PART_EXCEPTIONS, struct exception_row, rows, count);
    assert_int_equal(count, sizeof(wanted) / sizeof(*wanted));
    for (uint32_t i = 0; i < count; i++) {
        desk_text_is(rows[i].type, wanted[i].type);
        desk_text_is(rows[i].thrown_in, wanted[i].thrown_in);
        desk_text_is(rows[i].message, wanted[i].message);
        assert_int_equal(rows[i].objects, wanted[i].objects);
        assert_int_equal(rows[i].live_objects, wanted[i].live);
        assert_int_equal(strlen(rows[i].message_class), 8);
    }
    snapshot_deinit(&s);
}

/* Nor does a file: what a .snap is made of has no text of the heap. */
static void messages_are_not_kept_unless_asked_for(void **state) {
    (void)state;
    struct snapshot s;
    struct strbuf file;
    struct err err;
    desk_read(&s, false, false);
    SNAPSHOT_ROWS(&s, PART_EXCEPTIONS, struct exception_row, rows, count);
    assert_int_equal(count, 5);
    for (uint32_t i = 0; i < count; i++)
        assert_null(rows[i].message);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    assert_false(str_contains(strbuf_str(&file), STR("never paid")));
    strbuf_deinit(&file);
    snapshot_deinit(&s);
}

static void without_paths_exceptions_are_absent(void **state) {
    (void)state;
    struct snapshot s;
    desk_read(&s, false, true);
    assert_false(snapshot_has(&s, PART_EXCEPTIONS));
    snapshot_deinit(&s);
}

static uint32_t class_of(const char *text) {
    uint8_t units[2 * 600];
    size_t count = strlen(text);
    assert_true(count <= 600);
    for (size_t i = 0; i < count; i++) {
        units[2 * i] = (uint8_t)text[i];
        units[2 * i + 1] = 0;
    }
    return exception_message_class(units, count);
}

static void messages_of_a_class_differ_by_numbers_and_quotes(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"order 100 is closed", "order 7 is closed", true},
        {"order 100 is closed", "order 100 was closed", false},
        {"no file 'a b'", "no file 'c'", true},
        {"no file \"a\"", "no file 'a'", true},
        {"key 7f2d-14c0-aa lost", "key 0123-4567-9f lost", true},
        {"don't pay", "don't play", false},            /* an apostrophe, and no other */
        {"can't and won't", "can't and can't", false}, /* two are no quotes either */
        {"'open", "'shut", false},                     /* never closed */
        {"x1", "y2", true},
        {"", "a", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if ((class_of(cases[i].a) == class_of(cases[i].b)) != cases[i].same)
            fail_msg("%s | %s", cases[i].a, cases[i].b);
    assert_int_not_equal(class_of(""), 0);
}

/* Long ones by their beginning, without a step beyond their end. */
static void long_messages_are_classed_by_their_beginning(void **state) {
    (void)state;
    char text[601];
    memset(text, 'a', 600);
    text[600] = '\0';
    uint32_t all = class_of(text);
    text[599] = 'b';
    assert_int_equal(class_of(text), all);
    text[0] = 'b';
    assert_int_not_equal(class_of(text), all);
    memset(text, '\'', 600);
    assert_int_not_equal(class_of(text), 0);
}

static void add_exceptions(struct made *m, uint32_t i, const char *type, const char *thrown_in,
                           const char *message_class, uint64_t objects) {
    struct exception_row *row = made_row(m, i, PART_EXCEPTIONS);
    row->type = made_text(m, i, type);
    row->thrown_in = thrown_in ? made_text(m, i, thrown_in) : NULL;
    row->message_class = message_class ? made_text(m, i, message_class) : NULL;
    row->objects = row->live_objects = objects;
}

static void counts_are(const struct made *m, enum series_group group, const char *name,
                       uint64_t base, uint64_t last) {
    const struct series_value *v = NULL;
    for (uint32_t i = 0; i < m->series.value_count; i++)
        if (m->series.values[i].group == group && strcmp(m->series.values[i].name, name) == 0)
            v = &m->series.values[i];
    if (!v)
        fail_msg("no value %s", name);
    assert_int_equal(v->counts[0], base);
    assert_int_equal(v->counts[1], last);
}

static void exceptions_are_compared_by_type_and_by_place(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    add_exceptions(&m, 0, "Shop.SqlException", "Shop.Db.Open", "00000001", 10);
    add_exceptions(&m, 0, "Shop.SqlException", "Shop.Db.Read", NULL, 2);
    add_exceptions(&m, 1, "Shop.SqlException", "Shop.Db.Open", "00000001", 4300);
    add_exceptions(&m, 1, "Shop.SqlException", "Shop.Db.Read", NULL, 2);
    add_exceptions(&m, 1, "Shop.SqlException", NULL, NULL, 8);
    made_series(&m);
    counts_are(&m, GROUP_EXCEPTION_TYPE, "Shop.SqlException", 12, 4310);
    counts_are(&m, GROUP_EXCEPTION_THROWN, "Shop.SqlException in Shop.Db.Open (message 00000001)",
               10, 4300);
    counts_are(&m, GROUP_EXCEPTION_THROWN, "Shop.SqlException in Shop.Db.Read", 2, 2);
    counts_are(&m, GROUP_EXCEPTION_THROWN, "Shop.SqlException, no stack", 0, 8);
    made_deinit(&m);
}

/* -- Work -------------------------------------------------------------------------------------- */

static void counter_is(const struct snapshot *s, const char *name, uint64_t value) {
    SNAPSHOT_ROWS(s, PART_COUNTERS, struct counter_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0) {
            assert_int_equal(rows[i].value, value);
            return;
        }
    fail_msg("no counter %s", name);
}

static void work_is_told_by_queue_and_method(void **state) {
    (void)state;
    static const struct {
        const char *queue, *method, *type;
        uint64_t objects;
    } wanted[] = {
        {WORK_GLOBAL, "Desk.Bill", "System.Threading.QueueUserWorkItemCallbackDefaultContext", 40},
        {WORK_GLOBAL, "Desk.Post", "System.Threading.Tasks.Task", 25},
        {WORK_LOCAL, "Desk.Post", "System.Threading.Tasks.Task", 15},
        {WORK_GLOBAL, "Desk+<Sweep>d__22", "Desk+<Sweep>d__22", 10},
    };
    struct snapshot s;
    desk_read(&s, false, false);
    SNAPSHOT_ROWS(&s, PART_WORK, struct work_row, rows, count);
    assert_int_equal(count, sizeof(wanted) / sizeof(*wanted));
    for (uint32_t i = 0; i < count; i++) {
        desk_text_is(rows[i].queue, wanted[i].queue);
        desk_text_is(rows[i].method, wanted[i].method);
        desk_text_is(rows[i].type, wanted[i].type);
        assert_int_equal(rows[i].objects, wanted[i].objects);
    }
    counter_is(&s, COUNTER_QUEUE_LENGTH, 90);
    snapshot_deinit(&s);
}

static void workers_are_counted(void **state) {
    (void)state;
    struct snapshot s;
    desk_read(&s, false, false);
    counter_is(&s, COUNTER_WORKERS_TOTAL, 3);
    counter_is(&s, COUNTER_WORKERS_RUNNING, 2);
    counter_is(&s, COUNTER_WORKERS_IDLE, 1);
    counter_is(&s, COUNTER_WORKERS_MIN, 2);
    counter_is(&s, COUNTER_WORKERS_MAX, 2);
    snapshot_deinit(&s);
}

/* Nothing queued is none, and no pool says nothing. */
static void an_empty_queue_is_none_and_no_pool_is_absent(void **state) {
    (void)state;
    static const struct {
        const char *dump;
        bool has;
    } cases[] = {{"tests/dumps/tasks.core.zst", true}, {"tests/dumps/holders.core.zst", false}};
    static const struct input_options options = {.symbols = NULL};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct err err;
        snapshot_init(&s);
        assert_true(input_read(cases[i].dump, &options, &s, &err));
        assert_int_equal(snapshot_has(&s, PART_WORK), cases[i].has);
        assert_int_equal(s.tables[PART_WORK].count, 0);
        if (cases[i].has)
            counter_is(&s, COUNTER_QUEUE_LENGTH, 0);
        snapshot_deinit(&s);
    }
}

static void add_work(struct made *m, uint32_t i, const char *queue, const char *method,
                     const char *type, uint64_t objects) {
    struct work_row *row = made_row(m, i, PART_WORK);
    row->queue = made_text(m, i, queue);
    row->method = method ? made_text(m, i, method) : NULL;
    row->type = made_text(m, i, type);
    row->objects = objects;
}

static void work_is_compared_by_what_it_calls(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    add_work(&m, 0, WORK_GLOBAL, "Shop.Mail.Send", "Task", 3);
    add_work(&m, 1, WORK_GLOBAL, "Shop.Mail.Send", "Task", 4000);
    add_work(&m, 1, WORK_LOCAL, "Shop.Mail.Send", "Task", 200);
    add_work(&m, 1, WORK_LOCAL, NULL, "Shop.Item", 2);
    made_series(&m);
    counts_are(&m, GROUP_WORK, "Shop.Mail.Send", 3, 4200);
    counts_are(&m, GROUP_WORK, "Shop.Item", 0, 2);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exceptions_are_told_by_type_place_and_message),
        cmocka_unit_test(messages_are_not_kept_unless_asked_for),
        cmocka_unit_test(without_paths_exceptions_are_absent),
        cmocka_unit_test(messages_of_a_class_differ_by_numbers_and_quotes),
        cmocka_unit_test(long_messages_are_classed_by_their_beginning),
        cmocka_unit_test(exceptions_are_compared_by_type_and_by_place),
        cmocka_unit_test(work_is_told_by_queue_and_method),
        cmocka_unit_test(workers_are_counted),
        cmocka_unit_test(an_empty_queue_is_none_and_no_pool_is_absent),
        cmocka_unit_test(work_is_compared_by_what_it_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
