/* What rules report: kept in one arena, sorted at the end. */
#include "diff/rules/rules.h"

#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const finding_status_names[3] = {"hit", "clear", "skipped"};
const char *const severity_names[4] = {"critical", "warning", "notice", "info"};

void findings_init(struct findings *f) {
    *f = (struct findings){0};
    arena_init(&f->arena);
}

void findings_fail(struct findings *f, const struct err *why) {
    err_keep(&f->err, why);
}

void findings_deinit(struct findings *f) {
    arena_deinit(&f->arena);
    free(f->items);
    *f = (struct findings){0};
}

static const char *findings_keep(struct findings *f, const char *fmt, va_list ap) {
    char small[512];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    char *text = n < 0 ? NULL : arena_alloc(&f->arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    if (!text)
        err_keep_nomem(&f->err);
    return text ? text : "";
}

const char *findings_text(struct findings *f, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const char *text = findings_keep(f, fmt, ap);
    va_end(ap);
    return text;
}

const char *findings_take(struct findings *f, struct strbuf *text) {
    const char *copy = findings_text(f, "%s", strbuf_cstr(text));
    findings_fail(f, &text->err);
    strbuf_deinit(text);
    return copy;
}

bool findings_have_hits(const struct findings *f) {
    for (uint32_t i = 0; i < f->count; i++)
        if (f->items[i].status == STATUS_HIT)
            return true;
    return false;
}

struct finding *findings_add(struct findings *f, const struct rule *rule,
                             enum finding_status status) {
    if (!VEC_ROOM(f->items, f->count, f->capacity, NULL)) {
        err_keep_nomem(&f->err);
        return NULL;
    }
    struct finding *finding = &f->items[f->count++];
    *finding = (struct finding){
        .rule = rule,
        .status = status,
        .severity = SEVERITY_INFO,
        .subject = "",
        .summary = "",
    };
    return finding;
}

struct finding *findings_hit(struct findings *f, const struct rule *rule, enum severity severity,
                             uint64_t weight, const char *subject) {
    struct finding *finding = findings_add(f, rule, STATUS_HIT);
    if (!finding)
        return NULL;
    finding->severity = severity;
    finding->weight = weight;
    finding->subject = findings_text(f, "%s", subject ? subject : "");
    return finding;
}

void findings_skip(struct findings *f, const struct rule *rule, const char *fmt, ...) {
    struct finding *finding = findings_add(f, rule, STATUS_SKIPPED);
    if (!finding)
        return;
    va_list ap;
    va_start(ap, fmt);
    finding->summary = findings_keep(f, fmt, ap);
    va_end(ap);
}

void finding_summary(struct findings *f, struct finding *finding, const char *fmt, ...) {
    if (!finding)
        return;
    va_list ap;
    va_start(ap, fmt);
    finding->summary = findings_keep(f, fmt, ap);
    va_end(ap);
}

void finding_next(struct findings *f, struct finding *finding, const char *fmt, ...) {
    if (!finding)
        return;
    va_list ap;
    va_start(ap, fmt);
    finding->next = findings_keep(f, fmt, ap);
    va_end(ap);
}

static struct evidence *evidence_add(struct finding *finding, const char *name,
                                     enum field_kind kind) {
    if (!finding || finding->evidence_count == EVIDENCE_MAX)
        return NULL;
    struct evidence *evidence = &finding->evidence[finding->evidence_count++];
    *evidence = (struct evidence){.name = name, .kind = kind};
    return evidence;
}

void finding_number(struct finding *finding, const char *name, enum field_kind kind,
                    uint64_t value) {
    struct evidence *evidence = evidence_add(finding, name, kind);
    if (evidence)
        evidence->number = value;
}

void finding_known(struct finding *finding, const char *name, enum field_kind kind,
                   uint64_t value) {
    if (value != ABSENT)
        finding_number(finding, name, kind, value);
}

void finding_delta(struct finding *finding, const char *name, enum field_kind kind, int64_t value) {
    struct evidence *evidence = evidence_add(finding, name, kind);
    if (!evidence)
        return;
    evidence->delta = value;
    evidence->is_delta = true;
}

void finding_text(struct findings *f, struct finding *finding, const char *name, const char *text) {
    struct evidence *evidence = evidence_add(finding, name, FIELD_STR);
    if (evidence)
        evidence->text = findings_text(f, "%s", text ? text : "");
}

/* Hits by severity, weight, rule and subject; then what was skipped; then what is clear. */
static int cmp_findings(const void *x, const void *y) {
    static const int ranks[3] = {[STATUS_HIT] = 0, [STATUS_SKIPPED] = 1, [STATUS_CLEAR] = 2};
    const struct finding *a = x, *b = y;
    if (a->status != b->status)
        return ranks[a->status] - ranks[b->status];
    if (a->severity != b->severity)
        return a->severity < b->severity ? -1 : 1;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    int order = strcmp(a->rule->id, b->rule->id);
    if (!order)
        order = strcmp(a->subject, b->subject);
    return order ? order : strcmp(a->summary, b->summary);
}

void findings_sort(struct findings *f) {
    if (f->count > 1)
        qsort(f->items, f->count, sizeof(*f->items), cmp_findings);
}
