/* Moments of a text that tells of several times: what was said of one goes when the next begins. */
#include "model/builder_impl.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <string.h>

/* Trust is what the reasons that are left say. */
static void judge_trust_again(struct builder *b) {
    uint32_t count;
    const struct reason_row *rows = builder_rows(b, PART_REASONS, &count);
    struct origin_row *origin = b->snapshot->tables[PART_ORIGIN].rows;
    bool lowers = b->reasons_dropped > 0;
    for (uint32_t i = 0; i < count; i++)
        lowers = lowers || rows[i].lowers_trust;
    if (origin && origin->trust == TRUST_PARTIAL && !lowers)
        origin->trust = TRUST_EXACT;
}

/* What was said of the moment before goes with it. */
static void forget_moment(struct builder *b) {
    struct table *table = &b->snapshot->tables[PART_REASONS];
    struct reason_row *rows = table->rows;
    uint32_t from = b->moment_reasons, to = b->moment_reasons_after;
    if (to > from && to <= table->count) {
        memmove(rows + from, rows + to, (table->count - to) * sizeof(*rows));
        table->count -= to - from;
        judge_trust_again(b);
    }
}

void builder_moment_end(struct builder *b) {
    if (b->in_moment)
        b->moment_reasons_after = b->snapshot->tables[PART_REASONS].count;
    b->in_moment = false;
}

bool builder_is_new(const struct builder *b) {
    const struct snapshot *s = b->snapshot;
    for (int part = PART_TYPES; part < PART_END; part++)
        if (snapshot_has(s, (enum part)part))
            return false;
    return s->tables[PART_REASONS].count == 0 && b->moments == 0;
}

uint64_t builder_begin_anew(struct builder *b, uint64_t moments) {
    struct table *origin = &b->snapshot->tables[PART_ORIGIN];
    for (int part = PART_TYPES; part < PART_END; part++)
        builder_drop(b, (enum part)part);
    b->snapshot->tables[PART_REASONS].count = 0;
    b->reasons_dropped = b->vacated = 0;
    origin->count = 0;
    u64map_deinit(&b->rows_by_key);
    u64map_init(&b->rows_by_key);
    b->shared = (struct builder_shared){0};
    struct origin_row *row = builder_single(b, PART_ORIGIN, NULL);
    if (row) /* there was room for it before */
        row->trust = TRUST_EXACT;
    b->moments = moments;
    b->moments_fixed = true;
    b->in_moment = b->moment_begun = false;
    b->moment_reasons = b->moment_reasons_after = 0;
    return b->moment < moments ? b->moment : moments - 1;
}

bool builder_moment(struct builder *b, uint64_t parts) {
    bool wanted = b->moment == ABSENT || b->moment == b->moments || b->moments_fixed;
    if (wanted) {
        forget_moment(b);
        b->in_moment = true;
        b->moment_reasons = b->moment_reasons_after = b->snapshot->tables[PART_REASONS].count;
    }
    /* What was said before the first belongs to it. */
    for (int part = 1; wanted && b->moment_begun && part < PART_END; part++)
        if (parts & PART_BIT(part))
            builder_drop(b, (enum part)part);
    b->moments += !b->moments_fixed;
    b->moment_begun = true;
    return wanted;
}
