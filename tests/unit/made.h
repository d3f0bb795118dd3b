/* Snapshots made with the builder, for tests of the diff. */
#ifndef DUMPDIFF_TESTS_MADE_H
#define DUMPDIFF_TESTS_MADE_H

#include "diff/rules/rule.h"
#include "input/input.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MADE     __attribute__((unused)) static
#define MADE_MAX 8

/* Up to eight snapshots being built, and what comes of them. */
struct made {
    struct snapshot snapshots[MADE_MAX];
    struct builder *builders[MADE_MAX];
    uint32_t count;
    struct series_options options;
    struct limits limits;
    struct series series;
    struct findings findings;
    struct err err;
    bool compared;
};

MADE void made_init(struct made *m, uint32_t count) {
    memset(m, 0, sizeof(*m));
    m->count = count;
    series_options_init(&m->options);
    limits_init(&m->limits);
    for (uint32_t i = 0; i < count; i++) {
        snapshot_init(&m->snapshots[i]);
        m->builders[i] = builder_new(&m->snapshots[i], &m->err);
        assert_non_null(m->builders[i]);
    }
}

MADE const char *made_text(struct made *m, uint32_t i, const char *text) {
    const char *copy = builder_string(m->builders[i], str_of(text), &m->err);
    assert_non_null(copy);
    return copy;
}

MADE struct origin_row *made_origin(struct made *m, uint32_t i) {
    struct origin_row *row = builder_single(m->builders[i], PART_ORIGIN, &m->err);
    assert_non_null(row);
    return row;
}

MADE void made_type(struct made *m, uint32_t i, const char *name, const char *module, int gen,
                    uint64_t objects, uint64_t bytes) {
    assert_true(builder_add_type(m->builders[i], str_of(name), str_of(module), (enum generation)gen,
                                 (struct cell){objects, bytes}, &m->err));
}

MADE void *made_row(struct made *m, uint32_t i, enum part part) {
    void *row = part_descs[part].single ? builder_single(m->builders[i], part, &m->err)
                                        : builder_row(m->builders[i], part, &m->err);
    assert_non_null(row);
    return row;
}

/* A type of which all objects live. */
MADE void made_live_type(struct made *m, uint32_t i, const char *name, uint64_t objects,
                         uint64_t bytes) {
    made_type(m, i, name, "shop.dll", GEN_2, objects, bytes);
    uint32_t count;
    struct type_row *rows = builder_rows(m->builders[i], PART_TYPES, &count);
    for (uint32_t k = 0; k < count; k++)
        if (strcmp(rows[k].name, name) == 0) {
            rows[k].live_objects = objects;
            rows[k].live_bytes = bytes;
        }
}

/* A node of the paths or places; label: its root (parent ABSENT) or its edge. Returns its number.
 */
MADE uint64_t made_path(struct made *m, uint32_t i, enum part part, uint64_t parent,
                        const char *label, const char *type, struct cell own, struct cell below) {
    uint32_t count;
    builder_rows(m->builders[i], part, &count);
    struct path_row *row = made_row(m, i, part);
    row->parent = parent;
    *(parent == ABSENT ? &row->root : &row->edge) = made_text(m, i, label);
    row->type = made_text(m, i, type);
    row->own_objects = own.objects;
    row->own_bytes = own.bytes;
    row->objects = own.objects + below.objects;
    row->bytes = own.bytes + below.bytes;
    return count;
}

MADE struct thread_row *made_thread(struct made *m, uint32_t i, uint64_t os_id, const char *name) {
    struct thread_row *row = builder_thread(m->builders[i], os_id, ABSENT, &m->err);
    assert_non_null(row);
    if (name)
        row->name = made_text(m, i, name);
    return row;
}

/* Frames innermost first, separated by '|'. */
MADE void made_frames(struct made *m, uint32_t i, struct strings *frames, const char *text) {
    struct str items[64], rest = str_of(text);
    uint32_t count = 0;
    while (rest.len && count < 64) {
        size_t bar = str_find(rest, STR("|"), 0);
        size_t len = bar == STR_NOT_FOUND ? rest.len : bar;
        items[count++] = str_take(rest, len);
        rest = str_drop(rest, bar == STR_NOT_FOUND ? len : len + 1);
    }
    assert_true(builder_strings(m->builders[i], items, count, frames, &m->err));
}

MADE void made_series(struct made *m) {
    const struct snapshot *all[MADE_MAX];
    for (uint32_t i = 0; i < m->count; i++) {
        assert_true(input_finish(m->builders[i], &m->err));
        builder_free(m->builders[i]);
        all[i] = &m->snapshots[i];
    }
    assert_true(series_init(&m->series, all, m->count, &m->options, &m->err));
    m->compared = true;
}

MADE void made_rules(struct made *m) {
    if (!m->compared)
        made_series(m);
    findings_init(&m->findings);
    assert_true(rules_run(&m->series, &m->limits, &m->findings, &m->err));
}

MADE void made_deinit(struct made *m) {
    findings_deinit(&m->findings);
    series_deinit(&m->series);
    for (uint32_t i = 0; i < m->count; i++)
        snapshot_deinit(&m->snapshots[i]);
}

MADE const struct series_type *made_find_type(const struct made *m, const char *name) {
    for (uint32_t i = 0; i < m->series.type_count; i++)
        if (strcmp(m->series.types[i].name, name) == 0)
            return &m->series.types[i];
    return NULL;
}

/* First finding of a rule with that status and subject (NULL: any). */
MADE const struct finding *made_find(const struct made *m, const char *rule,
                                     enum finding_status status, const char *subject) {
    for (uint32_t i = 0; i < m->findings.count; i++) {
        const struct finding *finding = &m->findings.items[i];
        if (strcmp(finding->rule->id, rule) == 0 && finding->status == status &&
            (!subject || strcmp(finding->subject, subject) == 0))
            return finding;
    }
    return NULL;
}

MADE const struct finding *made_hit(const struct made *m, const char *rule, const char *subject) {
    return made_find(m, rule, STATUS_HIT, subject);
}

/* The rule finds that, of whatever subject; frees what was made. */
MADE void made_is_judged(struct made *m, const char *rule, enum severity severity) {
    made_rules(m);
    const struct finding *hit = made_hit(m, rule, NULL);
    assert_non_null(hit);
    assert_int_equal(hit->severity, severity);
    made_deinit(m);
}

MADE bool made_clear(const struct made *m, const char *rule) {
    return made_find(m, rule, STATUS_CLEAR, NULL) != NULL;
}

MADE const char *made_skipped(const struct made *m, const char *rule) {
    const struct finding *finding = made_find(m, rule, STATUS_SKIPPED, NULL);
    return finding ? finding->summary : NULL;
}

/* Does the text of the finding hold these words? */
MADE void made_says(const struct finding *finding, const char *words) {
    assert_non_null(finding);
    if (!strstr(finding->summary, words) && !(finding->next && strstr(finding->next, words)))
        fail_msg("'%s' is not in '%s'", words, finding->summary);
}

#endif
