#include "model/answers.h"

#include "base/num.h"
#include "base/order.h"
#include "model/builder.h"
#include "model/type_pattern.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <stdlib.h>
#include <string.h>

const char *const question_names[QUESTION_COUNT] = {"path", "holders", "retained", "duplicates",
                                                    "values"};
const char *const answer_names[QUESTION_COUNT] = {"type_paths", "type_holders", "retained",
                                                  "duplicates", "values"};

void answers_init(struct answers *a, const struct question *question) {
    *a = (struct answers){.question = *question};
    arena_init(&a->arena);
    snapshot_init(&a->paths.tree);
    snapshot_init(&a->retained.tree);
}

void answers_deinit(struct answers *a) {
    snapshot_deinit(&a->paths.tree);
    snapshot_deinit(&a->retained.tree);
    arena_deinit(&a->arena);
}

bool question_any(const struct question *q) {
    for (int i = 0; i < QUESTION_COUNT; i++)
        if (q->asked[i])
            return true;
    return false;
}

/* -- What a question is about ------------------------------------------------------------------ */

bool answer_subject_sum(struct answer_subject *subject, const char *pattern,
                        const struct snapshot *s, struct err *err) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    struct type_pattern p;
    if (!type_pattern_init(&p, pattern, rows, count, err))
        return false;
    *subject = (struct answer_subject){.types = p.matches};
    for (uint32_t i = 0; i < count; i++) {
        if (!rows[i].name || !type_pattern_takes(&p, rows[i].name))
            continue;
        struct cell all = type_total(&rows[i]);
        struct cell live = {rows[i].live_objects, rows[i].live_bytes};
        if (live.objects == ABSENT || live.bytes == ABSENT)
            live = all; /* nobody knows which are garbage */
        /* A file may say that more is live than there is. */
        all.objects = all.objects > live.objects ? all.objects : live.objects;
        all.bytes = all.bytes > live.bytes ? all.bytes : live.bytes;
        subject->live.objects = num_add(subject->live.objects, live.objects);
        subject->live.bytes = num_add(subject->live.bytes, live.bytes);
        subject->garbage.objects = num_add(subject->garbage.objects, all.objects - live.objects);
        subject->garbage.bytes = num_add(subject->garbage.bytes, all.bytes - live.bytes);
    }
    type_pattern_deinit(&p);
    return true;
}

static bool check_subject(const struct answer_subject *subject, enum question_kind kind,
                          const char *pattern, struct err *err) {
    return subject->types ||
           err_set(err, ERR_USAGE, "--%s: no type of this dump is called '%s', or matches it",
                   question_names[kind], pattern);
}

/* -- Paths as a snapshot keeps them ------------------------------------------------------------ */

struct path_order {
    const struct path_row *rows;
    uint32_t row;
};

static int cmp_paths(const void *x, const void *y) {
    const struct path_order *a = x, *b = y;
    const struct path_row *left = &a->rows[a->row], *right = &b->rows[b->row];
    if (left->own_bytes != right->own_bytes)
        return left->own_bytes > right->own_bytes ? -1 : 1;
    if (left->own_objects != right->own_objects)
        return left->own_objects > right->own_objects ? -1 : 1;
    return order_u64(a->row, b->row);
}

bool answer_paths_choose(struct answers *a, const struct type_pattern *p, struct err *err) {
    struct answer_paths *paths = &a->paths;
    SNAPSHOT_ROWS(&paths->tree, PART_PATHS, struct path_row, rows, count);
    struct path_order *order = calloc((size_t)count + 1, sizeof(*order));
    if (!order)
        return err_nomem(err);
    paths->count = 0;
    struct cell found = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        if (!rows[i].type || !rows[i].own_objects || !type_pattern_takes(p, rows[i].type))
            continue;
        order[paths->count++] = (struct path_order){rows, i};
        found.objects = num_add(found.objects, rows[i].own_objects);
        found.bytes = num_add(found.bytes, rows[i].own_bytes);
    }
    qsort(order, paths->count, sizeof(*order), cmp_paths);
    paths->rows = arena_array(&a->arena, (size_t)paths->count + 1, sizeof(*paths->rows));
    for (uint32_t i = 0; paths->rows && i < paths->count; i++)
        paths->rows[i] = order[i].row;
    free(order);
    const struct cell *live = &paths->subject.live;
    paths->below_floor.objects = live->objects > found.objects ? live->objects - found.objects : 0;
    paths->below_floor.bytes = live->bytes > found.bytes ? live->bytes - found.bytes : 0;
    return paths->rows || err_nomem(err);
}

/* Copies the tree, so that the answer looks the same wherever it comes from. */
static bool copy_tree(struct answers *a, const struct snapshot *s, struct err *err) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    struct builder *b = builder_new(&a->paths.tree, err);
    bool ok = b != NULL;
    for (uint32_t i = 0; ok && i < count; i++) {
        struct path_row *copy = builder_row(b, PART_PATHS, err);
        if (!copy) {
            ok = false;
            break;
        }
        *copy = rows[i]; /* strings are the snapshot's, which lives longer */
    }
    builder_free(b);
    return ok;
}

static bool paths_from_snapshot(struct answers *a, const struct snapshot *s, struct err *err) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    struct type_pattern p;
    if (!type_pattern_init(&p, a->question.path_of, rows, count, err))
        return false;
    bool ok = copy_tree(a, s, err) && answer_paths_choose(a, &p, err);
    type_pattern_deinit(&p);
    return ok;
}

/* -- What cannot be answered ------------------------------------------------------------------- */

static bool answers_refuse(const struct snapshot *s, enum question_kind kind, struct err *err) {
    const char *format = snapshot_origin(s)->format;
    const struct gc_row *gc = snapshot_row(s, PART_GC);
    if (gc && gc->in_progress == 1)
        return err_set(err, ERR_INCONCLUSIVE,
                       "--%s needs to know what is live, which nothing tells in the middle of a "
                       "collection: take another dump",
                       question_names[kind]);
    return err_set(err, ERR_INCONCLUSIVE,
                   "--%s needs the objects themselves: ask a raw dump that holds the heap, not its "
                   "snapshot or log (this came from %s)",
                   question_names[kind], format ? format : "?");
}

/* What --values is about, and whether it has such a field. */
static bool values_subject(struct answers *a, const struct snapshot *s, struct err *err) {
    struct answer_subject *subject = &a->values.subject;
    struct type_and_field t;
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    if (!snapshot_has(s, PART_TYPES))
        return true;
    if (!type_and_field_init(&t, a->question.values_of, rows, count, err))
        return err_prefix(err, "--values");
    bool ok = answer_subject_sum(subject, t.pattern.text, s, err) &&
              check_subject(subject, QUESTION_VALUES, a->question.values_of, err);
    if (ok && a->answered[QUESTION_VALUES] && !a->values.count && subject->live.objects)
        ok = err_set(err, ERR_USAGE, "--values: %s has no field%s%s%s", t.pattern.text,
                     t.field ? " called '" : "", t.field ? t.field : "", t.field ? "'" : "");
    type_and_field_deinit(&t);
    return ok;
}

static bool answer_one(struct answers *a, enum question_kind kind, const struct snapshot *s,
                       struct err *err) {
    if (kind == QUESTION_VALUES && !values_subject(a, s, err))
        return false;
    struct answer_subject *subject = kind == QUESTION_PATH      ? &a->paths.subject
                                     : kind == QUESTION_HOLDERS ? &a->holders.subject
                                                                : NULL;
    const char *pattern = kind == QUESTION_PATH ? a->question.path_of : a->question.holders_of;
    if (subject && snapshot_has(s, PART_TYPES) &&
        (!answer_subject_sum(subject, pattern, s, err) ||
         !check_subject(subject, kind, pattern, err)))
        return err->code == ERR_USAGE ? false : err_prefix(err, "--%s", question_names[kind]);
    if (kind == QUESTION_RETAINED && a->retained.refused)
        return err_set(
            err, ERR_INCONCLUSIVE,
            "--retained cannot tell: the heap has more than 2^31 objects with references "
            "and references between them");
    if (a->over_memory[kind])
        return err_set(err, ERR_INCONCLUSIVE, "--%s: takes more memory than it may (--max-memory)",
                       question_names[kind]);
    if (a->answered[kind])
        return true;
    if (kind != QUESTION_PATH)
        return answers_refuse(s, kind, err);
    if (!snapshot_has(s, PART_PATHS))
        return err_set(err, ERR_INCONCLUSIVE,
                       "--path needs to know what holds the objects, which is not in what was read "
                       "from %s",
                       snapshot_origin(s)->format ? snapshot_origin(s)->format : "this");
    a->answered[kind] = true;
    return paths_from_snapshot(a, s, err);
}

bool answers_from_snapshot(struct answers *a, const struct snapshot *s, struct err *err) {
    for (int kind = 0; kind < QUESTION_COUNT; kind++)
        if (a->question.asked[kind] && !answer_one(a, (enum question_kind)kind, s, err))
            return false;
    return true;
}
