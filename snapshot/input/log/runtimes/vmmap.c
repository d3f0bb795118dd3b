/*
 * vmmap -summary of macOS: the memory of a process by what it is for.
 *
 *     Process:         till [4711]
 *     Physical footprint:         812.4M
 *
 *                           VIRTUAL RESIDENT    DIRTY  SWAPPED ...   REGION
 *     REGION TYPE              SIZE     SIZE     SIZE     SIZE ...    COUNT (non-coalesced)
 *     ===========           ======= ========    =====  ======= ...  =======
 *     MALLOC_LARGE           512.0M   488.0M   488.0M     8.0M ...       61
 *     mapped file             88.1M    12.2M       0K       0K ...       14
 *     ===========           ======= ========    =====  ======= ...  =======
 *     TOTAL                    2.2G     1.1G   806.2M    11.2M ...     1009
 *
 * Sizes are powers of 1024, rounded to what is printed. What is dirty or swapped belongs to the
 * process alone. Source: vmmap(1) of macOS.
 */
#include "input/log/memory_text.h"
#include "input/log/size_text.h"
#include "model/known_names.h"
#include "model/rows_origin.h"

#include "base/chars.h"
#include "base/num.h"

#define SIZES_MOST 8u
#define KINDS_MOST 128u

/* Which of the sizes of a row each is, from 0; SIZES_MOST: there is none. */
struct vmmap_heading {
    size_t virtual, dirty, swapped;
};

struct vmmap_row {
    struct str name;
    uint64_t sizes[SIZES_MOST];
    size_t count;
    uint64_t regions;
};

/* Rows that are for the same. */
struct vmmap_kind {
    struct str name;
    struct memory_row sum;
};

struct vmmap_reading {
    struct transcript *t;
    struct vmmap_heading heading;
    bool wanted, ended;
    uint64_t rows;
    struct vmmap_kind kinds[KINDS_MOST];
    size_t kind_count;
    struct scan_loss loss;
};

/* "512.0M", "0K": a digit, and a unit behind it. */
static bool vmmap_size(struct str field, uint64_t *ret_bytes) {
    return field.len > 1 && char_is_digit(str_first(field)) && strchr("KMGT", str_last(field)) &&
           size_text(field, false, ret_bytes);
}

static bool vmmap_parse_row(struct str text, struct vmmap_row *ret_row) {
    struct vmmap_row row = {.name = {text.ptr, 0}};
    struct str rest = text, field;
    while ((field = str_next_field(&rest)).len && !vmmap_size(field, &row.sizes[0]))
        row.name.len = (size_t)(field.ptr + field.len - text.ptr);
    for (; field.len && row.count < SIZES_MOST && vmmap_size(field, &row.sizes[row.count]);
         field = str_next_field(&rest))
        row.count++;
    *ret_row = row;
    return row.name.len && row.count && num_dec(field, &ret_row->regions);
}

/* The words above "SIZE SIZE SIZE": "VIRTUAL RESIDENT DIRTY SWAPPED ... REGION". */
static struct vmmap_heading vmmap_parse_columns(struct str text) {
    struct vmmap_heading h = {0, SIZES_MOST, SIZES_MOST};
    size_t column = 0;
    for (struct str word; column < SIZES_MOST && (word = str_next_field(&text)).len; column++) {
        if (str_eq(word, STR("VIRTUAL")))
            h.virtual = column;
        else if (str_eq(word, STR("DIRTY")))
            h.dirty = column;
        else if (str_eq(word, STR("SWAPPED")))
            h.swapped = column;
    }
    return h;
}

/* What it is for, where raw dumps say so, too; else as it stands. */
static struct str vmmap_usage(struct str name) {
    if (str_eq(name, STR("Stack")))
        return STR(USAGE_STACK);
    if (str_eq(name, STR("mapped file")))
        return STR(USAGE_MAPPED_FILE);
    if (str_starts(name, STR("__")))
        return STR(USAGE_IMAGE);
    bool guard = str_contains(name, STR("guard"));
    if (!guard && (str_starts(name, STR("MALLOC")) || str_eq(name, STR("VM_ALLOCATE"))))
        return STR(USAGE_NATIVE);
    return name;
}

static void vmmap_add(struct vmmap_reading *r, const struct vmmap_row *row) {
    struct str name = vmmap_usage(row->name);
    uint64_t private_bytes = ABSENT;
    size_t i = 0;
    if (r->heading.dirty < row->count)
        private_bytes = row->sizes[r->heading.dirty];
    if (r->heading.dirty < row->count && r->heading.swapped < row->count)
        private_bytes = num_add(private_bytes, row->sizes[r->heading.swapped]);
    while (i < r->kind_count && !str_eq(r->kinds[i].name, name))
        i++;
    if (i == KINDS_MOST) {
        r->loss.unparsed++;
        return;
    }
    struct memory_row *sum = &r->kinds[i].sum;
    if (i == r->kind_count) {
        r->kinds[r->kind_count++] = (struct vmmap_kind){name, {.private_bytes = private_bytes}};
        sum->regions = row->regions;
        sum->bytes = row->sizes[r->heading.virtual];
    } else {
        sum->regions = num_add(sum->regions, row->regions);
        sum->bytes = num_add(sum->bytes, row->sizes[r->heading.virtual]);
        sum->private_bytes = sum->private_bytes == ABSENT || private_bytes == ABSENT
                                 ? ABSENT
                                 : num_add(sum->private_bytes, private_bytes);
    }
    r->rows++;
}

static bool vmmap_take(void *context, bool *ret_mine, struct err *err) {
    (void)err;
    struct vmmap_reading *r = context;
    struct str text = r->t->line.text;
    struct vmmap_row row;
    *ret_mine = !r->ended;
    if (r->ended)
        return true;
    if (str_starts(text, STR("TOTAL"))) {
        *ret_mine = vmmap_parse_row(text, &row);
        r->ended = true;
        return true;
    }
    if (vmmap_parse_row(text, &row)) {
        if (row.count > r->heading.virtual)
            vmmap_add(r, &row);
        return true;
    }
    *ret_mine = str_starts(text, STR("REGION TYPE")) || str_starts(text, STR("======"));
    return true;
}

static bool vmmap_read_table(struct transcript *t, struct err *err) {
    struct vmmap_reading r = {.t = t, .heading = vmmap_parse_columns(t->line.text)};
    uint64_t replaced;
    r.wanted = memory_claim(t, "vmmap", NULL, &replaced);
    transcript_next(t);
    if (!scan_table(t, &r.loss, vmmap_take, &r, err))
        return false;
    for (size_t i = 0; i < r.kind_count && r.wanted; i++)
        if (!memory_say(t->b, MEMORY_BY_USAGE, r.kinds[i].name, r.kinds[i].sum, &r.loss, err))
            return false;
    if (!r.rows)
        transcript_hollow(t, "vmmap: a heading without regions");
    else if (!r.ended)
        transcript_lacks(t, ABSENT, "vmmap: the total is cut off, and perhaps regions");
    if (r.ended)
        transcript_ended(t);
    if (r.rows && r.wanted)
        builder_note(t->b, "vmmap: sizes are rounded as they are printed");
    scan_loss_report(t, &r.loss);
    return true;
}

static bool vmmap_is_columns(const struct transcript *t) {
    struct line next;
    return str_starts(t->line.text, STR("VIRTUAL")) && transcript_peek(t, 1, &next) &&
           str_starts(next.text, STR("REGION TYPE")) && str_contains(next.text, STR("SIZE"));
}

/* "Process:         till [4711]" */
static bool vmmap_process(struct str text, struct str *ret_name, uint64_t *ret_pid) {
    struct str value;
    size_t open;
    if (!scan_labelled(text, "Process", &value) || !str_ends(value, STR("]")) ||
        (open = str_find(value, STR(" ["), 0)) == STR_NOT_FOUND)
        return false;
    *ret_name = str_take(value, open);
    return num_dec(str_take(str_drop(value, open + 2), value.len - open - 3), ret_pid);
}

static bool vmmap_read(struct transcript *t, struct err *err) {
    struct str value, name;
    uint64_t number;
    if (vmmap_is_columns(t))
        return vmmap_read_table(t, err);
    if (vmmap_process(t->line.text, &name, &number)) {
        struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
        if (!origin || !builder_say_string(t->b, &origin->process, name, "the process", err))
            return false;
        builder_say(t->b, &origin->pid, number, "the process id");
    } else if (scan_labelled(t->line.text, "Physical footprint", &value) &&
               vmmap_size(str_trim(value), &number) &&
               !builder_counter(t->b, "process.footprint_bytes", number, "bytes", err)) {
        return false;
    }
    transcript_next(t);
    return true;
}

static bool vmmap_starts(const struct transcript *t) {
    struct str text = t->line.text, value, name;
    uint64_t number;
    if (str_first(text) == 'V')
        return vmmap_is_columns(t);
    if (str_first(text) != 'P')
        return false;
    return vmmap_process(text, &name, &number) ||
           (scan_labelled(text, "Physical footprint", &value) &&
            vmmap_size(str_trim(value), &number));
}

const struct section section_vmmap = {
    .name = "vmmap",
    .summary = "vmmap -summary of macOS: the memory of a process by what it is for",
    .may_give = PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_COUNTERS) | PART_BIT(PART_ORIGIN),
    .open_parts = PART_BIT(PART_MEMORY_MAP),
    .starts = vmmap_starts,
    .read = vmmap_read,
};
