/*
 * Stacks for speedscope: allocation stacks, and how many threads are where. Of a diff a profile of
 * each figure: before, after, and what is more.
 *
 * Source of the format: github.com/jlfwong/speedscope, file-format-spec.ts, and the JSON schema
 * that it publishes.
 */
#include "base/hash.h"
#include "base/num.h"
#include "diff/report/alloc_view.h"
#include "diff/report/doc_parts.h"
#include "diff/report/json_value.h"
#include "model/rows_threads.h"

#include <stdlib.h>

/* [bytes or count] more is no number that every reader takes for itself. */
#define WEIGHT_MOST ((uint64_t)1 << 53)

struct speedscope {
    struct json j;
    const struct series *s;
    struct name_filter filter;
    cJSON *frames;
    struct strmap ids;
    uint32_t frame_count;
};

enum speedscope_figure { FIGURE_BASE, FIGURE_NEW, FIGURE_MORE };

/* A stack with what it weighs before and after. */
struct weighed {
    const struct strings *frames; /* innermost first */
    uint64_t base, now;
    const struct strings *places; /* of the frames; NULL: not known */
};

static uint64_t speedscope_weight(const struct weighed *w, enum speedscope_figure figure) {
    uint64_t weight = figure == FIGURE_BASE  ? w->base
                      : figure == FIGURE_NEW ? w->now
                      : w->now > w->base     ? w->now - w->base
                                             : 0;
    return weight < WEIGHT_MOST ? weight : WEIGHT_MOST;
}

static uint32_t frame_id(struct speedscope *o, const char *name, const char *source) {
    uint32_t id = strmap_get(&o->ids, str_of(name), str_of(source));
    if (id != STRMAP_NONE)
        return id;
    cJSON *frame = cJSON_CreateObject();
    struct alloc_place place = alloc_place_of(str_of(source));
    json_add(&o->j, frame, "name", json_text(name));
    if (place.file.len) {
        struct strbuf file;
        strbuf_init(&file);
        strbuf_add(&file, place.file);
        json_add(&o->j, frame, "file", json_text(strbuf_cstr(&file)));
        err_keep(&o->j.err, &file.err);
        strbuf_deinit(&file);
    }
    if (place.line)
        json_add(&o->j, frame, "line", json_number(place.line));
    json_append(&o->j, o->frames, frame);
    if (!strmap_put(&o->ids, str_of(name), str_of(source), o->frame_count))
        err_keep_nomem(&o->j.err);
    return o->frame_count++;
}

static cJSON *speedscope_sample(struct speedscope *o, const struct weighed *w) {
    cJSON *sample = cJSON_CreateArray();
    for (uint32_t i = w->frames->count; i-- > 0;) {
        const char *place = w->places && i < w->places->count ? w->places->items[i] : "";
        json_append(&o->j, sample, json_number(frame_id(o, w->frames->items[i], place)));
    }
    return sample;
}

/* --focus takes a stack of which any frame matches; --ignore drops it. */
static bool speedscope_takes(const struct speedscope *o, const struct strings *frames) {
    bool focus = !pattern_given(&o->filter.focus);
    for (uint32_t i = 0; i < frames->count; i++) {
        focus = focus || pattern_matches(&o->filter.focus, frames->items[i]);
        if (pattern_given(&o->filter.ignore) &&
            pattern_matches(&o->filter.ignore, frames->items[i]))
            return false;
    }
    return focus && frames->count;
}

/* A profile without samples says nothing, and is left out. */
static void speedscope_profile(struct speedscope *o, const char *name, const char *unit,
                               const struct weighed *stacks, uint32_t count,
                               enum speedscope_figure figure) {
    cJSON *samples = cJSON_CreateArray(), *weights = cJSON_CreateArray();
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t weight = speedscope_weight(&stacks[i], figure);
        if (!weight || !speedscope_takes(o, stacks[i].frames))
            continue;
        json_append(&o->j, samples, speedscope_sample(o, &stacks[i]));
        json_append(&o->j, weights, json_number(weight));
        sum = num_add(sum, weight);
    }
    if (!sum) {
        cJSON_Delete(samples);
        cJSON_Delete(weights);
        return;
    }
    cJSON *profile = cJSON_CreateObject();
    json_add(&o->j, profile, "type", json_text("sampled"));
    json_add(&o->j, profile, "name", json_text(name));
    json_add(&o->j, profile, "unit", json_text(unit));
    json_add(&o->j, profile, "startValue", json_number(0));
    json_add(&o->j, profile, "endValue", json_number(sum < WEIGHT_MOST ? sum : WEIGHT_MOST));
    json_add(&o->j, profile, "samples", samples);
    json_add(&o->j, profile, "weights", weights);
    json_array_put(&o->j, profile);
}

static void speedscope_profiles(struct speedscope *o, const char *const names[3], const char *unit,
                                const struct weighed *stacks, uint32_t count) {
    bool diff = o->s->count > 1;
    if (diff)
        speedscope_profile(o, names[FIGURE_MORE], unit, stacks, count, FIGURE_MORE);
    speedscope_profile(o, names[FIGURE_NEW], unit, stacks, count, FIGURE_NEW);
    if (diff)
        speedscope_profile(o, names[FIGURE_BASE], unit, stacks, count, FIGURE_BASE);
}

static uint64_t speedscope_figure_of(struct cell cell, bool bytes) {
    uint64_t figure = bytes ? cell.bytes : cell.objects;
    return figure == ABSENT ? 0 : figure;
}

static void speedscope_allocations(struct speedscope *o, struct weighed *room) {
    static const char *const names[] = {[FIGURE_BASE] = "allocated and not freed, before",
                                        [FIGURE_NEW] = "allocated and not freed",
                                        [FIGURE_MORE] = "allocated and not freed, what is more"};
    const struct series *s = o->s;
    uint32_t last = s->count - 1;
    if (!s->allocated)
        return;
    bool bytes = s->allocated[0].bytes != ABSENT && s->allocated[last].bytes != ABSENT;
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->stack_count; i++)
        for (uint32_t k = 0; k < alloc_samples(&s->stacks[i]); k++) {
            struct alloc_sample of = alloc_sample(&s->stacks[i], k);
            room[count++] =
                (struct weighed){&s->stacks[i].frames, speedscope_figure_of(of.totals[0], bytes),
                                 speedscope_figure_of(of.totals[last], bytes), of.places};
        }
    speedscope_profiles(o, names, bytes ? "bytes" : "none", room, count);
}

/* A thread may be elsewhere in the newer dump: it weighs one here and one there. */
static void speedscope_threads(struct speedscope *o, struct weighed *room) {
    static const char *const names[] = {[FIGURE_BASE] = "threads, before",
                                        [FIGURE_NEW] = "threads",
                                        [FIGURE_MORE] = "threads, which are new there"};
    const struct series *s = o->s;
    uint32_t last = s->count - 1, count = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct thread_row *base = last ? s->threads[i].rows[0] : NULL;
        const struct thread_row *now = s->threads[i].rows[last];
        if (base && now && strings_equal(thread_stack(base), thread_stack(now))) {
            room[count++] = (struct weighed){thread_stack(now), 1, 1, NULL};
            continue;
        }
        if (base)
            room[count++] = (struct weighed){thread_stack(base), 1, 0, NULL};
        if (now)
            room[count++] = (struct weighed){thread_stack(now), 0, 1, NULL};
    }
    speedscope_profiles(o, names, "none", room, count);
}

static void write_speedscope(struct speedscope *o, const struct report_options *options) {
    size_t most = 2 * (size_t)o->s->thread_count + 1;
    for (uint32_t i = 0; i < o->s->stack_count; i++)
        most += alloc_samples(&o->s->stacks[i]);
    struct weighed *room = calloc(most, sizeof(*room));
    cJSON *shared = cJSON_CreateObject();
    o->frames = cJSON_CreateArray();
    if (!room)
        err_keep_nomem(&o->j.err);
    json_put(&o->j, "$schema", json_text("https://www.speedscope.app/file-format-schema.json"));
    json_put(&o->j, "name", json_text(options->names[o->s->count - 1]));
    json_put(&o->j, "exporter", json_text("dumpdiff"));
    json_put(&o->j, "activeProfileIndex", json_number(0));
    json_array_begin(&o->j, "profiles");
    if (room) {
        speedscope_allocations(o, room);
        speedscope_threads(o, room);
    }
    json_array_end(&o->j);
    json_add(&o->j, shared, "frames", o->frames);
    json_put(&o->j, "shared", shared);
    free(room);
}

static bool speedscope(const struct series *s, const struct findings *f,
                       const struct report_options *options, struct strbuf *out, struct err *err) {
    struct speedscope o = {.s = s};
    (void)f;
    if (!name_filter_init(&o.filter, options, err))
        return false;
    strmap_init(&o.ids);
    json_begin(&o.j, out);
    write_speedscope(&o, options);
    json_end(&o.j);
    strmap_deinit(&o.ids);
    bool settled = name_filter_settled(&o.filter, err);
    name_filter_deinit(&o.filter);
    return settled && json_ok(&o.j, err);
}

extern const struct report report_speedscope;
const struct report report_speedscope = {
    .name = "speedscope",
    .summary = "allocation stacks, and where threads are, for speedscope.app; of a diff before, "
               "after, and what is more",
    .needs = PART_BIT(PART_STACKS) | PART_BIT(PART_THREADS),
    .show = speedscope,
    .diff = speedscope};
