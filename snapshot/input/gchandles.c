/*
 * gchandles: handles of the GC, by kind and by type of what they refer to.
 *
 *             Handle Type                  Object     Size             Data Type
 *   00000298419615f0 Pinned      00000294eb168c60    32664                  System.Object[]
 *   Statistics:
 *                 MT    Count    TotalSize Class Name
 *   000007fedd1809a8        1           32 System.Object[]
 *   Total 1 objects
 *   Handles:
 *       Pinned Handles:       1
 *
 * .NET 2.0 prints "GC Handle Statistics:" and the counts first. -stat leaves out the list. The list
 * without any counts (cut, or of one kind by -type) gives kinds and types by counting its rows.
 */
#include "base/hash.h"
#include "base/num.h"
#include "input/handles.h"
#include "input/stattable.h"

#include <stdlib.h>

static bool is_list_header(struct str text) {
    if (text.len == 0 || text.ptr[0] != 'H')
        return false;
    return str_eq(str_next_field(&text), STR("Handle")) &&
           str_eq(str_next_field(&text), STR("Type")) &&
           str_eq(str_next_field(&text), STR("Object"));
}

static bool starts(const struct transcript *t) {
    struct str text = t->line.text;
    char buf[HANDLE_KIND_MAX];
    struct str kind;
    uint64_t count;
    switch (text.ptr[0]) {
    case 'H':
        return is_list_header(text);
    case 'G':
        return str_starts(text, STR("GC Handle Statistics"));
    case 'S':
        if (handles_is_count(text, buf, &kind, &count))
            return true;
        break;
    default:
        break;
    }
    return transcript_last_command_is(t, "gchandles") && stat_table_starts(t);
}

/* -- The list ---------------------------------------------------------------------------------- */

/* Counts by kind and type while the list is read; rows of the snapshot at the end. */
struct tally {
    struct str kind, type; /* borrowed from the text */
    uint64_t count, bytes;
};

struct tallies {
    struct strmap index;
    struct tally *items;
    uint32_t count, capacity;
};

static bool tallies_add(struct tallies *a, struct str kind, struct str type, uint64_t bytes,
                        struct err *err) {
    uint32_t number = strmap_get(&a->index, kind, type);
    if (number == STRMAP_NONE) {
        if (a->count == a->capacity) {
            uint32_t capacity = a->capacity ? a->capacity * 2 : 64;
            struct tally *grown = realloc(a->items, capacity * sizeof(*grown));
            if (!grown)
                return err_nomem(err);
            a->items = grown;
            a->capacity = capacity;
        }
        number = a->count;
        if (!strmap_put(&a->index, kind, type, number))
            return err_nomem(err);
        a->items[a->count++] = (struct tally){kind, type, 0, 0};
    }
    a->items[number].count++;
    a->items[number].bytes = num_add(a->items[number].bytes, bytes);
    return true;
}

static bool is_hex(struct str s) {
    uint64_t value;
    return num_hex(s, &value);
}

/* Between size and type may stand a reference count, or the second object of a dependent handle. */
static struct str type_of(struct str rest) {
    struct str behind = rest, data = str_next_field(&behind);
    behind = str_trim(behind);
    return behind.len && is_hex(data) ? behind : str_trim(rest);
}

static bool parse_handle(struct str rest, struct tally *ret_handle) {
    struct tally h = {.count = 1};
    if (!is_hex(str_next_field(&rest)))
        return false;
    h.kind = str_next_field(&rest);
    char first = h.kind.len ? h.kind.ptr[0] : '0';
    if (!((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z')) ||
        h.kind.len > HANDLE_KIND_MAX || !is_hex(str_next_field(&rest)) ||
        !num_grouped(str_next_field(&rest), &h.bytes))
        return false;
    h.type = type_of(rest);
    *ret_handle = h;
    return h.type.len > 0;
}

static bool store_row(struct builder *b, const struct tally *from, bool with_type,
                      struct err *err) {
    struct handle_row *row = builder_row(b, PART_HANDLES, err);
    if (!row)
        return false;
    row->kind = builder_string(b, from->kind, err);
    row->count = from->count;
    row->bytes = from->bytes;
    if (with_type)
        row->type = builder_string(b, from->type, err);
    if (!row->kind || !with_type)
        return row->kind;
    return row->type && builder_index(b, PART_HANDLES, HANDLES_BY_KIND_AND_TYPE, err);
}

/* The kinds' own rows are left to the counts that are printed, where these follow. */
static bool store(struct builder *b, const struct tallies *a, bool with_kinds, struct err *err) {
    struct tallies kinds = {.count = 0};
    bool ok = true;
    strmap_init(&kinds.index);
    for (uint32_t i = 0; ok && i < a->count; i++) {
        const struct tally *from = &a->items[i];
        ok = store_row(b, from, true, err);
        if (!ok || !with_kinds)
            continue;
        /* Once, so that the kind is there; then what it really counts. */
        ok = tallies_add(&kinds, from->kind, STR(""), from->bytes, err);
        uint32_t number = ok ? strmap_get(&kinds.index, from->kind, STR("")) : STRMAP_NONE;
        if (number != STRMAP_NONE)
            kinds.items[number].count += from->count - 1;
    }
    for (uint32_t i = 0; ok && i < kinds.count; i++) {
        struct str kind = kinds.items[i].kind;
        uint64_t key = hash_bytes(kind.ptr, kind.len);
        if (!builder_find(b, PART_HANDLES, key)) /* else another log printed its count */
            ok = store_row(b, &kinds.items[i], false, err) &&
                 builder_index(b, PART_HANDLES, key, err);
    }
    strmap_deinit(&kinds.index);
    free(kinds.items);
    return ok;
}

static bool read_list(struct transcript *t, struct tallies *a, uint64_t *not_understood,
                      struct err *err) {
    unsigned others = 0; /* in a row */
    for (transcript_next(t); !t->at_end && others < 4; transcript_next(t)) {
        struct str text = t->line.text, command;
        struct tally handle;
        if (text.len && parse_handle(text, &handle)) {
            if (!tallies_add(a, handle.kind, handle.type, handle.bytes, err))
                return false;
            others = 0;
        } else if (stat_table_is_header(text) || str_eq(text, STR("Statistics:")) ||
                   str_eq(text, STR("Handles:")) || transcript_is_command(&t->line, &command)) {
            return true;
        } else if (transcript_is_elision(&t->line)) {
            builder_warn(t->b, 1, "gchandles: rows were left out by hand");
        } else if (text.len) {
            *not_understood += is_hex(str_next_field(&text));
            others++;
        }
    }
    return true;
}

/* Do printed counts by kind follow the list? */
static bool counts_follow(const struct transcript *t) {
    struct transcript scout = transcript_scout(t);
    struct stat_table table;
    if (!scout.at_end && stat_table_starts(&scout) &&
        !stat_table_read(&scout, NULL, NULL, &table, NULL))
        return false;
    return transcript_skip_blank(&scout) && str_eq(scout.line.text, STR("Handles:"));
}

static bool read_handles(struct transcript *t, struct err *err) {
    struct tallies a = {.count = 0};
    uint64_t not_understood = 0;
    strmap_init(&a.index);
    bool ok = read_list(t, &a, &not_understood, err);
    if (ok && not_understood)
        builder_warn(t->b, not_understood, "gchandles: lines of the list were not understood");
    bool counted = ok && counts_follow(t);
    if (ok && a.count && !counted)
        builder_warn(t->b, ABSENT,
                     "gchandles: the list ends without its counts, so rows may be missing");
    if (ok && a.count == 0 && !counted)
        transcript_hollow(t, "a list of handles without any row that can be understood");
    if (ok && builder_find(t->b, PART_HANDLES, HANDLES_BY_KIND_AND_TYPE))
        builder_note(t->b, "gchandles: handles are listed twice; the first list was used");
    else
        ok = ok && store(t->b, &a, !counted, err);
    strmap_deinit(&a.index);
    free(a.items);
    return ok;
}

static bool read(struct transcript *t, struct err *err) {
    char buf[HANDLE_KIND_MAX];
    struct str kind;
    uint64_t count;
    if (is_list_header(t->line.text)) {
        if (!read_handles(t, err))
            return false;
    } else if (!handles_is_count(t->line.text, buf, &kind, &count) && !stat_table_starts(t)) {
        transcript_next(t);
    }
    if (!handles_read_counts(t, err))
        return false;
    struct transcript behind = transcript_scout(t);
    if (!transcript_skip_blank(&behind))
        return true;
    if (stat_table_starts(&behind)) {
        transcript_skip_blank(t);
        return handles_read_statistics(t, err);
    }
    if (str_eq(behind.line.text, STR("Handles:"))) {
        transcript_skip_blank(t);
        transcript_next(t);
        return handles_read_counts(t, err);
    }
    return true;
}

const struct section section_gchandles = {
    .name = "gchandles",
    .summary = "GC handles by kind and by type: gchandles (-stat, -type, -perdomain)",
    .may_give = PART_BIT(PART_HANDLES),
    .starts = starts,
    .read = read,
};
