/* The gate: what is measured, when it fails, and what comes out for CI. */
#include "base/file.h"
#include "diff/gate/gate_report.h"
#include "tests/unit/made.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/rows_stacks.h"
#include "model/rows_threads.h"

#include <math.h>
#include <stdio.h>
#include <sys/wait.h>

/* -- Judging ----------------------------------------------------------------------------------- */

struct run {
    struct made m;
    struct budgets budgets;
    struct gate gate;
};

/* A small shop: 1,000,000 bytes of it stay, orders grow by 100 of 100 bytes at each step. */
static void gate_fill(struct made *m, uint32_t i) {
    made_type(m, i, "Shop.Order", "shop.dll", GEN_2, 1000 + 100 * i, 100000 + 10000 * i);
    made_type(m, i, "Shop.Price", "shop.dll", GEN_LOH, 10, 900000);
    made_type(m, i, "Shopping.Cart", "cart.dll", GEN_0, 5, 500);
    made_type(m, i, "Free", "", GEN_2, 50, 70000 * i);
    for (uint32_t k = 0; k <= 3 * i; k++)
        made_thread(m, i, 10 + k, "worker");
    struct thread_row *dead = made_thread(m, i, 99, NULL);
    dead->state = made_text(m, i, "dead");
    struct finalizer_row *finalizer = made_row(m, i, PART_FINALIZER);
    finalizer->ready = 7 * i;
    for (int k = 0; k < 2; k++) {
        struct handle_row *handle = made_row(m, i, PART_HANDLES);
        handle->kind = made_text(m, i, k ? "Pinned" : "Strong");
        handle->count = k ? 5 : 10 + 4 * i;
    }
    struct os_handle_row *os = made_row(m, i, PART_OS_HANDLES);
    os->type = made_text(m, i, "Event");
    os->count = 100 + i;
    struct memory_row *memory = made_row(m, i, PART_MEMORY_MAP);
    memory->by = MEMORY_BY_USAGE;
    memory->key = made_text(m, i, "native");
    memory->bytes = 5000000 + 1000000 * (uint64_t)i;
    memory->regions = 3;
    struct gc_row *gc = made_row(m, i, PART_GC);
    gc->committed_bytes = 2000000;
    struct stack_row *stack = made_row(m, i, PART_STACKS);
    made_frames(m, i, &stack->frames, "lib!grow|app!main");
    stack->module = made_text(m, i, "lib.so");
    stack->count = 3 + i;
    stack->bytes = 4096 + 1024 * i;
    struct path_row *root = made_row(m, i, PART_PATHS);
    root->root = made_text(m, i, "static Shop.Orders");
    root->type = made_text(m, i, "Shop.Order[]");
    root->objects = 1001 + 100 * i;
    root->bytes = 110000 + 10000 * i;
    root->own_objects = 1;
    root->own_bytes = 10000;
}

static void run_snapshots(struct run *r, const char *json, uint32_t snapshots,
                          const struct gate_options *more) {
    struct gate_options options = more ? *more : (struct gate_options){.iterations = 0};
    struct err err = {.msg = ""};
    if (!options.today)
        options.today = "2026-11-22";
    made_init(&r->m, snapshots);
    for (uint32_t i = 0; i < snapshots; i++)
        gate_fill(&r->m, i);
    made_series(&r->m);
    if (!budgets_parse(&r->budgets, str_of(json), &err))
        fail_msg("%s", err.msg);
    if (!gate_run(&r->gate, &r->m.series, &r->budgets, &options, &err))
        fail_msg("%s", err.msg);
}

static void run_budget(struct run *r, const char *budget, uint32_t snapshots,
                       const struct gate_options *more) {
    char json[600];
    snprintf(json, sizeof(json),
             "{\"budgets\": [{%s}], \"floors\": {\"bytes\": 1, \"objects\": 1}}", budget);
    run_snapshots(r, json, snapshots, more);
}

static void gate_drop(struct run *r) {
    gate_deinit(&r->gate);
    budgets_deinit(&r->budgets);
    made_deinit(&r->m);
}

static const char *says(const struct gate_result *result) {
    static char text[400];
    struct strbuf out;
    strbuf_init(&out);
    gate_say_result(result, &out);
    snprintf(text, sizeof(text), "%s", strbuf_cstr(&out));
    strbuf_deinit(&out);
    return text;
}

static void each_kind_of_budget_passes_and_is_breached(void **state) {
    (void)state;
    static const struct {
        const char *budget;
        uint32_t snapshots;
        enum gate_status status;
        const char *says;
    } cases[] = {
        /* Free space is in no total. */
        {"\"on\": \"total\", \"max\": 1010500", 2, GATE_PASS, "is 986.8 KiB"},
        {"\"on\": \"total\", \"max\": 1010499", 2, GATE_BREACH, "is 986.8 KiB"},
        {"\"on\": \"total\", \"growth\": \"1%\"", 2, GATE_PASS, "is +9.8 KiB (+1.0 %)"},
        {"\"on\": \"total\", \"growth\": \"0.9%\"", 2, GATE_BREACH, "growth 0.9 % (8.8 KiB)"},
        {"\"on\": \"total\", \"of\": \"objects\", \"growth\": 99", 2, GATE_BREACH, "is +100"},
        {"\"on\": \"generation\", \"which\": \"loh\", \"max\": 900000", 2, GATE_PASS, ""},
        {"\"on\": \"generation\", \"which\": \"gen2\", \"growth\": 9999", 2, GATE_BREACH, ""},
        {"\"on\": \"type\", \"which\": \"Shop.Order\", \"of\": \"objects\", \"max\": 1099", 2,
         GATE_BREACH, "max 1,099: is 1,100"},
        {"\"on\": \"namespace\", \"which\": \"Shop\", \"max\": 1010000", 2, GATE_PASS, ""},
        {"\"on\": \"namespace\", \"which\": \"Shop\", \"max\": 1009999", 2, GATE_BREACH, ""},
        {"\"on\": \"assembly\", \"which\": \"CART.dll\", \"max\": 499", 2, GATE_BREACH, "is 500 B"},
        {"\"on\": \"regex\", \"which\": \"^Shop\", \"max\": 1010500", 2, GATE_PASS, ""},
        {"\"on\": \"regex\", \"which\": \"Ord.r$\", \"growth\": 9999", 2, GATE_BREACH, ""},
        /* Dead threads do not count. */
        {"\"on\": \"threads\", \"max\": 4, \"growth\": 3", 2, GATE_PASS, "is +3"},
        {"\"on\": \"threads\", \"growth\": 2", 2, GATE_BREACH, "is +3"},
        {"\"on\": \"ready\", \"max\": 6", 2, GATE_BREACH, "is 7"},
        {"\"on\": \"handles\", \"growth\": 3", 2, GATE_BREACH, "is +4"},
        {"\"on\": \"handles\", \"which\": \"Pinned\", \"growth\": 0", 2, GATE_PASS, ""},
        {"\"on\": \"os_handles\", \"which\": \"Event\", \"max\": 100", 2, GATE_BREACH, "is 101"},
        {"\"on\": \"native\", \"growth\": \"1MB\"", 2, GATE_PASS, "is +976.6 KiB"},
        {"\"on\": \"native\", \"max\": 3999999", 2, GATE_BREACH, ""},
        {"\"on\": \"stacks\", \"which\": \"lib.so\", \"growth\": 1023", 2, GATE_BREACH, ""},
        {"\"on\": \"stacks\", \"of\": \"objects\", \"max\": 4", 2, GATE_PASS, "is 4"},
        {"\"on\": \"paths\", \"which\": \"^static Shop\", \"growth\": 9999", 2, GATE_BREACH, ""},
        {"\"on\": \"paths\", \"which\": \"^static Shop\", \"growth\": 10000", 2, GATE_PASS, ""},
        {"\"on\": \"verdict\", \"not\": [\"leak\"]", 4, GATE_BREACH, "1 type with a verdict"},
        {"\"on\": \"verdict\", \"which\": \"Price\", \"not\": [\"leak\"]", 4, GATE_PASS, "no type"},
        {"\"on\": \"verdict\", \"not\": [\"growing\"]", 2, GATE_BREACH, "1 type"},
        /* What two snapshots cannot tell must not pass. */
        {"\"on\": \"verdict\", \"not\": [\"leak\"]", 2, GATE_INCONCLUSIVE, "take a third"},
        {"\"on\": \"total\", \"growth\": 1", 1, GATE_INCONCLUSIVE, "there is no baseline"},
        {"\"on\": \"total\", \"max\": \"1GiB\"", 1, GATE_PASS, ""},
        {"\"on\": \"total\", \"growth_per_iteration\": 1", 2, GATE_INCONCLUSIVE,
         "the number of iterations is not known"},
        /* A breach is one, whatever else is not known. */
        {"\"on\": \"total\", \"max\": 1, \"growth_per_iteration\": 1", 2, GATE_BREACH, "max 1 B"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct run r;
        run_budget(&r, cases[i].budget, cases[i].snapshots, NULL);
        const struct gate_result *result = &r.gate.results[0];
        if (result->status != cases[i].status || !strstr(says(result), cases[i].says))
            fail_msg("%s: %s: %s", cases[i].budget, gate_status_names[result->status],
                     says(result));
        assert_int_equal(gate_exit_status(&r.gate), cases[i].status == GATE_BREACH         ? 1
                                                    : cases[i].status == GATE_INCONCLUSIVE ? 3
                                                                                           : 0);
        gate_drop(&r);
    }
}

static void growth_is_divided_by_iterations(void **state) {
    (void)state;
    struct run r;
    const struct gate_options per = {.iterations = 1000};
    run_budget(&r, "\"on\": \"type\", \"which\": \"Shop.Order\", \"growth_per_iteration\": 10", 2,
               &per);
    assert_int_equal(r.gate.results[0].status, GATE_PASS);
    assert_true(fabs(r.gate.results[0].checks[0].actual - 10) < 1e-9);
    gate_drop(&r);
    run_snapshots(&r,
                  "{\"iterations\": 1001, \"budgets\": [{\"on\": \"type\", \"which\": "
                  "\"Shop.Order\", \"growth_per_iteration\": 9.9}]}",
                  2, NULL);
    assert_int_equal(r.gate.results[0].status, GATE_BREACH);
    gate_drop(&r);
}

/* One snapshot in the middle of a collection: the median slope does not care. */
static void growth_of_many_snapshots_is_not_that_of_the_last_one(void **state) {
    (void)state;
    struct made m;
    struct gate g;
    struct budgets b;
    struct err err = {.msg = ""};
    static const uint64_t bytes[] = {100000, 101000, 100000, 101000, 100000, 160000};
    made_init(&m, 6);
    for (uint32_t i = 0; i < 6; i++)
        made_type(&m, i, "Shop.Order", "shop.dll", GEN_2, 100, bytes[i]);
    made_series(&m);
    assert_true(budgets_parse(
        &b, str_of("{\"budgets\": [{\"on\": \"total\", \"growth\": \"5%\"}]}"), &err));
    const struct gate_options options = {.today = "2026-11-22"};
    assert_true(gate_run(&g, &m.series, &b, &options, &err));
    assert_int_equal(g.results[0].status, GATE_PASS);
    gate_deinit(&g);
    budgets_deinit(&b);
    made_deinit(&m);
}

#define BENIGN(expires) \
    "{\"floors\": {\"bytes\": 1, \"objects\": 1}, \"budgets\": [{\"on\": \"verdict\", \"not\": " \
    "[\"leak\"]}, {\"on\": \"namespace\", \"which\": \"Shop\", \"growth\": 0}],\n" \
    "\"benign\": [{\"which\": \"Order$\", \"reason\": \"kept a day\", \"expires\": \"" expires \
    "\"},\n{\"which\": \"^Nobody\", \"reason\": \"gone\", \"expires\": \"2099-01-01\"}]}"

static bool gate_warned(const struct gate *g, const char *text) {
    for (uint32_t i = 0; i < g->warning_count; i++)
        if (strstr(g->warnings[i], text))
            return true;
    return false;
}

static void benign_types_are_excused_until_their_day(void **state) {
    (void)state;
    struct run r;
    run_snapshots(&r, BENIGN("2026-11-22"), 4, NULL);
    assert_int_equal(gate_exit_status(&r.gate), 0);
    assert_false(gate_warned(&r.gate, "was benign"));
    assert_true(gate_warned(&r.gate, "line 3: \"^Nobody\" is benign (gone), but excuses nothing"));
    gate_drop(&r);
    run_snapshots(&r, BENIGN("2026-11-21"), 4, NULL);
    assert_int_equal(r.gate.breaches, 2);
    assert_true(
        gate_warned(&r.gate, "line 2: \"Order$\" was benign until 2026-11-21 (kept a day)"));
    gate_drop(&r);
}

static void what_matches_nothing_is_said(void **state) {
    (void)state;
    static const char *const budgets[] = {
        "\"on\": \"type\", \"which\": \"Shop.Nobody\", \"max\": 1",
        "\"on\": \"handles\", \"which\": \"Weak\", \"max\": 1",
        "\"on\": \"stacks\", \"which\": \"other.so\", \"max\": 1",
        "\"on\": \"paths\", \"which\": \"nowhere\", \"max\": 1",
        "\"on\": \"verdict\", \"which\": \"Nobody\", \"not\": [\"leak\"]",
    };
    const struct gate_options strict = {.strict = true};
    for (size_t i = 0; i < sizeof(budgets) / sizeof(*budgets); i++) {
        struct run r;
        run_budget(&r, budgets[i], 3, NULL);
        assert_int_equal(gate_exit_status(&r.gate), 0);
        assert_true(gate_warned(&r.gate, "matches nothing"));
        gate_drop(&r);
        run_budget(&r, budgets[i], 3, &strict);
        assert_int_equal(gate_exit_status(&r.gate), 3);
        gate_drop(&r);
    }
}

static void a_first_run_has_no_baseline(void **state) {
    (void)state;
    struct run r;
    const struct gate_options first = {.allow_missing = true};
    run_budget(&r, "\"on\": \"total\", \"max\": \"1GiB\", \"growth\": 1", 1, &first);
    assert_int_equal(gate_exit_status(&r.gate), 0);
    assert_true(gate_warned(&r.gate, "there is no baseline"));
    gate_drop(&r);
    run_budget(&r, "\"on\": \"total\", \"max\": 5, \"growth\": 1", 1, &first);
    assert_int_equal(gate_exit_status(&r.gate), 1);
    gate_drop(&r);
}

/* Half a heap passes every budget: that must not be green. */
static void what_was_not_read_does_not_pass(void **state) {
    (void)state;
    struct made m;
    struct gate g;
    struct budgets b;
    struct err err = {.msg = ""};
    const struct gate_options options = {.today = "2026-11-22"};
    static const struct {
        bool skipped, partial, in_gc, cut;
        const char *json, *why;
    } cases[] = {
        {true, true, false, false, "", "part of the heap of a snapshot could not be read"},
        {false, true, false, false, ", \"trust\": \"exact\"", "a snapshot is not exact"},
        {false, true, false, false, "", NULL},
        {false, false, true, false, "", "garbage collection"},
        {false, false, false, true, "", "a snapshot lacks rows of what this is about"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char json[200];
        made_init(&m, 2);
        for (uint32_t k = 0; k < 2; k++) {
            made_type(&m, k, "Shop.Order", "shop.dll", GEN_2, 100, 1000);
            struct gc_row *gc = made_row(&m, k, PART_GC);
            gc->in_progress = k && cases[i].in_gc;
            if (k && cases[i].skipped)
                gc->skipped_bytes = 4096;
            if (k && cases[i].cut)
                builder_absent(m.builders[k], PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT, "cut");
            if (k && cases[i].partial)
                builder_warn(m.builders[k], 1, "something was cut");
        }
        made_series(&m);
        snprintf(json, sizeof(json), "{\"budgets\": [{\"on\": \"total\", \"max\": 5000}]%s}",
                 cases[i].json);
        assert_true(budgets_parse(&b, str_of(json), &err));
        assert_true(gate_run(&g, &m.series, &b, &options, &err));
        assert_int_equal(gate_exit_status(&g), cases[i].why ? 3 : 0);
        if (cases[i].why && !strstr(says(&g.results[0]), cases[i].why))
            fail_msg("%s", says(&g.results[0]));
        gate_deinit(&g);
        budgets_deinit(&b);
        made_deinit(&m);
    }
}

static void what_is_out_of_order_has_no_growth(void **state) {
    (void)state;
    struct made m;
    struct gate g;
    struct budgets b;
    struct err err = {.msg = ""};
    static const char json[] = "{\"budgets\": [{\"on\": \"total\", \"max\": 5000},"
                               "{\"on\": \"total\", \"growth\": 500},"
                               "{\"on\": \"verdict\", \"not\": [\"growing\"]}]}";
    static const struct {
        uint64_t pids[2];
        bool force, refused;
    } cases[] = {{{7, 7}, false, true}, {{7, 7}, true, false}, {{7, 8}, false, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct gate_options options = {.today = "2026-11-22", .force = cases[i].force};
        made_init(&m, 2);
        for (uint32_t k = 0; k < 2; k++) {
            made_type(&m, k, "Shop.Order", "shop.dll", GEN_2, 100, 2000 - 1000 * k);
            made_origin(&m, k)->captured_at_ns = 9000 - 1000 * k;
            made_origin(&m, k)->pid = cases[i].pids[k];
        }
        made_series(&m);
        assert_true(budgets_parse(&b, str_of(json), &err));
        assert_true(gate_run(&g, &m.series, &b, &options, &err));
        assert_int_equal(gate_exit_status(&g), cases[i].refused ? 3 : 0);
        assert_int_equal(g.results[0].status, GATE_PASS);
        for (uint32_t k = 1; cases[i].refused && k < 3; k++) {
            assert_int_equal(g.results[k].status, GATE_INCONCLUSIVE);
            assert_non_null(strstr(says(&g.results[k]), "not in order of time"));
        }
        gate_deinit(&g);
        budgets_deinit(&b);
        made_deinit(&m);
    }
}

static void the_ratchet_only_lowers_and_touches_nothing_else(void **state) {
    (void)state;
    static const char json[] =
        "{\n"
        "  \"budgets\": [\n"
        "    {\"growth\": \"50%\",   \"on\": \"total\", \"max\": \"2MiB\"},\n"
        "    {\"on\": \"threads\", \"max\":  9 },\n"
        "    {\"on\": \"ready\", \"max\": 6},\n"
        "    {\"on\": \"handles\", \"growth\": 4},\n"
        "    {\"on\": \"type\", \"which\": \"Nobody\", \"max\": 8},\n"
        "    {\"on\": \"type\", \"which\": \"Shop.Order\", "
        "\"growth_per_iteration\": 5000}\n"
        "  ]\n"
        "}\n";
    static const char after[] = "{\n"
                                "  \"budgets\": [\n"
                                "    {\"growth\": \"1.0%\",   \"on\": \"total\", \"max\": "
                                "\"1.0MiB\"},\n"
                                "    {\"on\": \"threads\", \"max\":  4 },\n"
                                "    {\"on\": \"ready\", \"max\": 6},\n"
                                "    {\"on\": \"handles\", \"growth\": 4},\n"
                                "    {\"on\": \"type\", \"which\": \"Nobody\", \"max\": 8},\n"
                                "    {\"on\": \"type\", \"which\": \"Shop.Order\", "
                                "\"growth_per_iteration\": 3333.334}\n"
                                "  ]\n"
                                "}\n";
    struct run r;
    struct strbuf out;
    struct err err;
    uint32_t changed;
    const struct gate_options options = {.iterations = 3};
    strbuf_init(&out);
    run_snapshots(&r, json, 2, &options);
    assert_int_equal(r.gate.breaches, 1);
    assert_true(gate_update(&r.gate, str_of(json), &out, &changed, &err));
    assert_int_equal(changed, 4);
    assert_string_equal(strbuf_cstr(&out), after);
    gate_drop(&r);
    /* What was written holds, and is not lowered a second time. */
    run_snapshots(&r, after, 2, &options);
    assert_int_equal(r.gate.breaches, 1);
    strbuf_clear(&out);
    assert_true(gate_update(&r.gate, str_of(after), &out, &changed, &err));
    assert_int_equal(changed, 0);
    assert_string_equal(strbuf_cstr(&out), after);
    gate_drop(&r);
    strbuf_deinit(&out);
}

/* -- Outputs ----------------------------------------------------------------------------------- */

/* Names that every format has to escape in its own way. */
#define NASTY \
    "{\"budgets\": [" \
    "{\"name\": \"a<b>&\\\"c'|[d]\\n: %,\\u00e9\", \"on\": \"total\", \"max\": 1},\n" \
    "{\"on\": \"total\", \"max\": \"1GiB\"},\n" \
    "{\"on\": \"total\", \"growth_per_iteration\": 1},\n" \
    "{\"on\": \"verdict\", \"not\": [\"growing\"]}]}"

static void write_report(const char *format, const char *json, struct strbuf *out) {
    struct run r;
    struct err err = {.msg = ""};
    static const char *const names[] = {"before.dmp", "after.dmp"};
    const struct gate_output options = {.budget_path = "ci/a b,c.json",
                                        .names = names,
                                        .version = "1.2.3",
                                        .release = "4 \"rc\"",
                                        .instance = "pod-7"};
    const struct gate_report *report = gate_report_find(format);
    assert_non_null(report);
    run_snapshots(&r, json, 2, NULL);
    if (!report->write(&r.gate, &options, out, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(str_utf8_valid(strbuf_str(out)), out->len);
    gate_drop(&r);
}

/* Hands the text to a validator; 77: it is not there. */
static void gate_validate(const struct strbuf *text, const char *command) {
    FILE *pipe = popen(command, "w");
    assert_non_null(pipe);
    assert_int_equal(fwrite(text->ptr, 1, text->len, pipe), text->len);
    int status = pclose(pipe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

static void outputs_are_what_their_readers_take(void **state) {
    (void)state;
    static const char *const formats[] = {"junit",     "sarif",  "openmetrics",
                                          "benchmark", "github", "teamcity"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        struct strbuf out;
        char command[200];
        strbuf_init(&out);
        write_report(formats[i], NASTY, &out);
        snprintf(command, sizeof(command), "python3 tests/support/ci_output.py %s", formats[i]);
        gate_validate(&out, command);
        strbuf_deinit(&out);
    }
}

static void json_of_the_gate_fits_its_schema(void **state) {
    (void)state;
    struct strbuf out;
    strbuf_init(&out);
    write_report("json", NASTY, &out);
    gate_validate(&out, "python3 tests/support/json_schema.py schema/gate.schema.json");
    strbuf_clear(&out);
    strbuf_adds(&out, BENIGN("2027-01-31"));
    gate_validate(&out, "python3 tests/support/json_schema.py schema/budget.schema.json");
    static const char *const files[] = {"examples/memory-budget.json",
                                        "tests/fixture/gate/kiosk.json"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct file file;
        struct budgets b;
        struct err err = {.msg = ""};
        strbuf_clear(&out);
        assert_true(file_open(&file, files[i], &err));
        strbuf_add(&out, (struct str){(const char *)file.bytes.data, file.bytes.size});
        file_close(&file);
        gate_validate(&out, "python3 tests/support/json_schema.py schema/budget.schema.json");
        assert_true(budgets_parse(&b, strbuf_str(&out), &err));
        budgets_deinit(&b);
    }
    strbuf_deinit(&out);
}

static void outputs_escape_names(void **state) {
    (void)state;
    static const struct {
        const char *format, *has;
    } cases[] = {
        {"junit", "name=\"a&lt;b&gt;&amp;&quot;c'|[d]\xef\xbf\xbd: %,\xc3\xa9\""},
        {"junit", "<error type=\"inconclusive\""},
        {"github",
         "::error file=ci/a b%2Cc.json,line=1,title=a<b>&\"c'|[d]\xef\xbf\xbd%3A %25%2C\xc3\xa9::"},
        {"github", "::warning file=ci/a b%2Cc.json,line=3,"},
        {"teamcity", "##teamcity[testStarted name='a<b>&\"c|'|||[d|]\xef\xbf\xbd: %,\xc3\xa9']"},
        {"sarif", "\"uri\":\"ci/a%20b%2Cc.json\""},
        {"sarif", "\"startLine\":4"},
        {"sarif", "\"name\":\"dumpdiff\",\"version\":\"1.2.3\""},
        {"github", "::notice file=ci/a b%2Cc.json,title=dumpdiff gate::1 of 4 budgets passed%0A"},
        {"openmetrics", "dumpdiff_value{release=\"4 "
                        "\\\"rc\\\"\",instance=\"pod-7\",budget=\"a<b>&\\\"c'|[d]\xef\xbf\xbd: "
                        "%,\xc3\xa9\",on=\"total\""},
        {"github-summary", "| a&lt;b&gt;&amp;\"c'\\|\\[d\\]\xef\xbf\xbd: %,\xc3\xa9 |"},
        {"text", "before.dmp -> after.dmp: 4 budgets, 2 breached, 1 inconclusive"},
        {"text", "Shop.Order  97.7 KiB -> 107.4 KiB (+9.8 KiB)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        write_report(cases[i].format, NASTY, &out);
        if (!strstr(strbuf_cstr(&out), cases[i].has))
            fail_msg("%s has no '%s':\n%s", cases[i].format, cases[i].has, strbuf_cstr(&out));
        strbuf_deinit(&out);
    }
}

/* GitHub drops a summary of 1 MiB and more: ours ends earlier, and says so. */
static void summary_is_cut_below_a_mebibyte(void **state) {
    (void)state;
    struct strbuf json, out;
    strbuf_init(&json);
    strbuf_init(&out);
    strbuf_adds(&json, "{\"budgets\": [");
    for (int i = 0; i < 4000; i++) {
        strbuf_addf(&json, "%s{\"name\": \"%d ", i ? "," : "", i);
        for (int k = 0; k < 400; k++)
            strbuf_addc(&json, 'x');
        strbuf_adds(&json, "\", \"on\": \"total\", \"max\": \"1GiB\"}");
    }
    strbuf_adds(&json, "]}");
    write_report("github-summary", strbuf_cstr(&json), &out);
    assert_true(out.len < (size_t)1 << 20 && out.len > (size_t)900 << 10);
    assert_non_null(strstr(strbuf_cstr(&out), "more entries were cut off"));
    strbuf_deinit(&json);
    strbuf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_budget_passes_and_is_breached),
        cmocka_unit_test(growth_is_divided_by_iterations),
        cmocka_unit_test(growth_of_many_snapshots_is_not_that_of_the_last_one),
        cmocka_unit_test(benign_types_are_excused_until_their_day),
        cmocka_unit_test(what_matches_nothing_is_said),
        cmocka_unit_test(a_first_run_has_no_baseline),
        cmocka_unit_test(what_was_not_read_does_not_pass),
        cmocka_unit_test(what_is_out_of_order_has_no_growth),
        cmocka_unit_test(the_ratchet_only_lowers_and_touches_nothing_else),
        cmocka_unit_test(outputs_are_what_their_readers_take),
        cmocka_unit_test(json_of_the_gate_fits_its_schema),
        cmocka_unit_test(outputs_escape_names),
        cmocka_unit_test(summary_is_cut_below_a_mebibyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
