/*
 * A runtime that describes itself: contract descriptors.
 *
 * Input: u8 mode. 0: the rest is the JSON, parsed. Else it is a descriptor (40 bytes; where a
 * pointer is 0, that of the real one stays) and JSON (empty: the real one stays, too) for a real
 * core, which is then read by it. 2: JSON of the garbage collector's own descriptor, with the real
 * core's variables as pointers 1 to 9.
 */
#include "tests/fuzz/fuzz_core.h"

#include "dotnet/clr.h"
#include "model/snapshot.h"

#define DESCRIPTOR_SIZE 40u
#define POINTERS        24u

static void fuzz_contract_parse(struct bytes json) {
    struct contract c, before;
    struct err err = {.msg = ""};
    uint64_t pointers[POINTERS];
    for (uint32_t i = 0; i < POINTERS; i++)
        pointers[i] = 0x1000 * (uint64_t)i;
    contract_clear(&c);
    contract_use_table(&c, &builtin_tables[0]);
    before = c;
    if (contract_parse(&c, json, pointers, POINTERS, &err)) {
        for (int i = 0; i < F_COUNT; i++)
            FUZZ_CHECK(c.offset[i] == NO_FIELD || c.offset[i] < 65536);
    } else {
        FUZZ_CHECK(err.msg[0] && memcmp(&c, &before, sizeof(c)) == 0);
    }
}

struct base {
    uint8_t *file;
    size_t size;
    uint8_t *descriptor, *json; /* in the file */
    size_t json_size;
    uint8_t old_descriptor[DESCRIPTOR_SIZE], *old_json;
    uint64_t json_address;
    struct gc_vars gc;
};

/* Bytes of the core at an address. */
static uint8_t *core_at(const struct base *b, struct space *s, uint64_t address) {
    const struct space_range *r = space_range_at(s, address);
    fuzz_must(r != NULL, "the base core is another one");
    return b->file + (r->data - b->file) + (address - r->start);
}

/* Where the core's GC keeps what. */
static void find_gc(struct base *b, struct space *s) {
    static const struct dotnet_options options = {.sysroot = "/nowhere"};
    struct err err = {.msg = ""};
    struct snapshot snapshot;
    struct strbuf why;
    struct clr clr;
    snapshot_init(&snapshot);
    strbuf_init(&why);
    struct builder *builder = builder_new(&snapshot, &err);
    fuzz_must(builder, "no memory");
    clr_init(&clr, s, builder, &options);
    fuzz_must(clr_find(&clr, &why, &err) == CLR_READY, "the base core has no runtime");
    b->gc = clr.gc;
    clr_deinit(&clr);
    strbuf_deinit(&why);
    builder_free(builder);
    snapshot_deinit(&snapshot);
}

static void fuzz_contract_load_base(struct base *b) {
    struct space space;
    struct err err = {.msg = ""};
    b->file = fuzz_load_core("workstation.core.zst", &b->size);
    fuzz_must(open_any_dump(&space, (struct bytes){b->file, b->size}, &err), err.msg);
    for (uint32_t i = 0; i < space.range_count && !b->descriptor; i++)
        for (const uint8_t *at = space.ranges[i].data;
             at + DESCRIPTOR_SIZE <=
             space.ranges[i].data + (space.ranges[i].end - space.ranges[i].start);
             at += 8)
            if (memcmp(at, "DNCCDAC", 8) == 0)
                b->descriptor = b->file + (at - b->file);
    fuzz_must(b->descriptor != NULL, "the base core has no descriptor");
    memcpy(b->old_descriptor, b->descriptor, DESCRIPTOR_SIZE);
    b->json_address = load_u64(b->descriptor + 16);
    b->json = core_at(b, &space, b->json_address);
    find_gc(b, &space);
    b->json_size = load_u32(b->descriptor + 12);
    b->old_json = malloc(b->json_size);
    fuzz_must(b->old_json != NULL, "no memory");
    memcpy(b->old_json, b->json, b->json_size);
    space_deinit(&space);
}

static void read_with(struct base *b, struct reader *r) {
    struct bytes given = reader_bytes(r, DESCRIPTOR_SIZE);
    if (r->failed)
        return;
    memcpy(b->descriptor, given.data, DESCRIPTOR_SIZE);
    if (load_u64(given.data + 16) == 0)
        memcpy(b->descriptor + 16, b->old_descriptor + 16, 8);
    if (load_u64(given.data + 32) == 0)
        memcpy(b->descriptor + 32, b->old_descriptor + 32, 8);
    size_t size = reader_left(r) < b->json_size ? reader_left(r) : b->json_size;
    if (size) {
        memset(b->json, ' ', b->json_size);
        memcpy(b->json, reader_bytes(r, size).data, size);
    }
    fuzz_read_core((struct bytes){b->file, b->size}, (struct fuzz_how){.no_paths = false});
    memcpy(b->descriptor, b->old_descriptor, DESCRIPTOR_SIZE);
    memcpy(b->json, b->old_json, b->json_size);
}

/* Places in the room of the real JSON. */
enum { SUB_JSON = 128, SUB_JSON_MAX = 8192, SUB = 8448, SUB_SLOT = 8512, POINTERS_AT = 8520 };

static void fuzz_contract_put_descriptor(uint8_t *at, uint64_t json, uint32_t size,
                                         uint64_t pointers, uint32_t count) {
    const uint32_t flags = 1;
    memcpy(at, "DNCCDAC", 8);
    memcpy(at + 8, &flags, 4);
    memcpy(at + 12, &size, 4);
    memcpy(at + 16, &json, 8);
    memcpy(at + 24, &count, 4);
    memcpy(at + 32, &pointers, 8);
}

static void read_with_gc(struct base *b, struct reader *r) {
    static const char main_json[] = "{\"types\":{},\"globals\":{},\"subDescriptors\":{\"GC\":[0]}}";
    static const uint8_t slots[] = {GC_INVALID_COUNT,  GC_ALLOC_ALLOCATED,   GC_EPHEMERAL_SEGMENT,
                                    GC_FINALIZE_QUEUE, GC_GENERATION_TABLE,  GC_HEAP_COUNT,
                                    GC_HEAPS,          GC_GENERATION_FIELDS, GC_HANDLE_TABLE_MAP};
    uint32_t size = (uint32_t)(reader_left(r) < SUB_JSON_MAX ? reader_left(r) : SUB_JSON_MAX);
    uint64_t base = b->json_address, sub = base + SUB, slot = base + SUB_SLOT;
    memcpy(b->json, main_json, sizeof(main_json));
    if (size)
        memcpy(b->json + SUB_JSON, reader_bytes(r, size).data, size);
    memcpy(b->json + SUB_SLOT, &sub, 8);
    memcpy(b->json + POINTERS_AT, &slot, 8);
    for (uint32_t i = 0; i < sizeof(slots); i++)
        memcpy(b->json + POINTERS_AT + 8 * (i + 1), &b->gc.slot[slots[i]], 8);
    fuzz_contract_put_descriptor(b->json + SUB, base + SUB_JSON, size, base + POINTERS_AT,
                                 sizeof(slots) + 1);
    fuzz_contract_put_descriptor(b->descriptor, base, sizeof(main_json) - 1, base + POINTERS_AT, 1);
    fuzz_read_core((struct bytes){b->file, b->size}, (struct fuzz_how){.no_paths = false});
    memcpy(b->descriptor, b->old_descriptor, DESCRIPTOR_SIZE);
    memcpy(b->json, b->old_json, b->json_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct base base;
    struct reader r;
    reader_init(&r, (struct bytes){data, size}, 0);
    uint8_t mode = reader_u8(&r);
    if (mode && !base.file)
        fuzz_contract_load_base(&base);
    if (mode == 0)
        fuzz_contract_parse((struct bytes){data + !!size, reader_left(&r)});
    else if (mode == 2)
        read_with_gc(&base, &r);
    else
        read_with(&base, &r);
    return 0;
}
