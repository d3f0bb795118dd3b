/*
 * dumpheap (SOS 1.1 to .NET 10, PSSCOR) and dumpgen: objects of the heap by type.
 *
 *   0:000> !dumpheap -stat                     the command may be missing, and with it all that
 *   Statistics:                                says what the table was limited to
 *         MT    Count    TotalSize Class Name
 *   79b94638        3           96 System.String
 *   Total 3 objects
 *   Fragmented blocks larger than 0.5 MB:
 *       Addr     Size      Followed by
 *   d5ddf8e0   11.5MB         d6953548 System.Threading.OverlappedData
 *
 * Without -stat a list of the objects comes first: "Address MT Size". Server GC prints a count of
 * objects a heap ("Heap 0", "total 409 objects") and one table for all: those counts are not added.
 */
#include "base/num.h"
#include "input/log/sos/string_table.h"
#include "input/log/sos/handle_tables.h"
#include "input/log/stat_table.h"
#include "input/log/type_table.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <string.h>

/* -- What the table was limited to ------------------------------------------------------------- */

struct filter {
    struct strbuf text; /* the options, as given */
    bool is_live, is_other;
    enum generation generation;
};

static enum generation dumpheap_generation_of(struct str word) {
    static const struct {
        const char *word;
        enum generation generation;
    } words[] = {
        {"0", GEN_0},        {"gen0", GEN_0},        {"1", GEN_1},          {"gen1", GEN_1},
        {"2", GEN_2},        {"gen2", GEN_2},        {"3", GEN_LOH},        {"loh", GEN_LOH},
        {"large", GEN_LOH},  {"4", GEN_POH},         {"poh", GEN_POH},      {"pinned", GEN_POH},
        {"foh", GEN_FROZEN}, {"frozen", GEN_FROZEN}, {"nongc", GEN_FROZEN},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_eq_nocase(word, str_of(words[i].word)))
            return words[i].generation;
    return GEN_UNKNOWN;
}

static void filter_add(struct filter *f, struct str word) {
    if (f->text.len)
        strbuf_addc(&f->text, ' ');
    strbuf_add(&f->text, word);
}

static void filter_option(struct filter *f, struct str option, struct str *rest) {
    static const char *const harmless[] = {"stat",  "ignoregcstate", "startatlowerbound",
                                           "cache", "xml",           "?"};
    static const char *const with_value[] = {"mt",  "type", "min",     "max",
                                             "gen", "heap", "segment", "l"};
    if (STR_IS_ONE_OF_NOCASE(option, harmless))
        return;
    if (str_eq_nocase(option, STR("live"))) {
        f->is_live = true;
        filter_add(f, STR("-live"));
        return;
    }
    f->is_other = true;
    if (f->text.len)
        strbuf_addc(&f->text, ' ');
    strbuf_addc(&f->text, '-');
    strbuf_add(&f->text, option);
    if (!STR_IS_ONE_OF_NOCASE(option, with_value))
        return;
    struct str value = str_next_field(rest);
    filter_add(f, value);
    if (str_eq_nocase(option, STR("gen")))
        f->generation = dumpheap_generation_of(value);
}

/* Reads the options of the last command, which is a dumpheap or dumpgen. */
static void filter_of_command(struct filter *f, const struct transcript *t) {
    struct str rest = str_take(t->command, 512), name = str_next_field(&rest);
    bool is_dumpgen = str_eq_nocase(name, STR("dumpgen"));
    for (struct str word; (word = str_next_field(&rest)).len;) {
        struct str option = transcript_option(word);
        uint64_t address;
        if (option.len) {
            filter_option(f, option, &rest);
        } else if (is_dumpgen && f->generation == GEN_UNKNOWN) {
            f->generation = dumpheap_generation_of(word);
            filter_add(f, STR("dumpgen"));
            filter_add(f, word);
            f->is_other = true;
        } else if (num_hex(word, &address)) { /* from, to */
            f->is_other = true;
            filter_add(f, word);
        }
    }
}

/* -- The table --------------------------------------------------------------------------------- */

static bool dumpheap_add_row(void *context, const struct stat_row *row, struct err *err) {
    struct cell cell = {row->objects, row->bytes};
    return type_table_add(context, row->name, STR(""), cell, err);
}

/*
 * Where no command says so: a list of objects before the table, or a complete table without any
 * System.String, is the work of a filter. The table is read ahead to know.
 */
static bool filter_unsaid(struct filter *f, const struct transcript *t, bool had_list,
                          struct err *err) {
    struct transcript scout = transcript_scout(t);
    struct stat_table table;
    if (!stat_table_read(&scout, NULL, NULL, &table, err))
        return false;
    if (had_list)
        filter_add(f, STR("a list of objects (its command is not shown)"));
    else if (table.printed_objects != ABSENT && table.printed_objects == table.objects &&
             !table.has_string)
        filter_add(f, STR("a table without System.String (its command is not shown)"));
    f->is_other = f->text.len > 0;
    return true;
}

static void say_pointer_bytes(struct builder *b, const struct stat_table *table) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, NULL);
    if (origin && origin->pointer_bytes == ABSENT)
        origin->pointer_bytes = table->pointer_bytes;
}

static bool dumpheap_read_types(struct transcript *t, struct filter *f, bool had_list,
                                struct err *err) {
    struct stat_table table;
    if (transcript_last_command_is(t, "dumpheap") || transcript_last_command_is(t, "dumpgen"))
        filter_of_command(f, t);
    else if (!filter_unsaid(f, t, had_list, err))
        return false;
    if (!strbuf_ok(&f->text, err))
        return false;
    struct type_table tt = {.filter = strbuf_str(&f->text),
                            .is_live = f->is_live,
                            .only_live = f->is_live && !f->is_other,
                            .generation = f->generation};
    bool ok = type_table_begin(&tt, t->b, err);
    if (ok)
        type_table_expect(&tt, transcript_lines_ahead(t, TYPES_EXPECTED_MAX));
    ok = ok && stat_table_read(t, dumpheap_add_row, &tt, &table, err);
    if (ok && (table.rows || table.printed_objects != 0))
        tt.is_cut =
            !stat_table_check(t, &table, tt.filter.len ? "dumpheap (filtered)" : "dumpheap");
    if (tt.is_cut)
        tt.unlisted = stat_table_unlisted(&table, &tt.missing_bytes);
    say_pointer_bytes(t->b, &table);
    /* Rows that somebody left out are absent; rows that cannot be read are an error. */
    if (ok && table.rows == 0 && table.printed_objects != 0 &&
        (table.printed_objects == ABSENT || table.not_understood))
        transcript_hollow(t, "a table of types without any row that can be understood");
    return type_table_end(&tt, ok, err);
}

/* -- Lists of objects -------------------------------------------------------------------------- */

static bool dumpheap_is_list_header(struct str text) {
    if (text.len == 0 || str_first(text) != 'A')
        return false;
    return str_eq(str_next_field(&text), STR("Address")) &&
           str_eq(str_next_field(&text), STR("MT")) && str_eq(str_next_field(&text), STR("Size")) &&
           !str_contains(text, STR("Status"));
}

/* The table of -strings is that of another section, and says as much of the list. */
static bool lists_strings(const struct transcript *t) {
    return !t->at_end && strings_table_starts(t);
}

static bool is_list_row(struct str text) {
    uint64_t value;
    return num_hex(str_next_field(&text), &value) && num_hex(str_next_field(&text), &value) &&
           num_grouped(str_next_field(&text), &value);
}

/* Skips the objects, up to the table behind them. Their types are in that table. */
static uint64_t dumpheap_skip_list(struct transcript *t) {
    uint64_t rows = 0;
    unsigned others = 0; /* in a row */
    for (transcript_next(t); !t->at_end && others < 12; transcript_next(t)) {
        struct str text = t->line.text, command;
        uint64_t objects, bytes;
        if (text.len && is_list_row(text)) {
            rows++;
            others = 0;
        } else if (stat_table_is_header(text) || str_eq(text, STR("Statistics:")) ||
                   stat_table_is_total(text, &objects, &bytes) ||
                   transcript_is_command(&t->line, &command)) {
            break;
        } else if (text.len && !transcript_is_elision(&t->line)) {
            others++;
        }
    }
    return rows;
}

/* -- Fragmented blocks ------------------------------------------------------------------------- */

static bool is_fragments_heading(struct str text) {
    return str_starts(text, STR("Fragmented blocks larger than"));
}

/* "11.5MB" or "958,008" */
static bool parse_block_size(struct str field, uint64_t *ret_bytes) {
    if (str_ends(field, STR("MB")))
        return num_scaled(str_take(field, field.len - 2), (uint64_t)1 << 20, ret_bytes);
    return num_grouped(field, ret_bytes);
}

struct fragment {
    uint64_t address, bytes;
    struct str next; /* name of the type that follows */
};

static bool parse_fragment(struct str text, struct fragment *ret_fragment) {
    struct fragment f;
    uint64_t next;
    if (!num_hex(str_next_field(&text), &f.address) ||
        !parse_block_size(str_next_field(&text), &f.bytes) ||
        !num_hex(str_next_field(&text), &next))
        return false;
    f.next = str_trim(text);
    *ret_fragment = f;
    return true;
}

static bool add_fragment(struct builder *b, const struct fragment *f, struct err *err) {
    struct free_block_row *row = builder_row(b, PART_FREE_BLOCKS, err);
    if (!row)
        return false;
    row->address = f->address;
    row->bytes = f->bytes;
    if (f->next.len)
        row->followed_by = builder_string(b, f->next, err);
    return !f->next.len || row->followed_by;
}

/* Every dumpheap prints the same table again: the first one counts. */
static bool read_fragments(struct transcript *t, struct err *err) {
    struct builder *b = t->b;
    bool keep = !snapshot_has(builder_snapshot(b), PART_FREE_BLOCKS);
    uint64_t sum = 0;
    builder_present(b, PART_FREE_BLOCKS);
    for (transcript_next(t); !t->at_end; transcript_next(t)) {
        struct transcript scout = transcript_scout(t); /* behind blank lines */
        struct fragment fragment;
        if (!transcript_skip_blank(&scout))
            break;
        struct str rest = scout.line.text, first = str_next_field(&rest);
        bool is_row = parse_fragment(scout.line.text, &fragment);
        bool is_elision = !is_row && transcript_is_elision(&scout.line);
        if (!is_row && !is_elision && !str_eq(first, STR("Addr")) && !str_eq(first, STR("Address")))
            break;
        transcript_skip_blank(t);
        if (is_elision)
            builder_warn(b, 1, "fragmented blocks: rows were left out by hand");
        if (is_row)
            sum = num_add(sum, fragment.bytes);
        if (is_row && keep && !add_fragment(b, &fragment, err))
            return false;
    }
    if (keep)
        builder_shared(b)->free_blocks_bytes = sum;
    else if (sum != builder_shared(b)->free_blocks_bytes)
        builder_warn(b, ABSENT, "fragmented blocks are printed twice and differ");
    return true;
}

/* -- The section ------------------------------------------------------------------------------- */

static bool is_cache_banner(struct str text) {
    return str_starts(text, STR("Loading the heap objects into our cache")) ||
           str_starts(text, STR("Using our cache to search the heap"));
}

static bool dumpheap_starts(const struct transcript *t) {
    struct str text = t->line.text;
    uint64_t objects, bytes;
    switch (str_first(text)) { /* read() asks of blank lines, too */
    case 'A':
        return dumpheap_is_list_header(text);
    case 'F':
        return is_fragments_heading(text);
    case 'L':
    case 'U':
        return is_cache_banner(text);
    case 'T':
        return stat_table_is_total(text, &objects, &bytes);
    default:
        return stat_table_starts(t);
    }
}

/* A table of another command that has the same form, and no section of its own. */
static bool read_foreign(struct transcript *t, struct err *err) {
    struct stat_table table;
    bool ok = stat_table_read(t, NULL, NULL, &table, err);
    transcript_command_done(t);
    t->is_hollow = true;
    return ok;
}

static bool dumpheap_read_table(struct transcript *t, bool had_list, struct err *err) {
    enum stat_kind kind = stat_table_kind(t);
    if (kind == STAT_HANDLES)
        return handles_read_statistics(t, err);
    if (kind != STAT_HEAP)
        return read_foreign(t, err);
    struct filter filter = {.generation = GEN_UNKNOWN};
    strbuf_init(&filter.text);
    bool ok = dumpheap_read_types(t, &filter, had_list, err);
    strbuf_deinit(&filter.text);
    transcript_command_done(t);
    return ok;
}

static bool dumpheap_read(struct transcript *t, struct err *err) {
    bool had_list = false;
    if (is_cache_banner(t->line.text)) {
        transcript_next(t);
        t->is_hollow = true;
        return true;
    }
    if (dumpheap_is_list_header(t->line.text)) {
        uint64_t rows = dumpheap_skip_list(t);
        had_list = true;
        if (lists_strings(t)) {
            t->is_hollow = true;
            return true;
        }
        bool has_table = !t->at_end && (stat_table_starts(t) || dumpheap_starts(t));
        if (!has_table) {
            builder_warn(t->b, rows,
                         "dumpheap: a list of objects without the table of their types");
            t->is_hollow = true;
            return true;
        }
    }
    if (!is_fragments_heading(t->line.text) && !dumpheap_read_table(t, had_list, err))
        return false;
    struct transcript behind = transcript_scout(t);
    if (transcript_skip_blank(&behind) && is_fragments_heading(behind.line.text)) {
        transcript_skip_blank(t);
        return read_fragments(t, err);
    }
    return true;
}

const struct section section_dumpheap = {
    .name = "dumpheap",
    .summary = "objects by type: dumpheap -stat (-type, -mt, -min, -gen, -live ...), dumpgen",
    .may_give = PART_BIT(PART_TYPES) | PART_BIT(PART_FREE_BLOCKS) | PART_BIT(PART_LIVE),
    .open_parts = PART_BIT(PART_FREE_BLOCKS),
    .starts = dumpheap_starts,
    .read = dumpheap_read,
};
