/*
 * Rows are told by their first three fields; the rest of the line is the name. What a line inside
 * the table is, when it is no row, is decided by whether rows follow within a few lines.
 */
#include "input/log/stat_table.h"

#include "base/chars.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* So many lines that are no rows may stand between two rows of one table. */
#define GAP_LINES 12u

/* -- Rows -------------------------------------------------------------------------------------- */

struct row {
    struct str name;
    uint64_t objects, bytes;
    size_t digits; /* of the MethodTable as printed */
};

/* A MethodTable: hex with or without 0x. */
static bool parse_address(struct str field, size_t *ret_digits) {
    uint64_t value;
    if (!num_hex(field, &value))
        return false;
    *ret_digits = str_starts_nocase(field, STR("0x")) ? field.len - 2 : field.len;
    return true;
}

/* Numbers of the table have no leading zeros: "041" is the second group of "5 041". */
static bool parse_number(struct str field, uint64_t *ret_value) {
    if (field.len > 1 && str_first(field) == '0')
        return false;
    return num_grouped(field, ret_value);
}

#define GROUPS_MAX 16

/* Groups of digits with blanks between them, as in "5 041 634 273 120 470 Name". */
struct groups {
    struct str items[GROUPS_MAX];
    size_t count;
    struct str name;
};

static bool split_groups(struct str s, struct groups *ret_groups) {
    struct groups g = {.count = 0};
    for (;;) {
        struct str rest = s, field = str_next_field(&rest);
        uint64_t value;
        if (!num_dec(field, &value))
            break;
        if (g.count == GROUPS_MAX || field.len > 3)
            return false;
        g.items[g.count++] = field;
        s = rest;
    }
    g.name = str_trim(s);
    *ret_groups = g;
    return g.count >= 2;
}

/* Groups [from, to) as one number: one blank between two, three digits in each but the first. */
static bool join_groups(const struct groups *g, size_t from, size_t to, uint64_t *ret_value) {
    struct str whole = {g->items[from].ptr,
                        (size_t)(g->items[to - 1].ptr + g->items[to - 1].len - g->items[from].ptr)};
    return parse_number(whole, ret_value);
}

/*
 * The blank as thousands separator leaves open where one number ends and the next begins. Wrong
 * splits mostly give a size below 12 bytes an object, which no object has; if more than one is
 * left, the columns decide: all counts of a table end under the word Count.
 */
static bool parse_spaced(struct str rest, const char *count_end, struct row *row) {
    struct groups g;
    uint64_t objects = 0, bytes = 0;
    size_t found = 0;
    if (!split_groups(rest, &g))
        return false;
    for (size_t split = 1; split < g.count; split++) {
        uint64_t left, right;
        if (!join_groups(&g, 0, split, &left) || !join_groups(&g, split, g.count, &right) ||
            right / 12 < left)
            continue;
        bool aligned = g.items[split - 1].ptr + g.items[split - 1].len == count_end;
        objects = left;
        bytes = right;
        found = aligned ? 1 : found + 1;
        if (aligned)
            break;
    }
    if (found != 1)
        return false;
    row->objects = objects;
    row->bytes = bytes;
    row->name = g.name;
    return true;
}

/* A number without separators, and the blanks behind it. */
static bool take_plain_number(const char **at, const char *end, uint64_t *ret_value) {
    const char *p = *at;
    uint64_t value = 0;
    for (unsigned digit; p < end && (digit = (unsigned char)*p - (unsigned)'0') <= 9; p++)
        value = value * 10 + digit;
    size_t digits = (size_t)(p - *at);
    if (!digits || digits > 19 || (digits > 1 && **at == '0') || p == end || *p != ' ')
        return false;
    while (p < end && *p == ' ')
        p++;
    *at = p;
    *ret_value = value;
    return true;
}

/*
 * A row as nearly all are: three numbers with blanks between them, and a name of ASCII. Anything
 * else is left to those who know what else there is.
 */
static bool parse_plain(struct str text, struct row *ret_row) {
    const char *p = text.ptr, *end = p + text.len;
    struct row row;
    while (p < end && char_is_hex(*p))
        p++;
    row.digits = (size_t)(p - text.ptr);
    if (!row.digits || row.digits > 16 || p == end || *p != ' ')
        return false;
    while (p < end && *p == ' ')
        p++;
    if (!take_plain_number(&p, end, &row.objects) || !take_plain_number(&p, end, &row.bytes) ||
        p == end || *p < '!' || *p > '~' || char_is_digit(*p) || end[-1] < '!' || end[-1] > '~')
        return false;
    row.name = (struct str){p, (size_t)(end - p)};
    *ret_row = row;
    return true;
}

/* count_column: offset in the raw line at which counts end; 0 when not known. */
static bool stat_table_parse_row(const struct line *line, size_t count_column,
                                 struct row *ret_row) {
    struct str rest = line->text;
    struct row row = {.digits = 0};
    if (parse_plain(rest, ret_row))
        return true;
    if (!parse_address(str_next_field(&rest), &row.digits))
        return false;
    struct str numbers = rest;
    struct str count = str_next_field(&rest), size = str_next_field(&rest);
    bool plain = parse_number(count, &row.objects) && parse_number(size, &row.bytes);
    row.name = str_trim(rest);
    /* No type name starts with a digit. */
    if (!plain || (char_is_digit(str_first(row.name)))) {
        const char *end = count_column ? line->raw.ptr + count_column : NULL;
        if (!parse_spaced(numbers, end, &row) && !plain)
            return false;
    }
    *ret_row = row;
    return true;
}

/*
 * A row that stands for itself, without a header above: address tables, stacks and module lists
 * have lines that look alike.
 */
static bool is_sure_row(const struct line *line) {
    struct row row;
    char first = str_first(line->text);
    if (!(char_is_digit(first) || (first >= 'a' && first <= 'f') || (first >= 'A' && first <= 'F')))
        return false;
    if (!stat_table_parse_row(line, 0, &row) || row.digits < 6 || row.name.len == 0 ||
        row.objects == 0 || row.bytes / 12 < row.objects)
        return false;
    struct str rest = row.name, word = str_next_field(&rest);
    return !char_is_digit(str_first(word)) && !str_contains(word, STR("!")) &&
           !str_starts(word, STR("MEM_")) && !str_starts(word, STR("("));
}

/* -- Other lines ------------------------------------------------------------------------------- */

bool stat_table_is_header(struct str text) {
    if (text.len == 0 || str_first(text) != 'M')
        return false;
    return str_eq(str_next_field(&text), STR("MT")) &&
           str_eq(str_next_field(&text), STR("Count")) &&
           str_eq(str_next_field(&text), STR("TotalSize"));
}

bool stat_table_is_total(struct str text, uint64_t *ret_objects, uint64_t *ret_bytes) {
    if (!str_starts(text, STR("Total ")))
        return false;
    size_t end = str_find(str_take(text, 80), STR(" objects"), 0);
    if (end == STR_NOT_FOUND ||
        !num_grouped(str_trim(str_drop(str_take(text, end), 6)), ret_objects))
        return false;
    struct str rest = str_drop(text, end + 8);
    static const struct str words[] = {STR_INIT(","), STR_INIT("Total size:")};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        rest = str_trim(rest);
        if (str_starts_nocase(rest, words[i]))
            rest = str_drop(rest, words[i].len);
    }
    rest = str_trim(rest);
    if (str_ends(rest, STR("bytes")))
        rest = str_trim(str_take(rest, rest.len - 5));
    if (!num_grouped(rest, ret_bytes))
        *ret_bytes = ABSENT;
    return true;
}

bool transcript_is_progress(struct str text) {
    static const struct str starts[] = {STR_INIT("Scanning heap"), STR_INIT("Caching GC roots"),
                                        STR_INIT("Building heap"), STR_INIT("Please wait")};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts(text, starts[i]))
            return true;
    return false;
}

struct transcript transcript_scout(const struct transcript *t) {
    struct transcript scout = *t;
    scout.b = NULL;
    return scout;
}

/* Do rows or the Total of the same table follow within a few lines? */
static bool stat_table_goes_on(const struct transcript *t) {
    struct transcript scout = transcript_scout(t);
    for (unsigned i = 0; i < GAP_LINES; i++) {
        uint64_t objects, bytes;
        struct str command;
        transcript_next(&scout);
        if (scout.at_end)
            return false;
        if (scout.line.text.len == 0)
            continue;
        if (is_sure_row(&scout.line) || stat_table_is_total(scout.line.text, &objects, &bytes))
            return true;
        if (stat_table_is_header(scout.line.text) || str_eq(scout.line.text, STR("Statistics:")) ||
            transcript_is_command(&scout.line, &command))
            return false;
    }
    return false;
}

bool stat_table_starts(const struct transcript *t) {
    struct str text = t->line.text;
    if (text.len == 0)
        return false;
    if (str_first(text) == 'M')
        return stat_table_is_header(text);
    if (str_first(text) != 'S')
        return is_sure_row(&t->line);
    if (!str_eq(text, STR("Statistics:")))
        return false;
    struct line next;
    for (unsigned i = 1; i < 4 && transcript_peek(t, i, &next); i++) {
        uint64_t objects, bytes;
        if (next.text.len)
            return stat_table_is_header(next.text) || is_sure_row(&next) ||
                   stat_table_is_total(next.text, &objects, &bytes);
    }
    return false;
}

/* -- Names over several lines ------------------------------------------------------------------ */

/* The row read last, whose name may go on in the next line. */
struct pending {
    bool is_set;
    struct stat_row row;
    struct strbuf joined;
    size_t line_bytes; /* of the line of the row */
};

static bool is_balanced(struct str name) {
    long square = 0, angle = 0;
    for (size_t i = 0; i < name.len; i++) {
        square += (name.ptr[i] == '[') - (name.ptr[i] == ']');
        angle += (name.ptr[i] == '<') - (name.ptr[i] == '>');
    }
    return square <= 0 && angle <= 0;
}

/* Characters of a type name, and none that ends a sentence or a heading. */
static bool is_name_like(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == ' ' || s.ptr[i] == ':' || s.ptr[i] == '=' || s.ptr[i] == '!')
            return false;
    return s.len > 0;
}

/* Does this line carry on the name of the row above? */
static bool continues(const struct pending *p, struct str text) {
    if (!p->is_set || p->row.name.len + text.len > NAME_MAX_BYTES)
        return false;
    if (p->row.name.len == 0)
        return true;
    if (!is_balanced(p->row.name))
        return str_find(text, STR("]"), 0) != STR_NOT_FOUND ||
               str_find(text, STR(">"), 0) != STR_NOT_FOUND || is_name_like(text);
    return p->line_bytes >= 79 && is_name_like(text);
}

static void stat_table_join(struct pending *p, struct str text) {
    struct str name = p->row.name;
    if (p->joined.len == 0)
        strbuf_add(&p->joined, name);
    /* "[[A, asm],[B, asm]]" and "<A, B>": a comma is followed by a blank but between brackets. */
    if (str_last(name) == ',' &&
        !(name.len > 1 && name.ptr[name.len - 2] == ']' && str_first(text) == '['))
        strbuf_addc(&p->joined, ' ');
    strbuf_add(&p->joined, text);
    p->row.name = strbuf_str(&p->joined);
    p->line_bytes = text.len;
}

/* -- The table --------------------------------------------------------------------------------- */

struct table_reader {
    struct transcript *t;
    stat_visit *visit;
    void *context;
    struct stat_table *table;
    struct pending pending;
    size_t count_column, digits_max;
};

static bool stat_table_flush(struct table_reader *r, struct err *err) {
    struct pending *p = &r->pending;
    if (!p->is_set)
        return true;
    p->is_set = false;
    /* At the end of the text a name whose brackets are open would be another type's. */
    bool cut = r->t->at_end && !is_balanced(p->row.name);
    if (p->row.name.len == 0 || cut || strbuf_failed(&p->joined)) {
        r->table->not_understood++;
        listing_nameless(&r->table->listing, p->row.bytes);
        return strbuf_ok(&p->joined, err);
    }
    listing_row(&r->table->listing, p->row.bytes);
    r->table->rows++;
    r->table->objects = num_add(r->table->objects, p->row.objects);
    r->table->bytes = num_add(r->table->bytes, p->row.bytes);
    r->table->has_string |= str_eq(p->row.name, STR("System.String"));
    return !r->visit || r->visit(r->context, &p->row, err);
}

/* A debugger's warning or progress may be printed into the middle of a row. */
static struct str without_splice(struct str name) {
    static const struct str marks[] = {STR_INIT("*** WARNING"), STR_INIT("*** ERROR"),
                                       STR_INIT("Scanning heap:")};
    /* All three hold a ':' or a '*', which names of types hardly ever do. */
    if (!memchr(name.ptr, '*', name.len) && !memchr(name.ptr, ':', name.len))
        return name;
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        size_t at = str_find(name, marks[i], 0);
        if (at != STR_NOT_FOUND)
            return str_trim(str_take(name, at));
    }
    return name;
}

static bool stat_table_take_row(struct table_reader *r, const struct row *row, struct err *err) {
    if (!stat_table_flush(r, err))
        return false;
    strbuf_clear(&r->pending.joined);
    r->pending.is_set = true;
    r->pending.row = (struct stat_row){without_splice(row->name), row->objects, row->bytes};
    r->pending.line_bytes = r->t->line.raw.len;
    if (row->digits > r->digits_max)
        r->digits_max = row->digits;
    return true;
}

/* Looks like a row, but its numbers are none. */
static bool is_broken_row(struct str text) {
    size_t digits;
    return parse_address(str_next_field(&text), &digits) && digits >= 5 &&
           str_next_field(&text).len && str_next_field(&text).len;
}

/* The header of the table, or the line "Statistics:" above it. */
static void stat_table_read_heading(struct table_reader *r) {
    struct transcript *t = r->t;
    if (str_eq(t->line.text, STR("Statistics:"))) {
        transcript_next(t);
        transcript_skip_blank(t);
        r->table->has_header = true;
    }
    if (t->at_end || !stat_table_is_header(t->line.text))
        return;
    size_t at = str_find(t->line.raw, STR("Count"), 0);
    r->count_column = at == STR_NOT_FOUND ? 0 : at + 5;
    r->table->has_header = true;
    transcript_next(t);
}

/* One line that is neither row nor Total. *ret_more: the table goes on behind it. */
static bool take_other(struct table_reader *r, bool *ret_more, struct err *err) {
    struct transcript *t = r->t;
    struct str text = t->line.text, command;
    *ret_more = true;
    if (text.len == 0) {
        *ret_more = stat_table_goes_on(t);
    } else if (transcript_is_command(&t->line, &command) || stat_table_is_header(text) ||
               str_eq(text, STR("Statistics:"))) {
        *ret_more = false;
    } else if (transcript_is_progress(text)) {
        return true;
    } else if (transcript_is_elision(&t->line)) {
        /* A mark at the very end stands for rows as well. */
        if (!stat_table_flush(r, err))
            return false;
        r->table->elided++;
        listing_gap(&r->table->listing);
    } else if (is_broken_row(text)) {
        if (!stat_table_flush(r, err))
            return false;
        r->table->not_understood++;
        listing_lost(&r->table->listing);
    } else if (continues(&r->pending, text)) {
        stat_table_join(&r->pending, text);
    } else {
        *ret_more = stat_table_goes_on(t);
        if (*ret_more && !stat_table_flush(r, err))
            return false;
        r->table->not_understood += *ret_more;
        if (*ret_more)
            listing_lost(&r->table->listing);
    }
    return true;
}

static bool stat_table_read_rows(struct table_reader *r, struct err *err) {
    struct transcript *t = r->t;
    for (; !t->at_end; transcript_next(t)) {
        struct row row;
        bool more = true;
        if (t->line.text.len && stat_table_parse_row(&t->line, r->count_column, &row)) {
            if (!stat_table_take_row(r, &row, err))
                return false;
        } else if (stat_table_is_total(t->line.text, &r->table->printed_objects,
                                       &r->table->printed_bytes)) {
            transcript_next(t);
            break;
        } else if (!take_other(r, &more, err)) {
            return false;
        }
        if (!more)
            break;
    }
    return stat_table_flush(r, err);
}

bool stat_table_read(struct transcript *t, stat_visit *visit, void *context,
                     struct stat_table *ret_table, struct err *err) {
    *ret_table = (struct stat_table){
        .printed_objects = ABSENT, .printed_bytes = ABSENT, .pointer_bytes = ABSENT};
    struct table_reader r = {.t = t, .visit = visit, .context = context, .table = ret_table};
    strbuf_init(&r.pending.joined);
    stat_table_read_heading(&r);
    if (!ret_table->has_header)
        listing_gap(&ret_table->listing);
    bool ok = stat_table_read_rows(&r, err);
    strbuf_deinit(&r.pending.joined);
    if (r.digits_max > 8)
        ret_table->pointer_bytes = 8;
    else if (ret_table->rows >= 3)
        ret_table->pointer_bytes = 4;
    return ok;
}

/*
 * Without a heading the beginning is missing, and nothing says that there is more missing than
 * that. Where the heading is there and rows are not, they may have been anywhere.
 */
struct bounds stat_table_unlisted(const struct stat_table *table, uint64_t *ret_missing_bytes) {
    bool is_known = table->printed_objects != ABSENT && table->printed_objects >= table->objects;
    struct bounds most = {is_known ? table->printed_objects - table->objects : ABSENT, ABSENT};
    *ret_missing_bytes =
        is_known && table->printed_bytes != ABSENT && table->printed_bytes >= table->bytes
            ? table->printed_bytes - table->bytes
            : ABSENT;
    if (!is_known)
        return BOUNDS_NONE;
    if (!table->has_header || table->elided)
        most.row_bytes = listing_most(&table->listing);
    return most;
}

/* ", none of more than 6300 bytes", of rows that are missing. */
static void bound_text(const struct stat_table *table, char text[96]) {
    uint64_t missing;
    struct bounds most = stat_table_unlisted(table, &missing);
    text[0] = '\0';
    if (most.row_bytes != ABSENT)
        snprintf(text, 96, "; no row that is missing has more than %" PRIu64 " bytes",
                 most.row_bytes);
}

bool stat_table_check(struct transcript *t, const struct stat_table *table, const char *what) {
    struct builder *b = t->b;
    char bound[96];
    bound_text(table, bound);
    if (table->not_understood)
        builder_warn(b, table->not_understood, "%s: lines of the table were not understood", what);
    if (table->elided)
        builder_warn(b, table->elided, "%s: rows were left out by hand, in so many places", what);
    if (table->printed_objects == ABSENT) {
        builder_warn(b, ABSENT, "%s: the table ends without its Total, so rows may be missing",
                     what);
        return false;
    }
    if (table->objects < table->printed_objects)
        builder_warn(b, table->printed_objects - table->objects,
                     "%s: objects of the printed Total are in no row that was read%s", what, bound);
    else if (table->objects > table->printed_objects)
        builder_warn(b, table->objects - table->printed_objects,
                     "%s: the rows hold more objects than the printed Total", what);
    else if (table->printed_bytes != ABSENT && table->printed_bytes != table->bytes)
        builder_warn(b,
                     table->printed_bytes > table->bytes ? table->printed_bytes - table->bytes
                                                         : table->bytes - table->printed_bytes,
                     "%s: the bytes of the rows differ from the printed Total", what);
    else
        return true;
    return false;
}

/* -- Whose table it is ------------------------------------------------------------------------- */

/* By the block that follows: "Handles:", or the list of tasks with their state. */
static enum stat_kind kind_by_what_follows(const struct transcript *t) {
    struct transcript scout = transcript_scout(t);
    struct stat_table table;
    if (!stat_table_read(&scout, NULL, NULL, &table, NULL) || !transcript_skip_blank(&scout))
        return STAT_HEAP;
    struct str text = scout.line.text, rest = text;
    if (str_eq(text, STR("Handles:")) || str_starts(text, STR("GC Handle Statistics")) ||
        str_starts(text, STR("Strong Handles:")))
        return STAT_HANDLES;
    if (str_eq(str_next_field(&rest), STR("Address")) && str_contains(rest, STR("Status")))
        return STAT_ASYNC;
    return STAT_HEAP;
}

enum stat_kind stat_table_kind(const struct transcript *t) {
    static const struct {
        const char *command;
        enum stat_kind kind;
    } kinds[] = {{"dumpheap", STAT_HEAP},       {"dumpgen", STAT_HEAP},
                 {"gchandles", STAT_HANDLES},   {"gchandleleaks", STAT_HANDLES},
                 {"dumpasync", STAT_ASYNC},     {"finalizequeue", STAT_FINALIZABLE},
                 {"fq", STAT_FINALIZABLE},      {"objsize", STAT_OTHER},
                 {"dumpexceptions", STAT_OTHER}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (transcript_last_command_is(t, kinds[i].command))
            return kinds[i].kind;
    return kind_by_what_follows(t);
}
