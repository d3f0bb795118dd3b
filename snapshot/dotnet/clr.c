#include "dotnet/clr.h"

#include "base/door.h"
#include "base/utf16.h"
#include "base/vec.h"
#include "memory/arch/arch.h"

#include <stdlib.h>
#include <string.h>

/* A file of more than this is no module of a program. */
#define OVERLAYS_MAX 100000u

/* See clr_spend: what any dump gets, and what it gets for each byte. */
#define STEPS_BASE      8000000u
#define STEPS_BYTES_PER 2u
#define TEXT_PIECE      64u   /* characters read at once */
#define WORDS_BYTES     4096u /* of words */

void clr_init(struct clr *clr, struct space *space, struct builder *b,
              const struct dotnet_options *options) {
    *clr = (struct clr){.space = space, .b = b, .options = options};
    clr->word = space->arch && space->arch->pointer_bytes ? space->arch->pointer_bytes : 8;
    arena_init(&clr->arena);
    contract_clear(&clr->contract);
    clr->steps_left = STEPS_BASE;
    for (uint32_t i = 0; i < space->range_count; i++)
        clr->steps_left += (space->ranges[i].end - space->ranges[i].start) / STEPS_BYTES_PER;
}

/* Nobody knows what is still to come. */
static void cut_short(struct builder *b) {
    static const char why[] =
        "reading was cut short: lists and tables in this dump are longer than "
        "its size allows (broken?)";
    builder_lacks(b,
                  PART_BIT(PART_TYPES) | PART_BIT(PART_HEAPS) | PART_BIT(PART_REGIONS) |
                      PART_BIT(PART_GC) | PART_BIT(PART_LOCKS) | PART_BIT(PART_HANDLES) |
                      PART_BIT(PART_LIVE) | PART_BIT(PART_MODULES),
                  ASPECT_ROWS, ABSENT, "%s", why);
    builder_absent(b, PART_BIT(PART_FINALIZER), ASPECT_READY, 0, "%s", why);
    builder_absent(b, PART_BIT(PART_FINALIZER), ASPECT_STACK, 0, "%s", why);
    builder_absent(b, PART_BIT(PART_THREADS), ASPECT_FRAMES, 0, "%s", why);
    builder_absent(b, PART_BIT(PART_THREADS), ASPECT_MANAGED, 0, "%s", why);
}

bool clr_spend(struct clr *clr, uint64_t steps) {
    if (clr->steps_left > steps) {
        clr->steps_left -= steps;
        return true;
    }
    if (clr->steps_left)
        cut_short(clr->b);
    clr->steps_left = 0;
    return false;
}

void clr_deinit(struct clr *clr) {
    for (uint32_t i = 0; i < clr->file_count; i++)
        file_close(&clr->files[i]);
    free(clr->files);
    free(clr->overlays);
    arena_deinit(&clr->arena);
    *clr = (struct clr){0};
}

/* The overlay bytes at address, at least 1; empty when there are none. Few overlays: linear. */
static struct bytes overlay_at(const struct clr *clr, uint64_t address) {
    for (uint32_t i = 0; i < clr->overlay_count; i++) {
        const struct clr_overlay *o = &clr->overlays[i];
        if (address >= o->start && address - o->start < o->bytes.size)
            return bytes_slice(o->bytes, address - o->start, UINT64_MAX);
    }
    return (struct bytes){0};
}

bool clr_read(struct clr *clr, uint64_t address, void *buffer, size_t size) {
    if (space_read(clr->space, address, buffer, size))
        return true;
    struct bytes there = overlay_at(clr, address);
    if (there.size < size || size == 0)
        return false;
    memcpy(buffer, there.data, size);
    return true;
}

static bool clr_peek_read(void *context, uint64_t at, void *buffer, size_t size) {
    return clr_read(context, at, buffer, size);
}

struct peek clr_peek(struct clr *clr) {
    return (struct peek){clr_peek_read, clr};
}

bool clr_u8(struct clr *clr, uint64_t address, uint8_t *ret_value) {
    return clr_read(clr, address, ret_value, 1);
}

bool clr_u16(struct clr *clr, uint64_t address, uint16_t *ret_value) {
    uint8_t raw[2];
    if (!clr_read(clr, address, raw, sizeof(raw)))
        return false;
    *ret_value = load_u16(raw);
    return true;
}

bool clr_u32(struct clr *clr, uint64_t address, uint32_t *ret_value) {
    uint8_t raw[4];
    if (!clr_read(clr, address, raw, sizeof(raw)))
        return false;
    *ret_value = load_u32(raw);
    return true;
}

bool clr_word(struct clr *clr, uint64_t address, uint64_t *ret_value) {
    uint8_t raw[8];
    if (!clr_read(clr, address, raw, clr->word))
        return false;
    *ret_value = load_word(raw, clr->word);
    return true;
}

bool clr_word_at(struct clr *clr, uint64_t address, uint64_t i, uint64_t *ret_value) {
    return clr_word(clr, address + clr->word * i, ret_value);
}

bool clr_words(struct clr *clr, uint64_t address, uint64_t *ret_values, uint32_t count) {
    uint8_t raw[WORDS_BYTES];
    if (count > sizeof(raw) / clr->word || !clr_read(clr, address, raw, count * clr->word))
        return false;
    for (uint32_t i = 0; i < count; i++)
        ret_values[i] = load_word(raw + i * clr->word, clr->word);
    return true;
}

uint64_t clr_field(const struct clr *clr, uint64_t object, enum contract_field f) {
    return clr_knows(clr, f) ? object + clr->contract.offset[f] : 0;
}

bool clr_field_u16(struct clr *clr, uint64_t object, enum contract_field f, uint16_t *ret_value) {
    return clr_knows(clr, f) && object && clr_u16(clr, clr_field(clr, object, f), ret_value);
}

bool clr_field_u32(struct clr *clr, uint64_t object, enum contract_field f, uint32_t *ret_value) {
    return clr_knows(clr, f) && object && clr_u32(clr, clr_field(clr, object, f), ret_value);
}

bool clr_field_word(struct clr *clr, uint64_t object, enum contract_field f, uint64_t *ret_value) {
    return clr_knows(clr, f) && object && clr_word(clr, clr_field(clr, object, f), ret_value);
}

bool clr_global(struct clr *clr, enum contract_global g, uint64_t *ret_value) {
    return clr->contract.global[g] != NO_GLOBAL &&
           clr_word(clr, clr->contract.global[g], ret_value);
}

static const char *clr_keep(struct clr *clr, struct strbuf *text) {
    const char *kept =
        strbuf_failed(text) ? NULL : arena_copy(&clr->arena, strbuf_cstr(text), text->len);
    strbuf_deinit(text);
    return kept;
}

/* Up to TEXT_PIECE characters; fewer at the edge of what the dump holds. 0: not there. */
static size_t read_piece(struct clr *clr, uint64_t address, size_t size, size_t count,
                         uint8_t *buffer) {
    if (count > TEXT_PIECE)
        count = TEXT_PIECE;
    while (count && !clr_read(clr, address, buffer, count * size))
        count /= 2;
    return count;
}

static const char *utf16(struct clr *clr, uint64_t address, size_t max, bool until_nul) {
    struct strbuf units, text;
    uint8_t piece[2 * TEXT_PIECE];
    bool ended = !until_nul, ok = true;
    strbuf_init(&units);
    strbuf_init(&text);
    for (size_t done = 0; ok && done < max && !(until_nul && ended);) {
        size_t count = clr_spend(clr, TEXT_PIECE)
                           ? read_piece(clr, address + 2 * done, 2, max - done, piece)
                           : 0;
        for (size_t i = 0; until_nul && i < count && !ended; i++)
            ended = load_u16(piece + 2 * i) == 0;
        strbuf_add(&units, (struct str){(const char *)piece, 2 * count});
        done += count;
        ok = count > 0;
    }
    if (ok &&
        ended) /* up to its first NUL, of which there may be one in a text of known length, too */
        strbuf_add_utf16(&text, (struct bytes){(const uint8_t *)units.ptr, units.len});
    strbuf_fail(&text, &units.err);
    strbuf_deinit(&units);
    if (!ok || !ended) {
        strbuf_deinit(&text);
        return NULL;
    }
    return clr_keep(clr, &text);
}

const char *clr_utf16z(struct clr *clr, uint64_t address, size_t max) {
    return utf16(clr, address, max, true);
}

const char *clr_utf8z(struct clr *clr, uint64_t address, size_t max) {
    struct strbuf text;
    uint8_t piece[TEXT_PIECE];
    strbuf_init(&text);
    for (size_t done = 0; done < max && clr_spend(clr, TEXT_PIECE);) {
        size_t count = read_piece(clr, address + done, 1, max - done, piece);
        const uint8_t *nul = memchr(piece, 0, count);
        size_t length = nul ? (size_t)(nul - piece) : count;
        strbuf_add(&text, (struct str){(const char *)piece, length});
        if (nul)
            return clr_keep(clr, &text);
        if (count == 0)
            break;
        done += count;
    }
    strbuf_deinit(&text);
    return NULL;
}

bool clr_object_mt(struct clr *clr, uint64_t object, uint64_t *ret_mt) {
    uint64_t word, bits = clr->word - 1;
    if (object == 0 || !clr_word(clr, object, &word) || (word & ~bits) == 0)
        return false;
    *ret_mt = word & ~bits;
    return true;
}

uint64_t clr_canonical_mt(struct clr *clr, uint64_t mt) {
    uint64_t word, bit = clr->contract.canonical_bit;
    if (!clr_field_word(clr, mt, F_MT_CLASS, &word))
        return 0;
    return word & bit ? word & ~bit : mt;
}

/* Both at once: most MethodTables are canonical, and have their class in the word that says so. */
static bool class_and_canonical(struct clr *clr, uint64_t mt, uint64_t *ret_class,
                                uint64_t *ret_canonical) {
    uint64_t word, canonical = mt, bit = clr->contract.canonical_bit;
    if (!clr_field_word(clr, mt, F_MT_CLASS, &word))
        return false;
    if (word & bit) {
        canonical = word & ~bit;
        if (!clr_field_word(clr, canonical, F_MT_CLASS, &word) || word & bit)
            return false;
    }
    *ret_class = word;
    *ret_canonical = canonical;
    return true;
}

uint64_t clr_class_of(struct clr *clr, uint64_t mt) {
    uint64_t class, canonical;
    return class_and_canonical(clr, mt, &class, &canonical) ? class : 0;
}

bool clr_is_method_table(struct clr *clr, uint64_t mt) {
    uint64_t canonical, class, back;
    if (mt && mt == clr->free_mt)
        return true; /* free space has no class */
    if (mt == 0 || !clr_is_aligned(clr, mt) || !class_and_canonical(clr, mt, &class, &canonical) ||
        !class)
        return false;
    return class == clr->continuation_class ||
           (clr_field_word(clr, class, F_CLASS_MT, &back) && back == canonical);
}

bool clr_is_continuation(struct clr *clr, uint64_t mt) {
    uint64_t class;
    return clr->continuation_class && clr_field_word(clr, mt, F_MT_CLASS, &class) &&
           class == clr->continuation_class;
}

uint64_t clr_object_size(struct clr *clr, uint64_t object) {
    uint64_t mt;
    uint32_t flags, base, count = 0;
    if (!clr_object_mt(clr, object, &mt) || !clr_field_u32(clr, mt, F_MT_FLAGS, &flags) ||
        !clr_field_u32(clr, mt, F_MT_BASE_SIZE, &base))
        return 0;
    uint64_t component = flags & 0x80000000u ? flags & 0xffff : 0;
    if (component && !clr_u32(clr, object + clr->word, &count))
        return 0;
    uint64_t size = base + component * count, least = clr_object_min(clr);
    return size < least ? least : size;
}

const char *clr_string_object(struct clr *clr, uint64_t object) {
    uint64_t mt;
    uint32_t length;
    if (!clr->string_mt || !clr_object_mt(clr, object, &mt) || mt != clr->string_mt)
        return NULL;
    if (!clr_u32(clr, object + clr->word, &length) || length > NAME_MAX_BYTES)
        return NULL;
    return utf16(clr, object + clr->word + 4, length, false);
}

bool clr_add_overlay(struct clr *clr, uint64_t start, struct bytes bytes) {
    if (clr->overlay_count >= OVERLAYS_MAX)
        return false;
    if (!VEC_ROOM(clr->overlays, clr->overlay_count, clr->overlay_capacity, NULL))
        return false;
    clr->overlays[clr->overlay_count++] = (struct clr_overlay){start, bytes};
    return true;
}

static bool keep_file(struct clr *clr, const char *folder, enum door_links links, const char *path,
                      bool (*accept)(struct bytes file, const void *context), const void *context,
                      struct bytes *ret_bytes) {
    struct file file;
    if (!door_open(folder, links, path, &file))
        return false;
    if (!accept(file.bytes, context) ||
        !VEC_ROOM(clr->files, clr->file_count, clr->file_capacity, NULL)) {
        file_close(&file);
        return false;
    }
    clr->files[clr->file_count++] = file;
    *ret_bytes = file.bytes;
    return true;
}

bool clr_open_file(struct clr *clr, const char *path,
                   bool (*accept)(struct bytes file, const void *context), const void *context,
                   struct bytes *ret_bytes) {
    const char *name = str_file_name(str_of(path)).ptr;
    const struct dotnet_options *o = clr->options;
    if (o->symbols && *name &&
        keep_file(clr, o->symbols, DOOR_OUTSIDE, name, accept, context, ret_bytes))
        return true;
    return path[0] == '/' &&
           keep_file(clr, o->sysroot, DOOR_INSIDE, path, accept, context, ret_bytes);
}
