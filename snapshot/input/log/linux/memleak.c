/*
 * memleak of bcc: the stacks with most outstanding allocations, again and again; each time is a
 * moment.
 *
 *   [11:16:33] Top 10 stacks with outstanding allocations:
 *           80 bytes in 5 allocations from stack
 *                   main+0x6d [press]
 *                   __libc_start_main+0xf0 [libc-2.21.so]
 *
 * In front of a frame there may be its address, as of newer versions ("0x00005612a0c0116d
 * main+0x6d [press]"), or its number and address, as libbpf-tools print them ("0 [<5612a0c0116d>]
 * main+0x6d [press]"). -a adds lines "addr = 7f0012 size = 16".
 *
 * Only allocations older than 500 ms (--older) are counted, and only so many stacks are listed.
 * Source: tools/memleak.py and libbpf-tools/memleak.c of bcc.
 */
#include "base/chars.h"
#include "base/num.h"
#include "input/log/scan.h"
#include "model/stacks.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"

#include <inttypes.h>

struct tick {
    struct transcript *t;
    bool wanted;
    uint64_t limit, stacks, no_frames;
    struct stack_row row; /* being read */
    bool has_row;
    size_t row_indent;
    bool is_numbered; /* frames are, as libbpf-tools print them */
    uint64_t least;   /* [bytes] of a stack that is listed */
    const char *frames[STACK_FRAMES_MAX + 1];
    uint32_t depth;
};

/* "[11:16:33] Top 10 stacks with outstanding allocations:" */
static bool parse_head(struct str text, uint64_t *ret_limit) {
    size_t close = str_find(text, STR("] Top "), 0);
    if (!str_starts(text, STR("[")) || close == STR_NOT_FOUND || close > 16)
        return false;
    text = str_drop(text, close + strlen("] Top "));
    return num_dec(str_next_field(&text), ret_limit) &&
           str_starts(str_trim(text), STR("stacks with outstanding allocations"));
}

/* "80 bytes in 5 allocations from stack" */
static bool parse_stack(struct str text, uint64_t *ret_bytes, uint64_t *ret_count) {
    uint64_t bytes, count;
    if (!num_dec(str_next_field(&text), &bytes) || !str_eq(str_next_field(&text), STR("bytes")) ||
        !str_eq(str_next_field(&text), STR("in")) || !num_dec(str_next_field(&text), &count) ||
        !str_starts(str_trim(text), STR("allocations from stack")))
        return false;
    *ret_bytes = bytes;
    *ret_count = count;
    return true;
}

/* The address in front of a frame, ABSENT: none; *text is what follows. */
static uint64_t memleak_take_address(struct str *text) {
    struct str rest = *text, first = str_next_field(&rest), second = rest;
    uint64_t number, address;
    struct str next = str_next_field(&second);
    if (num_dec(first, &number) && str_starts(next, STR("[<")) && str_ends(next, STR(">]")) &&
        num_hex(str_drop(str_take(next, next.len - 2), 2), &address)) {
        *text = str_trim(second);
        return address;
    }
    if (str_starts(first, STR("0x")) && num_hex(first, &address)) {
        *text = str_trim(rest);
        return address;
    }
    return ABSENT;
}

/* "main+0x6d [press]", "[unknown] [libc.so.6]", "[unknown]" */
static const char *memleak_frame_of(struct builder *b, struct str text, struct err *err) {
    uint64_t address = memleak_take_address(&text);
    struct str function = text, module = {NULL, 0};
    size_t open = str_ends(text, STR("]")) ? STR_NOT_FOUND : text.len;
    for (size_t i = text.len; open == STR_NOT_FOUND && i-- > 0;)
        if (text.ptr[i] == '[')
            open = i;
    if (open < text.len && !str_eq(str_drop(text, open), STR("[unknown]"))) {
        module = str_take(str_drop(text, open + 1), text.len - open - 2);
        function = str_trim(str_take(text, open));
    }
    if (str_starts(function, STR("[unknown]")))
        function = (struct str){NULL, 0};
    return builder_frame(b, function, module, module.len ? ABSENT : address, err);
}

/* Blanks in front of a line, behind the quoting of mail. */
static size_t memleak_indent(const struct line *line) {
    return line->text.len ? (size_t)(line->text.ptr - line->raw.ptr) : 0;
}

/* Further in than the line of its stack; of what lost its blanks, a symbol with address or module.
 */
static bool memleak_is_frame(const struct tick *k) {
    struct str text = k->t->line.text, rest = text;
    return k->has_row && (memleak_indent(&k->t->line) > k->row_indent ||
                          memleak_take_address(&rest) != ABSENT || str_ends(text, STR("]")));
}

static bool memleak_end_stack(struct tick *k, struct err *err) {
    if (!k->has_row)
        return true;
    k->has_row = false;
    k->stacks++;
    k->no_frames += k->depth == 0;
    k->row.frames = (struct strings){k->frames, k->depth};
    k->depth = 0;
    return !k->wanted || builder_add_stack(k->t->b, &k->row, err);
}

static bool memleak_add_frame(struct tick *k, struct str text, struct err *err) {
    if (!k->wanted || k->depth > STACK_FRAMES_MAX)
        return true;
    const char *frame = memleak_frame_of(k->t->b, text, err);
    if (!frame)
        return false;
    k->frames[k->depth++] = frame;
    return true;
}

/* Is this blank line inside the list: does a stack follow? */
static bool memleak_goes_on(const struct transcript *t) {
    struct line next;
    uint64_t bytes, count;
    return transcript_peek(t, 1, &next) && parse_stack(next.text, &bytes, &count);
}

static bool memleak_read_stacks(struct tick *k, struct err *err) {
    struct transcript *t = k->t;
    for (transcript_next(t); !t->at_end; transcript_next(t)) {
        struct str text = t->line.text;
        uint64_t bytes, count;
        if (parse_stack(text, &bytes, &count)) {
            if (!memleak_end_stack(k, err))
                return false;
            k->row = STACK_ROW;
            k->row.bytes = bytes;
            k->row.count = count;
            k->has_row = true;
            k->row_indent = memleak_indent(&t->line);
            k->least = num_min(k->least, bytes);
        } else if (!text.len) {
            if (!memleak_goes_on(t))
                break;
        } else if (parse_head(text, &(uint64_t){0})) {
            break;
        } else if (str_starts(text, STR("addr = "))) {
            continue;
        } else if (memleak_is_frame(k)) {
            k->is_numbered |= char_is_digit(str_first(text)) && str_contains(text, STR("[<"));
            if (!memleak_add_frame(k, text, err))
                return false;
        } else {
            break;
        }
    }
    return memleak_end_stack(k, err);
}

static bool memleak_starts(const struct transcript *t) {
    uint64_t limit;
    return str_first(t->line.text) == '[' && parse_head(t->line.text, &limit);
}

static bool say_tool(struct builder *b, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    return origin && builder_say_string(b, &origin->tool, STR("bcc memleak"), "the tool", err);
}

/* As many are listed unless more are asked for. */
#define MEMLEAK_TOP 10u

/* What is not listed has no more than the least of those that are. */
static void memleak_cut(const struct tick *k, uint64_t count, const char *what) {
    struct bounds most = {.objects = ABSENT, .row_bytes = k->least};
    builder_warn(k->t->b, count, "memleak: %s", what);
    builder_unlisted(k->t->b, PART_STACKS, count, most, "memleak: %s", what);
}

static bool memleak_read(struct transcript *t, struct err *err) {
    struct tick k = {.t = t, .least = ABSENT};
    struct builder *b = t->b;
    if (!parse_head(t->line.text, &k.limit))
        return true;
    k.wanted = builder_moment(b, PART_BIT(PART_STACKS));
    if (k.wanted)
        builder_present(b, PART_STACKS);
    if (!memleak_read_stacks(&k, err) || !say_tool(b, err))
        return false;
    /* What it lists at most is there, or another list follows. */
    if (k.stacks >= k.limit || !k.wanted)
        transcript_ended(t);
    if (!k.wanted)
        return true;
    if (k.no_frames)
        transcript_lacks(t, k.no_frames, "memleak: stacks without frames");
    /* libbpf-tools say how many they print, bcc how many it would print at most. */
    if (k.stacks < k.limit && k.is_numbered && k.limit != MEMLEAK_TOP)
        memleak_cut(&k, k.limit - k.stacks, "stacks that are announced are not there");
    if (k.stacks && k.stacks >= k.limit)
        memleak_cut(&k, k.stacks, "only the stacks with most bytes are listed: there may be more");
    builder_note(b, "memleak counts only allocations that are older than half a second (--older)");
    return true;
}

const struct section section_memleak = {
    .name = "memleak",
    .summary = "memleak of bcc and libbpf-tools: outstanding allocations by stack, each time again",
    .may_give = PART_BIT(PART_STACKS),
    .open_parts = PART_BIT(PART_STACKS),
    .starts = memleak_starts,
    .read = memleak_read,
};
