/*
 * What a dump says of a service in the middle of its work: in one of a program of ours that throws,
 * queues, answers and asks (tests/e2e/desk), and of made ones where they are compared.
 */
#include "diff/series/series.h"
#include "dotnet/exception_objects.h"
#include "dotnet/heap_clocks.h"
#include "dotnet/http_requests.h"
#include "input/input.h"
#include "model/known_names.h"
#include "model/rows_process.h"
#include "model/snapfile.h"

#include "made.h"

#define DUMP "tests/dumps/desk.core.zst"

#define DUMP_2 "tests/dumps/desk-h2.core.zst" /* which answers and asks by HTTP/2 */

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

static void what_began_it_is_told_of_exceptions(void **state) {
    (void)state;
    struct snapshot s;
    struct err err;
    const struct input_options options = {0};
    uint32_t caused = 0;
    snapshot_init(&s);
    assert_true(input_read(DUMP_2, &options, &s, &err));
    SNAPSHOT_ROWS(&s, PART_EXCEPTIONS, struct exception_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        bool outer = strcmp(rows[i].type, "System.AggregateException") == 0;
        bool inner = strcmp(rows[i].type, "Desk+CartException") == 0 && !rows[i].thrown_in;
        desk_text_is(rows[i].innermost, outer || inner ? "System.TimeoutException" : NULL);
        if (!outer && !inner)
            continue;
        caused++;
        assert_int_equal(rows[i].objects, 2);
        assert_int_equal(rows[i].live_objects, 2);
    }
    assert_int_equal(caused, 2);
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

/* -- Requests ---------------------------------------------------------------------------------- */

struct wanted_request {
    const char *direction, *state, *method, *path;
    uint64_t count;
};

static void requests_are(const struct snapshot *s, const struct wanted_request *wanted,
                         uint32_t wanted_count) {
    SNAPSHOT_ROWS(s, PART_REQUESTS, struct request_row, rows, count);
    assert_int_equal(count, wanted_count);
    for (uint32_t i = 0; i < count; i++) {
        desk_text_is(rows[i].direction, wanted[i].direction);
        desk_text_is(rows[i].state, wanted[i].state);
        desk_text_is(rows[i].method, wanted[i].method);
        desk_text_is(rows[i].path, wanted[i].path);
        assert_int_equal(rows[i].count, wanted[i].count);
        /* It slept 1.5 s after the last of them. */
        assert_in_range(rows[i].oldest_ns, 1000000000, 60000000000);
        const char *port = strchr(rows[i].host, ':');
        assert_non_null(port);
        assert_int_equal(port == rows[i].host, strcmp(rows[i].direction, REQUEST_IN) == 0);
    }
}

/* What runs in the program, whichever version of HTTP it speaks. */
static const struct wanted_request by_route[] = {
    {REQUEST_IN, REQUEST_RUNNING, "GET", "/orders/{id}", 3},
    {REQUEST_OUT, REQUEST_SENT, "GET", "/orders/{}", 3},
    {REQUEST_IN, REQUEST_RUNNING, "POST", "/pay/{id}", 2},
    {REQUEST_OUT, REQUEST_SENT, "POST", "/pay/{}", 2},
};

static void requests_are_told_by_route_and_masked_path(void **state) {
    (void)state;
    struct snapshot s;
    desk_read(&s, false, false);
    requests_are(&s, by_route, 4);
    snapshot_deinit(&s);
}

/* A stream says that it has a request only when it answers; those that have answered are kept. */
static void requests_of_http_2_are_told_while_they_wait(void **state) {
    (void)state;
    const struct input_options options = {0};
    struct snapshot s;
    struct err err;
    snapshot_init(&s);
    assert_true(input_read(DUMP_2, &options, &s, &err));
    requests_are(&s, by_route, 4);
    snapshot_deinit(&s);
}

static void whole_paths_are_told_when_asked_for(void **state) {
    (void)state;
    static const struct wanted_request wanted[] = {
        {REQUEST_IN, REQUEST_RUNNING, "GET", "/orders/17?token=secret", 1},
        {REQUEST_IN, REQUEST_RUNNING, "GET", "/orders/18?token=secret", 1},
        {REQUEST_IN, REQUEST_RUNNING, "GET", "/orders/19?token=secret", 1},
        {REQUEST_IN, REQUEST_RUNNING, "POST", "/pay/0", 1},
        {REQUEST_IN, REQUEST_RUNNING, "POST", "/pay/1", 1},
        {REQUEST_OUT, REQUEST_SENT, "GET", "/orders/17?token=secret", 1},
        {REQUEST_OUT, REQUEST_SENT, "GET", "/orders/18?token=secret", 1},
        {REQUEST_OUT, REQUEST_SENT, "GET", "/orders/19?token=secret", 1},
        {REQUEST_OUT, REQUEST_SENT, "POST", "/pay/0", 1},
        {REQUEST_OUT, REQUEST_SENT, "POST", "/pay/1", 1},
    };
    struct snapshot s;
    desk_read(&s, true, false);
    requests_are(&s, wanted, 10);
    snapshot_deinit(&s);
}

static void a_program_without_http_has_no_requests_to_tell(void **state) {
    (void)state;
    static const struct input_options options = {.symbols = NULL};
    struct snapshot s;
    struct err err;
    snapshot_init(&s);
    assert_true(input_read("tests/dumps/tasks.core.zst", &options, &s, &err));
    assert_false(snapshot_has(&s, PART_REQUESTS));
    snapshot_deinit(&s);
}

static void paths_are_masked_where_they_are_particular(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"/orders/17/lines?token=x", "/orders/{}/lines"},
        {"/", "/"},
        {"", ""},
        {"/a/b/", "/a/b/"},
        {"//x", "//x"},
        {"/users/anna@shop.example/cart", "/users/{}/cart"},
        {"/api/v2/items", "/api/{}/items"},
        {"/exactly-24-characters-xx", "/{}"},
        {"/abcdefghijklmnopqrstuvwx", "/abcdefghijklmnopqrstuvwx"},
        {"/abcdefghijklmnopqrstuvwxy", "/{}"},
        {"/search#place", "/search"},
        {"/gr%C3%BCn", "/{}"},
        {"plain", "plain"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        http_path_mask(str_of(cases[i][0]), &out);
        assert_string_equal(strbuf_cstr(&out), cases[i][1]);
        strbuf_deinit(&out);
    }
}

static void addresses_are_split_without_their_users(void **state) {
    (void)state;
    static const struct {
        const char *uri, *host, *path;
    } cases[] = {
        {"http://127.0.0.1:80/a?b", "127.0.0.1:80", "/a?b"},
        {"https://anna:pass@shop.example", "shop.example", ""},
        {"https://a@b@shop.example/x", "shop.example", "/x"},
        {"http://[::1]:5000/x@y", "[::1]:5000", "/x@y"},
        {"https://shop.example?q=a@b", "shop.example", "?q=a@b"},
        {"/relative", NULL, NULL},
        {"http:///x", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str host, path;
        bool is = http_uri_split(str_of(cases[i].uri), &host, &path);
        assert_int_equal(is, cases[i].host != NULL);
        if (is) {
            assert_true(str_eq(host, str_of(cases[i].host)));
            assert_true(str_eq(path, str_of(cases[i].path)));
        }
    }
}

static void dates_of_headers_are_times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t seconds_1970; /* 0: no date */
    } cases[] = {
        {"Thu, 01 Jan 1970 00:00:01 GMT", 1},
        {"Sat, 28 Nov 2026 20:03:58 GMT", 1795896238},
        {"Thu, 29 Feb 2024 23:59:60 GMT", 1709251200},
        {"Sat, 28 Nov 2026 20:03:58 CET", 0},
        {"Sat, 28 Nex 2026 20:03:58 GMT", 0},
        {"Sat, 28 anF 2026 20:03:58 GMT", 0},
        {"Sat, 00 Nov 2026 20:03:58 GMT", 0},
        {"Sat, 28 Nov 2026 24:03:58 GMT", 0},
        {"Sat, 28 Nov 0000 20:03:58 GMT", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t ticks;
        bool is = heap_clock_date(str_of(cases[i].text), &ticks);
        assert_int_equal(is, cases[i].seconds_1970 != 0);
        if (is)
            assert_int_equal(ticks, 621355968000000000 + cases[i].seconds_1970 * 10000000);
    }
}

static void ages_that_cannot_be_are_not_known(void **state) {
    (void)state;
    struct clr clr = {.windows = false};
    struct modules m = {.clr = &clr};
    struct heap_clocks c = {
        .m = &m, .ticks_ms = 5000, .stamp = 7000000000, .stamp_rate = 1000000000};
    assert_int_equal(heap_clocks_since_ticks(&c, 4000), 3000000000); /* the later clock tells */
    assert_int_equal(heap_clocks_since_stamp(&c, 6500000000), 500000000);
    assert_true(heap_clocks_since_ticks(&c, 7001) == ABSENT);
    assert_true(heap_clocks_since_ticks(&c, 0) == ABSENT);
    assert_true(heap_clocks_since_date(&c, 1) == ABSENT);
    clr.windows = true; /* there they need not have begun together */
    assert_int_equal(heap_clocks_since_ticks(&c, 4000), 1000000000);
}

static void requests_are_compared_by_where_they_go(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct request_row *row = made_row(&m, i, PART_REQUESTS);
        row->direction = made_text(&m, i, REQUEST_OUT);
        row->state = made_text(&m, i, i ? REQUEST_QUEUED : REQUEST_SENT);
        row->method = made_text(&m, i, "GET");
        row->host = made_text(&m, i, "api.shop:443");
        row->path = made_text(&m, i, "/prices/{}");
        row->count = i ? 900 : 3;
    }
    made_series(&m);
    counts_are(&m, GROUP_REQUESTS, "out GET api.shop:443/prices/{}", 3, 900);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exceptions_are_told_by_type_place_and_message),
        cmocka_unit_test(what_began_it_is_told_of_exceptions),
        cmocka_unit_test(messages_are_not_kept_unless_asked_for),
        cmocka_unit_test(without_paths_exceptions_are_absent),
        cmocka_unit_test(messages_of_a_class_differ_by_numbers_and_quotes),
        cmocka_unit_test(long_messages_are_classed_by_their_beginning),
        cmocka_unit_test(exceptions_are_compared_by_type_and_by_place),
        cmocka_unit_test(work_is_told_by_queue_and_method),
        cmocka_unit_test(workers_are_counted),
        cmocka_unit_test(an_empty_queue_is_none_and_no_pool_is_absent),
        cmocka_unit_test(work_is_compared_by_what_it_calls),
        cmocka_unit_test(requests_are_told_by_route_and_masked_path),
        cmocka_unit_test(requests_of_http_2_are_told_while_they_wait),
        cmocka_unit_test(whole_paths_are_told_when_asked_for),
        cmocka_unit_test(a_program_without_http_has_no_requests_to_tell),
        cmocka_unit_test(paths_are_masked_where_they_are_particular),
        cmocka_unit_test(addresses_are_split_without_their_users),
        cmocka_unit_test(dates_of_headers_are_times),
        cmocka_unit_test(ages_that_cannot_be_are_not_known),
        cmocka_unit_test(requests_are_compared_by_where_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
