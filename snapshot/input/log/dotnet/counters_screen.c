/*
 * The screen of `dotnet-counters monitor`, pasted once or several times: each is a moment.
 *
 *     Press p to pause, r to resume, q to quit.
 *         Status: Running
 *
 *     [System.Runtime]                                     until version 8
 *         GC Heap Size (MB)                                             24
 *         Gen 2 Size (B)                                        25,744,976
 *
 *     Name                                      Current Value   Last Delta    from 9 on
 *     [System.Runtime]
 *         dotnet.gc.collections ({collection})
 *             gc.heap.generation
 *             ------------------
 *             gen0                                          5            1
 *         dotnet.process.memory.working_set (By)   29,519,872            0
 *
 * Rows may come without headings. The tool paints the screen anew for every counter that it learns
 * of: a screen that the next one only adds to is none of its own. Numbers are those of its culture.
 * Source: src/Tools/dotnet-counters/Exporters/ConsoleWriter.cs of dotnet/diagnostics.
 */
#include "base/chars.h"
#include "base/num.h"
#include "base/vec.h"
#include "input/counters/perf_log.h"
#include "input/log/scan.h"
#include "input/log/stat_table.h"

#include <stdlib.h>

#define SCREEN_TOP STR("Press p to pause, r to resume, q to quit")

/* Of two screens that are compared row by row. */
#define SCREEN_ROWS 4096u

struct screen_row {
    struct str provider, name, tags, value; /* borrowed; tags empty: none */
};

struct screen_reading {
    struct transcript *t;
    struct screen_row *rows;
    size_t count, capacity;
    size_t start;  /* of the rows of the screen that is being read */
    size_t before; /* of those of the one before it */
    struct counters_log log;
    struct str provider;
    struct str parent; /* counter whose values stand below it, by their tags; empty: none */
    size_t parent_indent;
    bool in_tags; /* the rule below the names of the tags has come */
    uint64_t placed;
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "24", "-27", "25,744,976", "7.642", "1 024" with any blank of one character. */
static bool screen_is_number(struct str s) {
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool digit = char_is_digit(s.ptr[i]);
        digits += digit;
        if (!digit && !strchr(",.' -", s.ptr[i]) && !((unsigned char)s.ptr[i] & 0x80))
            return false;
        if ((unsigned char)s.ptr[i] & 0x80 && !digits)
            return false;
        if (s.ptr[i] == '-' && i)
            return false;
    }
    return digits > 0 && (str_eq(str_take(s, 1), STR("-")) || char_is_digit(str_first(s)));
}

/* What stands behind the last gap of two blanks, or behind the last blank; *rest: in front. */
static struct str screen_last_cell(struct str *rest) {
    struct str text = str_trim(*rest);
    size_t at = text.len;
    while (at > 1 && !(text.ptr[at - 1] == ' ' && text.ptr[at - 2] == ' ') &&
           text.ptr[at - 1] != '\t')
        at--;
    if (at <= 1)
        return scan_last_field(rest);
    *rest = str_trim(str_take(text, at));
    return str_drop(text, at);
}

/* "GC Heap Size (MB)    24    1": its name and its value, without the delta. */
static bool screen_parse_row(struct str text, struct str *ret_name, struct str *ret_value) {
    struct str rest = str_trim(text), more;
    struct str value = screen_last_cell(&rest);
    if (!screen_is_number(value) || !rest.len)
        return false;
    more = rest;
    struct str first = screen_last_cell(&more);
    bool gap = more.len && rest.len > more.len + first.len + 1;
    if (gap && screen_is_number(first)) {
        rest = more;
        value = first;
    }
    *ret_name = rest;
    *ret_value = value;
    return true;
}

/* Ends the name with a unit that counters have: "(MB)", "(Count / 1 sec)", "({assembly})"? */
static bool screen_has_unit(struct str name) {
    static const char *const units[] = {"B",     "KB", "MB", "GB", "By",  "%",
                                        "Count", "ms", "s",  "us", "sec", "ns"};
    size_t open = STR_NOT_FOUND;
    for (size_t from = 0, next; (next = str_find(name, STR(" ("), from)) != STR_NOT_FOUND;
         from = next + 1)
        open = next;
    if (!str_ends(name, STR(")")) || open == STR_NOT_FOUND || open == 0)
        return false;
    struct str unit = str_drop(str_take(name, name.len - 1), open + 2);
    struct str first = str_trim(str_take(unit, str_find(unit, STR("/"), 0)));
    return STR_IS_ONE_OF(first, units) ||
           (str_starts(first, STR("{")) && str_ends(first, STR("}")));
}

/* "[System.Runtime]" */
static bool screen_is_provider(struct str text, struct str *ret_name) {
    if (text.len < 3)
        return false;
    if (str_ends(text, STR(":")) && str_contains(text, STR("."))) /* 3.0 */
        *ret_name = str_take(text, text.len - 1);
    else if (str_first(text) == '[' && str_ends(text, STR("]")))
        *ret_name = str_take(str_drop(text, 1), text.len - 2);
    else
        return false;
    for (size_t i = 0; i < ret_name->len; i++)
        if (!char_is_word(ret_name->ptr[i]) && !strchr(".-", ret_name->ptr[i]))
            return false;
    return true;
}

static bool screen_is_heading(struct str text) {
    struct str f[3];
    return str_starts(text, STR("Name")) && scan_fields(text, f, 3, NULL) == 3 &&
           str_eq(f[1], STR("Current")) && str_eq(f[2], STR("Value"));
}

static bool screen_is_frame(struct str text) {
    return str_contains(str_take(text, 400), SCREEN_TOP) || screen_is_heading(text) ||
           str_starts(text, STR("Status: "));
}

static size_t screen_indent(struct str raw) {
    size_t n = 0;
    while (n < raw.len && (raw.ptr[n] == ' ' || raw.ptr[n] == '\t'))
        n++;
    return n;
}

/* -- Numbers ----------------------------------------------------------------------------------- */

/*
 * By which character the numbers of the rows have fractions: '.', unless one of them can only be
 * read with ','.
 */
static char screen_point(const struct screen_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct str v = rows[i].value;
        size_t seps[2] = {0, 0}, last[2] = {0, 0};
        for (size_t k = 0; k < v.len; k++)
            for (int s = 0; s < 2; s++)
                if (v.ptr[k] == ",."[s]) {
                    seps[s]++;
                    last[s] = k;
                }
        bool comma_is_point = seps[0] == 1 && v.len - last[0] != 4;
        bool point_groups = seps[1] > 1 || (seps[1] && seps[0] && last[0] > last[1]);
        if (comma_is_point || point_groups)
            return ',';
        if (seps[0] > 1 || (seps[0] && seps[1]) || (seps[1] == 1 && v.len - last[1] != 4))
            return '.';
    }
    return '.';
}

static void screen_plain(struct str value, char point, struct strbuf *out) {
    for (size_t i = 0; i < value.len; i++) {
        if (char_is_digit(value.ptr[i]) || value.ptr[i] == '-')
            strbuf_addc(out, value.ptr[i]);
        else if (value.ptr[i] == point)
            strbuf_addc(out, '.');
    }
}

/* -- Screens ----------------------------------------------------------------------------------- */

static bool screen_same_counter(const struct screen_row *a, const struct screen_row *b) {
    return str_eq(a->provider, b->provider) && str_eq(a->name, b->name) && str_eq(a->tags, b->tags);
}

/*
 * Is the screen the one before it, painted anew? Then no value of it has changed; rows that came in
 * between may have pushed others out at the bottom.
 */
static bool screen_is_redrawn(const struct screen_reading *r) {
    size_t now = r->start, same = 0;
    if (r->count - r->before > SCREEN_ROWS)
        return false;
    for (size_t i = r->before; i < r->start; i++) {
        size_t k = now;
        while (k < r->count && !screen_same_counter(&r->rows[i], &r->rows[k]))
            k++;
        if (k == r->count)
            continue;
        if (!str_eq(r->rows[i].value, r->rows[k].value))
            return false;
        now = k + 1;
        same++;
    }
    return same > 0 || r->before == r->start;
}

static bool screen_store(struct screen_reading *r, size_t from, size_t end, struct err *err) {
    char point = screen_point(r->rows, r->count);
    if (from == end)
        return true;
    if (!counters_log_moment(&r->log, ABSENT, err))
        return false;
    bool ok = true;
    for (size_t i = from; ok && i < end && r->log.wanted; i++) {
        const struct screen_row *row = &r->rows[i];
        struct strbuf name, value;
        uint64_t scale;
        const char *unit;
        strbuf_init(&name);
        strbuf_init(&value);
        counters_dotnet_name(row->provider, row->name, row->tags, &name, &scale, &unit);
        screen_plain(row->value, point, &value);
        ok = strbuf_ok(&name, err) && strbuf_ok(&value, err) &&
             counters_log_value(&r->log, strbuf_str(&name), strbuf_str(&value), scale, unit, err);
        strbuf_deinit(&name);
        strbuf_deinit(&value);
    }
    return ok;
}

/* What comes next is another screen: the one before this one is whole, unless this adds to it. */
static bool screen_turn(struct screen_reading *r, struct err *err) {
    if (r->start == r->count)
        return true;
    if (!screen_is_redrawn(r) && !screen_store(r, r->before, r->start, err))
        return false;
    r->before = r->start;
    r->start = r->count;
    r->parent = STR("");
    return true;
}

static bool screen_has_row(const struct screen_reading *r, const struct screen_row *row) {
    return r->start < r->count && screen_same_counter(&r->rows[r->start], row);
}

static bool screen_add(struct screen_reading *r, struct str name, struct str tags, struct str value,
                       struct err *err) {
    struct screen_row row = {r->provider, name, tags, value};
    /* The first row comes once more: another screen, without a heading between them. */
    if (screen_has_row(r, &row) && !screen_turn(r, err))
        return false;
    if (!VEC_ROOM(r->rows, r->count, r->capacity, err))
        return false;
    r->rows[r->count++] = row;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

/* A row of the values of a counter by its tags. */
static bool screen_is_below(const struct screen_reading *r, struct str name) {
    if (!r->parent.len)
        return false;
    size_t indent = screen_indent(r->t->line.raw);
    return indent > r->parent_indent || (indent == 0 && r->in_tags && !screen_has_unit(name));
}

static bool screen_take(void *context, bool *ret_mine, struct err *err) {
    struct screen_reading *r = context;
    struct str text = r->t->line.text, name, value, command;
    size_t escape = str_find(text, STR("\x1b["), 0);
    *ret_mine = true;
    if (screen_is_frame(text))
        return str_contains(str_take(text, 400), SCREEN_TOP) ? screen_turn(r, err) : true;
    if (escape != STR_NOT_FOUND) {
        r->placed++;
        text = str_trim(str_take(text, escape));
        if (!text.len)
            return true;
    }
    if (screen_is_provider(text, &name)) {
        r->provider = name;
        r->parent = STR("");
        return true;
    }
    if (transcript_is_rule(text)) {
        *ret_mine = r->parent.len > 0;
        r->in_tags = true;
        return true;
    }
    if (screen_parse_row(text, &name, &value)) {
        if (screen_is_below(r, name))
            return screen_add(r, r->parent, name, value, err);
        r->parent = STR("");
        return screen_add(r, name, STR(""), value, err);
    }
    /* A counter whose values come below it, or the names of their tags. */
    *ret_mine = screen_has_unit(text) || screen_is_below(r, text) ||
                (r->provider.len && screen_indent(r->t->line.raw) > 2 &&
                 !transcript_is_command(&r->t->line, &command));
    if (*ret_mine && !screen_is_below(r, text)) {
        r->parent = text;
        r->parent_indent = screen_indent(r->t->line.raw);
        r->in_tags = false;
    }
    return true;
}

static bool screen_read(struct transcript *t, struct err *err) {
    struct screen_reading r = {.t = t, .provider = {"System.Runtime", 14}};
    counters_log_init(&r.log, t->b);
    bool ok = scan_table(t, &r.loss, screen_take, &r, err);
    if (!r.parent.len) /* else the values of one counter, by tags, may go on */
        transcript_ended(t);
    ok = ok && screen_turn(&r, err) && screen_store(&r, r.before, r.count, err);
    if (ok && r.count == 0)
        transcript_hollow(t, "dotnet-counters: a screen without counters");
    else
        ok = ok && counters_log_end(&r.log, err);
    if (ok && r.placed)
        builder_warn(t->b, r.placed,
                     "dotnet-counters: values painted over the screen are not read: "
                     "`dotnet-counters collect` writes all of them");
    if (ok)
        scan_loss_report(t, &r.loss);
    counters_log_deinit(&r.log);
    free(r.rows);
    return ok;
}

/* A row whose name ends in a unit, with a gap before its value. */
static bool screen_is_sure_row(struct str text) {
    struct str name, value;
    return screen_parse_row(text, &name, &value) && screen_has_unit(name) &&
           name.len + value.len + 1 < text.len;
}

static bool screen_starts(const struct transcript *t) {
    struct str text = t->line.text, name;
    struct line next;
    if (str_contains(str_take(text, 400), SCREEN_TOP) || screen_is_heading(text))
        return true;
    if (str_first(text) == '[')
        return screen_is_provider(text, &name) && transcript_peek(t, 1, &next) &&
               (screen_is_sure_row(next.text) || screen_has_unit(next.text));
    return screen_is_sure_row(text) && transcript_peek(t, 1, &next) &&
           screen_is_sure_row(next.text);
}

const struct section section_counters_screen = {
    .name = "counters-screen",
    .summary = "dotnet-counters monitor: the counters of its screen (each screen a moment)",
    .may_give = PART_BIT(PART_COUNTERS),
    .open_parts = PART_BIT(PART_COUNTERS),
    .starts = screen_starts,
    .read = screen_read,
};
