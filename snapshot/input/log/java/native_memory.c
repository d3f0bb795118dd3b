/*
 * Native Memory Tracking of HotSpot: jcmd PID VM.native_memory summary, detail, and .diff of both,
 * which tell of two moments.
 *
 *     Native Memory Tracking:
 *
 *     Total: reserved=5664MB +2MB, committed=338MB +2MB
 *            malloc: 16MB #58471 +120
 *
 *     -                 Java Heap (reserved=4094MB, committed=258MB)
 *                                 (mmap: reserved=4094MB, committed=258MB)
 *     -                    Thread (reserved=37MB +2MB, committed=2MB)
 *                                 (threads #37 +2)
 *
 * and of detail, a stack each:
 *
 *     [0x00007f31c8a1f9d2] os::malloc(unsigned long, MEMFLAGS)+0x152
 *     [0x00007f31c8d6a5a1] Arena::grow(unsigned long)+0x31
 *                                  (malloc=24576KB type=Arena Chunk +512KB #768 +16)
 *
 * Source: src/hotspot/share/nmt/memReporter.cpp (services/ before JDK 22).
 */
#include "input/log/size_text.h"
#include "model/known_names.h"
#include "model/stacks.h"
#include "model/rows_stacks.h"

#include "base/chars.h"
#include "base/num.h"
#include "base/vec.h"

#include <stdlib.h>

/* Each figure as it is, and how it changed. */
struct nmt_figure {
    uint64_t now; /* ABSENT: not said */
    int64_t delta;
};

struct nmt_category {
    struct str name; /* empty: the total */
    struct nmt_figure reserved, committed, threads;
};

struct nmt_site {
    size_t first, frames;
    struct nmt_figure bytes, count;
};

struct nmt_reading {
    struct transcript *t;
    struct nmt_category *items;
    size_t count, capacity;
    struct nmt_site *sites;
    size_t site_count, site_capacity;
    const char **frames;
    size_t frame_count, frame_capacity, open; /* frames of a stack whose end is not there yet */
    bool has_total, is_diff, in_detail;
    uint64_t omitted_below; /* [bytes] categories with less are not listed; ABSENT: all are */
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "reserved=5664MB +2MB": the figure behind the label. */
static bool nmt_value(struct nmt_reading *r, struct str text, struct str label, bool count,
                      struct nmt_figure *ret_figure) {
    size_t at = str_find(text, label, 0);
    if (at == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(text, at + label.len), next;
    size_t end = 0;
    while (end < rest.len && !strchr(" ,)", rest.ptr[end]))
        end++;
    struct nmt_figure figure = {.delta = 0};
    if (!(count ? num_dec(str_take(rest, end), &figure.now)
                : size_text(str_take(rest, end), false, &figure.now)))
        return false;
    rest = str_drop(rest, end);
    /* "type=Arena Chunk" stands between the two in stacks. */
    for (size_t i = 0;
         i + 1 < rest.len && rest.ptr[i] != ',' && rest.ptr[i] != ')' && rest.ptr[i] != '#'; i++) {
        if (rest.ptr[i] != ' ' || (rest.ptr[i + 1] != '+' && rest.ptr[i + 1] != '-'))
            continue;
        next = str_drop(rest, i + 1);
        end = 0;
        while (end < next.len && !strchr(" ,)", next.ptr[end]))
            end++;
        r->is_diff |= size_text_signed(str_take(next, end), false, &figure.delta);
        break;
    }
    *ret_figure = figure;
    return true;
}

static bool nmt_category(struct nmt_reading *r, struct str text, struct nmt_category *ret_item) {
    *ret_item = (struct nmt_category){.threads = {.now = ABSENT}};
    bool total = str_starts(text, STR("Total: reserved="));
    size_t open = str_find(text, STR("(reserved="), 0);
    if (!total && (!str_starts(text, STR("-")) || open == STR_NOT_FOUND))
        return false;
    if (!total)
        ret_item->name = str_trim(str_drop(str_take(text, open), 1));
    return nmt_value(r, text, STR("reserved="), false, &ret_item->reserved) &&
           nmt_value(r, text, STR("committed="), false, &ret_item->committed);
}

/* "[0x00007f31c8a1f9d2] os::malloc(unsigned long, MEMFLAGS)+0x152" */
static bool nmt_frame(struct str text, struct str *ret_function, uint64_t *ret_address) {
    size_t close = str_find(str_take(text, 24), STR("]"), 0);
    if (!str_starts(text, STR("[0x")) || close == STR_NOT_FOUND ||
        !num_hex(str_drop(str_take(text, close), 1), ret_address))
        return false;
    *ret_function = str_trim(str_drop(text, close + 1));
    return true;
}

/* "(malloc=24576KB type=Arena Chunk +512KB #768 +16)" */
static bool nmt_take_site(struct nmt_reading *r, struct str text, bool *ret_site, struct err *err) {
    struct nmt_site site = {.first = r->frame_count - r->open, .frames = r->open};
    *ret_site = r->open && str_starts(text, STR("(malloc=")) &&
                nmt_value(r, text, STR("(malloc="), false, &site.bytes);
    if (!*ret_site)
        return true;
    if (!nmt_value(r, text, STR(" #"), true, &site.count))
        site.count = (struct nmt_figure){.now = ABSENT};
    r->open = 0;
    if (!VEC_ROOM(r->sites, r->site_count, r->site_capacity, err))
        return false;
    r->sites[r->site_count++] = site;
    return true;
}

static bool nmt_take_frame(struct nmt_reading *r, struct str function, uint64_t address,
                           struct err *err) {
    const char *frame = builder_frame(r->t->b, function, STR(""), address, err);
    if (!frame)
        return false;
    if (r->open >= STACK_FRAMES_MAX)
        return true;
    if (!VEC_ROOM(r->frames, r->frame_count, r->frame_capacity, err))
        return false;
    r->frames[r->frame_count++] = frame;
    r->open++;
    return true;
}

static bool nmt_is_remark(struct str text) {
    return str_starts(text, STR("(")) || str_starts(text, STR(": (")) ||
           str_starts(text, STR("malloc: ")) || str_starts(text, STR("mmap: ")) ||
           str_starts(text, STR("Native Memory Tracking")) || str_starts(text, STR("Details:")) ||
           str_starts(text, STR("Virtual memory map:")) ||
           (str_starts(text, STR("[0x")) && str_contains(text, STR(" - 0x")));
}

static bool nmt_take(void *context, bool *ret_mine, struct err *err) {
    struct nmt_reading *r = context;
    struct str text = r->t->line.text, function;
    struct nmt_category item;
    uint64_t address;
    bool site;
    *ret_mine = true;
    if (str_starts(text, STR("Native Memory Tracking")) && r->has_total)
        return !(*ret_mine = false);
    if (nmt_category(r, text, &item)) {
        *ret_mine = item.name.len || !r->has_total;
        if (!*ret_mine)
            return true;
        r->has_total |= !item.name.len;
        if (!VEC_ROOM(r->items, r->count, r->capacity, err))
            return false;
        r->items[r->count++] = item;
        return true;
    }
    struct nmt_category *last = r->count ? &r->items[r->count - 1] : NULL;
    if (last && (str_starts(text, STR("(threads #")) || str_starts(text, STR("(thread #"))))
        return nmt_value(r, text, STR("#"), true, &last->threads) || true;
    struct nmt_figure below;
    if (str_starts(text, STR("(Omitting categories weighting less than "))) {
        if (nmt_value(r, text, STR("less than "), false, &below))
            r->omitted_below = below.now;
        return true;
    }
    if (!nmt_take_site(r, text, &site, err))
        return false;
    if (site)
        return true;
    r->in_detail |= str_starts(text, STR("Details:"));
    if (nmt_frame(text, &function, &address) && !nmt_is_remark(text))
        return nmt_take_frame(r, function, address, err);
    if (!str_starts(text, STR("(mmap")) || r->open == 0)
        r->open = str_starts(text, STR("(")) ? 0 : r->open;
    else
        r->open = 0;
    *ret_mine = nmt_is_remark(text);
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static void nmt_slug(struct str name, struct strbuf *out) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        strbuf_addc(out, char_is_word(c) ? c : '-');
    }
}

static bool nmt_say(struct nmt_reading *r, struct str name, const char *what,
                    struct nmt_figure figure, const char *unit, bool before, struct err *err) {
    uint64_t value = before ? size_text_before(figure.now, figure.delta) : figure.now;
    return figure.now == ABSENT || size_text_counter(r->t->b, "nmt", name, what, value, unit, err);
}

static bool nmt_store_sites(struct nmt_reading *r, bool before, struct err *err) {
    struct builder *b = r->t->b;
    if (!r->in_detail && !r->site_count)
        return true;
    builder_present(b, PART_STACKS);
    for (size_t i = 0; i < r->site_count; i++) {
        const struct nmt_site *site = &r->sites[i];
        struct stack_row row = STACK_ROW;
        row.frames = (struct strings){r->frames + site->first, (uint32_t)site->frames};
        row.bytes = before ? size_text_before(site->bytes.now, site->bytes.delta) : site->bytes.now;
        row.count = site->count.now;
        if (before && row.count != ABSENT)
            row.count = size_text_before(row.count, site->count.delta);
        if (!builder_add_stack(b, &row, err))
            return false;
    }
    if (!r->site_count)
        transcript_lacks(r->t, ABSENT, "native memory: its details are cut off");
    else if (r->is_diff)
        transcript_lacks(r->t, ABSENT, "native memory: stacks that did not change are not listed");
    return true;
}

static bool nmt_store(struct nmt_reading *r, bool before, struct err *err) {
    struct builder *b = r->t->b;
    if (!builder_moment(b, PART_BIT(PART_COUNTERS) | PART_BIT(PART_STACKS)))
        return true;
    for (size_t i = 0; i < r->count; i++) {
        const struct nmt_category *item = &r->items[i];
        struct strbuf name;
        strbuf_init(&name);
        nmt_slug(item->name.len ? item->name : STR("total"), &name);
        bool ok =
            strbuf_ok(&name, err) &&
            nmt_say(r, strbuf_str(&name), "committed_bytes", item->committed, "bytes", before,
                    err) &&
            nmt_say(r, strbuf_str(&name), "reserved_bytes", item->reserved, "bytes", before, err) &&
            nmt_say(r, strbuf_str(&name), "count", item->threads, "count", before, err);
        strbuf_deinit(&name);
        if (!ok)
            return false;
    }
    return nmt_store_sites(r, before, err);
}

static void nmt_say_missing(struct nmt_reading *r) {
    uint64_t sum = 0;
    char size[HUMAN_MAX];
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].name.len)
            sum = num_add(sum, r->items[i].committed.now);
    if (!r->has_total)
        builder_warn(r->t->b, ABSENT,
                     "native memory: the total is missing, and perhaps categories");
    else if (sum + (r->count << 20) < r->items[0].committed.now)
        builder_warn(r->t->b, ABSENT, "native memory: the categories make less than the total");
    if (r->omitted_below != ABSENT)
        builder_note(r->t->b, "native memory: categories below %s are not listed",
                     human_bytes(r->omitted_below, size));
}

static bool nmt_read(struct transcript *t, struct err *err) {
    struct nmt_reading r = {.t = t, .omitted_below = ABSENT};
    bool ok = scan_table(t, &r.loss, nmt_take, &r, err);
    if (ok && !r.count && !r.site_count) {
        transcript_hollow(t, "native memory: a heading without figures");
    } else if (ok) {
        ok = (!r.is_diff || nmt_store(&r, true, err)) && nmt_store(&r, false, err);
        if (ok)
            nmt_say_missing(&r);
    }
    if (ok)
        scan_loss_report(t, &r.loss);
    free(r.items);
    free(r.sites);
    free(r.frames);
    return ok;
}

static bool nmt_starts(const struct transcript *t) {
    struct nmt_reading none = {.t = NULL};
    struct nmt_category item;
    struct str text = t->line.text;
    return str_starts(text, STR("Native Memory Tracking:")) ||
           ((str_first(text) == '-' || str_first(text) == 'T') && nmt_category(&none, text, &item));
}

const struct section section_native_memory = {
    .name = "native-memory",
    .summary = "jcmd VM.native_memory: what HotSpot itself uses, and how it changed (NMT)",
    .may_give = PART_BIT(PART_COUNTERS) | PART_BIT(PART_STACKS),
    .open_parts = PART_BIT(PART_STACKS),
    .starts = nmt_starts,
    .read = nmt_read,
};
