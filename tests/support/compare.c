#include "compare.h"

#include "mk_snap.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const struct err *err) {
    if (ok)
        return;
    fprintf(stderr, "compare: %s\n", err->msg);
    abort();
}

void compare(struct compared *c, const char *const *texts) {
    const struct snapshot *list[COMPARE_MAX];
    struct limits limits;
    struct err err = {0};
    memset(c, 0, sizeof(*c));
    for (; texts[c->count] && c->count < COMPARE_MAX; c->count++) {
        snapshot_init(&c->snapshots[c->count]);
        mk_snap(&c->snapshots[c->count], texts[c->count]);
        list[c->count] = &c->snapshots[c->count];
    }
    limits_init(&limits);
    findings_init(&c->findings);
    must(series_init(&c->series, list, c->count, NULL, &err), &err);
    must(rules_run(&c->series, &limits, &c->findings, &err), &err);
}

void compare_two(struct compared *c, const char *base, const char *new_one) {
    compare(c, (const char *const[]){base, new_one, NULL});
}

void compare_one(struct compared *c, const char *text) {
    compare(c, (const char *const[]){text, NULL});
}

void compare_deinit(struct compared *c) {
    findings_deinit(&c->findings);
    series_deinit(&c->series);
    for (uint32_t i = 0; i < c->count; i++)
        snapshot_deinit(&c->snapshots[i]);
}

static const struct finding *compare_find(const struct compared *c, const char *rule,
                                          enum finding_status status, const char *subject) {
    for (uint32_t i = 0; i < c->findings.count; i++) {
        const struct finding *finding = &c->findings.items[i];
        if (finding->status == status && strcmp(finding->rule->id, rule) == 0 &&
            (!subject || strcmp(finding->subject, subject) == 0))
            return finding;
    }
    return NULL;
}

const struct finding *compare_hit(const struct compared *c, const char *rule, const char *subject) {
    return compare_find(c, rule, STATUS_HIT, subject);
}

bool compare_clear(const struct compared *c, const char *rule) {
    return compare_find(c, rule, STATUS_CLEAR, NULL) != NULL;
}

const char *compare_skipped(const struct compared *c, const char *rule) {
    const struct finding *finding = compare_find(c, rule, STATUS_SKIPPED, NULL);
    return finding ? finding->summary : NULL;
}

bool compare_says(const struct compared *c, const char *words) {
    for (uint32_t i = 0; i < c->findings.count; i++) {
        const struct finding *finding = &c->findings.items[i];
        if (finding->status == STATUS_HIT &&
            (strstr(finding->summary, words) || (finding->next && strstr(finding->next, words))))
            return true;
    }
    return false;
}

const struct series_type *compare_type(const struct compared *c, const char *name) {
    for (uint32_t i = 0; i < c->series.type_count; i++)
        if (strcmp(c->series.types[i].name, name) == 0)
            return &c->series.types[i];
    return NULL;
}
