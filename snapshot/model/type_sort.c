/*
 * Names of types are long and begin alike, so that nearly all of a comparison is what was compared
 * before, and which is smaller no processor foresees. So they are put into heaps by the first byte
 * in which they differ, each heap by a later one, and only a few names are compared. What they
 * have in common is passed over by pieces of eight bytes.
 */
#include "model/type_sort.h"

#include "base/order.h"

#include <stdlib.h>

#define PIECE_BYTES 8u
/* So few are put in place one by one. */
#define FEW 20u

struct sort_name {
    uint64_t piece; /* of the name, its first byte on top; zeros behind its end */
    const char *name;
    uint32_t length, row;
};

/* Names that are the same up to `depth`. */
struct sort_range {
    uint32_t from, to;
    uint32_t depth;
};

struct sorting {
    const struct type_row *rows;
    struct sort_name *names, *other; /* other: as much room */
    struct sort_range *waiting;      /* ranges of two names and more: room for half as many */
    uint32_t waiting_count;
};

static uint64_t piece_at(const struct sort_name *n, uint32_t depth) {
    uint32_t left = n->length - depth;
    uint64_t piece = 0;
    if (left >= PIECE_BYTES) {
        memcpy(&piece, n->name + depth, sizeof(piece));
        return __builtin_bswap64(piece);
    }
    for (uint32_t i = 0; i < left; i++)
        piece |= (uint64_t)(unsigned char)n->name[depth + i] << (56 - 8 * i);
    return piece;
}

/* No character is 0: what ends in one is the last piece of a name. */
static bool is_last_piece(uint64_t piece) {
    return !(piece & 0xff);
}

/* For qsort_r, of names that are the same: by module. */
static int cmp_sort_modules(const void *x, const void *y, void *rows) {
    const struct sort_name *a = x, *b = y;
    const struct type_row *all = rows;
    int order = order_text(all[a->row].module, all[b->row].module);
    return order ? order : order_u64(a->row, b->row);
}

static void sort_few(const struct sorting *s, struct sort_range r) {
    struct sort_name *names = s->names;
    for (uint32_t i = r.from + 1; i < r.to; i++) {
        const struct sort_name name = names[i];
        uint32_t at = i;
        for (; at > r.from; at--) {
            int order = strcmp(name.name + r.depth, names[at - 1].name + r.depth);
            if (!order)
                order = cmp_sort_modules(&name, &names[at - 1], (void *)(uintptr_t)s->rows);
            if (order >= 0)
                break;
            names[at] = names[at - 1];
        }
        names[at] = name;
    }
}

/* The pieces of a range, or the next ones where all are the same; returns the bits that differ. */
static uint64_t load_pieces(const struct sorting *s, struct sort_range *r) {
    struct sort_name *names = s->names + r->from;
    uint32_t count = r->to - r->from;
    for (;; r->depth += PIECE_BYTES) {
        uint64_t differ = 0;
        for (uint32_t i = 0; i < count; i++) {
            names[i].piece = piece_at(&names[i], r->depth);
            differ |= names[i].piece ^ names[0].piece;
        }
        if (differ || is_last_piece(names[0].piece))
            return differ;
    }
}

/*
 * Puts the names of a range into heaps by the first byte in which their pieces differ, keeping the
 * order of those in which it is the same. Heaps of more than one wait for their next byte, or are
 * sorted by module: those whose names end there.
 */
static void sort_by_byte(struct sorting *s, struct sort_range r, uint64_t differ) {
    const unsigned byte = differ ? (unsigned)__builtin_clzll(differ) / 8 : PIECE_BYTES - 1;
    const unsigned shift = 56 - 8 * byte;
    struct sort_name *names = s->names;
    uint32_t ends[257] = {0};
    for (uint32_t i = r.from; i < r.to; i++)
        ends[(names[i].piece >> shift & 0xff) + 1]++;
    for (unsigned value = 1; value <= 256; value++) {
        uint32_t count = ends[value], from = r.from + ends[value - 1];
        ends[value] += ends[value - 1];
        if (count > 1 && value > 1)
            s->waiting[s->waiting_count++] =
                (struct sort_range){from, from + count, r.depth + byte + 1};
    }
    const uint32_t ended = ends[1];
    if (differ) {
        for (uint32_t i = r.from; i < r.to; i++)
            s->other[ends[names[i].piece >> shift & 0xff]++] = names[i];
        memcpy(names + r.from, s->other, (r.to - r.from) * sizeof(*names));
    }
    if (ended > 1)
        qsort_r(names + r.from, ended, sizeof(*names), cmp_sort_modules,
                (void *)(uintptr_t)s->rows);
}

/* Rows to where their names stand, round by round. */
static void move_rows(struct type_row *rows, struct sort_name *names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (names[i].row == i)
            continue;
        const struct type_row first = rows[i];
        uint32_t at = i;
        for (uint32_t from; (from = names[at].row) != i; at = from) {
            rows[at] = rows[from];
            names[at].row = at;
        }
        rows[at] = first;
        names[at].row = at;
    }
}

/* Are they in order? *ret_strict: and no two the same. */
static bool type_is_sorted(const struct type_row *rows, uint32_t count, bool *ret_strict) {
    bool strict = true;
    for (uint32_t i = 1; i < count; i++) {
        int order = strcmp(rows[i - 1].name, rows[i].name);
        if (!order)
            order = order_text(rows[i - 1].module, rows[i].module);
        if (order > 0)
            return false;
        strict = strict && order < 0;
    }
    *ret_strict = strict;
    return true;
}

static void sort_all(struct sorting *s, uint32_t count) {
    s->waiting[s->waiting_count++] = (struct sort_range){0, count, 0};
    while (s->waiting_count) {
        struct sort_range r = s->waiting[--s->waiting_count];
        if (r.to - r.from <= FEW) {
            sort_few(s, r);
            continue;
        }
        uint64_t differ = load_pieces(s, &r);
        sort_by_byte(s, r, differ);
    }
}

/* Rows of a .snap file are in order already: sorting them again would cost more than reading them.
 */
bool type_sort(struct type_row *rows, uint32_t count, bool *ret_strict, struct err *err) {
    if (type_is_sorted(rows, count, ret_strict))
        return true;
    struct sorting s = {.rows = rows};
    s.names = malloc((size_t)count * 2 * sizeof(*s.names));
    s.waiting = malloc((size_t)count / 2 * sizeof(*s.waiting));
    bool ok = (s.names && s.waiting) || err_nomem(err);
    if (ok) {
        s.other = s.names + count;
        for (uint32_t i = 0; i < count; i++)
            s.names[i] = (struct sort_name){
                .name = rows[i].name, .length = (uint32_t)strlen(rows[i].name), .row = i};
        sort_all(&s, count);
        move_rows(rows, s.names, count);
    }
    free(s.names);
    free(s.waiting);
    return ok;
}
