/*
 * finalizequeue: objects with a finalizer, and those that wait for it to run.
 *
 *   SyncBlocks to be cleaned up: 0
 *   ------------------------------
 *   Heap 0                                                          server GC: one block a heap
 *   generation 0 has 424 finalizable objects (000000001a6befa0->000000001a6bfce0)
 *   Ready for finalization 0 objects (000000001a6bfce0->000000001a6bfce0)
 *   Statistics for all finalizable objects (including all objects ready for finalization):
 *                 MT    Count    TotalSize Class Name
 *
 * The addresses are of the queue's slots, so that their distance is the count times the pointer
 * size. Newer tools leave out the word "finalizable", and list the objects before their table.
 * -allReady says which objects are no longer rooted instead of giving the table of all.
 *
 * SOS takes the sub-arrays of .NET 10 for those of the generation before: what it prints as gen0 is
 * gen1, and gen0 is in no line. It lies in the slots between the end of what is called gen0 and the
 * ready ones, which touch each other in every other version; the table counts it.
 */
#include "base/hash.h"
#include "base/num.h"
#include "input/log/stat_table.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <string.h>

#define TYPES_HEADING "Statistics for all finalizable objects"

struct reader_state {
    struct transcript *t;
    uint64_t generations[3], ready; /* sums over the heaps; ABSENT before the first */
    uint64_t heaps, heaps_ready;    /* heaps begun, and those whose ready line came */
    uint64_t pointer_bytes;         /* found so far; 0 */
    uint64_t gen0_end;              /* of the heap that is read; ABSENT */
    uint64_t between_bytes;         /* slots in no line, sum over the heaps */
    uint64_t mismatches;
    bool has_heap_line;           /* "Heap 0": there may be more */
    bool has_types, has_unrooted; /* the table by type, or that of -allReady */
};

/* -- Lines ------------------------------------------------------------------------------------- */

static const struct counter_line {
    const char *label, *counter;
} counter_lines[] = {
    {"SyncBlocks to be cleaned up:", "finalizer.sync_blocks_to_clean"},
    {"Free-Threaded Interfaces to be released:", "finalizer.free_threaded_interfaces"},
    {"MTA Interfaces to be released:", "finalizer.mta_interfaces"},
    {"STA Interfaces to be released:", "finalizer.sta_interfaces"},
};

static const struct counter_line *find_counter(struct str text, uint64_t *ret_value) {
    for (size_t i = 0; i < sizeof(counter_lines) / sizeof(*counter_lines); i++) {
        struct str label = str_of(counter_lines[i].label);
        if (str_starts_nocase(text, label) &&
            num_grouped(str_trim(str_drop(text, label.len)), ret_value))
            return &counter_lines[i];
    }
    return NULL;
}

/* "424 finalizable objects (1a6befa0->1a6bfce0)": count and slots. */
struct slots {
    uint64_t count, from, to;
    bool has_addresses;
};

static bool parse_slots(struct str text, struct slots *ret_slots) {
    struct slots s = {.has_addresses = false};
    size_t end = str_find(str_take(text, 64), STR("objects"), 0);
    if (end == STR_NOT_FOUND)
        return false;
    struct str count = str_trim(str_take(text, end));
    if (str_ends(count, STR("finalizable")))
        count = str_trim(str_take(count, count.len - 11));
    if (!num_grouped(count, &s.count))
        return false;
    struct str rest = str_trim(str_drop(text, end + 7));
    size_t arrow = str_find(rest, STR("->"), 0), close = str_find(rest, STR(")"), 0);
    if (str_first(rest) == '(' && arrow != STR_NOT_FOUND && close != STR_NOT_FOUND && arrow < close)
        s.has_addresses = num_hex(str_trim(str_drop(str_take(rest, arrow), 1)), &s.from) &&
                          num_hex(str_trim(str_drop(str_take(rest, close), arrow + 2)), &s.to);
    *ret_slots = s;
    return true;
}

static bool is_generation_line(struct str text, unsigned *ret_generation, struct slots *ret_slots) {
    if (!str_starts(text, STR("generation ")))
        return false;
    struct str rest = str_drop(text, 11), number = str_next_field(&rest);
    if (number.len != 1 || str_first(number) < '0' || str_first(number) > '2' ||
        !str_eq(str_next_field(&rest), STR("has")))
        return false;
    *ret_generation = (unsigned)(str_first(number) - '0');
    return parse_slots(str_trim(rest), ret_slots);
}

static bool is_ready_line(struct str text, struct slots *ret_slots) {
    return str_starts_nocase(text, STR("Ready for finalization ")) &&
           parse_slots(str_trim(str_drop(text, 23)), ret_slots);
}

static bool finalizequeue_is_heap_line(struct str text) {
    uint64_t number;
    if (!str_starts(text, STR("Heap ")))
        return false;
    struct str rest = str_drop(text, 5);
    return num_dec(str_next_field(&rest), &number) && rest.len == 0;
}

static bool is_types_heading(struct str text) {
    return str_starts(text, STR(TYPES_HEADING));
}

static bool is_ours(const struct line *line) {
    struct slots slots;
    unsigned generation;
    uint64_t value;
    struct str text = line->text;
    switch (str_first(text)) {
    case 'g':
        return is_generation_line(text, &generation, &slots);
    case 'R':
    case 'r':
        return is_ready_line(text, &slots);
    case 'F':
        return str_starts(text, STR("Finalizable but not rooted")) || find_counter(text, &value);
    case 'S':
    case 'M':
        return is_types_heading(text) || find_counter(text, &value);
    default:
        return false;
    }
}

static bool finalizequeue_starts(const struct transcript *t) {
    if (is_ours(&t->line))
        return true;
    if (!transcript_last_command_is(t, "finalizequeue") && !transcript_last_command_is(t, "fq"))
        return false;
    return stat_table_starts(t);
}

/* -- Counts ------------------------------------------------------------------------------------ */

/* The slots are as far apart as their number says, all by the same pointer size. */
static void check_slots(struct reader_state *r, const struct slots *s) {
    if (!s->has_addresses)
        return;
    uint64_t distance = s->to - s->from, each = s->count ? distance / s->count : 0;
    bool fits = s->to >= s->from &&
                (s->count == 0 ? distance == 0
                               : (each == 4 || each == 8) && distance % s->count == 0 &&
                                     (r->pointer_bytes == 0 || r->pointer_bytes == each));
    if (!fits)
        r->mismatches++;
    else if (s->count)
        r->pointer_bytes = each;
}

/* Slots in front of the ready ones that no line counts. */
static void finalizequeue_take_gap(struct reader_state *r, const struct slots *ready) {
    if (r->gen0_end != ABSENT && ready->has_addresses && ready->from > r->gen0_end)
        r->between_bytes = num_add(r->between_bytes, ready->from - r->gen0_end);
    r->gen0_end = ABSENT;
}

/* All that is registered and not ready, as the lines say; ABSENT. */
static uint64_t registered(const struct reader_state *r) {
    uint64_t sum = r->generations[0];
    for (int g = 1; g < 3; g++)
        sum =
            r->generations[g] == ABSENT || sum == ABSENT ? ABSENT : num_add(sum, r->generations[g]);
    return sum;
}

/*
 * Moves counts that stand one generation too young to where they belong. table_objects: what the
 * table counts in all, ABSENT where it is not whole; it decides where it is there.
 */
static void finalizequeue_unshift(struct reader_state *r, uint64_t table_objects) {
    uint64_t each = r->pointer_bytes ? r->pointer_bytes : 8;
    uint64_t between = r->between_bytes / each, counted = registered(r);
    if (between == 0 || r->between_bytes % each || counted == ABSENT || r->ready == ABSENT)
        return;
    r->between_bytes = 0;
    if (table_objects != ABSENT && num_add(num_add(counted, r->ready), between) != table_objects)
        return;
    r->generations[2] = num_add(r->generations[2], r->generations[1]);
    r->generations[1] = r->generations[0];
    r->generations[0] = between;
    builder_note(r->t->b, "finalizequeue: counts stood one generation too young, as SOS prints "
                          "them of .NET 10: taken for what they are");
}

static void finalizequeue_add(uint64_t *sum, uint64_t count) {
    *sum = *sum == ABSENT ? count : num_add(*sum, count);
}

/* -- The table by type ------------------------------------------------------------------------- */

struct adding {
    struct builder *b;
    bool keep;
};

static bool finalizequeue_add_type(void *context, const struct stat_row *from, struct err *err) {
    struct adding *adding = context;
    struct builder *b = adding->b;
    if (!adding->keep)
        return true;
    uint64_t key = key_of_bytes(from->name.ptr, from->name.len);
    struct finalizable_row *row = builder_find(b, PART_FINALIZABLE, key);
    if (row && str_eq(str_of(row->type), from->name)) { /* a type of several MethodTables */
        row->objects = num_add(row->objects, from->objects);
        row->bytes = num_add(row->bytes, from->bytes);
        return true;
    }
    row = builder_row(b, PART_FINALIZABLE, err);
    if (!row)
        return false;
    row->type = builder_string(b, from->name, err);
    row->objects = from->objects;
    row->bytes = from->bytes;
    return row->type && builder_index(b, PART_FINALIZABLE, key, err);
}

/* Newer tools list the objects first: address, MethodTable, size. */
static void finalizequeue_skip_list(struct transcript *t) {
    unsigned others = 0; /* in a row */
    for (; !t->at_end && others < 4; transcript_next(t)) {
        struct str rest = t->line.text, command;
        uint64_t value;
        if (rest.len == 0 || transcript_is_progress(rest))
            continue;
        if (stat_table_starts(t) || transcript_is_command(&t->line, &command) || is_ours(&t->line))
            return;
        bool is_row =
            num_hex(str_next_field(&rest), &value) && num_hex(str_next_field(&rest), &value);
        if (transcript_is_elision(&t->line))
            is_row = true;
        others = is_row ? 0 : others + 1;
    }
}

static bool finalizequeue_read_types(struct reader_state *r, bool unrooted, struct err *err) {
    struct transcript *t = r->t;
    struct adding adding = {t->b,
                            !unrooted && !snapshot_has(builder_snapshot(t->b), PART_FINALIZABLE)};
    struct stat_table table;
    finalizequeue_skip_list(t);
    if (t->at_end || !stat_table_starts(t)) {
        builder_lacks(t->b, PART_BIT(PART_FINALIZABLE), ASPECT_ALL, ABSENT,
                      "finalizequeue: the table by type is cut off");
        return true;
    }
    if (!stat_table_read(t, finalizequeue_add_type, &adding, &table, err))
        return false;
    bool complete = stat_table_check(t, &table, "finalizequeue");
    if (table.rows == 0 && table.printed_objects != 0) {
        transcript_hollow(t, "a table of types without any row that can be understood");
        return true;
    }
    r->has_unrooted = unrooted;
    if (unrooted)
        return builder_counter(t->b, "finalizer.unrooted_objects", table.objects, "count", err);
    builder_present(t->b, PART_FINALIZABLE);
    r->has_types = true;
    if (adding.keep)
        builder_shared(t->b)->finalizable_objects = table.objects;
    else if (builder_shared(t->b)->finalizable_objects != table.objects)
        builder_warn(t->b, ABSENT, "finalizequeue: the table by type is printed twice and differs");
    finalizequeue_unshift(r, complete ? table.objects : ABSENT);
    uint64_t counted = registered(r);
    if (complete && counted != ABSENT && r->ready != ABSENT &&
        num_add(counted, r->ready) != table.objects)
        builder_warn(t->b,
                     table.objects > counted ? table.objects - counted : counted - table.objects,
                     "finalizequeue: the counts by generation differ from the table by type");
    return true;
}

/* -- The section ------------------------------------------------------------------------------- */

/* One line or table. *ret_more: the output goes on behind it. */
static bool finalizequeue_take(struct reader_state *r, bool *ret_more, struct err *err) {
    struct transcript *t = r->t;
    struct str text = t->line.text;
    const struct counter_line *counter;
    struct slots slots;
    unsigned generation;
    uint64_t value;
    *ret_more = true;
    bool has_heading = is_types_heading(text);
    if (has_heading || (r->heaps_ready && stat_table_starts(t))) { /* .NET 2.0 has no heading */
        bool unrooted = str_contains(text, STR("no longer rooted"));
        if (has_heading)
            transcript_next(t);
        *ret_more = false;
        return finalizequeue_read_types(r, unrooted, err);
    }
    if ((counter = find_counter(text, &value))) {
        if (!builder_counter(t->b, counter->counter, value, "count", err))
            return false;
    } else if (finalizequeue_is_heap_line(text)) {
        r->has_heap_line = true;
    } else if (is_generation_line(text, &generation, &slots)) {
        r->heaps += generation == 0;
        finalizequeue_add(&r->generations[generation], slots.count);
        if (generation == 0)
            r->gen0_end = slots.has_addresses ? slots.to : ABSENT;
        check_slots(r, &slots);
    } else if (is_ready_line(text, &slots)) {
        r->heaps_ready++;
        finalizequeue_add(&r->ready, slots.count);
        finalizequeue_take_gap(r, &slots);
        check_slots(r, &slots);
    } else if (str_starts(text, STR("Finalizable but not rooted"))) {
        builder_note(t->b, "finalizequeue: asked for unrooted objects only (-allReady)");
    } else if (transcript_is_elision(&t->line)) {
        transcript_lacks(t, 1, "finalizequeue: lines were left out by hand");
    } else if (text.len && !transcript_is_rule(text) && !transcript_is_progress(text)) {
        *ret_more = false;
        return true;
    }
    transcript_next(t);
    return true;
}

static bool say_queue(struct reader_state *r, struct err *err) {
    struct builder *b = r->t->b;
    finalizequeue_unshift(r, ABSENT);
    if (r->mismatches)
        builder_warn(b, r->mismatches,
                     "finalizequeue: counts do not fit the addresses beside them");
    if (r->heaps > r->heaps_ready)
        transcript_lacks(r->t, r->heaps - r->heaps_ready,
                         "finalizequeue: heaps whose counts are not all there");
    if (r->heaps == 0 && r->heaps_ready == 0)
        return true;
    struct finalizer_row *row = builder_single(b, PART_FINALIZER, err);
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!row || !origin)
        return false;
    for (int g = 0; g < 3; g++)
        builder_say(b, &row->finalizable[g], r->generations[g],
                    "the number of finalizable objects");
    builder_say(b, &row->ready, r->ready, "the number of objects ready for finalization");
    if (r->pointer_bytes && origin->pointer_bytes == ABSENT)
        origin->pointer_bytes = r->pointer_bytes;
    return true;
}

/*
 * The counts stand above the table of types, which every version prints: where neither it nor
 * another output of the log has the types, the text ends before them.
 */
static void finalizequeue_ask_for_types(const struct reader_state *r) {
    struct transcript *t = r->t;
    if (t->finalizer_types_asked || r->heaps + r->heaps_ready == 0 || r->has_types ||
        r->has_unrooted || snapshot_has(builder_snapshot(t->b), PART_FINALIZABLE))
        return;
    t->finalizer_types_asked = true; /* it looks through the whole rest */
    if (str_contains(t->rest, STR(TYPES_HEADING)))
        return;
    builder_lacks(t->b, PART_BIT(PART_FINALIZABLE), ASPECT_ALL, ABSENT,
                  "finalizequeue: the text ends before its table of types");
    if (r->has_heap_line) /* of a server: perhaps other heaps as well */
        builder_absent(t->b, PART_BIT(PART_FINALIZER), ASPECT_READY, 0,
                       "finalizequeue: the text ends before its table of types");
}

static bool finalizequeue_read(struct transcript *t, struct err *err) {
    struct reader_state r = {
        .t = t, .generations = {ABSENT, ABSENT, ABSENT}, .ready = ABSENT, .gen0_end = ABSENT};
    bool more = true;
    if (!is_ours(&t->line)) { /* the table alone, below its command */
        bool unrooted = transcript_last_command_has(t, "-allReady");
        more = false;
        if (!finalizequeue_read_types(&r, unrooted, err))
            return false;
    }
    while (more && !t->at_end) {
        struct str command;
        if (transcript_is_command(&t->line, &command))
            break;
        if (!finalizequeue_take(&r, &more, err))
            return false;
    }
    if (r.has_types)
        transcript_command_done(t);
    finalizequeue_ask_for_types(&r);
    return say_queue(&r, err);
}

const struct section section_finalizequeue = {
    .name = "finalizequeue",
    .summary = "objects with a finalizer, and those ready for it: finalizequeue (-allReady)",
    .may_give = PART_BIT(PART_FINALIZER) | PART_BIT(PART_FINALIZABLE) | PART_BIT(PART_COUNTERS),
    .lossy_parts = PART_BIT(PART_FINALIZER),
    .lossy = ASPECT_READY,
    .starts = finalizequeue_starts,
    .read = finalizequeue_read,
};
