#include "diff/report/charts/layout.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>

struct map_place {
    double x, y, width, height;
};

struct map_group {
    const char *name;
    uint32_t first, count; /* of the items in order */
    uint64_t base, now;
};

struct map_work {
    const struct chart_map *map;
    struct arena *arena;
    uint32_t *order; /* items by group */
    struct map_group *groups;
    uint32_t group_count, item_count;
    double aspect, head;
    struct map_layout *l;
    struct map_place *places; /* room for the largest row of siblings */
    double *sizes;
};

static int cmp_map_items(const void *x, const void *y, void *context) {
    const struct chart_item *items = context;
    const struct chart_item *a = &items[*(const uint32_t *)x], *b = &items[*(const uint32_t *)y];
    int group = strcmp(a->group, b->group);
    if (group)
        return group;
    if (a->now != b->now)
        return a->now > b->now ? -1 : 1;
    return (a > b) - (a < b);
}

static int cmp_map_groups(const void *x, const void *y) {
    const struct map_group *a = x, *b = y;
    if (a->now != b->now)
        return a->now > b->now ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void map_find_groups(struct map_work *w) {
    const struct chart_item *items = w->map->items;
    for (uint32_t i = 0; i < w->map->count; i++)
        if (items[i].now)
            w->order[w->item_count++] = i;
    qsort_r(w->order, w->item_count, sizeof(*w->order), cmp_map_items,
            (struct chart_item *)(uintptr_t)items);
    for (uint32_t i = 0; i < w->item_count; i++) {
        const struct chart_item *item = &items[w->order[i]];
        if (!i || strcmp(w->groups[w->group_count - 1].name, item->group) != 0)
            w->groups[w->group_count++] = (struct map_group){.name = item->group, .first = i};
        struct map_group *group = &w->groups[w->group_count - 1];
        group->count++;
        group->base = num_add(group->base, item->base);
        group->now = num_add(group->now, item->now);
    }
    qsort(w->groups, w->group_count, sizeof(*w->groups), cmp_map_groups);
}

/* -- Squares ----------------------------------------------------------------------------------- */

/* How far the worst of a row is from a square: areas from least to most, on a side. */
static double map_worst(double least, double most, double sum, double side) {
    double a = side * side * most / (sum * sum), b = sum * sum / (side * side * least);
    return a > b ? a : b;
}

/* Lays a row of areas along the shorter side of what is left, and takes it off. */
static void map_lay_row(struct map_place *left, bool across, const double *areas, uint32_t count,
                        double sum, struct map_place *places) {
    double thick = sum / (across ? left->width : left->height), at = 0;
    for (uint32_t i = 0; i < count; i++) {
        double length = areas[i] / thick;
        places[i] = across ? (struct map_place){left->x + at, left->y, length, thick}
                           : (struct map_place){left->x, left->y + at, thick, length};
        at += length;
    }
    if (across) {
        left->y += thick;
        left->height -= thick;
    } else {
        left->x += thick;
        left->width -= thick;
    }
}

/* sizes: the largest first, none is 0. Into places[]. */
static void map_squarify(double *sizes, uint32_t count, struct map_place whole,
                         struct map_place *places) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += sizes[i];
    for (uint32_t i = 0; i < count; i++)
        sizes[i] *= whole.width * whole.height / sum;
    for (uint32_t first = 0; first < count;) {
        bool across = whole.width < whole.height;
        double side = across ? whole.width : whole.height, row = sizes[first];
        uint32_t end = first + 1;
        double worst = map_worst(row, row, row, side);
        for (; end < count; end++) {
            double more = row + sizes[end];
            double next = map_worst(sizes[end], sizes[first], more, side);
            if (next > worst)
                break;
            worst = next;
            row = more;
        }
        map_lay_row(&whole, across, sizes + first, end - first, row, places + first);
        first = end;
    }
}

/* -- Groups, and what is in them --------------------------------------------------------------- */

static void map_add(struct map_work *w, const struct map_place *place, struct map_box box) {
    box.x = place->x / w->aspect;
    box.width = place->width / w->aspect;
    box.y = place->y;
    box.height = place->height;
    box.tone = chart_tone(w->map->compared, box.base, box.now);
    w->l->boxes[w->l->count++] = box;
}

/* Of a group so many are shown: as much of `all` as it is of the whole, two at least. */
static uint32_t map_items_of(const struct map_group *group, uint32_t count, uint64_t total,
                             uint32_t all) {
    double part = total ? (double)group->now / (double)total : 0;
    uint32_t most = 2 + (uint32_t)(part * (all - 2 * MAP_GROUPS_MOST));
    return count < most ? count : most;
}

/* So many items of a group from one on, and a box for the rest of them, whose place is returned. */
static struct map_place map_fill(struct map_work *w, const struct map_group *group, uint32_t from,
                                 uint32_t shown, struct map_place place, struct map_box like) {
    uint32_t rest = group->count - from - shown;
    struct map_box others = like;
    others.item = CHART_NONE;
    others.group = group->name;
    others.others = rest;
    for (uint32_t i = from; i < group->count; i++) {
        const struct chart_item *item = &w->map->items[w->order[group->first + i]];
        bool is_other = i - from >= shown;
        if (!is_other)
            w->sizes[i - from] = (double)item->now;
        others.base = num_add(others.base, is_other ? item->base : 0);
        others.now = num_add(others.now, is_other ? item->now : 0);
    }
    w->sizes[shown] = (double)others.now;
    /* The rest comes last though it may be larger: a row more or less of a square. */
    map_squarify(w->sizes, shown + (rest ? 1 : 0), place, w->places);
    for (uint32_t i = 0; i < shown; i++) {
        uint32_t number = w->order[group->first + from + i];
        const struct chart_item *item = &w->map->items[number];
        like.item = number;
        like.base = item->base;
        like.now = item->now;
        map_add(w, &w->places[i], like);
    }
    if (rest)
        map_add(w, &w->places[shown], others);
    return w->places[shown];
}

static void map_fill_group(struct map_work *w, const struct map_group *group,
                           struct map_place place, uint64_t total) {
    uint32_t shown = map_items_of(group, group->count, total, MAP_ITEMS_MOST);
    uint32_t rest = group->count - shown, frame = w->l->count;
    map_add(w, &place,
            (struct map_box){.item = CHART_NONE,
                             .group = group->name,
                             .base = group->base,
                             .now = group->now,
                             .frame = CHART_NONE});
    if (place.height > w->head * 3) {
        place.y += w->head;
        place.height -= w->head;
    }
    struct map_box like = {.frame = frame};
    place = map_fill(w, group, 0, shown, place, like);
    like.fine = true;
    if (rest > 1)
        map_fill(w, group, shown, map_items_of(group, rest, total, MAP_FINE_MOST), place, like);
}

/* What is beyond the groups that are shown is one more, in which nothing is told apart. */
static bool map_lay(struct map_work *w, struct err *err) {
    uint32_t count = w->group_count < MAP_GROUPS_MOST ? w->group_count : MAP_GROUPS_MOST;
    struct map_place places[MAP_GROUPS_MOST + 1], whole = {0, 0, w->aspect, 1};
    double sizes[MAP_GROUPS_MOST + 1];
    uint64_t total = 0;
    struct map_box rest = {.item = CHART_NONE, .group = "", .frame = CHART_NONE};
    for (uint32_t i = 0; i < w->group_count; i++) {
        total = num_add(total, w->groups[i].now);
        if (i < count) {
            sizes[i] = (double)w->groups[i].now;
            continue;
        }
        rest.others += w->groups[i].count;
        rest.base = num_add(rest.base, w->groups[i].base);
        rest.now = num_add(rest.now, w->groups[i].now);
    }
    sizes[count] = (double)rest.now;
    w->l->boxes = arena_array(w->arena, MAP_ITEMS_MOST + MAP_FINE_MOST + 7 * MAP_GROUPS_MOST + 2,
                              sizeof(*w->l->boxes));
    w->sizes = arena_array(w->arena, MAP_FINE_MOST + 3, sizeof(*w->sizes));
    w->places = arena_array(w->arena, MAP_FINE_MOST + 3, sizeof(*w->places));
    if (!w->l->boxes || !w->sizes || !w->places)
        return err_nomem(err);
    map_squarify(sizes, count + (rest.others ? 1 : 0), whole, places);
    for (uint32_t i = 0; i < count; i++)
        map_fill_group(w, &w->groups[i], places[i], total);
    if (rest.others)
        map_add(w, &places[count], rest);
    return true;
}

bool map_layout(struct chart_map *map, double aspect, double head, struct arena *arena,
                struct map_layout *ret, struct err *err) {
    struct map_layout l = {.count = 0};
    struct map_work w = {.map = map, .arena = arena, .aspect = aspect, .head = head, .l = &l};
    w.order = arena_array(arena, (size_t)map->count + 1, sizeof(*w.order));
    w.groups = arena_array(arena, (size_t)map->count + 1, sizeof(*w.groups));
    if (!w.order || !w.groups)
        return err_nomem(err);
    map_find_groups(&w);
    if (w.item_count && !map_lay(&w, err))
        return false;
    *ret = l;
    return true;
}
