/* Budget files: refused with a line, or read so that every place is one and all can be written. */
#include "tests/fuzz/fuzz.h"

#include "diff/gate/gate_report.h"
#include "model/snapshot.h"

static bool make_series(struct series *s, struct snapshot *snapshots, struct err *err) {
    static const struct snapshot *pointers[2];
    for (uint32_t i = 0; i < 2; i++) {
        snapshot_init(&snapshots[i]);
        struct builder *b = builder_new(&snapshots[i], err);
        if (!b)
            return false;
        bool ok = builder_add_type(b, STR("Shop.Order"), STR("shop.dll"), GEN_2,
                                   (struct cell){100 + i, 5000 + 100 * i}, err) &&
                  builder_finish(b, err);
        builder_free(b);
        if (!ok)
            return false;
        pointers[i] = &snapshots[i];
    }
    return series_init(s, pointers, 2, NULL, err);
}

static void write_all(const struct gate *g) {
    static const char *const names[] = {"base", "new"};
    const struct gate_output options = {.budget_path = "budget.json", .names = names};
    for (size_t i = 0; gate_reports[i].name; i++) {
        struct strbuf out;
        struct err err = {.msg = ""};
        strbuf_init(&out);
        FUZZ_CHECK(gate_reports[i].write(g, &options, &out, &err));
        strbuf_deinit(&out);
    }
}

/* What --update writes is a budget file again, and there is nothing left to lower in it. */
static void fuzz_budget_update(const struct gate *g, struct str text, const struct series *s,
                               const struct gate_options *options) {
    struct strbuf out, again;
    struct budgets b;
    struct gate second;
    struct err err = {.msg = ""};
    uint32_t changed;
    strbuf_init(&out);
    strbuf_init(&again);
    FUZZ_CHECK(gate_update(g, text, &out, &changed, &err));
    FUZZ_CHECK(budgets_parse(&b, (struct str){strbuf_cstr(&out), out.len}, &err));
    FUZZ_CHECK(gate_run(&second, s, &b, options, &err));
    FUZZ_CHECK(second.breaches == g->breaches);
    FUZZ_CHECK(gate_update(&second, strbuf_str(&out), &again, &changed, &err));
    FUZZ_CHECK(changed == 0);
    gate_deinit(&second);
    budgets_deinit(&b);
    strbuf_deinit(&out);
    strbuf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct gate_options options = {.today = "2026-11-22", .iterations = 10};
    struct snapshot snapshots[2];
    struct series s;
    struct budgets b;
    struct err err = {.msg = ""};
    struct str text = {(const char *)data, size};
    if (size > 65536)
        return 0;
    bool ok = make_series(&s, snapshots, &err);
    FUZZ_CHECK(ok);
    if (budgets_parse(&b, text, &err)) {
        struct gate g;
        for (uint32_t i = 0; i < b.count; i++)
            for (int k = 0; k < LIMIT_KINDS; k++)
                FUZZ_CHECK(b.items[i].limits[k].at + b.items[i].limits[k].length <= size);
        FUZZ_CHECK(gate_run(&g, &s, &b, &options, &err));
        write_all(&g);
        fuzz_budget_update(&g, text, &s, &options);
        gate_deinit(&g);
    } else {
        FUZZ_CHECK(err.code == ERR_USAGE && err.msg[0]);
    }
    budgets_deinit(&b);
    series_deinit(&s);
    snapshot_deinit(&snapshots[0]);
    snapshot_deinit(&snapshots[1]);
    return 0;
}
