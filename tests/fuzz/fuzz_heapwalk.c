/*
 * Everything that is read of a managed heap: a small real core (base/) changed at a few places.
 *
 * Input: u8 mode, then records {u8 kind, u24 place, operand}. Places are numbered over the 8-byte
 * words that an unchanged reading looks at, so that hardly a change goes unnoticed; operands can be
 * the contents or the address of another such word, so that pointers lead somewhere. Where pointers
 * have 4 bytes, a word is half of these.
 */
#include "tests/fuzz/fuzz_core.h"

#include "memory/arch/arch.h"

#define PATCHES_MAX 512u

/* Bits of the mode. */
enum {
    MODE_ODD_BASE = 1, /* server instead of workstation, net8 instead of net9: see names */
    MODE_NO_DESCRIPTOR = 2,
    MODE_LIVE = 4,
    MODE_NO_PATHS = 8,
    MODE_QUESTIONS = 16,
    MODE_OLD_BASE = 32, /* .NET 9 and 8 instead of 10 */
    MODE_OLDEST = 64,   /* .NET Core 3.1; with MODE_LATER: see elsewhere_names */
    MODE_LATER = 128    /* what came later: see later_names */
};

/* Bits of a record's kind. */
enum { KIND_OPERATION = 7, KIND_CONTENTS = 8, KIND_SHIFT = 4 };

struct word {
    uint32_t offset; /* in the file */
    uint64_t address;
};

struct words {
    struct word *items;
    uint32_t count;
};

struct base {
    uint8_t *file;
    size_t size;
    uint32_t word;                    /* [bytes] of a pointer */
    uint32_t magic;                   /* offset of the contract descriptor; 0: none */
    struct words structure, contents; /* by offset */
};

static void add_word(struct words *w, uint32_t offset, uint64_t address) {
    if ((w->count & (w->count - 1)) == 0) {
        w->items = realloc(w->items, (w->count ? 2 * w->count : 1) * sizeof(*w->items));
        fuzz_must(w->items != NULL, "no memory");
    }
    w->items[w->count++] = (struct word){offset, address};
}

/* The words of the file that were looked at; headers and notes are structure. */
static void find_words(struct base *b) {
    uint8_t *looked_at = calloc(1, b->size / 8 + 1);
    struct space space;
    struct err err = {.msg = ""};
    fuzz_must(looked_at && open_any_dump(&space, (struct bytes){b->file, b->size}, &err),
              "the base core does not open");
    b->word = space.arch->pointer_bytes;
    fuzz_read_core((struct bytes){b->file, b->size},
                   (struct fuzz_how){.byte_by_byte = true, .looked_at = looked_at});
    const uint8_t *first = b->file + b->size;
    for (uint32_t i = 0; i < space.range_count; i++)
        if (space.ranges[i].data < first)
            first = space.ranges[i].data;
    for (uint32_t at = 0; at + 8 <= (uint32_t)(first - b->file); at += b->word)
        add_word(&b->structure, at, 0);
    for (uint32_t i = 0; i < space.range_count; i++) {
        const struct space_range *r = &space.ranges[i];
        for (uint64_t at = 0; at + 8 <= r->end - r->start; at += 8) {
            uint32_t offset = (uint32_t)(r->data - b->file) + (uint32_t)at;
            uint8_t seen = looked_at[offset / 8];
            for (uint32_t half = 0; seen && half < 8; half += b->word)
                add_word(seen & 1 ? &b->structure : &b->contents, offset + half,
                         r->start + at + half);
            if (memcmp(b->file + offset, "DNCCDAC", 8) == 0)
                b->magic = offset;
        }
    }
    space_deinit(&space);
    free(looked_at);
    fuzz_must(b->structure.count && b->contents.count, "the base core is another one");
}

static void fuzz_heapwalk_load_base(struct base *b, const char *name) {
    b->file = fuzz_load_core(name, &b->size);
    find_words(b);
}

static uint64_t fuzz_heapwalk_get(const struct base *b, uint32_t offset) {
    uint64_t value = 0;
    memcpy(&value, b->file + offset, b->word);
    return value;
}

static void fuzz_heapwalk_put(const struct base *b, uint32_t offset, uint64_t value) {
    memcpy(b->file + offset, &value, b->word);
}

static const struct word *pick(const struct words *w, uint32_t number) {
    return &w->items[number % w->count];
}

static uint32_t fuzz_heapwalk_place(struct reader *r) {
    uint32_t low = fuzz_u16(r);
    return low | (uint32_t)reader_u8(r) << 16;
}

/* One record: what becomes of the word. */
static uint64_t fuzz_heapwalk_changed(const struct base *b, struct reader *r, uint8_t kind,
                                      uint64_t old) {
    static const uint64_t values[] = {0,         1,          2,          7,           8,
                                      16,        24,         0x18,       0x1000,      0x10000,
                                      0xffff,    0x7fffffff, 0x80000000, 0xffffffff,  0x100000000,
                                      INT64_MAX, 1ull << 63, UINT64_MAX, ~0ull << 12, 0xbaadf00d};
    uint32_t shift = kind >> KIND_SHIFT;
    const struct word *other;
    switch (kind & KIND_OPERATION) {
    case 0:
        return (old & ~(0xffull << 8 * (shift & 7))) | (uint64_t)reader_u8(r) << 8 * (shift & 7);
    case 1:
        return shift & 1 ? (old & UINT32_MAX) | (uint64_t)reader_u32(r) << 32
                         : (old & ~(uint64_t)UINT32_MAX) | reader_u32(r);
    case 2:
        return reader_u64(r);
    case 3:
        other = pick(&b->structure, fuzz_heapwalk_place(r));
        return fuzz_heapwalk_get(b, other->offset);
    case 4:
        other = pick(&b->structure, fuzz_heapwalk_place(r));
        return other->address + shift;
    case 5:
        return old + (uint64_t)(int64_t)(int16_t)fuzz_u16(r);
    case 6:
        return values[reader_u8(r) % (sizeof(values) / sizeof(values[0]))];
    default:
        other = pick(&b->contents, fuzz_heapwalk_place(r));
        return shift & 1 ? other->address : fuzz_heapwalk_get(b, other->offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"workstation.core.zst", "server.core.zst", "net9.core.zst",
                                        "net8.core.zst", "net3.core.zst"},
                             *const later_names[] = {"net3-server.core.zst",
                                                     "../../dumps/waits-net11.core.zst",
                                                     "../../dumps/calls-net11.core.zst",
                                                     "arm64-net10.core.zst"},
                             *const elsewhere_names[] = {
                                 "win-x86-net10.dmp.zst", "win-x64-net8.dmp.zst",
                                 "musl-net10.core.zst", "arm64-net11.core.zst"};
    static struct base bases[5], later_bases[4], elsewhere_bases[4];
    struct {
        uint32_t offset;
        uint64_t old;
    } undo[PATCHES_MAX + 1];
    uint32_t undo_count = 0;
    struct reader r;
    reader_init(&r, (struct bytes){data, size}, 0);
    uint8_t mode = reader_u8(&r);
    uint32_t which = (mode & MODE_ODD_BASE ? 1 : 0) + (mode & MODE_OLD_BASE ? 2 : 0);
    bool later = mode & MODE_LATER, elsewhere = later && mode & MODE_OLDEST;
    which = mode & MODE_OLDEST && !later ? 4 : which;
    struct base *b = elsewhere ? &elsewhere_bases[which]
                     : later   ? &later_bases[which]
                               : &bases[which];
    if (!b->file)
        fuzz_heapwalk_load_base(b, elsewhere ? elsewhere_names[which]
                                   : later   ? later_names[which]
                                             : names[which]);
    if (mode & MODE_NO_DESCRIPTOR && b->magic) {
        undo[undo_count].offset = b->magic;
        undo[undo_count++].old = fuzz_heapwalk_get(b, b->magic);
        fuzz_heapwalk_put(b, b->magic, 0);
    }
    while (undo_count < PATCHES_MAX && reader_left(&r) >= 5) {
        uint8_t kind = reader_u8(&r);
        const struct word *w =
            pick(kind & KIND_CONTENTS ? &b->contents : &b->structure, fuzz_heapwalk_place(&r));
        uint64_t old = fuzz_heapwalk_get(b, w->offset),
                 value = fuzz_heapwalk_changed(b, &r, kind, old);
        undo[undo_count].offset = w->offset;
        undo[undo_count++].old = old;
        fuzz_heapwalk_put(b, w->offset, value);
    }
    fuzz_read_core((struct bytes){b->file, b->size},
                   (struct fuzz_how){.byte_by_byte = mode & MODE_LIVE,
                                     .no_paths = mode & MODE_NO_PATHS,
                                     .questions = mode & MODE_QUESTIONS});
    while (undo_count--)
        fuzz_heapwalk_put(b, undo[undo_count].offset, undo[undo_count].old);
    return 0;
}
