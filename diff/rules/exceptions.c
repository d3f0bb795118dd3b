/* Exceptions on threads, and exception objects on the heap. */
#include "diff/rules/rules.h"

#include "base/hash.h"
#include "base/vec.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Made at start so that they can be thrown when nothing else can be made: they say nothing. */
static bool is_preallocated(struct str type) {
    return RUNTIMES_SAY(words_are, exceptions_made, type);
}

static bool is_exception(struct str type) {
    return RUNTIMES_SAY(words_end, exceptions, type);
}

/* -- On threads -------------------------------------------------------------------------------- */

/* "Shop.CartException" of "Shop.CartException 0000000002253438 (nested exceptions)". */
static struct str exception_type(const char *text) {
    struct str s = str_of(text);
    return str_next_field(&s);
}

/* A table of managed threads prints exceptions; times or native stacks alone say nothing of them.
 */
static bool says_exceptions(const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].exception || (rows[i].managed_id != ABSENT && rows[i].gc_mode))
            return true;
    return false;
}

struct thrown {
    struct str type;
    uint32_t count, before;
    const struct thread_row *example;
};

struct thrown_types {
    struct strmap index;
    struct thrown *items;
    uint32_t count, capacity;
};

static bool thrown_add(struct thrown_types *t, const struct thread_row *row, bool before) {
    struct str type = row->exception ? exception_type(row->exception) : STR("");
    if (!type.len || is_preallocated(type))
        return true;
    uint32_t number = strmap_get(&t->index, type, STR(""));
    if (number == STRMAP_NONE) {
        if (!VEC_ROOM(t->items, t->count, t->capacity, NULL))
            return false;
        number = t->count++;
        t->items[number] = (struct thrown){.type = type};
        if (!strmap_put(&t->index, type, STR(""), number))
            return false;
    }
    struct thrown *thrown = &t->items[number];
    if (before) {
        thrown->before++;
    } else {
        thrown->count++;
        thrown->example = thrown->example ? thrown->example : row;
    }
    return true;
}

static bool thrown_read(struct thrown_types *t, const struct snapshot *snapshot, bool before) {
    SNAPSHOT_ROWS(snapshot, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (!thrown_add(t, &rows[i], before))
            return false;
    return true;
}

static void report_thrown(const struct series *s, struct findings *f, const struct thrown *thrown) {
    const char *type = findings_text(f, "%.*s", (int)thrown->type.len, thrown->type.ptr);
    bool more = s->count > 1 && thrown->count > thrown->before;
    struct finding *hit =
        findings_hit(f, &rule_exceptions_on_threads, more ? SEVERITY_WARNING : SEVERITY_NOTICE,
                     thrown->count, type);
    const char *before = s->count > 1 ? findings_text(f, ", %u before", thrown->before) : "";
    finding_summary(f, hit, "%u thread%s %s %s as the exception last thrown%s.", thrown->count,
                    plural(thrown->count), thrown->count == 1 ? "has" : "have", type, before);
    finding_next(f, hit, "%s", say_advice(f, s, ADVICE_EXCEPTION, NULL));
    finding_text(f, hit, "type", type);
    finding_number(hit, "threads", FIELD_U64, thrown->count);
    if (s->count > 1)
        finding_number(hit, "threads_base", FIELD_U64, thrown->before);
    finding_known(hit, "os_id", FIELD_U64, thrown->example->os_id);
}

static bool run_on_threads(const struct series *s, const struct limits *limits, struct findings *f,
                           struct err *err) {
    (void)limits;
    const struct snapshot *last = series_new(s);
    if (!says_exceptions(last)) {
        findings_skip(
            f, &rule_exceptions_on_threads, "%s does not say which exceptions its threads have%s",
            series_snapshot_name(s, s->count - 1), rule_why(s, f, PART_THREADS, ASPECT_MANAGED));
        return true;
    }
    struct thrown_types types = {0};
    strmap_init(&types.index);
    bool ok = thrown_read(&types, last, false) &&
              (s->count == 1 || thrown_read(&types, series_base(s), true));
    for (uint32_t i = 0; ok && i < types.count; i++)
        if (types.items[i].count)
            report_thrown(s, f, &types.items[i]);
    free(types.items);
    strmap_deinit(&types.index);
    return ok || err_nomem(err);
}

const struct rule rule_exceptions_on_threads = {
    .id = "exceptions-on-threads",
    .summary = "exceptions that threads have",
    .needs = PART_BIT(PART_THREADS),
    .whole = {{PART_THREADS, ASPECT_ROWS},
              {PART_THREADS, ASPECT_MANAGED},
              {PART_THREADS, ASPECT_EXCEPTIONS}},
    .min_snapshots = 1,
    .explain =
        "Looks at the exception that each managed thread has, by type. It is the last one thrown\n"
        "there, perhaps handled long ago. The exceptions that the runtime makes in advance\n"
        "(OutOfMemory, StackOverflow, ExecutionEngine, ThreadAbort) are left out. Says something\n"
        "about a single dump, too.\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: print it (`pe ADDRESS`), and look at its message and where it was thrown.\n",
    .run = run_on_threads,
};

/* -- On the heap ------------------------------------------------------------------------------- */

static bool exceptions_run_growing(const struct series *s, const struct limits *limits,
                                   struct findings *f, struct err *err) {
    uint64_t *values = arena_array(&f->arena, s->count, sizeof(*values));
    if (!values)
        return err_nomem(err);
    const struct series_floor floor = {1, limits->exception_growth_min};
    uint32_t end = s->count - 1;
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        int64_t more = s->live_known
                           ? series_delta(type->live_objects[end], type->live_objects[0])
                           : series_delta(type->totals[end].objects, type->totals[0].objects);
        /* What did not become so many more has not grown, whatever it is called. */
        if (more <= 0 || (uint64_t)more < limits->exception_growth_min)
            continue;
        struct str name = str_of(type->name);
        if (!is_exception(name) || is_preallocated(name))
            continue;
        for (uint32_t n = 0; n < s->count; n++)
            values[n] = s->live_known ? type->live_objects[n] : type->totals[n].objects;
        enum verdict verdict = series_growth(values, s->count, floor);
        if (!verdict_grows(verdict))
            continue;
        struct finding *hit = findings_hit(f, &rule_exceptions_growing, SEVERITY_WARNING,
                                           values[end] - values[0], type->name);
        finding_summary(f, hit, "%s %s objects are on the heap, %s before.",
                        say_count(f, values[end]), type->name, say_count(f, values[0]));
        finding_next(f, hit, "%s", say_advice(f, s, ADVICE_EXCEPTIONS, NULL));
        finding_text(f, hit, "type", type->name);
        finding_number(hit, "objects_base", FIELD_U64, values[0]);
        finding_number(hit, "objects_new", FIELD_U64, values[end]);
        finding_text(f, hit, "verdict", verdict_names[verdict]);
    }
    return true;
}

const struct rule rule_exceptions_growing = {
    .id = "exceptions-growing",
    .summary = "exception objects on the heap become more",
    .needs = PART_BIT(PART_TYPES),
    .whole = {{PART_TYPES, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the number of objects of each type whose name ends in Exception. The four that\n"
        "the runtime makes in advance are left out.\n"
        "\n"
        "Threshold: exceptions-growing.min-objects (with three or more dumps spread over the\n"
        "steps, each of which has to grow).\n"
        "\n"
        "What to do: print some of them. Exceptions that are thrown and caught cost time; ones\n"
        "that stay are kept by a list, a log or a task that nobody awaited.\n",
    .run = exceptions_run_growing,
};
