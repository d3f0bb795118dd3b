/* Are these dumps of one program, in order, and fit to be compared? */
#include "diff/series/series_internal.h"
#include "diff/names/names.h"

#include "base/chars.h"
#include "base/hash.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <string.h>

/* Types that two dumps have to share: fewer, and they are of different programs. */
#define TYPES_TO_JUDGE     20
#define APP_TYPES_TO_JUDGE 8
#define SHARED_PERCENT     25
#define SHARED_APP_PERCENT 10

/* Linux keeps 15 characters of a program's name. */
#define COMM_CHARS 15

static struct str program(const char *name) {
    struct str s = str_of(name);
    static const char *const suffixes[] = {".exe", ".dll", ".EXE"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
        if (s.len > 4 && str_ends(s, str_of(suffixes[i])))
            return str_take(s, s.len - 4);
    return s;
}

static bool same_program(const char *a, const char *b) {
    struct str x = program(a), y = program(b);
    if (str_eq_nocase(x, y))
        return true;
    return (x.len == COMM_CHARS && str_starts_nocase(y, x)) ||
           (y.len == COMM_CHARS && str_starts_nocase(x, y));
}

/* The name before its version: "Runtime 10.0.12" is Runtime, "Runtime Classic 4.8" another. */
static struct str series_identity_family(const char *runtime) {
    struct str s = str_of(runtime);
    size_t i = 0;
    while (i < s.len && !(s.ptr[i] == ' ' && i + 1 < s.len && char_is_digit(s.ptr[i + 1])))
        i++;
    return str_take(s, i);
}

static bool both(const char *a, const char *b) {
    return a && b && *a && *b;
}

static bool refuse_origins(struct series *s, uint32_t i, struct err *err) {
    const struct origin_row *a = snapshot_origin(s->snapshots[i - 1]);
    const struct origin_row *b = snapshot_origin(s->snapshots[i]);
    const char *x = s->names[i - 1], *y = s->names[i];
    if (both(a->process, b->process) && !same_program(a->process, b->process))
        return series_refuse(s, err, "different programs: %s is of %s, %s of %s", x, a->process, y,
                             b->process);
    if (both(a->runtime, b->runtime) &&
        !str_eq(series_identity_family(a->runtime), series_identity_family(b->runtime)))
        return series_refuse(s, err, "different runtimes: %s is of %s, %s of %s", x, a->runtime, y,
                             b->runtime);
    if (both(a->arch, b->arch) && strcmp(a->arch, b->arch) != 0)
        return series_refuse(s, err, "different processors: %s is of %s, %s of %s", x, a->arch, y,
                             b->arch);
    if (a->pointer_bytes != ABSENT && b->pointer_bytes != ABSENT &&
        a->pointer_bytes != b->pointer_bytes)
        return series_refuse(s, err,
                             "different pointer sizes: %s has %" PRIu64 " bytes, %s has %" PRIu64,
                             x, a->pointer_bytes, y, b->pointer_bytes);
    return true;
}

static bool yes(uint64_t flag) {
    return flag == 1;
}

/* What was collected or sampled first counts other things than a plain dump. */
static bool refuse_methods(struct series *s, uint32_t i, struct err *err) {
    const struct origin_row *a = snapshot_origin(s->snapshots[i - 1]);
    const struct origin_row *b = snapshot_origin(s->snapshots[i]);
    bool types = (s->parts_all & PART_BIT(PART_TYPES)) != 0;
    const char *x = a->types_filter ? a->types_filter : "";
    const char *y = b->types_filter ? b->types_filter : "";
    if (types && strcmp(x, y) != 0)
        return series_refuse(s, err, "the types of %s are those of %s, of %s those of %s",
                             s->names[i - 1], *x ? x : "the whole heap", s->names[i],
                             *y ? y : "the whole heap");
    bool figures = types || (s->parts_all & PART_BIT(PART_STACKS));
    if (types && yes(a->collected_first) != yes(b->collected_first)) {
        bool first = yes(a->collected_first);
        return series_refuse(s, err,
                             "%s was taken after a forced collection (gcdump), %s was not: it "
                             "holds garbage as well",
                             s->names[first ? i - 1 : i], s->names[first ? i : i - 1]);
    }
    if (figures && yes(a->sampled) != yes(b->sampled)) {
        bool first = yes(a->sampled);
        return series_refuse(s, err, "%s holds estimates from samples, %s exact figures",
                             s->names[first ? i - 1 : i], s->names[first ? i : i - 1]);
    }
    return true;
}

static const char *first_reason(const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].lowers_trust == 1)
            return rows[i].text;
    return "no reason was given";
}

static bool refuse_alone(struct series *s, uint32_t i, struct err *err) {
    const struct gc_row *gc = snapshot_row(s->snapshots[i], PART_GC);
    if (gc && yes(gc->in_progress))
        return series_refuse(s, err,
                             "%s was taken in the middle of a garbage collection: its heap figures "
                             "are of no moment in time",
                             s->names[i]);
    if (snapshot_trust(s->snapshots[i]) == TRUST_UNUSABLE)
        return series_refuse(s, err, "%s cannot be used: %s", s->names[i],
                             first_reason(s->snapshots[i]));
    return true;
}

static uint32_t series_identity_percent(uint32_t part, uint32_t whole) {
    return whole ? (uint32_t)((uint64_t)part * 100 / whole) : 100;
}

/* Types of the program itself in two snapshots. */
struct app_types {
    uint32_t a, b, shared;
};

/*
 * Most types are in both, and the more are shared the surer it is that the two belong together:
 * counting ends where that is sure, and whoever needs all has all. of_one: [count] types that only
 * one of the two has.
 */
static struct app_types count_app_types(const struct series *s, uint32_t i, uint32_t of_one) {
    struct app_types app = {0, 0, 0};
    for (uint32_t t = 0; of_one && t < s->type_count; t++) {
        const struct series_type *type = &s->types[t];
        if (!type->rows[i - 1] == !type->rows[i])
            continue;
        of_one--;
        if (name_is_framework(type->name))
            continue;
        app.a += type->rows[i - 1] != NULL;
        app.b += type->rows[i] != NULL;
    }
    uint32_t fewer = app.a < app.b ? app.a : app.b;
    for (uint32_t t = 0;
         t < s->type_count &&
         series_identity_percent(app.shared, fewer + app.shared) < SHARED_APP_PERCENT;
         t++) {
        const struct series_type *type = &s->types[t];
        app.shared += type->rows[i - 1] && type->rows[i] && !name_is_framework(type->name);
    }
    app.a += app.shared;
    app.b += app.shared;
    return app;
}

/* Types of the framework are in every program: what counts is what the application adds. */
static bool refuse_types(struct series *s, uint32_t i, struct err *err) {
    uint32_t a = 0, b = 0, shared = 0;
    for (uint32_t t = 0; t < s->type_count; t++) {
        const struct series_type *type = &s->types[t];
        a += type->rows[i - 1] != NULL;
        b += type->rows[i] != NULL;
        shared += type->rows[i - 1] && type->rows[i];
    }
    struct app_types app = count_app_types(s, i, a + b - 2 * shared);
    uint32_t fewer = a < b ? a : b, app_fewer = app.a < app.b ? app.a : app.b;
    bool apart = fewer >= TYPES_TO_JUDGE && series_identity_percent(shared, fewer) < SHARED_PERCENT;
    bool app_apart = app_fewer >= APP_TYPES_TO_JUDGE &&
                     series_identity_percent(app.shared, app_fewer) < SHARED_APP_PERCENT;
    if (!apart && !app_apart)
        return true;
    return series_refuse(s, err,
                         "different programs: of %u types in %s and %u in %s only %u are the same",
                         app_apart ? app.a : a, s->names[i - 1], app_apart ? app.b : b, s->names[i],
                         app_apart ? app.shared : shared);
}

/* -- Warnings ---------------------------------------------------------------------------------- */

/*
 * Debuggers print when a dump was taken and how old the process is, each rounded: its start, worked
 * out of both, moves by some milliseconds, or a second, from dump to dump.
 */
static bool started_apart(uint64_t a, uint64_t b) {
    return (a > b ? a - b : b - a) > (uint64_t)2000000000;
}

static bool are_two_runs(const struct origin_row *a, const struct origin_row *b) {
    bool started = a->process_start_ns != ABSENT && b->process_start_ns != ABSENT;
    bool pids = a->pid != ABSENT && b->pid != ABSENT;
    bool same_start = started && a->process_start_ns == b->process_start_ns;
    return (started && started_apart(a->process_start_ns, b->process_start_ns)) ||
           (!same_start && pids && a->pid != b->pid);
}

static bool warn_order(struct series *s, uint32_t i, struct err *err) {
    const struct origin_row *a = snapshot_origin(s->snapshots[i - 1]);
    const struct origin_row *b = snapshot_origin(s->snapshots[i]);
    bool timed = a->captured_at_ns != ABSENT && b->captured_at_ns != ABSENT;
    if (!timed || a->captured_at_ns <= b->captured_at_ns)
        return true;
    /* A baseline of another run may well be younger. */
    s->out_of_order = s->out_of_order || !are_two_runs(a, b);
    return series_warn(s, err, "%s was taken after %s: swapped? Oldest first, please.",
                       s->names[i - 1], s->names[i]);
}

static bool warn_runs(struct series *s, uint32_t i, struct err *err) {
    const struct origin_row *a = snapshot_origin(s->snapshots[i - 1]);
    const struct origin_row *b = snapshot_origin(s->snapshots[i]);
    if (are_two_runs(a, b) &&
        !series_warn(s, err,
                     "%s and %s are of two runs of the program: growth over time cannot "
                     "be told from a difference between the runs, and threads do not "
                     "match.",
                     s->names[i - 1], s->names[i]))
        return false;
    if (a->sample_bytes != ABSENT && b->sample_bytes != ABSENT &&
        a->sample_bytes != b->sample_bytes &&
        !series_warn(s, err,
                     "Allocations were sampled every %" PRIu64 " bytes in %s, every %" PRIu64
                     " in %s: what is small is seen in one more often than in the other.",
                     a->sample_bytes, s->names[i - 1], b->sample_bytes, s->names[i]))
        return false;
    if (both(a->runtime, b->runtime) && strcmp(a->runtime, b->runtime) != 0 &&
        !series_warn(s, err, "The runtime changed: %s in %s, %s in %s.", a->runtime,
                     s->names[i - 1], b->runtime, s->names[i]))
        return false;
    if (both(a->object_layout, b->object_layout) &&
        strcmp(a->object_layout, b->object_layout) != 0 &&
        !series_warn(s, err,
                     "Objects are laid out differently: %s in %s, %s in %s: sizes differ where "
                     "nothing grew; compare the numbers of objects.",
                     a->object_layout, s->names[i - 1], b->object_layout, s->names[i]))
        return false;
    if (both(a->gc_mode, b->gc_mode) && strcmp(a->gc_mode, b->gc_mode) != 0 &&
        !series_warn(s, err, "The garbage collector changed: %s in %s, %s in %s.", a->gc_mode,
                     s->names[i - 1], b->gc_mode, s->names[i]))
        return false;
    return true;
}

/* -- The same dump twice ----------------------------------------------------------------------- */

static bool same_str(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_field(const struct field *field, const unsigned char *a, const unsigned char *b) {
    const void *x = a + field->offset, *y = b + field->offset;
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        return same_str(*(const char *const *)x, *(const char *const *)y);
    case FIELD_STRS:
        return strings_equal(x, y);
    case FIELD_CELLS:
        return memcmp(x, y, GEN_COUNT * sizeof(struct cell)) == 0;
    case FIELD_GENS:
        return memcmp(x, y, GEN_COUNT * sizeof(uint64_t)) == 0;
    case FIELD_U64:
    case FIELD_BYTES:
    case FIELD_NS:
    case FIELD_TIME:
    case FIELD_HEX:
    case FIELD_BOOL:
        return memcmp(x, y, sizeof(uint64_t)) == 0;
    }
    return false;
}

static bool same_part(const struct snapshot *a, const struct snapshot *b, enum part part) {
    const struct part_desc *desc = &part_descs[part];
    uint32_t count, other;
    const unsigned char *x = snapshot_rows(a, part, &count), *y = snapshot_rows(b, part, &other);
    if (count != other)
        return false;
    for (size_t r = 0; r < count; r++)
        for (uint32_t f = 0; f < desc->field_count; f++)
            if (!same_field(&desc->fields[f], x + r * desc->row_size, y + r * desc->row_size))
                return false;
    return true;
}

static bool may_be_equal(uint64_t a, uint64_t b) {
    return a == ABSENT || b == ABSENT || a == b;
}

/* All figures equal, and nothing in where they come from against it. */
static bool series_identity_same_figures(const struct snapshot *a, const struct snapshot *b) {
    const struct origin_row *x = snapshot_origin(a), *y = snapshot_origin(b);
    if (a == b)
        return true;
    uint64_t unlike = (a->parts ^ b->parts) & ~PART_BIT(PART_ABSENCES);
    if (unlike || !may_be_equal(x->captured_at_ns, y->captured_at_ns) ||
        !may_be_equal(x->process_start_ns, y->process_start_ns) || !may_be_equal(x->pid, y->pid))
        return false;
    uint32_t rows = 0;
    for (int part = PART_REASONS + 1; part < PART_END; part++) {
        if (!part_descs[part].name || part == PART_ABSENCES)
            continue;
        if (!same_part(a, b, (enum part)part))
            return false;
        rows += a->tables[part].count;
    }
    return rows > 0;
}

static bool find_same(struct series *s, struct err *err) {
    s->same_dump = s->count > 1;
    for (uint32_t i = 1; i < s->count; i++) {
        bool same = series_identity_same_figures(s->snapshots[i - 1], s->snapshots[i]);
        s->same_dump = s->same_dump && same;
        if (same &&
            !series_warn(s, err, "%s and %s hold the same figures throughout: the same dump twice?",
                         s->names[i - 1], s->names[i]))
            return false;
    }
    return true;
}

bool series_identify(struct series *s, struct err *err) {
    /* Order of importance: what is refused first is what is said. */
    for (uint32_t i = 1; i < s->count; i++)
        if (!refuse_origins(s, i, err))
            return false;
    for (uint32_t i = 0; s->count > 1 && i < s->count; i++)
        if (!refuse_alone(s, i, err))
            return false;
    for (uint32_t i = 1; i < s->count; i++)
        if (!refuse_methods(s, i, err) || !refuse_types(s, i, err))
            return false;
    for (uint32_t i = 1; i < s->count; i++)
        if (!warn_order(s, i, err) || !warn_runs(s, i, err))
            return false;
    s->out_of_order = s->out_of_order || s->backwards;
    if (s->backwards && s->warning_count == 0 &&
        !series_warn(s, err, "Threads are younger in %s than in %s: swapped? Oldest first, please.",
                     s->names[s->count - 1], s->names[0]))
        return false;
    return find_same(s, err);
}
