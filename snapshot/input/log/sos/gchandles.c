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
#include "base/num.h"
#include "input/log/sos/handle_tables.h"
#include "input/log/stat_table.h"

static bool gchandles_is_list_header(struct str text) {
    if (text.len == 0 || str_first(text) != 'H')
        return false;
    return str_eq(str_next_field(&text), STR("Handle")) &&
           str_eq(str_next_field(&text), STR("Type")) &&
           str_eq(str_next_field(&text), STR("Object"));
}

static bool gchandles_starts(const struct transcript *t) {
    struct str text = t->line.text;
    char buf[HANDLE_KIND_MAX];
    struct str kind;
    uint64_t count;
    switch (str_first(text)) {
    case 'H':
        return gchandles_is_list_header(text);
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

struct handle {
    struct str kind, type;
    uint64_t bytes;
};

static bool gchandles_is_hex(struct str s) {
    uint64_t value;
    return num_hex(s, &value);
}

/* Between size and type may stand a reference count, or the second object of a dependent handle. */
static struct str gchandles_type_of(struct str rest) {
    struct str behind = rest, data = str_next_field(&behind);
    behind = str_trim(behind);
    return behind.len && gchandles_is_hex(data) ? behind : str_trim(rest);
}

static bool parse_handle(struct str rest, struct handle *ret_handle) {
    struct handle h;
    if (!gchandles_is_hex(str_next_field(&rest)))
        return false;
    h.kind = str_next_field(&rest);
    char first = h.kind.len ? str_first(h.kind) : '0';
    if (!((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z')) ||
        h.kind.len > HANDLE_KIND_MAX || !gchandles_is_hex(str_next_field(&rest)) ||
        !num_grouped(str_next_field(&rest), &h.bytes))
        return false;
    h.type = gchandles_type_of(rest);
    *ret_handle = h;
    return h.type.len > 0;
}

struct list {
    struct handle_tallies by_type, by_kind;
    uint64_t rows, not_understood;
};

static bool gchandles_read_list(struct transcript *t, struct list *list, struct err *err) {
    unsigned others = 0; /* in a row */
    for (transcript_next(t); !t->at_end && others < 4; transcript_next(t)) {
        struct str text = t->line.text, command;
        struct handle h;
        if (text.len && parse_handle(text, &h)) {
            if (!handle_tallies_add(&list->by_type, h.kind, h.type, 1, h.bytes, err) ||
                !handle_tallies_add(&list->by_kind, h.kind, STR(""), 1, h.bytes, err))
                return false;
            list->rows++;
            others = 0;
        } else if (stat_table_is_header(text) || str_eq(text, STR("Statistics:")) ||
                   str_eq(text, STR("Handles:")) || transcript_is_command(&t->line, &command)) {
            return true;
        } else if (transcript_is_elision(&t->line)) {
            transcript_lacks(t, 1, "gchandles: rows were left out by hand");
        } else if (text.len) {
            list->not_understood += gchandles_is_hex(str_next_field(&text));
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

/* What the list says; the kinds are left to the counts that are printed, where these follow. */
static bool use_list(struct transcript *t, struct list *list, struct err *err) {
    bool counted = counts_follow(t);
    if (list->not_understood)
        transcript_lacks(t, list->not_understood,
                         "gchandles: lines of the list were not understood");
    if (list->rows == 0 && !counted)
        transcript_hollow(t, "a list of handles without any row that can be understood");
    else if (!counted)
        transcript_lacks(t, ABSENT,
                         "gchandles: the list ends without its counts, so rows may be missing");
    return handle_tallies_store(&list->by_type, err) &&
           (counted || handle_tallies_store(&list->by_kind, err));
}

static bool gchandles_read_handles(struct transcript *t, struct err *err) {
    struct list list = {.rows = 0};
    handle_tallies_init(&list.by_type, t->b);
    handle_tallies_init(&list.by_kind, t->b);
    bool ok = gchandles_read_list(t, &list, err) && use_list(t, &list, err);
    handle_tallies_deinit(&list.by_type);
    handle_tallies_deinit(&list.by_kind);
    return ok;
}

static bool gchandles_read(struct transcript *t, struct err *err) {
    char buf[HANDLE_KIND_MAX];
    struct str kind;
    uint64_t count;
    bool headed = str_starts(t->line.text, STR("GC Handle Statistics"));
    if (gchandles_is_list_header(t->line.text)) {
        if (!gchandles_read_handles(t, err))
            return false;
    } else if (!handles_is_count(t->line.text, buf, &kind, &count) && !stat_table_starts(t)) {
        transcript_next(t);
    }
    if (!handles_read_counts(t, err))
        return false;
    struct transcript behind = transcript_scout(t);
    if (!transcript_skip_blank(&behind)) {
        if (headed) /* .NET Framework prints a table of types behind the counts */
            transcript_lacks(t, ABSENT, "gchandles: the text ends before its table of types");
        return true;
    }
    if (stat_table_starts(&behind)) {
        transcript_skip_blank(t);
        return handles_read_statistics(t, err);
    }
    if (headed && str_eq(behind.line.text, STR("Statistics:")))
        transcript_lacks(t, ABSENT, "gchandles: the text ends before its table of types");
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
    .open_parts = PART_BIT(PART_HANDLES),
    .starts = gchandles_starts,
    .read = gchandles_read,
};
