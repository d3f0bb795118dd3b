/*
 * eeheap -gc: segments or regions of the GC heap, and their sizes.
 *
 *   Number of GC Heaps: 2
 *   ------------------------------
 *   Heap 0 (001aa470)                          server GC only
 *   generation 0 starts at 0x227ae8f8          segments only
 *    segment    begin allocated     size
 *   02d90000 02d90038  06d83540 0x03ff3508(67056904)
 *   Large object heap starts at 0x0ad90038
 *   Heap Size  0xb317ff0(187793392)
 *   GC Heap Size  0x169efb7c(379517820)
 *
 * .NET 5 added a column and a size for what is committed. With regions (.NET 7) each generation has
 * a heading of its own, and an empty region leaves its allocated size blank: the one size of such a
 * row is what is committed. What is committed need not add up to the printed total, which includes
 * the GC's own tables: the printed one counts.
 */
#include "base/num.h"
#include "input/log/sos/heap_rows.h"
#include "input/log/stat_table.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <string.h>

enum place { PLACE_SOH, PLACE_GEN0, PLACE_GEN1, PLACE_GEN2, PLACE_LOH, PLACE_POH, PLACE_FROZEN };

static const struct {
    const char *kind;
    enum generation generation; /* GEN_UNKNOWN: several */
} places[] = {[PLACE_SOH] = {"segment", GEN_UNKNOWN}, [PLACE_GEN0] = {"gen0", GEN_0},
              [PLACE_GEN1] = {"gen1", GEN_1},         [PLACE_GEN2] = {"gen2", GEN_2},
              [PLACE_LOH] = {"loh", GEN_LOH},         [PLACE_POH] = {"poh", GEN_POH},
              [PLACE_FROZEN] = {"frozen", GEN_FROZEN}};

/* One heap while it is read; several with server GC. */
struct heap {
    uint64_t index;
    uint64_t starts[3];        /* of generations 0..2, where segments hold several; ABSENT */
    uint64_t bytes[GEN_COUNT]; /* [bytes] allocated; GEN_UNKNOWN: in segments of several */
    uint64_t committed;
    uint64_t printed_bytes, printed_committed;
    uint64_t gen0_end; /* end of what is allocated in the segment that holds generation 0 */
    uint32_t rows;
};

struct reader_state {
    struct transcript *t;
    struct heap heap;
    enum place place;
    bool keep; /* rows of regions are stored; the second eeheap of a log is only compared */
    bool has_regions, has_heap_line, is_partial;
    uint64_t printed_heaps, heaps, rows, not_understood, mismatches;
    uint64_t sum, frozen;                  /* [bytes] of all heaps; frozen is part of sum */
    uint64_t total_bytes, total_committed; /* [bytes] printed for the whole GC heap */
};

static void heap_reset(struct heap *h, uint64_t index) {
    *h = (struct heap){.index = index,
                       .starts = {ABSENT, ABSENT, ABSENT},
                       .printed_bytes = ABSENT,
                       .printed_committed = ABSENT,
                       .gen0_end = ABSENT};
}

/* -- Numbers ----------------------------------------------------------------------------------- */

/* "0x03ff3508(67056904)" or "0x2c2fe0 (2895840)"; takes it off *rest. */
static bool eeheap_next_size(struct str *rest, uint64_t *ret_bytes) {
    struct str s = str_trim(*rest);
    size_t open = str_find(s, STR("("), 0), close = str_find(s, STR(")"), 0);
    if (open == STR_NOT_FOUND || close == STR_NOT_FOUND || close < open)
        return false;
    struct str hex = str_trim(str_take(s, open));
    struct str decimal = str_drop(str_take(s, close), open + 1);
    uint64_t value, same;
    if (!str_starts_nocase(hex, STR("0x")) || !num_hex(hex, &value) ||
        !num_grouped(decimal, &same) || value != same)
        return false;
    *ret_bytes = value;
    *rest = str_drop(s, close + 1);
    return true;
}

/* The size behind a label: "Heap Size:       Size: 0x7423d14 (121781524) bytes." */
static bool labelled_size(struct str text, struct str label, uint64_t *ret_bytes) {
    if (str_starts(text, STR("Partial ")))
        text = str_drop(text, 8);
    if (!str_starts_nocase(text, label))
        return false;
    struct str rest = str_trim(str_drop(text, label.len));
    if (str_starts(rest, STR(":")))
        rest = str_trim(str_drop(rest, 1));
    if (str_starts(rest, STR("Size:")))
        rest = str_trim(str_drop(rest, 5));
    return eeheap_next_size(&rest, ret_bytes);
}

/* -- Rows -------------------------------------------------------------------------------------- */

struct region {
    uint64_t address, begin, end, allocated, committed;
};

/*
 * Three addresses and a size, or four (the last is the end of what is committed) and two sizes, or
 * four and one, which is then the committed one.
 */
static bool parse_region(struct str text, struct region *ret_region) {
    uint64_t addresses[4], sizes[2];
    size_t address_count = 0, size_count = 0;
    struct str rest = text;
    while (address_count < 4) {
        struct str behind = rest, field = str_next_field(&behind);
        if (str_starts_nocase(field, STR("0x")) && str_find(field, STR("("), 0) != STR_NOT_FOUND)
            break;
        if (address_count == 3 && str_starts(str_trim(behind), STR("(")))
            break; /* "0x1000 (4096)": a size, in the old form with three addresses */
        if (field.len < 4 || !num_hex(field, &addresses[address_count]))
            break;
        address_count++;
        rest = behind;
    }
    while (size_count < 2 && eeheap_next_size(&rest, &sizes[size_count]))
        size_count++;
    if (address_count < 3 || size_count == 0 || str_trim(rest).len)
        return false;
    bool has_committed = address_count == 4;
    if (has_committed && size_count == 1 && addresses[2] != addresses[1])
        return false;
    *ret_region = (struct region){.address = addresses[0],
                                  .begin = addresses[1],
                                  .end = addresses[2],
                                  .allocated = has_committed && size_count == 1 ? 0 : sizes[0],
                                  .committed = has_committed ? sizes[size_count - 1] : ABSENT};
    return true;
}

static bool looks_like_region(struct str text) {
    uint64_t value;
    for (int i = 0; i < 3; i++) {
        struct str field = str_next_field(&text);
        if (field.len < 4 || !num_hex(field, &value))
            return false;
    }
    return true;
}

static bool eeheap_add_region(struct reader_state *r, const struct region *region,
                              struct err *err) {
    struct heap *h = &r->heap;
    enum generation generation = places[r->place].generation;
    const char *kind = places[r->place].kind;
    if (region->end < region->begin || region->end - region->begin != region->allocated)
        r->mismatches++;
    if (r->place == PLACE_SOH && h->starts[0] >= region->begin && h->starts[0] <= region->end) {
        kind = "ephemeral";
        h->gen0_end = region->end;
    }
    h->bytes[generation] = num_add(h->bytes[generation], region->allocated);
    if (region->committed != ABSENT)
        h->committed = num_add(h->committed, region->committed);
    h->rows++;
    r->rows++;
    if (!r->keep)
        return true;
    struct region_row *row = builder_row(r->t->b, PART_REGIONS, err);
    if (!row)
        return false;
    row->kind = builder_string(r->t->b, str_of(kind), err);
    row->heap = h->index;
    row->generation = generation == GEN_UNKNOWN ? ABSENT : (uint64_t)generation;
    row->address = region->address;
    row->start = region->begin;
    row->allocated = region->allocated;
    row->committed = region->committed;
    return row->kind != NULL;
}

/* -- Heaps ------------------------------------------------------------------------------------- */

/*
 * Where segments hold several generations, the addresses at which these start tell how large they
 * are: 0 and 1 are at the end of one segment, all else is 2.
 */
static void split_segments(struct heap *h) {
    uint64_t all = h->bytes[GEN_UNKNOWN];
    if (h->gen0_end == ABSENT || h->starts[1] == ABSENT || h->starts[1] > h->starts[0])
        return;
    uint64_t gen0 = h->gen0_end - h->starts[0], gen1 = h->starts[0] - h->starts[1];
    if (gen1 > all || gen0 > all - gen1)
        return;
    h->bytes[GEN_0] = gen0;
    h->bytes[GEN_1] = gen1;
    h->bytes[GEN_2] = all - gen0 - gen1;
    h->bytes[GEN_UNKNOWN] = 0;
}

static bool end_heap(struct reader_state *r, struct err *err) {
    struct heap *h = &r->heap;
    struct builder *b = r->t->b;
    uint64_t sum = 0;
    if (h->rows == 0 && h->printed_bytes == ABSENT)
        return true;
    split_segments(h);
    for (int g = 0; g < GEN_COUNT; g++)
        sum = num_add(sum, h->bytes[g]);
    /* Frozen objects are listed but belong to no heap: some versions count them, some do not. */
    if (h->printed_bytes != ABSENT && h->printed_bytes != sum &&
        h->printed_bytes != sum - h->bytes[GEN_FROZEN])
        builder_warn(b, h->printed_bytes > sum ? h->printed_bytes - sum : sum - h->printed_bytes,
                     "eeheap: bytes by which the segments of a heap differ from its printed size");
    uint64_t allocated = h->printed_bytes == ABSENT ? sum : h->printed_bytes;
    r->sum = num_add(r->sum, allocated);
    r->frozen = num_add(r->frozen, h->bytes[GEN_FROZEN]);
    r->heaps++;
    struct heap_row *row = heaps_row(b, h->index, err);
    if (!row)
        return false;
    for (int g = 0; g < GEN_COUNT; g++)
        if (row->gen[g].bytes == 0)
            row->gen[g].bytes = h->bytes[g];
    builder_say(b, &row->allocated, allocated, "the allocated size of a GC heap");
    uint64_t committed = h->printed_committed;
    if (committed == ABSENT && h->committed)
        committed = h->committed;
    builder_say(b, &row->committed, committed, "the committed size of a GC heap");
    return true;
}

/* -- Lines ------------------------------------------------------------------------------------- */

/* "Heap 0 (001aa470)", "Heap 0" */
static bool eeheap_is_heap_line(struct str text, uint64_t *ret_index) {
    if (!str_starts(text, STR("Heap ")))
        return false;
    struct str rest = str_drop(text, 5), number = str_next_field(&rest);
    rest = str_trim(rest);
    return num_dec(number, ret_index) && (rest.len == 0 || str_first(rest) == '(');
}

/* "generation 0 starts at 0x227ae8f8" */
static bool is_start_line(struct str text, unsigned *ret_generation, uint64_t *ret_address) {
    struct str rest = text;
    if (!str_starts(text, STR("generation ")))
        return false;
    rest = str_drop(rest, 11);
    struct str number = str_next_field(&rest);
    if (number.len != 1 || str_first(number) < '0' || str_first(number) > '2')
        return false;
    rest = str_trim(rest);
    if (!str_starts(rest, STR("starts at ")))
        return false;
    *ret_generation = (unsigned)(str_first(number) - '0');
    return num_hex(str_trim(str_drop(rest, 10)), ret_address);
}

static bool is_place_line(struct str text, enum place *ret_place) {
    static const struct {
        struct str start;
        enum place place;
    } starts[] = {
        {STR_INIT("Small object heap"), PLACE_SOH},  {STR_INIT("generation 0:"), PLACE_GEN0},
        {STR_INIT("generation 1:"), PLACE_GEN1},     {STR_INIT("generation 2:"), PLACE_GEN2},
        {STR_INIT("Large object heap"), PLACE_LOH},  {STR_INIT("Pinned object heap"), PLACE_POH},
        {STR_INIT("NonGC heap"), PLACE_FROZEN},      {STR_INIT("Frozen object heap"), PLACE_FROZEN},
        {STR_INIT("Frozen segments"), PLACE_FROZEN},
    };
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts_nocase(text, starts[i].start)) {
            *ret_place = starts[i].place;
            return true;
        }
    return false;
}

/* Lines that say nothing we need. */
static bool is_filler(struct str text) {
    static const struct str starts[] = {STR_INIT("ephemeral segment"), STR_INIT("DATAS"),
                                        STR_INIT("Current GC"), STR_INIT("Loader Heap")};
    struct str rest = text, first = str_next_field(&rest);
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts(text, starts[i]))
            return true;
    return text.len == 0 || transcript_is_rule(text) || transcript_is_progress(text) ||
           (str_eq_nocase(first, STR("segment")) &&
            str_starts_nocase(str_trim(rest), STR("begin")));
}

static bool eeheap_take_total(struct reader_state *r, struct str text) {
    struct heap *h = &r->heap;
    uint64_t bytes;
    r->is_partial |= str_starts(text, STR("Partial "));
    if (labelled_size(text, STR("GC Allocated Heap Size"), &bytes) ||
        labelled_size(text, STR("GC Heap Size"), &bytes))
        r->total_bytes = bytes;
    else if (labelled_size(text, STR("GC Committed Heap Size"), &bytes))
        r->total_committed = bytes;
    else if (labelled_size(text, STR("Heap Size"), &bytes) ||
             labelled_size(text, STR("Total Size"), &bytes) ||
             labelled_size(text, STR("Allocated Heap Size"), &bytes) ||
             labelled_size(text, STR("Total Allocated Size"), &bytes))
        h->printed_bytes = bytes;
    else if (labelled_size(text, STR("Committed Heap Size"), &bytes) ||
             labelled_size(text, STR("Total Committed Size"), &bytes))
        h->printed_committed = bytes;
    else
        return false;
    return true;
}

/* One line. *ret_ours: it belongs to this output. */
static bool eeheap_take_line(struct reader_state *r, bool *ret_ours, struct err *err) {
    struct str text = r->t->line.text;
    struct region region;
    enum place place;
    unsigned generation;
    uint64_t value;
    *ret_ours = true;
    if (is_filler(text) || eeheap_take_total(r, text))
        return true;
    if (parse_region(text, &region))
        return eeheap_add_region(r, &region, err);
    if (is_place_line(text, &place)) {
        r->place = place;
        r->has_regions |= place >= PLACE_GEN0 && place <= PLACE_GEN2;
    } else if (eeheap_is_heap_line(text, &value)) {
        if (!end_heap(r, err))
            return false;
        r->has_heap_line = true;
        r->place = PLACE_SOH;
        heap_reset(&r->heap, value);
    } else if (is_start_line(text, &generation, &value)) {
        r->heap.starts[generation] = value;
        r->place = PLACE_SOH;
    } else if (str_starts(text, STR("Number of GC Heaps:"))) {
        if (!num_dec(str_trim(str_drop(text, 19)), &r->printed_heaps))
            r->not_understood++;
    } else if (transcript_is_elision(&r->t->line)) {
        transcript_lacks(r->t, 1, "eeheap: rows were left out by hand");
    } else if (looks_like_region(text)) {
        r->not_understood++;
    } else {
        *ret_ours = false;
    }
    return true;
}

/* -- The section ------------------------------------------------------------------------------- */

static bool eeheap_starts(const struct transcript *t) {
    struct str text = t->line.text;
    unsigned generation;
    uint64_t value;
    struct line next;
    switch (str_first(text)) {
    case 'N':
        return str_starts(text, STR("Number of GC Heaps:"));
    case 'G':
    case 'P':
        return labelled_size(text, STR("GC Heap Size"), &value) ||
               labelled_size(text, STR("GC Allocated Heap Size"), &value);
    case 'g':
        return is_start_line(text, &generation, &value) || str_eq(text, STR("generation 0:"));
    case 'S':
        return str_eq(text, STR("Small object heap"));
    case 's':
        return is_filler(text); /* the header of the segments */
    case 'H':
        return eeheap_is_heap_line(text, &value) && transcript_peek(t, 1, &next) &&
               (is_start_line(next.text, &generation, &value) ||
                str_eq(next.text, STR("Small object heap")));
    default:
        return false;
    }
}

static bool say_gc(struct reader_state *r, struct err *err) {
    struct builder *b = r->t->b;
    struct gc_row *gc = builder_single(b, PART_GC, err);
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!gc || !origin)
        return false;
    /* One heap's own size is the GC's where there is only one. */
    if (r->total_bytes == ABSENT && r->printed_heaps == 1 && r->heaps == 1)
        r->total_bytes = r->heap.printed_bytes;
    uint64_t heaps = r->printed_heaps == ABSENT ? ABSENT : r->printed_heaps;
    builder_say(b, &gc->allocated_bytes, r->total_bytes, "the size of the GC heap");
    builder_say(b, &gc->committed_bytes, r->total_committed, "the committed size of the GC heap");
    builder_say(b, &gc->heap_count, heaps, "the number of GC heaps");
    builder_say(b, &origin->heap_count, heaps, "the number of GC heaps");
    if (r->rows)
        builder_say(b, &gc->regions, r->has_regions, "whether the GC heap has regions");
    bool is_server = (heaps != ABSENT && heaps > 1) || r->has_heap_line;
    if (heaps == ABSENT && !is_server)
        return true;
    return builder_say_string(b, &origin->gc_mode, str_of(is_server ? "server" : "workstation"),
                              "the mode of the GC", err);
}

static void eeheap_check(struct reader_state *r) {
    struct builder *b = r->t->b;
    if (r->not_understood)
        transcript_lacks(r->t, r->not_understood, "eeheap: lines of the heap were not understood");
    if (r->mismatches)
        builder_warn(b, r->mismatches, "eeheap: sizes do not fit the addresses beside them");
    if (r->is_partial)
        transcript_lacks(r->t, ABSENT, "eeheap: limited to a part of the heap");
    else if (r->total_bytes == ABSENT)
        transcript_lacks(r->t, ABSENT, "eeheap: the output ends without the size of the GC heap");
    else if (r->rows && r->sum < r->total_bytes)
        transcript_lacks(r->t, r->total_bytes - r->sum,
                         "eeheap: bytes by which the heaps differ from the printed total");
    else if (r->rows && r->sum != r->total_bytes && r->sum - r->frozen != r->total_bytes)
        builder_warn(b, r->sum > r->total_bytes ? r->sum - r->total_bytes : r->total_bytes - r->sum,
                     "eeheap: bytes by which the heaps differ from the printed total");
    if (r->printed_heaps != ABSENT && r->printed_heaps != r->heaps)
        transcript_lacks(r->t, r->printed_heaps > r->heaps ? r->printed_heaps - r->heaps : ABSENT,
                         "eeheap: heaps are missing");
}

static bool eeheap_read(struct transcript *t, struct err *err) {
    struct reader_state r = {.t = t,
                             .keep = !snapshot_has(builder_snapshot(t->b), PART_REGIONS),
                             .printed_heaps = ABSENT,
                             .total_bytes = ABSENT,
                             .total_committed = ABSENT};
    heap_reset(&r.heap, 0);
    for (; !t->at_end; transcript_next(t)) {
        struct str command;
        bool ours = !transcript_is_command(&t->line, &command);
        if (ours && r.total_bytes != ABSENT) /* only the committed size may still come */
            ours = is_filler(t->line.text) || eeheap_take_total(&r, t->line.text);
        else if (ours && !eeheap_take_line(&r, &ours, err))
            return false;
        if (!ours)
            break;
    }
    if (!end_heap(&r, err))
        return false;
    if (r.rows == 0 && r.total_bytes == ABSENT) {
        transcript_hollow(t, "no segment or size that can be understood");
        return true;
    }
    eeheap_check(&r);
    if (r.is_partial)
        r.total_bytes = r.total_committed = ABSENT;
    return say_gc(&r, err);
}

const struct section section_eeheap_gc = {
    .name = "eeheap-gc",
    .summary = "segments or regions of the GC heap: eeheap -gc",
    .may_give = PART_BIT(PART_REGIONS) | PART_BIT(PART_HEAPS) | PART_BIT(PART_GC),
    .starts = eeheap_starts,
    .read = eeheap_read,
};
