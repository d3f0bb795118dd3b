#include "input/log/sos/handle_tables.h"

#include "base/num.h"
#include "base/vec.h"
#include "input/log/stat_table.h"
#include "model/rows_heap.h"

#include <stdlib.h>

/* -- Tallies ----------------------------------------------------------------------------------- */

void handle_tallies_init(struct handle_tallies *a, struct builder *b) {
    *a = (struct handle_tallies){.b = b};
    strmap_init(&a->index);
}

void handle_tallies_deinit(struct handle_tallies *a) {
    strmap_deinit(&a->index);
    free(a->items);
    *a = (struct handle_tallies){0};
}

static struct handle_row *find_or_add(struct handle_tallies *a, const char *kind, const char *type,
                                      struct err *err) {
    struct str x = str_of(kind), y = str_of(type);
    uint32_t number = strmap_get(&a->index, x, y);
    if (number != STRMAP_NONE)
        return &a->items[number];
    if (!VEC_ROOM(a->items, a->count, a->capacity, err))
        return NULL;
    if (!strmap_put(&a->index, x, y, a->count)) {
        err_nomem(err);
        return NULL;
    }
    a->items[a->count] = (struct handle_row){kind, type, 0, ABSENT};
    return &a->items[a->count++];
}

bool handle_tallies_add(struct handle_tallies *a, struct str kind, struct str type, uint64_t count,
                        uint64_t bytes, struct err *err) {
    const char *kind_copy = kind.len ? builder_string(a->b, kind, err) : NULL;
    const char *type_copy = type.len ? builder_string(a->b, type, err) : NULL;
    if ((kind.len && !kind_copy) || (type.len && !type_copy))
        return false;
    struct handle_row *row = find_or_add(a, kind_copy, type_copy, err);
    if (!row)
        return false;
    row->count = num_add(row->count, count);
    if (bytes != ABSENT)
        row->bytes = row->bytes == ABSENT ? bytes : num_add(row->bytes, bytes);
    return true;
}

static uint64_t handle_tables_key_of(const struct handle_row *row) {
    struct str kind = str_of(row->kind), type = str_of(row->type);
    return key_with(key_of_bytes(kind.ptr, kind.len), key_of_bytes(type.ptr, type.len));
}

bool handle_tallies_store(const struct handle_tallies *a, struct err *err) {
    struct builder *b = a->b;
    uint64_t differ = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct handle_row *from = &a->items[i];
        uint64_t key = handle_tables_key_of(from);
        struct handle_row *row = builder_find(b, PART_HANDLES, key);
        if (row && str_eq(str_of(row->kind), str_of(from->kind)) &&
            str_eq(str_of(row->type), str_of(from->type))) {
            differ += row->count != from->count;
            if (row->bytes == ABSENT)
                row->bytes = from->bytes;
            continue;
        }
        row = builder_row(b, PART_HANDLES, err);
        if (!row)
            return false;
        *row = *from;
        if (!builder_index(b, PART_HANDLES, key, err))
            return false;
    }
    if (differ)
        builder_warn(b, differ, "gchandles: counts of handles are said twice and differ");
    return true;
}

/* -- Counts by kind ---------------------------------------------------------------------------- */

bool handles_is_count(struct str text, char buf[HANDLE_KIND_MAX], struct str *ret_kind,
                      uint64_t *ret_count) {
    size_t end = str_find(str_take(text, 64), STR(" Handles:"), 0);
    if (end == STR_NOT_FOUND || !num_grouped(str_trim(str_drop(text, end + 9)), ret_count))
        return false;
    size_t n = 0;
    for (size_t i = 0; i < end; i++) {
        if (text.ptr[i] == ' ')
            continue;
        if (n == HANDLE_KIND_MAX)
            return false;
        buf[n++] = text.ptr[i];
    }
    *ret_kind = (struct str){buf, n};
    return n > 0;
}

/* The next line that is not blank is a count: goes to it. Blogs leave lines free in between. */
static bool next_count(struct transcript *t, char buf[HANDLE_KIND_MAX], struct str *ret_kind,
                       uint64_t *ret_count) {
    struct transcript scout = transcript_scout(t);
    if (!transcript_skip_blank(&scout) ||
        !handles_is_count(scout.line.text, buf, ret_kind, ret_count))
        return false;
    return transcript_skip_blank(t);
}

/* *ret_sum: of all kinds. */
static bool read_counts(struct transcript *t, uint64_t *ret_sum, struct err *err) {
    struct handle_tallies a;
    char buf[HANDLE_KIND_MAX];
    struct str kind;
    uint64_t count;
    bool ok = true;
    *ret_sum = 0;
    handle_tallies_init(&a, t->b);
    for (; ok && next_count(t, buf, &kind, &count); transcript_next(t)) {
        ok = handle_tallies_add(&a, kind, STR(""), count, ABSENT, err);
        *ret_sum = num_add(*ret_sum, count);
    }
    ok = ok && handle_tallies_store(&a, err);
    handle_tallies_deinit(&a);
    return ok;
}

bool handles_read_counts(struct transcript *t, struct err *err) {
    uint64_t sum;
    return read_counts(t, &sum, err);
}

/* -- The table by type ------------------------------------------------------------------------- */

struct adding {
    struct handle_tallies tallies;
    struct str kind;  /* "-type Pinned" limits the table to that kind; empty: all */
    uint64_t handles; /* [count] that the table has */
};

static bool handle_tables_add_type(void *context, const struct stat_row *row, struct err *err) {
    struct adding *adding = context;
    return handle_tallies_add(&adding->tallies, adding->kind, row->name, row->objects, row->bytes,
                              err);
}

/* The argument of "-type". */
static struct str wanted_kind(const struct transcript *t) {
    struct str rest = t->command;
    for (struct str word; (word = str_next_field(&rest)).len;)
        if (str_eq_nocase(transcript_option(word), STR("type")))
            return str_next_field(&rest);
    return STR("");
}

static bool handle_tables_read_table(struct transcript *t, struct adding *adding, struct err *err) {
    struct stat_table table;
    if (!stat_table_read(t, handle_tables_add_type, adding, &table, err) ||
        !handle_tallies_store(&adding->tallies, err))
        return false;
    if (!stat_table_check(t, &table, "gchandles"))
        builder_absent(t->b, PART_BIT(PART_HANDLES), ASPECT_ROWS, ABSENT,
                       "gchandles: the table is cut off, or does not add up to its total");
    adding->handles = table.objects;
    if (table.rows)
        builder_present(t->b, PART_HANDLES);
    return true;
}

bool handles_read_statistics(struct transcript *t, struct err *err) {
    struct adding adding = {.kind = wanted_kind(t)};
    handle_tallies_init(&adding.tallies, t->b);
    bool ok = handle_tables_read_table(t, &adding, err);
    handle_tallies_deinit(&adding.tallies);
    struct transcript behind = transcript_scout(t);
    bool headed = false;
    if (transcript_skip_blank(&behind) && (str_eq(behind.line.text, STR("Handles:")) ||
                                           str_starts(behind.line.text, STR("GC Handle Stat")))) {
        transcript_skip_blank(t);
        transcript_next(t);
        headed = true;
    }
    transcript_command_done(t);
    uint64_t sum;
    ok = ok && read_counts(t, &sum, err);
    if (ok && headed && !sum)
        /* The table may have been read by the section of another command. */
        builder_lacks(t->b, PART_BIT(PART_HANDLES), ASPECT_ROWS, ABSENT,
                      "gchandles: the counts by kind are cut off");
    else if (ok && sum && sum < adding.handles && !adding.kind.len)
        builder_lacks(t->b, PART_BIT(PART_HANDLES), ASPECT_ROWS, adding.handles - sum,
                      "gchandles: handles of the table are in no count by kind");
    return ok;
}
