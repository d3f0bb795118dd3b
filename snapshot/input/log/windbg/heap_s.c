/*
 * `!heap -s`: the NT heaps of a process, sizes in KiB.
 *
 *       Heap     Flags   Reserv  Commit  Virt   Free  List   UCR  Virt  Lock  Fast
 *                         (k)     (k)    (k)     (k) length      blocks cont. heap
 *     -----------------------------------------------------------------------------
 *     00150000 00000002   16384  16352  16352      2     0     1    0      0   L
 *         External fragmentation  24 % (254 free blocks)
 *
 * Windows Vista and later put a banner and the state of the heap manager in front. Windows 10 has a
 * second table for segment heaps, with other columns.
 */
#include "input/log/scan.h"

#include "base/num.h"
#include "model/rows_process.h"

static bool heap_s_is_heading(struct str text) {
    struct str f[5];
    return scan_fields(str_take(text, 128), f, 5, NULL) == 5 && str_eq(f[0], STR("Heap")) &&
           str_eq(f[1], STR("Flags")) && str_starts(f[2], STR("Reserv")) &&
           str_starts(f[3], STR("Commit")) && str_eq(f[4], STR("Virt"));
}

/* A number of KiB as bytes; ABSENT when it is none. */
static bool parse_kilobytes(struct str field, uint64_t *ret_bytes) {
    uint64_t kilobytes;
    return num_dec(field, &kilobytes) && kilobytes < (uint64_t)1 << 50 &&
           !__builtin_mul_overflow(kilobytes, (uint64_t)1024, ret_bytes);
}

static bool heap_s_parse_row(struct str text, struct native_heap_row *row) {
    struct str f[6];
    uint64_t flags;
    return text.len < 256 && scan_fields(text, f, 6, NULL) == 6 &&
           scan_address(f[0], &row->address) && num_hex(f[1], &flags) &&
           parse_kilobytes(f[2], &row->reserved) && parse_kilobytes(f[3], &row->committed) &&
           parse_kilobytes(f[4], &row->virtual_bytes) && parse_kilobytes(f[5], &row->free_bytes);
}

/* "External fragmentation  24 % (254 free blocks)" */
static bool parse_fragmentation(struct str text, uint64_t *ret_percent) {
    struct str f[3];
    return scan_fields(str_take(text, 128), f, 3, NULL) == 3 && str_eq(f[0], STR("External")) &&
           str_eq(f[1], STR("fragmentation")) &&
           num_dec(str_ends(f[2], STR("%")) ? str_take(f[2], f[2].len - 1) : f[2], ret_percent) &&
           *ret_percent <= 100;
}

/* Further lines of the table that say nothing that is kept. */
static bool heap_s_is_remark(struct str text) {
    static const struct str starts[] = {
        {"(k)", 3},
        {"Virtual address fragmentation", 29},
        {"External fragmentation", 22},
        {"Lock contention", 15},
        {"Virtual block", 13},
        {"LFH Key", 7},
        {"Termination on corruption", 25},
    };
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts(text, starts[i]))
            return true;
    return transcript_is_rule(text) || str_starts(text, STR("****"));
}

static bool heap_s_looks_like_row(struct str text) {
    struct str f[2];
    uint64_t flags;
    size_t n = scan_fields(str_take(text, 64), f, 2, NULL);
    return n >= 1 && scan_is_address(f[0]) && (n == 1 || num_hex(f[1], &flags));
}

struct reading {
    struct transcript *t;
    uint64_t last; /* address of the heap of the last row; ABSENT: none */
    uint64_t rows;
    bool closed; /* by the rule below the last row */
    struct scan_loss loss;
};

static bool heap_s_store(struct reading *r, const struct native_heap_row *row, struct err *err) {
    struct builder *b = r->t->b;
    r->rows++;
    r->closed = false;
    r->last = row->address;
    struct native_heap_row *heap = builder_find(b, PART_NATIVE_HEAPS, row->address);
    if (!heap || heap->address != row->address) {
        heap = builder_row(b, PART_NATIVE_HEAPS, err);
        if (!heap || !builder_index(b, PART_NATIVE_HEAPS, row->address, err))
            return false;
        heap->address = row->address;
    }
    scan_say(&heap->reserved, row->reserved, &r->loss);
    scan_say(&heap->committed, row->committed, &r->loss);
    scan_say(&heap->virtual_bytes, row->virtual_bytes, &r->loss);
    scan_say(&heap->free_bytes, row->free_bytes, &r->loss);
    return true;
}

static bool heap_s_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, command;
    struct native_heap_row row = {.external_fragmentation = ABSENT};
    uint64_t percent;
    *ret_mine = true;
    if (heap_s_parse_row(text, &row))
        return heap_s_store(r, &row, err);
    if (r->last != ABSENT && parse_fragmentation(text, &percent)) {
        struct native_heap_row *heap = builder_find(r->t->b, PART_NATIVE_HEAPS, r->last);
        if (heap)
            scan_say(&heap->external_fragmentation, percent, &r->loss);
        return true;
    }
    if (parse_fragmentation(text, &percent)) { /* of a heap whose row is not there */
        r->loss.unparsed++;
        return true;
    }
    r->closed |= transcript_is_rule(text);
    if (heap_s_is_heading(text) || heap_s_is_remark(text))
        return true;
    if (str_contains(text, STR("SEGMENT HEAP STATS"))) {
        transcript_lacks(r->t, ABSENT, "heap -s: the table of segment heaps is not read");
        return true;
    }
    *ret_mine = heap_s_looks_like_row(text) && !transcript_is_command(&r->t->line, &command);
    r->loss.unparsed += *ret_mine;
    return true;
}

static bool heap_s_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .last = ABSENT};
    if (!scan_table(t, &r.loss, heap_s_take_line, &r, err))
        return false;
    if (r.rows == 0)
        transcript_hollow(t, "heap -s: a heading without heaps");
    else if (!r.closed)
        transcript_lacks(t, ABSENT, "heap -s: the end of the table is cut off, and perhaps heaps");
    scan_loss_report(t, &r.loss);
    return true;
}

static bool heap_s_starts(const struct transcript *t) {
    return str_first(t->line.text) == 'H' && heap_s_is_heading(t->line.text);
}

const struct section section_heap_s = {
    .name = "heap-s",
    .summary = "!heap -s: the native heaps of a Windows process",
    .may_give = PART_BIT(PART_NATIVE_HEAPS),
    .starts = heap_s_starts,
    .read = heap_s_read,
};
