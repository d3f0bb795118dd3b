/*
 * eeheap -loader: memory of the class loader and of compiled code.
 *
 *   System Domain:        7fdc8cb0
 *   LowFrequencyHeap:     7fd560c50000(10000:10000) 7fd55d21d000(3000:2000) Size: 0x12000 (73728)
 *                         bytes total, 0x1000 (4096) bytes wasted.
 *   Virtual Call Stub Heap:
 *     LookupHeap:         7fd563990000(10000:b000) Size: 0xb000 (45056) bytes total.
 *   Total size:           Size: 0x1d000 (118784) bytes total, 0x1000 (4096) bytes wasted.
 *   Total LoaderHeap size:   Size: 0x1d000 (118784) bytes total.
 *
 * Newer tools print no total of all: the output is whole when the JIT's heaps, which come last,
 * have theirs.
 *
 * Each block is address(reserved:committed); the committed ones add up to the size. Lines may be
 * very long (thousands of blocks) and are often cut at either end.
 */
#include "base/chars.h"
#include "base/num.h"
#include "input/log/stat_table.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <string.h>

struct reader_state {
    struct transcript *t;
    struct str owner;  /* "System Domain", "LoaderAllocator", "Module Thunk heaps"; may be empty */
    bool owner_is_new; /* no heap of it was read yet */
    struct loader_row *row; /* the last one, into which an equal one is summed; NULL */
    bool keep;
    bool ends_whole; /* the last line was the total of what comes last: JIT's heaps, or modules' */
    uint64_t owners_bytes, owners_wasted; /* sums of the owners' totals */
    uint64_t rows, sum, owner_sum, total_bytes, total_wasted, mismatches, not_understood;
};

/* -- One line ---------------------------------------------------------------------------------- */

/* "0x8000 (32768) bytes", "0x1000(4096)bytes"; takes it off *rest. */
static bool eeheap_loader_next_size(struct str *rest, uint64_t *ret_bytes) {
    struct str s = str_trim(*rest);
    size_t open = str_find(s, STR("("), 0), close = str_find(s, STR(")"), 0);
    uint64_t value, same;
    if (open == STR_NOT_FOUND || close == STR_NOT_FOUND || close < open ||
        !num_hex(str_trim(str_take(s, open)), &value) ||
        !num_grouped(str_drop(str_take(s, close), open + 1), &same) || value != same)
        return false;
    s = str_trim(str_drop(s, close + 1));
    if (!str_starts(s, STR("bytes")))
        return false;
    *ret_bytes = value;
    *rest = str_drop(s, 5);
    return true;
}

/* "Size: 0x12000 (73728) bytes total, 0x1000 (4096) bytes wasted." */
struct size {
    uint64_t bytes, wasted;
    struct str before; /* what stands in front of it */
};

static bool eeheap_loader_parse_size(struct str text, struct size *ret_size) {
    size_t at = str_find(text, STR("Size: 0x"), 0);
    struct size size = {.wasted = ABSENT};
    if (at == STR_NOT_FOUND)
        return false;
    size.before = str_trim(str_take(text, at));
    struct str rest = str_drop(text, at + 5);
    if (!eeheap_loader_next_size(&rest, &size.bytes))
        return false;
    size_t comma = str_find(str_take(rest, 8), STR(","), 0);
    if (comma != STR_NOT_FOUND) {
        rest = str_drop(rest, comma + 1);
        if (!eeheap_loader_next_size(&rest, &size.wasted))
            return false;
    }
    *ret_size = size;
    return true;
}

/* Sum of what is committed in "addr(reserved:committed)" blocks; false when some cannot be read. */
static bool sum_blocks(struct str blocks, uint64_t *ret_bytes, bool *ret_any) {
    uint64_t sum = 0;
    *ret_any = false;
    for (struct str block; (block = str_next_field(&blocks)).len; *ret_any = true) {
        uint64_t address, reserved, committed;
        size_t open = str_find(block, STR("("), 0);
        size_t colon = open == STR_NOT_FOUND ? open : str_find(block, STR(":"), open);
        if (colon == STR_NOT_FOUND || !str_ends(block, STR(")")) ||
            !num_hex(str_take(block, open), &address) ||
            !num_hex(str_drop(str_take(block, colon), open + 1), &reserved) ||
            !num_hex(str_drop(str_take(block, block.len - 1), colon + 1), &committed))
            return false;
        sum = num_add(sum, committed);
    }
    *ret_bytes = sum;
    return true;
}

/* A colon behind a name; not the one inside a block. Offset of it or STR_NOT_FOUND. */
static size_t label_end(struct str text) {
    size_t colon = str_find(str_take(text, 64), STR(":"), 0);
    if (colon == STR_NOT_FOUND || (colon + 1 < text.len && text.ptr[colon + 1] != ' '))
        return STR_NOT_FOUND;
    size_t open = str_find(str_take(text, 64), STR("("), 0);
    return open < colon ? STR_NOT_FOUND : colon;
}

/* "Module 6fea1000" is "Module": names, not addresses, are compared between dumps. */
static struct str without_address(struct str name) {
    size_t blank = STR_NOT_FOUND;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == ' ')
            blank = i;
    uint64_t value;
    if (blank != STR_NOT_FOUND && name.len - blank > 4 &&
        num_hex(str_drop(name, blank + 1), &value))
        return str_trim(str_take(name, blank));
    return name;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static bool eeheap_loader_add_row(struct reader_state *r, struct str kind, const struct size *size,
                                  struct err *err) {
    struct builder *b = r->t->b;
    r->owner_is_new = r->ends_whole = false;
    r->rows++;
    r->sum = num_add(r->sum, size->bytes);
    r->owner_sum = num_add(r->owner_sum, size->bytes);
    if (!r->keep)
        return true;
    const char *kind_copy = kind.len ? builder_string(b, kind, err) : "";
    const char *owner_copy = r->owner.len ? builder_string(b, r->owner, err) : NULL;
    if (!kind_copy || (r->owner.len && !owner_copy))
        return false;
    /* Thousands of modules and allocators: those of one name in a row are summed. */
    if (r->row && strcmp(r->row->kind ? r->row->kind : "", kind_copy) == 0 &&
        r->row->owner == owner_copy) {
        r->row->bytes = num_add(r->row->bytes, size->bytes);
        if (size->wasted != ABSENT)
            r->row->wasted =
                r->row->wasted == ABSENT ? size->wasted : num_add(r->row->wasted, size->wasted);
        return true;
    }
    r->row = builder_row(b, PART_LOADER, err);
    if (!r->row)
        return false;
    r->row->owner = owner_copy;
    r->row->kind = kind.len ? kind_copy : NULL;
    r->row->bytes = size->bytes;
    r->row->wasted = size->wasted;
    return true;
}

/* Of an owner whose heaps were left out by whoever posted it, the total is all that is known. */
static bool take_owner_total(struct reader_state *r, const struct size *size, struct err *err) {
    bool alone = r->owner_is_new && r->owner.len && size->bytes;
    if (alone && !eeheap_loader_add_row(r, (struct str){NULL, 0}, size, err))
        return false;
    r->mismatches += size->bytes != r->owner_sum && r->owner_sum != 0;
    r->owner_sum = 0;
    r->owners_bytes = num_add(r->owners_bytes, size->bytes);
    if (size->wasted != ABSENT)
        r->owners_wasted = num_add(r->owners_wasted, size->wasted);
    r->ends_whole =
        str_starts_nocase(r->owner, STR("JIT ")) || str_starts_nocase(r->owner, STR("Module "));
    return true;
}

/* A line with a size. */
static bool eeheap_loader_take_size(struct reader_state *r, const struct size *size,
                                    struct err *err) {
    size_t colon = label_end(size->before);
    struct str kind = {NULL, 0}, blocks = size->before;
    if (colon != STR_NOT_FOUND) {
        kind = str_trim(str_take(size->before, colon));
        blocks = str_drop(size->before, colon + 1);
    }
    if (str_eq_nocase(kind, STR("Total LoaderHeap size"))) {
        r->total_bytes = size->bytes;
        r->total_wasted = size->wasted;
        return true;
    }
    if (str_eq_nocase(kind, STR("Total size"))) {
        return take_owner_total(r, size, err);
    }
    uint64_t committed;
    bool has_blocks;
    if (!sum_blocks(blocks, &committed, &has_blocks))
        transcript_lacks(r->t, 1, "eeheap -loader: lines are cut");
    else if (has_blocks && committed != size->bytes)
        r->mismatches++;
    if (kind.len == 0)
        transcript_lacks(r->t, 1, "eeheap -loader: the kind of a heap is cut off");
    return eeheap_loader_add_row(r, without_address(kind), size, err);
}

/* "Total size: 0x2000(8192)bytes": the old form, without "Size:" in front. */
static bool old_total(struct str text, struct str label, struct size *ret_size) {
    if (!str_starts_nocase(text, label))
        return false;
    struct str rest = str_drop(text, label.len);
    struct size size = {.wasted = ABSENT};
    if (!eeheap_loader_next_size(&rest, &size.bytes))
        return false;
    *ret_size = size;
    return true;
}

/* "System Domain: 704fd058", "Domain 1:  41f0a8", "Jit code heap:", "Module Thunk heaps:". */
static bool is_owner(struct str text, struct str *ret_owner) {
    static const struct str starts[] = {STR_INIT("System Domain"),
                                        STR_INIT("Shared Domain"),
                                        STR_INIT("Domain "),
                                        STR_INIT("LoaderAllocator"),
                                        STR_INIT("Loader Allocator"),
                                        STR_INIT("Jit code heap"),
                                        STR_INIT("JIT "),
                                        STR_INIT("Module Thunk"),
                                        STR_INIT("Module Lookup"),
                                        STR_INIT("Stub code heap")};
    size_t colon = label_end(text);
    if (colon == STR_NOT_FOUND)
        return false;
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts_nocase(text, starts[i])) {
            *ret_owner = without_address(str_trim(str_take(text, colon)));
            return true;
        }
    return false;
}

static bool is_block_line(struct str text) {
    uint64_t sum;
    bool any;
    return sum_blocks(text, &sum, &any) && any;
}

static bool eeheap_loader_take_line(struct reader_state *r, bool *ret_ours, struct err *err) {
    struct str text = r->t->line.text, owner;
    struct size size;
    *ret_ours = true;
    if (eeheap_loader_parse_size(text, &size)) {
        *ret_ours = !str_starts(text, STR("GC ")) && !str_starts(text, STR("Heap Size"));
        return !*ret_ours || eeheap_loader_take_size(r, &size, err);
    }
    if (old_total(text, STR("Total LoaderHeap size:"), &size)) {
        r->total_bytes = size.bytes;
    } else if (old_total(text, STR("Total size:"), &size)) {
        return take_owner_total(r, &size, err);
    } else if (is_owner(text, &owner)) {
        /* The allocator of a domain is named below it: the domain says more. */
        bool is_below = str_eq(owner, STR("LoaderAllocator")) && r->owner_is_new;
        if (!is_below)
            r->owner = owner;
        r->owner_is_new = !is_below;
        r->owner_sum = 0;
        r->ends_whole = false;
    } else if (transcript_is_elision(&r->t->line)) {
        transcript_lacks(r->t, 1, "eeheap -loader: rows were left out by hand");
    } else if (is_block_line(text) || str_contains(str_take(text, 256), STR("Heap:"))) {
        /* The size stands on a later line, or is cut off. "Virtual Call Stub Heap:" has none. */
        if (!str_ends(text, STR(":")))
            r->not_understood++;
    } else {
        *ret_ours = text.len == 0 || transcript_is_rule(text) ||
                    str_starts(text, STR("Loader Heap:")) ||
                    str_starts(text, STR("No unique loader heaps"));
    }
    return true;
}

/* -- The section ------------------------------------------------------------------------------- */

/* "LowFrequencyHeap: 002e2000(8000:1000) Size: 0x1000(4096)bytes." */
static bool is_kind_line(struct str text) {
    struct size size;
    uint64_t sum;
    bool any;
    if (!eeheap_loader_parse_size(text, &size))
        return false;
    size_t colon = label_end(size.before);
    struct str kind = colon == STR_NOT_FOUND ? size.before : str_take(size.before, colon);
    if (str_ends(str_trim(kind), STR("Heap")) || str_starts_nocase(kind, STR("Module ")))
        return true;
    /* Cut in front: blocks are left. The first of them may be a half. */
    str_next_field(&size.before);
    return colon == STR_NOT_FOUND && sum_blocks(size.before, &sum, &any) && any;
}

static bool eeheap_loader_starts(const struct transcript *t) {
    struct str text = t->line.text;
    if (str_eq(text, STR("Loader Heap:")) || str_starts(text, STR("Total LoaderHeap size:")))
        return true;
    if (str_starts(text, STR("System Domain:"))) {
        struct line next;
        return transcript_peek(t, 1, &next) &&
               (is_kind_line(next.text) || str_starts(next.text, STR("LoaderAllocator")));
    }
    /* Half a line of blocks has no kind; both need a look at the end of a long line. */
    char first = str_first(text);
    bool may_be =
        (first >= 'A' && first <= 'Z') || char_is_digit(first) || (first >= 'a' && first <= 'f');
    return may_be && text.len > 20 && is_kind_line(text);
}

static bool eeheap_loader_finish(struct reader_state *r, struct err *err) {
    struct builder *b = r->t->b;
    if (r->not_understood)
        transcript_lacks(r->t, r->not_understood, "eeheap -loader: lines without their size");
    if (r->mismatches)
        builder_warn(b, r->mismatches, "eeheap -loader: sizes that do not add up");
    if (r->total_bytes == ABSENT && r->ends_whole) {
        r->total_bytes = r->owners_bytes;
        r->total_wasted = r->owners_wasted;
    }
    if (r->total_bytes == ABSENT) {
        transcript_lacks(r->t, ABSENT, "eeheap -loader: the output ends without its total");
        return true;
    }
    if (r->rows && r->sum != r->total_bytes)
        builder_warn(b, r->sum > r->total_bytes ? r->sum - r->total_bytes : r->total_bytes - r->sum,
                     "eeheap -loader: bytes by which the heaps differ from the printed total");
    if (!builder_counter(b, "loader.bytes", r->total_bytes, "bytes", err))
        return false;
    return r->total_wasted == ABSENT ||
           builder_counter(b, "loader.wasted_bytes", r->total_wasted, "bytes", err);
}

static bool eeheap_loader_read(struct transcript *t, struct err *err) {
    struct reader_state r = {.t = t,
                             .keep = !snapshot_has(builder_snapshot(t->b), PART_LOADER),
                             .total_bytes = ABSENT,
                             .total_wasted = ABSENT};
    for (; !t->at_end && r.total_bytes == ABSENT; transcript_next(t)) {
        struct str command;
        bool ours = !transcript_is_command(&t->line, &command);
        if (ours && !eeheap_loader_take_line(&r, &ours, err))
            return false;
        if (!ours)
            break;
    }
    if (r.rows == 0 && r.total_bytes == ABSENT) {
        transcript_hollow(t, "no loader heap that can be understood");
        return true;
    }
    return eeheap_loader_finish(&r, err);
}

const struct section section_eeheap_loader = {
    .name = "eeheap-loader",
    .summary = "memory of the class loader and of compiled code: eeheap -loader",
    .may_give = PART_BIT(PART_LOADER) | PART_BIT(PART_COUNTERS),
    .open_parts = PART_BIT(PART_LOADER),
    .starts = eeheap_loader_starts,
    .read = eeheap_loader_read,
};
