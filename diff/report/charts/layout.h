/*
 * Where the parts of a chart go. Across everything is a part of the width, 0 to 1; down it is a
 * part of the height, or a number of rows.
 */
#ifndef DUMPDIFF_CHARTS_LAYOUT_H
#define DUMPDIFF_CHARTS_LAYOUT_H

#include "diff/report/charts/chart.h"

/* -- How much something changed ---------------------------------------------------------------- */

enum chart_tone {
    TONE_PLAIN, /* not compared */
    TONE_SAME,
    TONE_UP_1, /* by a twentieth of what is there now, at most */
    TONE_UP_2, /* by a quarter */
    TONE_UP_3, /* by more */
    TONE_NEW,
    TONE_DOWN,
    TONE_GONE,
    TONES
};
enum chart_tone chart_tone(bool compared, uint64_t base, uint64_t now);

/* -- Lines ------------------------------------------------------------------------------------- */

#define AXIS_TICKS_MOST 6u

struct line_band {
    double *low, *high; /* [points] 0 at the foot, 1 at the top; NAN: a gap. Equal: a line */
};

struct lines_layout {
    double *x;               /* [points] */
    struct line_band *bands; /* [count of lines] */
    uint64_t ticks[AXIS_TICKS_MOST];
    uint32_t tick_count; /* at ticks[i] / ticks[tick_count - 1] of the height */
};

/* Errors: ERR_NOMEM. */
bool lines_layout(const struct chart_lines *c, struct arena *arena, struct lines_layout *ret,
                  struct err *err) MUST_CHECK;

/* -- Slopes ------------------------------------------------------------------------------------ */

struct slope_end {
    double at;    /* 0 at the foot, 1 at the top; NAN: not known */
    double label; /* where its label goes, as near as the others let it */
};

struct slopes_layout {
    struct slope_end *ends[2]; /* [count of lines] before and after */
};

/*
 * Two snapshots: a line from what was to what is, from nothing at the foot to the largest at the
 * top.
 *
 * gap  part of the height that a label takes; where all of them take more than the whole, they are
 *      evenly spaced
 *
 * Errors: ERR_NOMEM.
 */
bool slopes_layout(const struct chart_lines *c, double gap, struct arena *arena,
                   struct slopes_layout *ret, struct err *err) MUST_CHECK;

/* -- Trees ------------------------------------------------------------------------------------- */

struct tree_box {
    uint32_t node, depth;
    uint32_t parent;               /* number of its box; CHART_NONE: a root */
    double x, width;               /* by what is there now */
    double growth_x, growth_width; /* by what grew */
    enum chart_tone tone;
};

struct tree_layout {
    struct tree_box *boxes; /* parents before their children, then from left to right */
    uint32_t count, rows;
    uint32_t hidden;       /* [count] nodes too small to be seen, or too deep */
    uint64_t total, grown; /* of all roots: what the widths are parts of */
    uint64_t total_base;
};

#define TREE_BOXES_MOST 500u
#define TREE_ROWS_MOST  28u

/*
 * Nodes that hold nothing but one other node, and always did, become one with it, under both names.
 * What is narrower than 1/500 is left out; of more than TREE_BOXES_MOST the smallest, too.
 * tree->nodes is changed. Errors: ERR_NOMEM.
 */
bool tree_layout(struct chart_tree *tree, struct arena *arena, struct tree_layout *ret,
                 struct err *err) MUST_CHECK;

/* -- Waits ------------------------------------------------------------------------------------- */

struct wait_box {
    uint32_t column; /* from the left; WAIT_HIDDEN: too far from the end */
    double row;      /* from the top; not whole where several wait for it */
    bool back;       /* what it waits for is on its left: it closes a circle */
};

struct waits_layout {
    struct wait_box *boxes; /* [wait_count] */
    uint32_t columns, hidden;
    double rows;
};

#define WAIT_HIDDEN       UINT32_MAX
#define WAIT_COLUMNS_MOST 12u

/*
 * From left to right: who waits, then what for, up to who has to act. Those who wait for the same
 * are below one another. `next` may lead anywhere, but in a circle all have `circle`. Errors:
 * ERR_NOMEM.
 */
bool waits_layout(const struct chart_chains *c, struct arena *arena, struct waits_layout *ret,
                  struct err *err) MUST_CHECK;

/* -- Map --------------------------------------------------------------------------------------- */

struct map_box {
    double x, y, width, height;
    uint32_t item;     /* CHART_NONE: the frame of a group, or the rest of it */
    const char *group; /* of frames and rests */
    uint32_t others;   /* of rests: [count] of its items */
    uint64_t base, now;
    enum chart_tone tone;
    uint32_t frame; /* number of the frame that it is in; CHART_NONE: it is one, or in none */
    bool fine;      /* lies in the rest of its group, and is seen when that is enlarged */
};

struct map_layout {
    struct map_box *boxes; /* each frame before what is in it */
    uint32_t count;
};

#define MAP_GROUPS_MOST 24u
#define MAP_ITEMS_MOST  160u
#define MAP_FINE_MOST   200u

/*
 * Squarified (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000): areas are sizes, shapes as near
 * to squares as they can be.
 *
 * aspect  width of the whole in its heights
 * head    part of the height that the name of a group takes; small groups have none
 *
 * Errors: ERR_NOMEM.
 */
bool map_layout(struct chart_map *map, double aspect, double head, struct arena *arena,
                struct map_layout *ret, struct err *err) MUST_CHECK;

#endif
