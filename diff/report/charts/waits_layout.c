#include "diff/report/charts/layout.h"

#include <string.h>

#define LEVEL_UNKNOWN UINT32_MAX
#define GAP_CHAINS    0.25 /* [rows] between pictures that nothing joins */
#define GAP_CIRCLE    0.6  /* [rows] below a circle, for the way back */

struct waits_work {
    const struct chart_wait *waits;
    uint32_t count;
    uint32_t *level;                    /* steps to the end, or in a circle to its last */
    uint32_t *first_child, *next_child; /* who waits for it, in the order of numbers */
    uint32_t *stack;
    struct wait_box *boxes;
};

static bool waits_work_init(struct waits_work *w, struct arena *arena, struct err *err) {
    size_t room = (size_t)w->count + 1;
    w->level = arena_array(arena, room * 4, sizeof(*w->level));
    w->boxes = arena_array(arena, room, sizeof(*w->boxes));
    if (!w->level || !w->boxes)
        return err_nomem(err);
    w->first_child = w->level + room;
    w->next_child = w->first_child + room;
    w->stack = w->next_child + room;
    memset(w->level, 0xff, room * 3 * sizeof(*w->level)); /* LEVEL_UNKNOWN, CHART_NONE */
    memset(w->boxes, 0, room * sizeof(*w->boxes));
    return true;
}

static uint32_t next_of(const struct waits_work *w, uint32_t n) {
    uint32_t next = w->waits[n].next;
    return next < w->count ? next : CHART_NONE;
}

/* A circle is cut before one of its threads: that one is the farthest from the end. */
static void cut_circles(struct waits_work *w, bool threads) {
    for (uint32_t n = 0; n < w->count; n++) {
        uint32_t length = 1, at = n;
        if (!w->waits[n].circle || w->level[n] != LEVEL_UNKNOWN ||
            (threads && w->waits[n].kind != CHART_THREAD))
            continue;
        while (next_of(w, at) != CHART_NONE && next_of(w, at) != n && length <= w->count) {
            at = next_of(w, at);
            length++;
        }
        if (next_of(w, at) != n)
            continue; /* leads to a circle, and is in none */
        w->boxes[at].back = true;
        for (at = n; length-- > 0; at = next_of(w, at))
            w->level[at] = length;
    }
}

/* The others: up to where the level is known, and back. */
static void find_levels(struct waits_work *w) {
    for (uint32_t n = 0; n < w->count; n++) {
        uint32_t depth = 0, at = n;
        while (at != CHART_NONE && w->level[at] == LEVEL_UNKNOWN && depth < w->count) {
            w->stack[depth++] = at;
            at = next_of(w, at);
        }
        uint32_t level = at == CHART_NONE ? 0 : w->level[at] + 1;
        while (depth > 0)
            w->level[w->stack[--depth]] = level++;
    }
}

static bool is_last_wait(const struct waits_work *w, uint32_t n) {
    return w->boxes[n].back || next_of(w, n) == CHART_NONE;
}

static void find_children(struct waits_work *w) {
    for (uint32_t n = w->count; n-- > 0;) {
        uint32_t next = next_of(w, n);
        if (is_last_wait(w, n) || w->level[n] >= WAIT_COLUMNS_MOST)
            continue;
        w->next_child[n] = w->first_child[next];
        w->first_child[next] = n;
    }
}

/* Puts all that leads to an end below `row`: who waits first, then in their middle what for. */
static double place_waits(struct waits_work *w, uint32_t end, double row) {
    uint32_t depth = 0, farthest = 0;
    w->stack[depth++] = end;
    double top = row;
    for (uint32_t n = end;;) {
        farthest = w->level[n] > farthest ? w->level[n] : farthest;
        if (w->first_child[n] != CHART_NONE) {
            n = w->stack[depth++] = w->first_child[n];
            continue;
        }
        w->boxes[n].row = row++;
        while (w->next_child[n] == CHART_NONE && --depth > 0) {
            uint32_t last = n;
            n = w->stack[depth - 1];
            w->boxes[n].row = (w->boxes[w->first_child[n]].row + w->boxes[last].row) / 2;
        }
        if (!depth)
            break;
        n = w->stack[depth - 1] = w->next_child[n];
    }
    for (uint32_t n = 0; n < w->count; n++) /* those that were placed now */
        if (w->boxes[n].column == WAIT_HIDDEN && w->boxes[n].row >= top)
            w->boxes[n].column = farthest - w->level[n];
    return row;
}

bool waits_layout(const struct chart_chains *c, struct arena *arena, struct waits_layout *ret,
                  struct err *err) {
    struct waits_work w = {.waits = c->waits, .count = c->wait_count};
    struct waits_layout l = {.columns = 1};
    if (!waits_work_init(&w, arena, err))
        return false;
    cut_circles(&w, true);
    cut_circles(&w, false); /* of tasks alone */
    find_levels(&w);
    find_children(&w);
    for (uint32_t n = 0; n < w.count; n++)
        w.boxes[n] = (struct wait_box){WAIT_HIDDEN, -1, w.boxes[n].back};
    for (uint32_t n = 0; n < w.count; n++)
        if (is_last_wait(&w, n))
            l.rows = place_waits(&w, n, l.rows) + (w.boxes[n].back ? GAP_CIRCLE : GAP_CHAINS);
    for (uint32_t n = 0; n < w.count; n++) {
        l.hidden += w.boxes[n].column == WAIT_HIDDEN;
        if (w.boxes[n].column != WAIT_HIDDEN && w.boxes[n].column >= l.columns)
            l.columns = w.boxes[n].column + 1;
    }
    l.boxes = w.boxes;
    *ret = l;
    return true;
}
