#include "model/builder_impl.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "model/absence.h"
#include "model/derive.h"
#include "model/usable.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"
#include "model/type_sort.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder *builder_new(struct snapshot *snapshot, struct err *err) {
    struct builder *b = calloc(1, sizeof(*b));
    if (!b) {
        err_nomem(err);
        return NULL;
    }
    b->snapshot = snapshot;
    b->moment = ABSENT;
    strmap_init(&b->strings);
    strmap_init(&b->types);
    u64map_init(&b->threads_by_os_id);
    u64map_init(&b->threads_by_managed_id);
    u64map_init(&b->rows_by_key);
    strmap_init(&b->placed_by_text);
    u64map_init(&b->placed_by_pointer);
    builder_present(b, PART_REASONS);
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin) {
        builder_free(b);
        return NULL;
    }
    origin->trust = TRUST_EXACT;
    return b;
}

void builder_free(struct builder *b) {
    if (!b)
        return;
    strmap_deinit(&b->strings);
    strmap_deinit(&b->types);
    u64map_deinit(&b->threads_by_os_id);
    u64map_deinit(&b->threads_by_managed_id);
    u64map_deinit(&b->rows_by_key);
    strmap_deinit(&b->placed_by_text);
    u64map_deinit(&b->placed_by_pointer);
    free(b->placed);
    free(b->interned);
    free(b);
}

struct builder_shared *builder_shared(struct builder *b) {
    return &b->shared;
}

struct snapshot *builder_snapshot(const struct builder *b) {
    return b->snapshot;
}

void builder_from(struct builder *b, struct str source) {
    b->source = source;
}

void builder_choose(struct builder *b, uint64_t moment) {
    b->moment = moment;
}

uint64_t builder_chosen(const struct builder *b) {
    return b->moment;
}

uint64_t builder_moments(const struct builder *b) {
    return b->moments;
}

void builder_present(struct builder *b, enum part part) {
    b->snapshot->parts |= PART_BIT(part);
}

/* A fresh row: strings NULL, numbers ABSENT, cells 0. */
static void row_clear(const struct part_desc *desc, unsigned char *row) {
    memset(row, 0, desc->row_size);
    for (uint32_t i = 0; i < desc->field_count; i++) {
        const struct field *field = &desc->fields[i];
        uint64_t *number = (uint64_t *)(void *)(row + field->offset);
        switch ((enum field_kind)field->kind) {
        case FIELD_STR:
        case FIELD_STRS:
        case FIELD_CELLS:
            break;
        case FIELD_GENS:
            for (int g = 0; g < GEN_COUNT; g++)
                number[g] = ABSENT;
            break;
        case FIELD_U64:
        case FIELD_BYTES:
        case FIELD_NS:
        case FIELD_TIME:
        case FIELD_HEX:
        case FIELD_BOOL:
            *number = ABSENT;
            break;
        }
    }
}

static bool table_set_capacity(struct builder *b, enum part part, uint32_t capacity) {
    size_t row_size = part_descs[part].row_size;
    struct table *table = &b->snapshot->tables[part];
    void *rows =
        arena_grow(&b->snapshot->arena, table->rows, table->count * row_size, capacity * row_size);
    if (!rows)
        return false;
    table->rows = rows;
    table->capacity = capacity;
    return true;
}

void builder_expect_types(struct builder *b, uint64_t types) {
    uint32_t expected = (uint32_t)num_min(types, TYPES_EXPECTED_MAX);
    const struct table *table = &b->snapshot->tables[PART_TYPES];
    if (table->count || expected <= table->capacity || !table_set_capacity(b, PART_TYPES, expected))
        return;
    strmap_expect(&b->types, expected);
}

void *builder_row(struct builder *b, enum part part, struct err *err) {
    const struct part_desc *desc = &part_descs[part];
    struct table *table = &b->snapshot->tables[part];
    if (table->count >= ROWS_MAX) {
        err_set(err, ERR_LIMIT, "more than %u rows of %s", ROWS_MAX, desc->name);
        return NULL;
    }
    /* By half, since large tables grow without being copied and room costs time, too. */
    uint32_t more = table->capacity ? table->capacity / 2 + 1 : desc->single ? 1 : 16;
    if (table->count == table->capacity && !table_set_capacity(b, part, table->capacity + more)) {
        err_nomem(err);
        return NULL;
    }
    unsigned char *row = (unsigned char *)table->rows + (size_t)table->count++ * desc->row_size;
    row_clear(desc, row);
    table->sorted = false;
    builder_present(b, part);
    return row;
}

void *builder_single(struct builder *b, enum part part, struct err *err) {
    struct table *table = &b->snapshot->tables[part];
    return table->count ? table->rows : builder_row(b, part, err);
}

void *builder_rows(struct builder *b, enum part part, uint32_t *ret_count) {
    *ret_count = b->snapshot->tables[part].count;
    return b->snapshot->tables[part].rows;
}

void *builder_find(struct builder *b, enum part part, uint64_t key) {
    const struct table *table = &b->snapshot->tables[part];
    uint32_t number = u64map_get(&b->rows_by_key, builder_part_key(part, key));
    if (number >= table->count) /* nothing, or a row of a part that was dropped since */
        return NULL;
    return (unsigned char *)table->rows + (size_t)number * part_descs[part].row_size;
}

bool builder_index(struct builder *b, enum part part, uint64_t key, struct err *err) {
    uint32_t number = b->snapshot->tables[part].count - 1;
    return u64map_put(&b->rows_by_key, builder_part_key(part, key), number) || err_nomem(err);
}

bool builder_index_row(struct builder *b, enum part part, const void *row, uint64_t key,
                       struct err *err) {
    const unsigned char *first = b->snapshot->tables[part].rows;
    size_t offset = (size_t)((const unsigned char *)row - first);
    uint32_t number = (uint32_t)(offset / part_descs[part].row_size);
    return u64map_put(&b->rows_by_key, builder_part_key(part, key), number) || err_nomem(err);
}

bool builder_counter(struct builder *b, const char *name, uint64_t value, const char *unit,
                     struct err *err) {
    uint64_t key = key_of_bytes(name, strlen(name));
    struct counter_row *row = builder_find(b, PART_COUNTERS, key);
    if (row && strcmp(row->name, name) == 0) {
        builder_say(b, &row->value, value, name);
        return true;
    }
    const char *name_copy = builder_string(b, str_of(name), err);
    const char *unit_copy = name_copy ? builder_string(b, str_of(unit), err) : NULL;
    row = unit_copy ? builder_row(b, PART_COUNTERS, err) : NULL;
    if (!row)
        return false;
    *row = (struct counter_row){name_copy, value, unit_copy};
    return builder_index(b, PART_COUNTERS, key, err);
}

void builder_drop(struct builder *b, enum part part) {
    b->snapshot->tables[part].count = 0;
    b->snapshot->parts &= ~PART_BIT(part);
    absences_forget(b->snapshot, part);
    if (part == PART_TYPES) {
        strmap_deinit(&b->types);
        strmap_init(&b->types);
        b->shared.types_scope = TYPES_NONE;
    }
    if (part == PART_THREADS) {
        u64map_deinit(&b->threads_by_os_id);
        u64map_init(&b->threads_by_os_id);
        u64map_deinit(&b->threads_by_managed_id);
        u64map_init(&b->threads_by_managed_id);
    }
}

/* Says which moment of how many it is. */
static bool say_moment(struct builder *b, struct err *err) {
    if (b->moments < 2)
        return b->moment == ABSENT || b->moment == 0 ||
               err_set(err, ERR_USAGE, "moment %" PRIu64 " is wanted, but it tells of one only",
                       b->moment + 1);
    if (b->moment != ABSENT && b->moment >= b->moments)
        return err_set(err, ERR_USAGE,
                       "moment %" PRIu64 " is wanted, but it tells of %" PRIu64 " only",
                       b->moment + 1, b->moments);
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    origin->moments = b->moments;
    origin->moment = b->moment == ABSENT ? b->moments - 1 : b->moment;
    if (b->moment == ABSENT)
        builder_note(b, "tells of %" PRIu64 " moments: this is the last", b->moments);
    return true;
}

static const char *intern(struct builder *b, struct str s, struct err *err) {
    uint64_t hash = strmap_hash(s, STR(""));
    uint32_t number = strmap_get_hashed(&b->strings, hash, s, STR(""));
    if (number != STRMAP_NONE)
        return b->interned[number];
    if (!VEC_ROOM(b->interned, b->interned_count, b->interned_capacity, err))
        return NULL;
    const char *copy = arena_copy(&b->snapshot->arena, s.ptr, s.len);
    if (!copy || !strmap_put_hashed(&b->strings, hash, (struct str){copy, s.len}, STR(""),
                                    b->interned_count)) {
        err_nomem(err);
        return NULL;
    }
    b->interned[b->interned_count++] = copy;
    return copy;
}

/* Of a name that is too long; a checksum follows, which keeps names apart that begin alike. */
#define NAME_KEPT_BYTES (NAME_MAX_BYTES - 32)

const char *builder_string(struct builder *b, struct str s, struct err *err) {
    if (s.len <= NAME_MAX_BYTES && str_is_clean(s))
        return intern(b, s, err);
    struct strbuf cleaned;
    strbuf_init(&cleaned);
    strbuf_add_clean(&cleaned, str_take(s, s.len > NAME_MAX_BYTES ? NAME_KEPT_BYTES : s.len));
    if (s.len > NAME_MAX_BYTES) {
        builder_note(b, "names longer than %u bytes end in a checksum of the whole name",
                     NAME_MAX_BYTES);
        strbuf_addf(&cleaned, "...#%016" PRIx64, hash_bytes(s.ptr, s.len));
    }
    const char *result = strbuf_ok(&cleaned, err) ? intern(b, strbuf_str(&cleaned), err) : NULL;
    strbuf_deinit(&cleaned);
    return result;
}

bool builder_strings(struct builder *b, const struct str *items, uint32_t count,
                     struct strings *ret_strings, struct err *err) {
    const char **copies = arena_array(&b->snapshot->arena, count, sizeof(*copies));
    if (!copies)
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++) {
        copies[i] = builder_string(b, items[i], err);
        if (!copies[i])
            return false;
    }
    *ret_strings = (struct strings){copies, count};
    return true;
}

static bool is_clean_name(struct str name) {
    return name.len <= NAME_MAX_BYTES && str_is_clean(name);
}

/*
 * Names of types are many and mostly new: one that needs no cleaning is looked up as it is, and
 * copied when it is new. Sets name to the copy.
 */
static bool own_type_name(struct builder *b, struct str *name, bool is_clean, struct err *err) {
    const char *copy = is_clean ? arena_copy(&b->snapshot->arena, name->ptr, name->len)
                                : builder_string(b, *name, err);
    if (!copy)
        return is_clean ? err_nomem(err) : false;
    *name = is_clean ? (struct str){copy, name->len} : str_of(copy);
    return true;
}

static struct type_row *add_type_row(struct builder *b, uint64_t hash, struct str name,
                                     struct str module, struct err *err) {
    uint32_t number = b->snapshot->tables[PART_TYPES].count;
    struct type_row *row = builder_row(b, PART_TYPES, err);
    if (!row)
        return NULL;
    if (!strmap_put_hashed(&b->types, hash, name, module, number)) {
        b->snapshot->tables[PART_TYPES].count--;
        err_nomem(err);
        return NULL;
    }
    row->name = name.ptr;
    row->module = module.len ? module.ptr : NULL;
    return row;
}

bool builder_add_type(struct builder *b, struct str name, struct str module,
                      enum generation generation, struct cell cell, struct err *err) {
    const char *module_copy = module.len ? builder_string(b, module, err) : NULL;
    if (module.len && !module_copy)
        return false;
    bool is_clean = is_clean_name(name);
    if (!is_clean && !own_type_name(b, &name, false, err))
        return false;
    module = str_of(module_copy);
    uint64_t hash = strmap_hash(name, module);
    uint32_t number = strmap_get_hashed(&b->types, hash, name, module);
    if (number == STRMAP_NONE) {
        number = b->snapshot->tables[PART_TYPES].count;
        if ((is_clean && !own_type_name(b, &name, true, err)) ||
            !add_type_row(b, hash, name, module, err))
            return false;
    }
    struct type_row *rows = b->snapshot->tables[PART_TYPES].rows;
    struct cell *sum = &rows[number].gen[generation];
    if (num_add(sum->objects, cell.objects) == UINT64_MAX - 1 ||
        num_add(sum->bytes, cell.bytes) == UINT64_MAX - 1)
        builder_warn(b, 1, "counts or sizes of types overflow 64 bits");
    sum->objects = num_add(sum->objects, cell.objects);
    sum->bytes = num_add(sum->bytes, cell.bytes);
    return true;
}

bool builder_add_live(struct builder *b, struct str name, struct str module, struct cell live,
                      struct err *err) {
    const char *module_copy = module.len ? builder_string(b, module, err) : NULL;
    if (module.len && !module_copy)
        return false;
    /* Names are cleaned before they are kept: look up what builder_add_type has stored. */
    if (!is_clean_name(name) && !own_type_name(b, &name, false, err))
        return false;
    uint32_t number = strmap_get(&b->types, name, str_of(module_copy));
    if (number == STRMAP_NONE)
        return true;
    struct type_row *row = (struct type_row *)b->snapshot->tables[PART_TYPES].rows + number;
    row->live_objects = num_add(row->live_objects == ABSENT ? 0 : row->live_objects, live.objects);
    row->live_bytes = num_add(row->live_bytes == ABSENT ? 0 : row->live_bytes, live.bytes);
    return true;
}

struct type_row *builder_type(struct builder *b, const char *name, const char *module) {
    uint32_t number = strmap_get(&b->types, str_of(name), str_of(module));
    struct type_row *rows = b->snapshot->tables[PART_TYPES].rows;
    return number == STRMAP_NONE ? NULL : &rows[number];
}

void builder_say(struct builder *b, uint64_t *field, uint64_t value, const char *what) {
    if (value == ABSENT || *field == value)
        return;
    if (*field == ABSENT) {
        *field = value;
        return;
    }
    builder_warn(b, ABSENT, "%s is said twice and differs: %" PRIu64 ", then %" PRIu64, what,
                 *field, value);
}

bool builder_say_string(struct builder *b, const char **field, struct str value, const char *what,
                        struct err *err) {
    if (value.len == 0)
        return true;
    const char *copy = builder_string(b, value, err);
    if (!copy)
        return false;
    if (!*field)
        *field = copy;
    else if (*field != copy && strcmp(*field, copy) != 0)
        builder_warn(b, ABSENT, "%s is said twice and differs: %s, then %s", what, *field, copy);
    return true;
}

bool builder_say_program(struct builder *b, struct str command, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    struct str program = str_behind_last(str_next_field(&command), '/');
    return origin && builder_say_string(b, &origin->process, program, "the program", err);
}

static void lower_trust(struct builder *b, enum trust_grade grade) {
    struct origin_row *origin = b->snapshot->tables[PART_ORIGIN].rows;
    if (origin && origin->trust < grade)
        origin->trust = grade;
}

static void reason_add(struct builder *b, bool lowers, uint64_t count, const char *fmt,
                       va_list ap) {
    char written[512];
    uint32_t n;
    size_t length = (size_t)vsnprintf(written, sizeof(written), fmt, ap);
    struct str whole = str_of(written);
    if (length >= sizeof(written)) /* a character may be cut in two at the end */
        while (whole.len && (str_last(whole) & 0x80))
            whole.len--;
    const char *text = builder_string(b, whole, NULL); /* what an input says may be quoted */
    if (!text)
        return;
    struct reason_row *rows = builder_rows(b, PART_REASONS, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(rows[i].text, text) != 0)
            continue;
        if (count != ABSENT)
            rows[i].count = rows[i].count == ABSENT ? count : num_add(rows[i].count, count);
        return;
    }
    if (n >= REASONS_MAX) {
        b->reasons_dropped++;
        return;
    }
    struct reason_row *row = builder_row(b, PART_REASONS, NULL);
    if (!row)
        return;
    *row = (struct reason_row){.text = text, .count = count, .lowers_trust = lowers};
}

void builder_warn(struct builder *b, uint64_t count, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    reason_add(b, true, count, fmt, ap);
    va_end(ap);
    lower_trust(b, TRUST_PARTIAL);
}

void builder_note(struct builder *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    reason_add(b, false, ABSENT, fmt, ap);
    va_end(ap);
}

void builder_unusable(struct builder *b, const char *fmt, ...) {
    uint32_t before = b->snapshot->tables[PART_REASONS].count, count;
    va_list ap;
    va_start(ap, fmt);
    reason_add(b, true, ABSENT, fmt, ap);
    va_end(ap);
    lower_trust(b, TRUST_UNUSABLE);
    struct reason_row *rows = builder_rows(b, PART_REASONS, &count);
    if (count == before)
        return;
    struct reason_row last = rows[count - 1];
    memmove(rows + 1, rows, (count - 1) * sizeof(*rows));
    rows[0] = last;
}

static int builder_cmp_threads(const void *x, const void *y) {
    const struct thread_row *a = x, *b = y;
    int order = order_u64(a->index, b->index);
    if (!order)
        order = order_u64(a->os_id, b->os_id);
    return order ? order : order_u64(a->managed_id, b->managed_id);
}

static bool builder_sort(struct builder *b, struct err *err) {
    struct table *types = &b->snapshot->tables[PART_TYPES];
    const struct table *threads = &b->snapshot->tables[PART_THREADS];
    if (types->count && !type_sort(types->rows, types->count, &types->sorted, err))
        return false;
    if (threads->count)
        qsort(threads->rows, threads->count, sizeof(struct thread_row), builder_cmp_threads);
    return true;
}

/* Said at the end, since a table of the whole heap may still come and take its place. */
static void say_filtered(struct builder *b) {
    const char *filter = snapshot_origin(b->snapshot)->types_filter;
    if (b->shared.types_cut)
        builder_unlisted(b, PART_TYPES, b->shared.types_missing_bytes, b->shared.types_unlisted,
                         "the table of types is cut off, or does not add up to its total");
    if (b->shared.types_scope != TYPES_FILTERED && !filter &&
        snapshot_has(b->snapshot, PART_TYPES) && b->snapshot->tables[PART_TYPES].count == 0)
        builder_lacks(b, PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT,
                      "the heap is without a single object, as none is: it was not read");
    if (b->shared.types_scope != TYPES_FILTERED || !filter)
        return;
    if (strcmp(filter, "-live") == 0)
        builder_note(b, "types: only live objects are counted (-live)");
    else
        builder_lacks(b, PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT,
                      "types: not the whole heap, only %s", filter);
}

/*
 * Where a dump comes from is nothing to judge it by. Whatever reader filled the builder, and
 * however little it warned: without any part no rule has been asked, and none may seem clear.
 */
static void judge_usable(struct builder *b) {
    if (!snapshot_says_something(b->snapshot))
        builder_unusable(b, "nothing to judge by could be read in it");
}

bool builder_finish(struct builder *b, struct err *err) {
    if (!say_moment(b, err))
        return false;
    say_filtered(b);
    if (b->reasons_dropped) {
        uint32_t dropped = b->reasons_dropped;
        struct reason_row *row = builder_row(b, PART_REASONS, err);
        if (!row)
            return false;
        row->text = "further reasons of this kind were not kept one by one";
        row->count = dropped;
        row->lowers_trust = 1;
    }
    threads_drop_vacated(b);
    if (!builder_sort(b, err))
        return false;
    u64map_deinit(&b->rows_by_key); /* row numbers have changed */
    u64map_init(&b->rows_by_key);
    uint32_t count;
    struct thread_row *threads = builder_rows(b, PART_THREADS, &count);
    derive_threads(threads, count);
    absences_settle(b->snapshot);
    judge_usable(b);
    return true;
}
