/*
 * Threads that do not end, and what comes with each of them: their stacks, buffers and handles. Who
 * keeps what starts them, as a list of watchers that nobody disposes of, is the cause of all of it;
 * where nobody is known to, the threads are.
 */
#include "diff/causes/telling.h"

#include "base/num.h"
#include "diff/names/names.h"
#include "diff/series/growth_places.h"

#include <string.h>

/* Of so many threads more or less, or so many percent, there are as many of something. */
#define NEAR_THREADS 2
#define NEAR_PERCENT 10

/* As many more objects as there are more threads? */
static bool is_near(int64_t objects, int64_t threads) {
    int64_t off = objects > threads ? objects - threads : threads - objects;
    int64_t near = threads * NEAR_PERCENT / 100;
    return off <= (near > NEAR_THREADS ? near : NEAR_THREADS);
}

static int64_t threads_more(const struct finding *hit) {
    const struct evidence *base = cause_evidence(hit, "threads_base");
    const struct evidence *now = cause_evidence(hit, "threads_new");
    return base && now ? series_delta(now->number, base->number) : 0;
}

/* "Shop.Pump" of "Shop.Pump+<>c.<Start>b__0 -> Thread.Sleep", as far as the place says it. */
static struct str type_of_place(const char *place) {
    struct str text = str_of(place);
    size_t end = str_find(text, STR(" -> "), 0);
    text = end == STR_NOT_FOUND ? text : str_take(text, end);
    size_t dot = text.len;
    while (dot && text.ptr[dot - 1] != '.')
        dot--;
    text = str_take(text, dot ? dot - 1 : 0);
    for (size_t i = 0; i < text.len; i++)
        if (strchr("+<`[", text.ptr[i]))
            return str_take(text, i);
    return text;
}

/* Is it that type, which a place may say without its namespace? */
static bool is_type(const char *type, struct str wanted) {
    struct str name = str_take(str_of(type), strcspn(type, "+<`["));
    if (!wanted.len || name.len < wanted.len)
        return false;
    return str_eq(str_drop(name, name.len - wanted.len), wanted) &&
           (name.len == wanted.len || name.ptr[name.len - wanted.len - 1] == '.');
}

/* Does what grew lie behind objects of that type, of which there are as many more? */
static bool is_behind(const struct telling *t, const struct accumulation *item, struct str type,
                      int64_t threads) {
    const struct growth *g = &t->a->growth;
    for (uint32_t n = item->main; n != GROWTH_ROOT && n != item->container; n = g->nodes[n].parent)
        if (is_type(g->nodes[n].type, type) && is_near(growth_objects(g, n), threads))
            return true;
    return false;
}

static bool grows_steadily(const struct accumulation *item) {
    return item->verdict == VERDICT_LEAK || item->verdict == VERDICT_GROWING;
}

/* What starts the threads, and is kept; NULL: nobody is known to. */
static struct accumulation *keeper_of_threads(const struct telling *t, struct str type,
                                              int64_t threads) {
    for (uint32_t i = 0; i < t->a->count; i++) {
        struct accumulation *item = &t->a->items[i];
        if (!item->folded && !item->stacks_only && item->counted && grows_steadily(item) &&
            is_behind(t, item, type, threads))
            return item;
    }
    return NULL;
}

/* On the stacks of several threads; or the framework's own, and one for each of the new threads. */
static bool comes_with_threads(const struct telling *t, const struct accumulation *item,
                               int64_t threads) {
    if (item->folded)
        return false;
    if (item->stacks_only)
        return !item->thread;
    return item->counted && !name_root_is_field(item->root) && telling_is_framework(t, item) &&
           is_near(item->objects_delta, threads);
}

static const struct accumulation *first_on_stacks(const struct telling *t) {
    for (uint32_t i = 0; i < t->a->count; i++)
        if (!t->a->items[i].folded && t->a->items[i].stacks_only && !t->a->items[i].thread)
            return &t->a->items[i];
    return NULL;
}

static void fold_with_threads(const struct telling *t, struct accumulation *to,
                              struct accumulation *item) {
    item->folded = item->with_threads = true;
    to->bytes_delta += item->bytes_delta;
    for (uint32_t i = 0; i < t->a->growth.snapshot_count; i++)
        to->bytes[i] = num_add(to->bytes[i], item->bytes[i]);
}

void telling_fold_threads(struct telling *t) {
    t->threads_hit = cause_serious_hit(t->d, rules[RULE_thread_leak]);
    if (t->threads_hit == CAUSE_NONE)
        return;
    const struct finding *hit = &t->d->f->items[t->threads_hit];
    const struct evidence *where = cause_evidence(hit, "where");
    int64_t threads = threads_more(hit);
    struct accumulation *keeper =
        where && where->text ? keeper_of_threads(t, type_of_place(where->text), threads) : NULL;
    t->threads_are_kept = keeper != NULL;
    t->of_threads = keeper ? keeper : first_on_stacks(t);
    for (uint32_t i = 0; t->of_threads && i < t->a->count; i++)
        if (&t->a->items[i] != t->of_threads && comes_with_threads(t, &t->a->items[i], threads))
            fold_with_threads(t, &t->a->items[t->of_threads - t->a->items], &t->a->items[i]);
}

/* The findings about what came with the threads, too. */
static void claim_with_threads(const struct telling *t, const struct accumulation *item,
                               uint32_t cause) {
    telling_claim(t, item, cause);
    for (uint32_t i = 0; i < t->a->count; i++)
        if (t->a->items[i].with_threads)
            telling_claim(t, &t->a->items[i], cause);
    cause_claim(t->d, t->threads_hit, cause);
}

/* The sentence of a finding, to be gone on with. */
static const char *unfinished_lower(struct findings *f, const char *summary) {
    size_t length = strlen(summary);
    length -= length && summary[length - 1] == '.';
    return findings_text(f, "%c%.*s", summary[0] == 'T' ? 't' : summary[0],
                         length ? (int)length - 1 : 0, summary + (length != 0));
}

void telling_threads_kept(const struct telling *t, const struct accumulation *item,
                          uint32_t number) {
    if (item != t->of_threads || !t->threads_are_kept)
        return;
    const struct finding *hit = &t->d->f->items[t->threads_hit];
    struct str type = type_of_place(cause_evidence(hit, "where")->text);
    struct cause *cause = &t->d->c->items[number];
    size_t length = strlen(cause->summary);
    cause->severity = cause->severity < hit->severity ? cause->severity : hit->severity;
    cause->summary = findings_text(t->f, "%.*s; each has a thread of its own: %s.",
                                   (int)(length - (length && cause->summary[length - 1] == '.')),
                                   cause->summary, unfinished_lower(t->f, hit->summary));
    cause->next = findings_text(
        t->f,
        "End or dispose of each %.*s when its work is done, which ends its thread: see where "
        "%s is filled, and what should empty it.",
        (int)type.len, type.ptr, cause->subject);
    claim_with_threads(t, item, number);
}

bool telling_with_threads(const struct telling *t, const struct accumulation *item) {
    if (item != t->of_threads || t->threads_are_kept)
        return false;
    struct cause *cause = cause_as_found(t->d, t->threads_hit, CAUSE_THREADS);
    if (!cause)
        return true;
    size_t length = strlen(cause->summary);
    cause->weight = rule_max(cause->weight, (uint64_t)item->bytes_delta);
    telling_measure(t, item, cause);
    cause->summary =
        findings_text(t->f, "%.*s; their stacks keep %s%s.",
                      (int)(length - (length && cause->summary[length - 1] == '.')), cause->summary,
                      say_delta(t->f, item->bytes_delta), telling_share(t, cause));
    claim_with_threads(t, item, cause_last(t->d));
    return true;
}
