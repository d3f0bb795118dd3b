#include "model/builder_impl.h"
#include "model/rows_stacks.h"
#include "model/stacks.h"
#include "model/snapshot.h"

#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/vec.h"

#include <inttypes.h>
#include <string.h>

/* Where a function is, as debuggers and some tools print it behind its name. */
struct source_line {
    struct str file; /* empty: not said */
    uint64_t line;   /* ABSENT: not said */
};

/* "operator+(X) [d:\a.cpp @ 12]": takes the source off. */
static struct source_line take_source(struct str *function) {
    struct source_line source = {{NULL, 0}, ABSENT};
    if (!str_ends(*function, STR("]")))
        return source;
    size_t at = STR_NOT_FOUND;
    for (size_t from = 0, next; (next = str_find(*function, STR(" ["), from)) != STR_NOT_FOUND;
         from = next + 1)
        at = next;
    size_t sign = at == STR_NOT_FOUND ? at : str_find(*function, STR(" @ "), at);
    if (sign == STR_NOT_FOUND)
        return source;
    struct str line = str_drop(str_take(*function, function->len - 1), sign + 3);
    source.file = str_trim(str_drop(str_take(*function, sign), at + 2));
    if (!num_dec(str_trim(line), &source.line))
        source.line = ABSENT;
    *function = str_trim(str_take(*function, at));
    return source;
}

/* "Run+0x1c" without the offset. */
static struct str without_offset(struct str function) {
    for (size_t i = function.len; i-- > 1;) {
        char c = function.ptr[i];
        if (c == 'x' && function.ptr[i - 1] == '0' && i >= 3 && function.ptr[i - 2] == '+' &&
            i + 1 < function.len)
            return str_take(function, i - 2);
        if (!char_is_hex(c))
            break;
    }
    return function;
}

const char *builder_frame(struct builder *b, struct str function, struct str module,
                          uint64_t offset, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    function = str_trim(function);
    struct source_line source = take_source(&function);
    function = without_offset(function);
    module = str_file_name(str_trim(module));
    strbuf_add(&text, module);
    if (function.len) {
        if (module.len)
            strbuf_addc(&text, '!');
        strbuf_add(&text, function);
    } else if (offset != ABSENT) {
        strbuf_addf(&text, "%s0x%" PRIx64, module.len ? "+" : "", offset);
    } else if (!module.len) {
        strbuf_adds(&text, "[unknown]");
    }
    const char *frame = strbuf_ok(&text, err) ? builder_string(b, strbuf_str(&text), err) : NULL;
    strbuf_deinit(&text);
    return builder_frame_at(b, frame, source.file, source.line, err);
}

const char *builder_frame_at(struct builder *b, const char *frame, struct str file, uint64_t line,
                             struct err *err) {
    if (!frame || !file.len || str_eq(file, STR("??")))
        return frame;
    struct strbuf text;
    strbuf_init(&text);
    strbuf_add(&text, file);
    if (line && line != ABSENT)
        strbuf_addf(&text, ":%" PRIu64, line);
    const char *place = strbuf_ok(&text, err) ? builder_string(b, strbuf_str(&text), err) : NULL;
    strbuf_deinit(&text);
    if (!place)
        return NULL;
    uint32_t number = strmap_get(&b->placed_by_text, str_of(frame), str_of(place));
    if (number != STRMAP_NONE)
        return b->placed[number].text;
    if (!VEC_ROOM(b->placed, b->placed_count, b->placed_capacity, err))
        return NULL;
    const char *copy = arena_copy(&b->snapshot->arena, frame, strlen(frame));
    number = b->placed_count;
    if (!copy || !strmap_put(&b->placed_by_text, str_of(copy), str_of(place), number) ||
        !u64map_put(&b->placed_by_pointer, (uintptr_t)copy, number)) {
        err_nomem(err);
        return NULL;
    }
    b->placed[b->placed_count++] = (struct placed_frame){copy, place};
    return copy;
}

const char *builder_frame_in(struct builder *b, const char *frame, struct str place,
                             struct err *err) {
    size_t colon = place.len;
    uint64_t line = ABSENT;
    while (colon > 0 && place.ptr[colon - 1] != ':')
        colon--;
    if (colon > 1 && num_dec(str_drop(place, colon), &line))
        return builder_frame_at(b, frame, str_take(place, colon - 1), line, err);
    return builder_frame_at(b, frame, place, ABSENT, err);
}

/* Fills row->places where a frame has one. */
static bool stacks_place(struct builder *b, struct stack_row *row, struct err *err) {
    const char **places = NULL;
    for (uint32_t i = 0; i < row->frames.count && b->placed_count; i++) {
        uint32_t number = u64map_get(&b->placed_by_pointer, (uintptr_t)row->frames.items[i]);
        if (number == STRMAP_NONE)
            continue;
        if (!places) {
            places = arena_array(&b->snapshot->arena, row->frames.count, sizeof(*places));
            for (uint32_t k = 0; places && k < row->frames.count; k++)
                places[k] = "";
        }
        if (!places)
            return err_nomem(err);
        places[i] = b->placed[number].place;
    }
    row->places = (struct strings){places, places ? row->frames.count : 0};
    return true;
}

/* Frames are interned: equal pointers are equal frames, in the same line. */
static uint64_t stack_hash(const struct stack_row *row, uint32_t frames) {
    uint64_t hash = key_of_bytes(row->frames.items, frames * sizeof(*row->frames.items));
    hash = key_with(hash, (uintptr_t)row->module);
    hash = key_with(hash, (uintptr_t)row->loss);
    return key_with(hash, row->size_each);
}

static bool stacks_same_stack(const struct stack_row *a, const struct stack_row *b,
                              uint32_t frames) {
    if (a->frames.count != frames || a->module != b->module || a->size_each != b->size_each ||
        a->loss != b->loss)
        return false;
    for (uint32_t i = 0; i < frames; i++)
        if (a->frames.items[i] != b->frames.items[i])
            return false;
    return true;
}

static void add_number(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = *sum == ABSENT ? more : num_add(*sum, more);
}

/* Appends a row under its key, which nothing else has. */
static struct stack_row *stacks_stack_new(struct builder *b, const struct stack_row *like,
                                          uint32_t frames, uint64_t key, struct err *err) {
    const char **items = arena_array(&builder_snapshot(b)->arena, frames, sizeof(*items));
    struct stack_row *row = items ? builder_row(b, PART_STACKS, err) : NULL;
    if (!items)
        err_nomem(err);
    if (!row || !builder_index(b, PART_STACKS, key, err))
        return NULL;
    if (frames)
        memcpy(items, like->frames.items, frames * sizeof(*items));
    row->frames = (struct strings){items, frames};
    row->module = like->module;
    row->size_each = like->size_each;
    row->loss = like->loss;
    return stacks_place(b, row, err) ? row : NULL;
}

bool builder_add_stack(struct builder *b, const struct stack_row *add, struct err *err) {
    uint32_t frames = add->frames.count;
    if (frames > STACK_FRAMES_MAX) {
        builder_warn(b, 1, "stacks deeper than %u frames were cut", STACK_FRAMES_MAX);
        frames = STACK_FRAMES_MAX;
    }
    /* A hash may be that of another stack: the next key is tried then. */
    uint64_t key = stack_hash(add, frames);
    struct stack_row *row;
    while ((row = builder_find(b, PART_STACKS, key)) && !stacks_same_stack(row, add, frames))
        key = key_with(key, 1);
    if (!row && !(row = stacks_stack_new(b, add, frames, key, err)))
        return false;
    add_number(&row->count, add->count);
    add_number(&row->bytes, add->bytes);
    add_number(&row->total_count, add->total_count);
    add_number(&row->total_bytes, add->total_bytes);
    add_number(&row->peak_bytes, add->peak_bytes);
    add_number(&row->temporary_count, add->temporary_count);
    add_number(&row->indirect_bytes, add->indirect_bytes);
    if (add->oldest_ns != ABSENT && (row->oldest_ns == ABSENT || row->oldest_ns < add->oldest_ns))
        row->oldest_ns = add->oldest_ns;
    return true;
}

bool builder_add_allocation(struct builder *b, const struct allocation_row *add, struct err *err) {
    uint64_t key = key_with(key_of_bytes(add->by, strlen(add->by)), (uintptr_t)add->name);
    key = key_with(key, add->size_each);
    struct allocation_row *row;
    while ((row = builder_find(b, PART_ALLOCATIONS, key)) &&
           (strcmp(row->by, add->by) != 0 || row->name != add->name ||
            row->size_each != add->size_each))
        key = key_with(key, 1);
    if (!row) {
        row = builder_row(b, PART_ALLOCATIONS, err);
        const char *by = row ? builder_string(b, str_of(add->by), err) : NULL;
        if (!by || !builder_index(b, PART_ALLOCATIONS, key, err))
            return false;
        row->by = by;
        row->name = add->name;
        row->size_each = add->size_each;
    }
    add_number(&row->count, add->count);
    add_number(&row->bytes, add->bytes);
    add_number(&row->cum_count, add->cum_count);
    add_number(&row->cum_bytes, add->cum_bytes);
    add_number(&row->total_count, add->total_count);
    add_number(&row->total_bytes, add->total_bytes);
    return true;
}
