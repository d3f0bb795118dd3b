/* Lines up everything that is a name and a number, as value_table.c says. */
#include "base/hash.h"
#include "diff/series/series_internal.h"

#include "base/num.h"
#include "base/vec.h"
#include "model/part_fields.h"
#include "model/snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct series_group_desc *series_group_desc(enum series_group group) {
    return &value_groups[group].desc;
}

/* -- Saying ------------------------------------------------------------------------------------ */

static uint64_t *absent_numbers(struct series *s) {
    uint64_t *numbers = arena_array(&s->arena, s->count, sizeof(*numbers));
    for (uint32_t i = 0; numbers && i < s->count; i++)
        numbers[i] = ABSENT;
    return numbers;
}

static struct series_value *value_new(struct value_join *j, enum series_group group,
                                      const char *name) {
    struct series *s = j->s;
    if (!VEC_ROOM_IN(&s->arena, s->values, s->value_count, j->capacity, NULL))
        return NULL;
    struct series_value *value = &s->values[s->value_count];
    *value = (struct series_value){
        .group = group,
        .name = name,
        .values = absent_numbers(s),
        .counts = absent_numbers(s),
    };
    if (!value->values || !value->counts ||
        !strmap_put(&j->names[group], str_of(name), STR(""), s->value_count))
        return NULL;
    s->value_count++;
    return value;
}

static void number_add(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = num_add(*sum == ABSENT ? 0 : *sum, more);
}

void value_say(struct value_join *j, enum series_group group, const char *name, uint64_t number,
               uint64_t count) {
    if (j->err.code || (number == ABSENT && count == ABSENT))
        return;
    name = name ? name : "";
    uint32_t at = strmap_get(&j->names[group], str_of(name), STR(""));
    struct series_value *value = at == STRMAP_NONE ? value_new(j, group, name) : &j->s->values[at];
    if (!value) {
        err_keep_nomem(&j->err);
        return;
    }
    number_add(&value->values[j->snapshot], number);
    number_add(&value->counts[j->snapshot], count);
}

/* -- Reading ----------------------------------------------------------------------------------- */

static const void *field_at(const unsigned char *row, uint16_t at) {
    return row + at - 1;
}

static uint64_t number_field(const unsigned char *row, uint16_t at) {
    return at ? *(const uint64_t *)field_at(row, at) : ABSENT;
}

static void values_read_row(struct value_join *j, enum series_group group,
                            const unsigned char *row) {
    const struct value_reading *r = &value_groups[group].reading;
    if (r->name && (!r->by || number_field(row, r->by) == r->is))
        value_say(j, group, *(const char *const *)field_at(row, r->name),
                  number_field(row, r->value), r->one_each ? 1 : number_field(row, r->count));
    const struct cell *cells = r->cells ? field_at(row, r->cells) : NULL;
    const uint64_t *gens = r->gens ? field_at(row, r->gens) : NULL;
    for (int g = 0; g < GEN_COUNT; g++) {
        if (cells)
            value_say(j, group, generation_names[g], cells[g].bytes, ABSENT);
        if (gens)
            value_say(j, group, generation_names[g], gens[g], ABSENT);
    }
}

static void values_read_known(struct value_join *j, const struct value_known *known,
                              const unsigned char *row) {
    uint64_t value = number_field(row, known->value);
    const uint64_t *gens = known->sum ? field_at(row, known->sum) : NULL;
    for (int g = 0; gens && g < GEN_COUNT; g++)
        number_add(&value, gens[g]);
    value_say(j, known->group, known->name, value, number_field(row, known->count));
}

static void values_read_rows(struct value_join *j, const struct snapshot *snapshot,
                             enum series_group group, const struct value_known *known) {
    enum part part = value_groups[group].desc.part;
    uint32_t count;
    const unsigned char *rows = snapshot_rows(snapshot, part, &count);
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *row = rows + (size_t)i * part_descs[part].row_size;
        if (known)
            values_read_known(j, known, row);
        else
            values_read_row(j, group, row);
    }
}

static void values_read_snapshot(struct value_join *j, const struct snapshot *snapshot) {
    for (int g = 0; g < GROUP_COUNT; g++) {
        const struct value_group *group = &value_groups[g];
        if (group->own)
            group->own(j, (enum series_group)g, snapshot);
        else
            values_read_rows(j, snapshot, (enum series_group)g, NULL);
    }
    for (int v = 0; v < VALUE_IDS; v++) {
        const struct value_known *known = &value_known[v];
        if (known->value || known->sum)
            values_read_rows(j, snapshot, known->group, known);
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

/* A part that is whole, but has no row of this name: none of it, so 0 and not absent. */
static void fill_zeros(struct series *s) {
    for (uint32_t v = 0; v < s->value_count; v++) {
        struct series_value *value = &s->values[v];
        bool has_values = false, has_counts = false;
        for (uint32_t i = 0; i < s->count; i++) {
            has_values = has_values || value->values[i] != ABSENT;
            has_counts = has_counts || value->counts[i] != ABSENT;
        }
        const struct value_group *group = &value_groups[value->group];
        for (uint32_t i = 0; group->zeros && i < s->count; i++) {
            if (!snapshot_holds_all(s->snapshots[i], group->desc.part))
                continue;
            if (value->counts[i] == ABSENT && value->values[i] == ABSENT) {
                value->values[i] = has_values ? 0 : ABSENT;
                value->counts[i] = has_counts ? 0 : ABSENT;
            }
        }
    }
}

static enum verdict judge_value(const struct series *s, const struct series_value *value) {
    const struct value_group *group = &value_groups[value->group];
    const struct series_need *need = &s->options.needs[group->need];
    bool counts = value->values[0] == ABSENT || (group->by_count && value->counts[0] != ABSENT);
    const uint64_t *numbers = counts ? value->counts : value->values;
    for (uint32_t i = 0; i < s->count; i++)
        if (numbers[i] == ABSENT) /* what comes late tells no trend */
            return VERDICT_NONE;
    double percent = group->need == NEED_NOTHING ? s->options.floor_self_percent : need->percent;
    const struct series_floor floor = {(uint64_t)ceil((double)numbers[0] * percent / 100),
                                       group->need == NEED_NOTHING ? 0 : need->least};
    enum verdict verdict = group->need == NEED_COUNTERS
                               ? series_growth_of_troughs(numbers, s->count, floor)
                               : series_growth(numbers, s->count, floor);
    return verdict == VERDICT_LEAK && group->need == NEED_NOTHING ? VERDICT_GROWING : verdict;
}

static void series_values_judge(struct series *s) {
    for (uint32_t v = 0; v < s->value_count; v++)
        s->values[v].verdict = judge_value(s, &s->values[v]);
}

static int series_values_cmp_values(const void *x, const void *y) {
    const struct series_value *a = x, *b = y;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return strcmp(a->name, b->name);
}

static const struct series_value *find_value(const struct series *s, enum series_group group,
                                             const char *name) {
    const struct series_value key = {.group = group, .name = name};
    if (!s->value_count)
        return NULL;
    return bsearch(&key, s->values, s->value_count, sizeof(*s->values), series_values_cmp_values);
}

/* Where each group begins in the sorted values, and where those with an id stand. */
static void index_values(struct series *s) {
    uint32_t at = 0;
    for (uint32_t g = 0; g <= GROUP_COUNT; g++) {
        while (at < s->value_count && s->values[at].group < g)
            at++;
        s->group_starts[g] = at;
    }
    for (int v = 0; v < VALUE_IDS; v++)
        s->known[v] = find_value(s, value_known[v].group, value_known[v].name);
}

bool series_join_values(struct series *s, struct err *err) {
    struct value_join j = {.s = s};
    for (int g = 0; g < GROUP_COUNT; g++)
        strmap_init(&j.names[g]);
    for (uint32_t i = 0; i < s->count; i++) {
        j.snapshot = i;
        values_read_snapshot(&j, s->snapshots[i]);
    }
    for (int g = 0; g < GROUP_COUNT; g++)
        strmap_deinit(&j.names[g]);
    if (!err_none(&j.err, err))
        return false;
    fill_zeros(s);
    series_values_judge(s);
    if (s->value_count > 1)
        qsort(s->values, s->value_count, sizeof(*s->values), series_values_cmp_values);
    index_values(s);
    return true;
}

/* -- Asking ------------------------------------------------------------------------------------ */

const struct series_value *series_value(const struct series *s, enum series_value_id id) {
    return s->known[id];
}

const struct series_value *series_value_of_generation(const struct series *s,
                                                      enum series_group group, int generation) {
    return find_value(s, group, generation_names[generation]);
}

const struct series_value *series_value_beside(const struct series *s,
                                               const struct series_value *value,
                                               enum series_group group) {
    return find_value(s, group, value->name);
}

struct series_values series_values(const struct series *s, enum series_group group) {
    uint32_t start = s->group_starts[group];
    return (struct series_values){s->values ? s->values + start : NULL,
                                  s->group_starts[group + 1] - start};
}

uint64_t series_values_sum(const struct series *s, enum series_group group, uint32_t snapshot) {
    struct series_values values = series_values(s, group);
    uint64_t sum = ABSENT;
    for (uint32_t i = 0; i < values.count; i++)
        number_add(&sum, values.items[i].values[snapshot]);
    return sum;
}
