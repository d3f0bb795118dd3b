/* `dumpdiff history report`: what grows, in which release, on which instances, and what holds it.
 */
#include "cmd/history_lines.h"

#include "base/hash.h"
#include "base/vec.h"
#include "diff/report/fleet.h"
#include "diff/series/series.h"
#include "model/known_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* So many by chance, all types and releases taken together, are none. */
#define CHANCE_MOST 0.01
/* A run that grows by less matters to nobody. */
#define GROWTH_LEAST ((uint64_t)64 << 10)
/* Of the instances that grow as a fleet does, so many are worth a finding. */
#define TREND_ERROR TREND_P_MOST

/* The lines of one release in one environment. */
struct release_lines {
    uint32_t first, last; /* [first, last) of lines.items */
};

struct candidate {
    struct fleet_leak leak;
    uint32_t part;
    double chance; /* of one type in one release */
};

struct reporting {
    struct run *r;
    struct lines lines;
    struct release_lines *parts;
    uint32_t part_count, part_capacity;
    struct candidate *found;
    uint32_t found_count, found_capacity;
    uint32_t tests; /* types in releases that could have grown */
    bool *grows;    /* [lines] the type at hand */
    double *slopes; /* [lines] */
    struct fleet fleet;
};

/* -- Chance ------------------------------------------------------------------------------------ */

/* Of n runs k or more say by chance that they rise: each does so in one of twenty. */
static double chance_of(uint32_t k, uint32_t n) {
    double sum = 0;
    for (uint32_t i = k; i <= n; i++)
        sum += exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) + i * log(TREND_ERROR) +
                   (n - i) * log1p(-TREND_ERROR));
    return sum < 1 ? sum : 1;
}

/* -- One type ---------------------------------------------------------------------------------- */

struct judged {
    uint32_t runs, growing;
    double least_p; /* of those that grow */
};

static bool line_grows(struct reporting *w, uint32_t i, const uint64_t *values, double *ret_p) {
    struct line *line = &w->lines.items[i];
    struct trend t;
    w->slopes[i] = lines_slope(&w->lines, line, values, &t);
    w->grows[i] = false;
    if (t.too_few)
        return false;
    const struct series_floor floor = {GROWTH_LEAST, GROWTH_LEAST};
    *ret_p = t.p_value;
    w->grows[i] = t.rises && series_growth(w->lines.values, line->count, floor) == VERDICT_LEAK;
    return true;
}

static struct judged judge_part(struct reporting *w, const struct release_lines *part,
                                const uint64_t *values) {
    struct judged j = {0, 0, 1};
    for (uint32_t i = part->first; i < part->last; i++) {
        double p = 1;
        if (!line_grows(w, i, values, &p))
            continue;
        j.runs++;
        j.growing += w->grows[i];
        if (w->grows[i] && p < j.least_p)
            j.least_p = p;
    }
    return j;
}

static double median_of(const double *slopes, const bool *take, uint32_t first, uint32_t last,
                        double *buffer) {
    uint32_t n = 0;
    for (uint32_t i = first; i < last; i++)
        if ((!take || take[i]) && !isnan(slopes[i]))
            buffer[n++] = slopes[i];
    for (uint32_t i = 1; i < n; i++) /* a thousand at most, mostly few */
        for (uint32_t k = i; k > 0 && buffer[k - 1] > buffer[k]; k--) {
            double kept = buffer[k];
            buffer[k] = buffer[k - 1];
            buffer[k - 1] = kept;
        }
    return n ? (buffer[(n - 1) / 2] + buffer[n / 2]) / 2 : NAN;
}

static int cmp_instances_of_leak(const void *x, const void *y) {
    const struct fleet_instance *a = x, *b = y;
    if (a->slope > b->slope || a->slope < b->slope)
        return a->slope > b->slope ? -1 : 1;
    return strcmp(a->name, b->name);
}

static uint32_t instances_of(const struct lines *l, uint32_t first, uint32_t last) {
    uint32_t count = 0;
    for (uint32_t i = first; i < last; i++)
        count += i == first || lines_entry(l, &l->items[i], 0)->instance_id !=
                                   lines_entry(l, &l->items[i - 1], 0)->instance_id;
    return count;
}

/* The instances that grow, each once by its steepest run. */
static bool fill_instances(struct reporting *w, struct candidate *c, const uint64_t *values,
                           struct err *err) {
    const struct release_lines *part = &w->parts[c->part];
    struct arena *arena = &w->r->h.arena;
    struct fleet_leak *leak = &c->leak;
    leak->items = arena_array(arena, leak->growing, sizeof(*leak->items));
    if (!leak->items)
        return err_nomem(err);
    for (uint32_t i = part->first; i < part->last; i++)
        if (w->grows[i] && w->lines.items[i].count > leak->points)
            leak->points = w->lines.items[i].count;
    for (uint32_t i = part->first; i < part->last; i++) {
        const struct line *line = &w->lines.items[i];
        const struct history_entry *e = lines_entry(&w->lines, line, 0);
        struct fleet_instance *last = leak->item_count ? &leak->items[leak->item_count - 1] : NULL;
        if (!w->grows[i])
            continue;
        bool same = last && strcmp(last->name, e->key.instance) == 0;
        if (same && last->slope >= w->slopes[i])
            continue;
        uint64_t *bytes = arena_array(arena, leak->points, sizeof(*bytes));
        if (!bytes)
            return err_nomem(err);
        for (uint32_t k = 0; k < leak->points; k++)
            bytes[k] = k < line->count ? values[w->lines.order[line->first + k]] : ABSENT;
        struct fleet_instance *item = same ? last : &leak->items[leak->item_count++];
        *item = (struct fleet_instance){e->key.instance, w->slopes[i], bytes[0],
                                        bytes[line->count - 1], bytes};
    }
    qsort(leak->items, leak->item_count, sizeof(*leak->items), cmp_instances_of_leak);
    leak->worst = leak->items[0].slope;
    return true;
}

static bool fill_releases(struct reporting *w, struct candidate *c, const struct judged *judged,
                          double *buffer, struct err *err) {
    struct fleet_leak *leak = &c->leak;
    leak->releases = arena_array(&w->r->h.arena, w->part_count, sizeof(*leak->releases));
    if (!leak->releases)
        return err_nomem(err);
    for (uint32_t i = 0; i < w->part_count; i++) {
        const struct release_lines *part = &w->parts[i];
        const struct history_entry *e = lines_entry(&w->lines, &w->lines.items[part->first], 0);
        if (i == c->part || strcmp(e->key.environment, leak->environment) != 0)
            continue;
        leak->releases[leak->release_count++] =
            (struct fleet_release){e->key.release, judged[i].growing, judged[i].runs,
                                   median_of(w->slopes, NULL, part->first, part->last, buffer)};
    }
    return true;
}

static bool take_candidate(struct reporting *w, const struct history_values *v, uint32_t part,
                           const uint64_t *values, const struct judged *judged, double chance,
                           double *buffer, struct err *err) {
    const struct release_lines *of = &w->parts[part];
    const struct history_entry *e = lines_entry(&w->lines, &w->lines.items[of->first], 0);
    if (!VEC_ROOM(w->found, w->found_count, w->found_capacity, err))
        return false;
    struct candidate *c = &w->found[w->found_count];
    *c = (struct candidate){.part = part, .chance = chance};
    c->leak = (struct fleet_leak){.type = arena_copy(&w->r->h.arena, v->name, strlen(v->name)),
                                  .release = e->key.release,
                                  .environment = e->key.environment,
                                  .growing = judged[part].growing,
                                  .judged = judged[part].runs,
                                  .instances = instances_of(&w->lines, of->first, of->last)};
    if (!c->leak.type)
        return err_nomem(err);
    c->leak.median = median_of(w->slopes, w->grows, of->first, of->last, buffer);
    w->found_count++;
    return fill_instances(w, c, values, err) && fill_releases(w, c, judged, buffer, err);
}

static bool report_one(void *context, const struct history_values *v, struct err *err) {
    struct reporting *w = context;
    if (v->kind != HISTORY_TYPE || strcmp(v->name, TYPE_FREE) == 0)
        return true;
    const uint64_t *values = lines_basis(v, w->r->count);
    struct judged *judged = calloc((size_t)w->part_count + 1, sizeof(*judged));
    double *buffer = calloc((size_t)w->lines.count + 1, sizeof(*buffer));
    bool ok = (judged && buffer) || err_nomem(err);
    for (uint32_t i = 0; ok && i < w->part_count; i++) {
        judged[i] = judge_part(w, &w->parts[i], values);
        w->tests += judged[i].runs > 0;
    }
    for (uint32_t i = 0; ok && i < w->part_count; i++) {
        if (!judged[i].growing)
            continue;
        double many = chance_of(judged[i].growing, judged[i].runs);
        double one = judged[i].least_p * judged[i].runs;
        ok = take_candidate(w, v, i, values, judged, many < one ? many : one, buffer, err);
    }
    free(judged);
    free(buffer);
    return ok;
}

/* -- All of them ------------------------------------------------------------------------------- */

static bool find_parts(struct reporting *w, struct err *err) {
    const struct lines *l = &w->lines;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct history_entry *e = lines_entry(l, &l->items[i], 0);
        const struct history_entry *before = i ? lines_entry(l, &l->items[i - 1], 0) : NULL;
        w->fleet.short_runs += l->items[i].count < TREND_SAMPLES_LEAST;
        if (before && strcmp(before->key.release, e->key.release) == 0 &&
            strcmp(before->key.environment, e->key.environment) == 0) {
            w->parts[w->part_count - 1].last = i + 1;
            continue;
        }
        if (!VEC_ROOM(w->parts, w->part_count, w->part_capacity, err))
            return false;
        w->parts[w->part_count++] = (struct release_lines){i, i + 1};
    }
    return true;
}

static int cmp_leaks(const void *x, const void *y) {
    const struct fleet_leak *a = x, *b = y;
    double weight_a = a->median * a->item_count, weight_b = b->median * b->item_count;
    if (weight_a > weight_b || weight_a < weight_b)
        return weight_a > weight_b ? -1 : 1;
    int order = strcmp(a->type, b->type);
    return order ? order : strcmp(a->release, b->release);
}

/* Entries of the runs that grow, to ask what holds the type there. */
static bool report_holder(struct reporting *w, struct candidate *c, struct err *err) {
    const struct release_lines *part = &w->parts[c->part];
    uint32_t count = 0;
    struct history_entry *runs = calloc((size_t)(part->last - part->first) + 1, sizeof(*runs));
    if (!runs)
        return err_nomem(err);
    for (uint32_t i = part->first; i < part->last; i++) {
        const struct history_entry *e = lines_entry(&w->lines, &w->lines.items[i], 0);
        for (uint32_t k = 0; k < c->leak.item_count; k++)
            if (strcmp(c->leak.items[k].name, e->key.instance) == 0) {
                runs[count++] = *e;
                break;
            }
    }
    bool ok = history_held_by(&w->r->h, runs, count, c->leak.type, &c->leak.held_by, err);
    free(runs);
    return ok;
}

static bool take_leaks(struct reporting *w, struct err *err) {
    struct fleet *f = &w->fleet;
    f->leaks = arena_array(&w->r->h.arena, (size_t)w->found_count + 1, sizeof(*f->leaks));
    if (!f->leaks)
        return err_nomem(err);
    for (uint32_t i = 0; i < w->found_count; i++) {
        struct candidate *c = &w->found[i];
        double p = c->chance * w->tests;
        if (p > CHANCE_MOST)
            continue;
        c->leak.p_value = p;
        if (!report_holder(w, c, err))
            return false;
        f->leaks[f->leak_count++] = c->leak;
    }
    qsort(f->leaks, f->leak_count, sizeof(*f->leaks), cmp_leaks);
    return true;
}

/* Entries come by time: the last of an instance is its newest. */
static bool find_latest(struct reporting *w, struct err *err) {
    struct run *r = w->r;
    struct fleet *f = &w->fleet;
    struct u64map seen;
    u64map_init(&seen);
    f->latest = arena_array(&r->h.arena, r->count, sizeof(*f->latest));
    bool ok = f->latest || err_nomem(err);
    for (uint32_t i = 0; ok && i < r->count; i++) {
        const struct history_entry *e = &r->entries[i];
        uint32_t at = u64map_get(&seen, e->instance_id);
        if (at == STRMAP_NONE) {
            at = f->latest_count++;
            ok = u64map_put(&seen, e->instance_id, at) || err_nomem(err);
        }
        f->latest[at] = (struct fleet_latest){e->key.instance, e->key.release, e->key.environment,
                                              e->bytes,        e->objects,     e->captured_at_ns};
    }
    f->instances = f->latest_count;
    u64map_deinit(&seen);
    return ok;
}

static bool describe_fleet(struct reporting *w, struct err *err) {
    struct fleet *f = &w->fleet;
    struct run *r = w->r;
    f->program = r->entries[0].key.program;
    f->unit = w->lines.unit;
    f->runs = w->lines.count;
    f->snapshots = r->count;
    f->since_ns = f->until_ns = r->entries[0].captured_at_ns;
    for (uint32_t i = 0; i < r->count; i++) {
        uint64_t at = r->entries[i].captured_at_ns;
        bool known = at != ABSENT && f->since_ns != ABSENT;
        f->since_ns = !known ? ABSENT : at < f->since_ns ? at : f->since_ns;
        f->until_ns = !known ? ABSENT : at > f->until_ns ? at : f->until_ns;
    }
    return find_latest(w, err);
}

static const char *report_format(const struct options *o) {
    return o->output_count ? output_format(o, &o->outputs[0]) : "text";
}

static bool report_write(struct run *r, const struct fleet *f, struct err *err) {
    const char *format = report_format(r->o);
    if (strcmp(format, "html") == 0)
        return fleet_html(f, &r->o->report, &r->out, err);
    if (strcmp(format, "json") == 0)
        return fleet_json(f, &r->out, err);
    if (strcmp(format, "openmetrics") == 0)
        return fleet_metrics(f, &r->out, err);
    if (strcmp(format, "text") == 0)
        return fleet_text(f, &r->o->report, &r->out, err);
    return err_set(err, ERR_USAGE, "history report writes text, json, html or openmetrics, not %s",
                   format);
}

bool history_report(struct run *r, struct err *err) {
    struct reporting w = {.r = r};
    const uint64_t *x;
    if (r->o->argument_count)
        return err_set(err, ERR_USAGE, "history report wants no arguments (--release for one)");
    if (!history_choose(r, r->o->release, err) || !history_one_program(r, err) ||
        !lines_per(r, &x, err))
        return false;
    bool ok = lines_init(&w.lines, r->entries, r->count, x, err) && find_parts(&w, err) &&
              describe_fleet(&w, err);
    w.grows = calloc((size_t)w.lines.count + 1, sizeof(*w.grows));
    w.slopes = calloc((size_t)w.lines.count + 1, sizeof(*w.slopes));
    ok = ok && ((w.grows && w.slopes) || err_nomem(err)) &&
         history_each(&r->h, r->entries, r->count, report_one, &w, err) && take_leaks(&w, err) &&
         report_write(r, &w.fleet, err);
    lines_deinit(&w.lines);
    free(w.parts);
    free(w.found);
    free(w.grows);
    free(w.slopes);
    return ok;
}
