/*
 * The heap walk alone: the runtime of a small real dump (base/) is found once, then only what the
 * walk looks at is changed (the GC's lists, objects, MethodTables), and the heap is walked. Some
 * thirty times as many inputs a second as fuzz_heapwalk, which reads everything anew.
 *
 * Input: u8 mode, then records {u8 kind, u24 place, operand}. Places are numbered over the words
 * that an unchanged walk looks at.
 */
#include "tests/fuzz/fuzz_core.h"

#include "dotnet/clr_heap.h"
#include "dotnet/gc.h"
#include "dotnet/walk.h"
#include "memory/arch/arch.h"

#define CHANGES_MAX  64u
#define RUNS_TO_KEEP 256u /* what the runs leave in the arena of a runtime is dropped then */

/* Bits of the mode; the others choose the base. */
enum { WALK_GRAPH = 0x80 };

/* Bits of a record's kind. */
enum { CHANGE_OPERATION = 3, CHANGE_SHIFT = 2 };

struct walked_word {
    uint8_t *at;
    uint64_t address;
};

struct walked {
    uint8_t *file;
    size_t size;
    struct space space;
    struct clr clr;
    struct snapshot snapshot;
    uint32_t word, runs; /* runs: since the runtime was found */
    uint64_t steps;
    struct walked_word *words;
    uint32_t count;
};

static const struct dotnet_options walk_options = {.sysroot = "/nowhere"};

/* Finds the runtime; with a note of what is looked at, as a process is read. */
static void find_runtime(struct walked *b, struct fuzz_asked *asked) {
    struct err err = {.msg = ""};
    struct strbuf why;
    struct space *space = asked ? &asked->space : &b->space;
    strbuf_init(&why);
    snapshot_init(&b->snapshot);
    fuzz_must(open_any_dump(space, (struct bytes){b->file, b->size}, &err), err.msg);
    if (asked) {
        asked->ranges = malloc((space->range_count + 1u) * sizeof(*asked->ranges));
        fuzz_must(asked->ranges != NULL, "no memory");
        for (uint32_t i = 0; i < space->range_count; i++) {
            asked->ranges[i] = space->ranges[i];
            space->ranges[i].data = NULL;
        }
        space->fetch = fuzz_fetch;
    }
    struct builder *builder = builder_new(&b->snapshot, &err);
    fuzz_must(builder != NULL, "no memory");
    clr_init(&b->clr, space, builder, &walk_options);
    fuzz_must(clr_find(&b->clr, &why, &err) == CLR_READY, "the base core does not read");
    builder_free(builder);
    b->word = space->arch->pointer_bytes;
    b->steps = b->clr.steps_left;
    b->runs = 0;
    strbuf_deinit(&why);
}

static void drop_runtime(struct walked *b, struct space *space) {
    clr_deinit(&b->clr);
    snapshot_deinit(&b->snapshot);
    space_deinit(space);
}

/* What is counted is counted once, and no more than there is. */
static void check_walk(const struct gc_state *gc, const struct walk_result *walk, uint32_t word) {
    uint64_t by_type[GEN_COUNT] = {0}, by_heap[GEN_COUNT] = {0}, spans = 0, counted = 0;
    for (uint32_t i = 0; i < gc->span_count; i++)
        spans += gc->spans[i].end - gc->spans[i].start;
    for (int g = 0; g < GEN_COUNT; g++) {
        for (uint32_t i = 0; i < walk->type_count; i++) {
            by_type[g] += walk->types[i].gen[g].objects;
            counted += walk->types[i].gen[g].bytes;
            FUZZ_CHECK(walk->types[i].gen[g].objects <= walk->types[i].gen[g].bytes / (3 * word));
        }
        for (uint32_t i = 0; i < gc->heap_count; i++)
            by_heap[g] += walk->heaps[i].gen[g].objects;
        FUZZ_CHECK(by_type[g] == by_heap[g]);
    }
    FUZZ_CHECK(counted <= spans && walk->skipped_bytes <= spans);
}

static void walk_once(struct walked *b, bool graph) {
    struct err err = {.msg = ""};
    struct snapshot snapshot;
    struct gc_state gc = {0};
    struct clr_heap heap = {0};
    struct walk_result walk = {0};
    struct modules modules;
    snapshot_init(&snapshot);
    b->clr.b = builder_new(&snapshot, &err);
    fuzz_must(b->clr.b != NULL, "no memory");
    b->clr.steps_left = b->steps;
    modules_init(&modules, &b->clr);
    bool ok = gc_read(&b->clr, &gc, &err);
    if (ok && graph)
        ok = clr_heap_open(&heap, &modules, &gc, &err);
    ok = ok && walk_heap(&b->clr, &gc, graph && !heap.refused[0] ? &heap : NULL, &walk, &err);
    FUZZ_CHECK(ok || err.msg[0]);
    if (ok)
        check_walk(&gc, &walk, b->word);
    clr_heap_close(&heap);
    walk_free(&walk);
    gc_free(&gc);
    modules_deinit(&modules);
    builder_free(b->clr.b);
    snapshot_deinit(&snapshot);
}

/* The words that a walk looks at, of an unchanged dump. */
static void load_walked(struct walked *b, const char *name) {
    b->file = fuzz_load_core(name, &b->size);
    struct fuzz_asked asked = {.looked_at = calloc(1, b->size / 8 + 1), .file = b->file};
    fuzz_must(asked.looked_at != NULL, "no memory");
    find_runtime(b, &asked);
    memset(asked.looked_at, 0, b->size / 8 + 1);
    walk_once(b, false);
    b->words = malloc((b->size / b->word + 1) * sizeof(*b->words));
    fuzz_must(b->words != NULL, "no memory");
    for (uint32_t i = 0; i < asked.space.range_count; i++) {
        const struct space_range *r = &asked.ranges[i];
        for (uint64_t at = 0; at + b->word <= r->end - r->start; at += b->word) {
            size_t offset = (size_t)(r->data - b->file) + at;
            if (asked.looked_at[offset / 8])
                b->words[b->count++] = (struct walked_word){b->file + offset, r->start + at};
        }
    }
    fuzz_must(b->count > 100, "the base core has no heap");
    drop_runtime(b, &asked.space);
    free(asked.looked_at);
    free(asked.ranges);
    find_runtime(b, NULL);
}

static const struct walked_word *fuzz_walk_pick(const struct walked *b, struct reader *r) {
    uint32_t low = fuzz_u16(r);
    return &b->words[(low | (uint32_t)reader_u8(r) << 16) % b->count];
}

static uint64_t fuzz_walk_value(const struct walked *b, const uint8_t *at) {
    uint64_t value = 0;
    memcpy(&value, at, b->word);
    return value;
}

static uint64_t fuzz_walk_changed(const struct walked *b, struct reader *r, uint8_t kind,
                                  uint64_t old) {
    uint32_t shift = (uint32_t)kind >> CHANGE_SHIFT;
    switch (kind & CHANGE_OPERATION) {
    case 0:
        return (old & ~(0xffull << 8 * (shift & 7))) | (uint64_t)reader_u8(r) << 8 * (shift & 7);
    case 1:
        return shift & 1 ? old + (uint64_t)(int64_t)(int16_t)fuzz_u16(r) : reader_u64(r);
    case 2:
        return fuzz_walk_value(b, fuzz_walk_pick(b, r)->at) + (shift & 15);
    default:
        return fuzz_walk_pick(b, r)->address + (shift & 15);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {
        "workstation.core.zst", "win-x86-net10.dmp.zst", "net9.core.zst",
        "net3.core.zst",        "server.core.zst",       "../../dumps/waits-net11.core.zst",
        "arm64-net10.core.zst", "win-x64-net8.dmp.zst",  "net3-server.core.zst",
        "arm64-net11.core.zst", "win-x64-net6.dmp.zst"};
    static struct walked bases[sizeof(names) / sizeof(*names)];
    struct {
        uint8_t *at;
        uint64_t old;
    } undo[CHANGES_MAX];
    uint32_t count = 0;
    struct reader r;
    reader_init(&r, (struct bytes){data, size}, 0);
    uint8_t mode = reader_u8(&r);
    uint32_t which = (mode & ~(uint32_t)WALK_GRAPH) % (uint32_t)(sizeof(names) / sizeof(*names));
    struct walked *b = &bases[which];
    if (!b->file) {
        load_walked(b, names[which]);
    } else if (b->runs++ == RUNS_TO_KEEP) {
        drop_runtime(b, &b->space);
        find_runtime(b, NULL);
    }
    while (count < CHANGES_MAX && reader_left(&r) >= 5) {
        uint8_t kind = reader_u8(&r);
        const struct walked_word *w = fuzz_walk_pick(b, &r);
        uint64_t old = fuzz_walk_value(b, w->at), value = fuzz_walk_changed(b, &r, kind, old);
        undo[count].at = w->at;
        undo[count++].old = old;
        memcpy(w->at, &value, b->word);
    }
    walk_once(b, mode & WALK_GRAPH);
    while (count--)
        memcpy(undo[count].at, &undo[count].old, b->word);
    return 0;
}
