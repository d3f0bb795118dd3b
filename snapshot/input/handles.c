#include "input/handles.h"

#include "base/num.h"
#include "input/stattable.h"

#include <string.h>

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

static bool say_count(struct transcript *t, struct str kind, uint64_t count, struct err *err) {
    uint64_t key = hash_bytes(kind.ptr, kind.len);
    struct handle_row *row = builder_find(t->b, PART_HANDLES, key);
    if (row && row->kind && str_eq(str_of(row->kind), kind)) {
        builder_say(t->b, &row->count, count, "the number of GC handles of a kind");
        return true;
    }
    row = builder_row(t->b, PART_HANDLES, err);
    if (!row)
        return false;
    row->kind = builder_string(t->b, kind, err);
    row->count = count;
    return row->kind && builder_index(t->b, PART_HANDLES, key, err);
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

bool handles_read_counts(struct transcript *t, struct err *err) {
    char buf[HANDLE_KIND_MAX];
    struct str kind;
    uint64_t count;
    for (; next_count(t, buf, &kind, &count); transcript_next(t))
        if (!say_count(t, kind, count, err))
            return false;
    return true;
}

struct adding {
    struct builder *b;
    bool keep;
};

static bool add_type(void *context, const struct stat_row *from, struct err *err) {
    struct adding *adding = context;
    if (!adding->keep)
        return true;
    struct handle_row *row = builder_row(adding->b, PART_HANDLES, err);
    if (!row)
        return false;
    row->type = builder_string(adding->b, from->name, err);
    row->count = from->objects;
    row->bytes = from->bytes;
    return row->type && builder_index(adding->b, PART_HANDLES, HANDLES_BY_TYPE, err);
}

bool handles_read_statistics(struct transcript *t, struct err *err) {
    struct adding adding = {t->b, !builder_find(t->b, PART_HANDLES, HANDLES_BY_TYPE)};
    struct stat_table table;
    /* "-type Pinned" and the like: the table is about that kind only. */
    bool filtered =
        transcript_last_command_has(t, "-type") || transcript_last_command_has(t, "-perdomain");
    if (!stat_table_read(t, add_type, &adding, &table, err))
        return false;
    stat_table_check(t, &table, "gchandles");
    if (!adding.keep)
        builder_note(t->b,
                     "gchandles: handles by type are printed twice; the first table was used");
    if (filtered)
        builder_note(t->b, "gchandles: the table by type is of some kinds only");
    if (table.rows)
        builder_present(t->b, PART_HANDLES);
    struct transcript behind = transcript_scout(t);
    if (transcript_skip_blank(&behind) && (str_eq(behind.line.text, STR("Handles:")) ||
                                           str_starts(behind.line.text, STR("GC Handle Stat")))) {
        transcript_skip_blank(t);
        transcript_next(t);
    }
    transcript_command_done(t);
    return handles_read_counts(t, err);
}
