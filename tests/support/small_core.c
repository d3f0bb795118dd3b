#include "tests/support/small_core.h"

#include "base/file.h"
#include "input/input.h"
#include "memory/unpack/unpack.h"
#include "model/snapfile.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"
#include "tests/support/open_dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

bool small_core_open(const struct small_core *c, struct space *s) {
    struct err err = {.msg = ""};
    if (!open_any_dump(s, (struct bytes){c->file, c->size}, &err))
        return false;
    uint32_t before = 0, count = s->range_count;
    struct space_range *ranges = arena_array(&s->arena, count + 1u, sizeof(*ranges));
    assert_non_null(ranges);
    while (before < count && s->ranges[before].start < EXTRA)
        before++;
    memcpy(ranges, s->ranges, before * sizeof(*ranges));
    ranges[before] = (struct space_range){EXTRA, EXTRA + EXTRA_SIZE, c->extra, MAP_READ};
    memcpy(ranges + before + 1, s->ranges + before, (count - before) * sizeof(*ranges));
    s->ranges = ranges;
    s->range_count = count + 1;
    return true;
}

uint8_t *small_core_at(const struct small_core *c, uint64_t address) {
    struct space s;
    assert_true(small_core_open(c, &s));
    const struct space_range *r = space_range_at(&s, address);
    assert_non_null(r);
    uint64_t offset = address - r->start;
    uint8_t *bytes = r->data == c->extra ? c->extra : c->file + (r->data - c->file);
    space_deinit(&s);
    return bytes + offset;
}

uint64_t small_core_u64(const struct small_core *c, uint64_t address) {
    return load_u64(small_core_at(c, address));
}

void small_core_put(const struct small_core *c, uint64_t address, uint64_t value, size_t size) {
    memcpy(small_core_at(c, address), &value, size);
}

/* What the runtime says of itself in the core as it is. */
static void look_around(struct small_core *c, struct space *s) {
    static const struct dotnet_options options = {.sysroot = "/nowhere"};
    struct err err = {.msg = ""};
    struct clr clr;
    struct snapshot snapshot;
    struct strbuf why;
    snapshot_init(&snapshot);
    strbuf_init(&why);
    struct builder *b = builder_new(&snapshot, &err);
    assert_non_null(b);
    clr_init(&clr, s, b, &options);
    assert_int_equal(clr_find(&clr, &why, &err), CLR_READY);
    c->gc = clr.gc;
    c->contract = clr.contract;
    c->string_mt = clr.string_mt;
    c->thread = clr.threads[0];
    c->of_table = clr.table != NULL;
    if (clr.dac_table)
        assert_true(clr_word_at(&clr, clr.dac_table, clr.gc_vars_index, &c->gc_variable));
    if (!clr_read(&clr, clr.gc.slot[GC_HEAP_FIELDS], c->heap_fields, sizeof(c->heap_fields)))
        memset(c->heap_fields, 0xff, sizeof(c->heap_fields));
    strbuf_deinit(&why);
    clr_deinit(&clr);
    builder_free(b);
    snapshot_deinit(&snapshot);
}

void small_core_load(struct small_core *c, const char *path) {
    struct file f;
    struct unpack_report report;
    struct err err = {.msg = ""};
    struct space s;
    *c = (struct small_core){.extra = calloc(1, EXTRA_SIZE)};
    assert_non_null(c->extra);
    assert_true(file_open(&f, path, &err) && unpack_file(&f, NULL, &report, &err));
    c->size = f.bytes.size;
    c->file = malloc(c->size);
    assert_non_null(c->file);
    memcpy(c->file, f.bytes.data, c->size);
    file_close(&f);
    assert_true(small_core_open(c, &s));
    look_around(c, &s);
    for (uint32_t i = 0; i < s.range_count && !c->descriptor; i++)
        for (uint64_t k = 0; k + 40 <= s.ranges[i].end - s.ranges[i].start; k += 8)
            if (memcmp(s.ranges[i].data + k, "DNCCDAC", 8) == 0)
                c->descriptor = s.ranges[i].start + k;
    space_deinit(&s);
}

void small_core_drop(struct small_core *c) {
    free(c->file);
    free(c->extra);
}

void small_core_read(const struct small_core *c, struct snapshot *snapshot, struct strbuf *snap) {
    small_core_read_by(c, 0, snapshot, snap);
}

void small_core_read_by(const struct small_core *c, uint32_t threads, struct snapshot *snapshot,
                        struct strbuf *snap) {
    const struct dotnet_options options = {.sysroot = "/nowhere", .threads = threads};
    struct err err = {.msg = ""};
    struct space s;
    strbuf_init(snap);
    snapshot_init(snapshot);
    assert_true(small_core_open(c, &s));
    struct builder *b = builder_new(snapshot, &err);
    assert_non_null(b);
    assert_true(dotnet_read(&s, b, &options, &err) && input_finish(b, &err));
    assert_true(snapfile_encode(snapshot, snap, &err));
    builder_free(b);
    space_deinit(&s);
}

bool small_core_says(const struct snapshot *s, const char *part) {
    const struct reason_row *rows = s->tables[PART_REASONS].rows;
    for (uint32_t i = 0; i < s->tables[PART_REASONS].count; i++)
        if (strstr(rows[i].text, part))
            return true;
    return false;
}
