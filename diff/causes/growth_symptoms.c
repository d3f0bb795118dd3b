/*
 * Growth that is the symptom of something else: of a finalizer that does not run, of a semaphore
 * that nobody releases; and what is loaded again and again, which is
 * the symptom of what keeps it.
 */
#include "diff/causes/telling.h"

#include "diff/names/names.h"
#include "diff/rules/hints.h"
#include "model/known_names.h"

#include <string.h>

bool telling_is_of_finalizer(const struct accumulation *item) {
    return strcmp(item->root, ROOT_FINALIZER) == 0 && item->container == GROWTH_ROOT;
}

static bool is_finalizer_chain(const struct telling *t, const struct accumulation *item) {
    return item->main != GROWTH_ROOT &&
           name_is_finalizer_chain(t->a->growth.nodes[item->main].type);
}

/* What waits for its finalizer is a matter of the finalizer thread, where that is a cause. */
static bool tell_with_finalizer(const struct telling *t, const struct accumulation *item) {
    struct causes *c = t->d->c;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->items[i].kind != CAUSE_FINALIZER)
            continue;
        if (c->items[i].path_count) { /* what keeps them, beside them */
            c->items[i].bytes_delta += item->bytes_delta;
            if (c->live_delta > 0)
                c->items[i].share = (double)c->items[i].bytes_delta / (double)c->live_delta;
        } else {
            telling_measure(t, item, &c->items[i]);
        }
        telling_claim(t, item, i);
        return true;
    }
    return false;
}

/* What waits for a semaphore hangs on it: the same story, where that is a cause. */
static bool tell_with_semaphore(const struct telling *t, const struct accumulation *item) {
    struct causes *c = t->d->c;
    bool waits = false;
    for (uint32_t n = item->main; n != GROWTH_ROOT; n = t->a->growth.nodes[n].parent)
        waits = waits || strcmp(t->a->growth.nodes[n].type, CAUSE_SEMAPHORE) == 0;
    for (uint32_t i = 0; waits && i < c->count; i++) {
        if (strcmp(c->items[i].subject, CAUSE_SEMAPHORE) != 0 || c->items[i].path_count)
            continue;
        telling_measure(t, item, &c->items[i]);
        c->items[i].subject = telling_place(t, item);
        telling_claim(t, item, i);
        return true;
    }
    return false;
}

/* Are they the sockets and timers of HTTP clients, or the buffers of their connections? */
static bool is_of_clients(const struct telling *t, const struct accumulation *item) {
    static const char *const theirs[] = {"System.Net.Http.", "System.Net.Sockets.",
                                         "System.WeakReference<System.Net.Http."};
    for (uint32_t n = item->main; n != GROWTH_ROOT; n = t->a->growth.nodes[n].parent)
        if (strcmp(t->a->growth.nodes[n].type, "System.Net.Sockets.SocketAsyncContext") == 0)
            return true;
    for (uint32_t i = 0; i < item->type_count; i++)
        for (size_t k = 0; k < sizeof(theirs) / sizeof(*theirs); k++)
            if (item->types[i].bytes_delta > 0 &&
                str_starts(str_of(item->types[i].type), str_of(theirs[k])))
                return true;
    return false;
}

/* What is alive of clients that are made for each call: the same story, where that is a cause. */
static bool tell_with_clients(const struct telling *t, const struct accumulation *item) {
    struct causes *c = t->d->c;
    for (uint32_t i = 0; i < c->count; i++) {
        if (strcmp(c->items[i].subject, CAUSE_CLIENTS) != 0 || !telling_is_framework(t, item) ||
            !is_of_clients(t, item))
            continue;
        if (!c->items[i].path_count)
            telling_measure(t, item, &c->items[i]);
        telling_claim(t, item, i);
        return true;
    }
    return false;
}

/* The sentence of a finding without its full stop. */
static const char *unfinished(struct findings *f, const char *summary) {
    size_t length = strlen(summary);
    return findings_text(
        f, "%.*s", (int)(length && summary[length - 1] == '.' ? length - 1 : length), summary);
}

bool telling_is_symptom(const struct telling *t, const struct accumulation *item) {
    return tell_with_semaphore(t, item) || tell_with_clients(t, item) ||
           telling_with_threads(t, item) ||
           ((telling_is_of_finalizer(item) || is_finalizer_chain(t, item)) &&
            tell_with_finalizer(t, item));
}

void telling_weak_handles(const struct telling *t, const struct accumulation *item,
                          uint32_t cause) {
    int64_t references = 0;
    for (uint32_t i = 0; i < item->type_count; i++)
        if (str_starts(str_of(item->types[i].type), STR("System.WeakReference")))
            references += item->types[i].objects_delta;
    for (uint32_t i = 0; references > 0 && i < t->d->f->count; i++) {
        const struct finding *finding = &t->d->f->items[i];
        const struct evidence *base = cause_evidence(finding, "count_base"),
                              *now = cause_evidence(finding, "count_new");
        if (cause_is_open(t->d, i, rules[RULE_handles_growing]) &&
            str_starts(str_of(finding->subject), STR("Weak")) && base && now &&
            2 * references >= series_delta(now->number, base->number))
            cause_claim(t->d, i, cause);
    }
}

/* -- What keeps loaded code -------------------------------------------------------------------- */

/* Are there more of the objects by which code that was loaded is kept? */
static bool keeps_loaded(const struct accumulation *item) {
    for (uint32_t i = 0; i < item->type_count; i++) {
        const struct hint *hint =
            item->types[i].objects_delta > 0 ? hint_find(item->types[i].type) : NULL;
        if (hint && hint->symptom && strcmp(hint->symptom, rules[RULE_loader_growth]->id) == 0)
            return true;
    }
    return false;
}

void telling_what_is_loaded(const struct telling *t, const struct accumulation *item,
                            uint32_t number) {
    bool grows = item->verdict == VERDICT_LEAK || item->verdict == VERDICT_GROWING;
    uint32_t hit = grows && keeps_loaded(item) ? cause_serious_hit(t->d, rules[RULE_loader_growth])
                                               : CAUSE_NONE;
    if (hit == CAUSE_NONE)
        return;
    const struct finding *found = &t->d->f->items[hit];
    struct cause *cause = &t->d->c->items[number];
    const char *first = found->summary ? found->summary : "";
    cause->kind = CAUSE_LOADER;
    cause->severity = cause->severity < found->severity ? cause->severity : found->severity;
    cause_claim_loader(t->d, number);
    if (!name_root_is_field(item->root) && telling_is_framework(t, item)) {
        /* The runtime's own table: nobody can let go of what is in it. */
        cause->summary = findings_text(t->f, "%s; the runtime keeps them (%s).",
                                       unfinished(t->f, first), item->root);
        cause->next = "Find what makes them, and keep what it made instead of making it again: "
                      "serializers with overrides or extra types, compiled expressions and "
                      "regular expressions, proxies, scripts (explain load-context).";
        return;
    }
    cause->summary =
        findings_text(t->f, "%s, and keeps what was loaded: %s%s", unfinished(t->f, cause->summary),
                      strncmp(first, "The ", 4) == 0 ? "the " : "",
                      strncmp(first, "The ", 4) == 0 ? first + 4 : first);
    cause->next = findings_text(t->f,
                                "Let go of what %s holds before its assembly is unloaded, or load "
                                "that once and keep it: one "
                                "object keeps all of an assembly (explain load-context).",
                                cause->subject);
}
