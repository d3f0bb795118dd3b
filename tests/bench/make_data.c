/*
 * Makes what the benchmarks read, the same bytes on every machine:
 *
 *   heap.txt            `dumpheap -stat` of 9,000 rows, 1.5 MB
 *   base.snap new.snap  50,000 types each
 *   jemalloc.heap       a heap profile of jemalloc with 100,000 stacks, 21 MB
 *   sparse.dmp          a minidump of 4.8 GB, most of it a hole: 300 threads, 400 modules
 *
 * usage: make_data FOLDER
 */
#include "base/file.h"
#include "model/builder.h"
#include "model/snapfile.h"
#include "model/snapshot.h"
#include "tests/support/mk_minidump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS  9000u
#define TYPES 50000u

static uint64_t make_data_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A name as generic code gives them: some 130 characters. */
static void put_name(struct strbuf *out, unsigned row) {
    static const char *const areas[] = {"Catalog", "Orders", "Pricing", "Sessions", "Imaging"};
    strbuf_addf(out,
                "System.Collections.Concurrent.ConcurrentDictionary<System.String, "
                "Store.%s.Record%05u<System.Int64, Store.%s.Key%05u>>",
                areas[row % 5], row, areas[row / 5 % 5], row % 977);
}

static bool make_data_put_file(const char *folder, const char *name, const struct strbuf *data,
                               struct err *err) {
    struct strbuf path;
    strbuf_init(&path);
    strbuf_addf(&path, "%s/%s", folder, name);
    bool ok = !strbuf_failed(data) && !strbuf_failed(&path) &&
              file_write(path.ptr, fit_bytes(strbuf_str(data)), err);
    strbuf_deinit(&path);
    return ok;
}

static bool put_transcript(const char *folder, struct err *err) {
    struct strbuf out;
    uint64_t state = 88172645463325252u, objects = 0, bytes = 0;
    strbuf_init(&out);
    strbuf_adds(&out, "0:000> !dumpheap -stat\nStatistics:\n"
                      "              MT    Count    TotalSize Class Name\n");
    for (unsigned row = 0; row < ROWS; row++) {
        uint64_t count = 1 + make_data_next(&state) % 20000,
                 size = count * (24 + make_data_next(&state) % 64 * 8);
        strbuf_addf(&out, "%016llx %8llu %12llu ", 0x7ffb3c000000ull + row * 0x98ull,
                    (unsigned long long)count, (unsigned long long)size);
        put_name(&out, row);
        strbuf_addc(&out, '\n');
        objects += count;
        bytes += size;
    }
    strbuf_addf(&out, "Total %llu objects, %llu bytes\n", (unsigned long long)objects,
                (unsigned long long)bytes);
    bool ok = make_data_put_file(folder, "heap.txt", &out, err);
    strbuf_deinit(&out);
    return ok;
}

static bool make_data_add_types(struct builder *b, uint64_t seed, unsigned types, struct err *err) {
    uint64_t state = seed;
    struct strbuf name;
    strbuf_init(&name);
    bool ok = true;
    for (unsigned row = 0; ok && row < types; row++) {
        strbuf_clear(&name);
        put_name(&name, row);
        uint64_t count = 1 + make_data_next(&state) % 20000;
        ok = builder_add_type(b, strbuf_str(&name), STR("Store.dll"), GEN_2,
                              (struct cell){count, count * 72}, err) &&
             builder_add_type(b, strbuf_str(&name), STR("Store.dll"), GEN_0,
                              (struct cell){count / 9, count / 9 * 72}, err);
    }
    strbuf_deinit(&name);
    return ok;
}

static bool put_snapshot(const char *folder, const char *file, uint64_t seed, unsigned types,
                         struct err *err) {
    struct snapshot s;
    struct strbuf out;
    snapshot_init(&s);
    strbuf_init(&out);
    struct builder *b = builder_new(&s, err);
    bool ok = b != NULL && make_data_add_types(b, seed, types, err) && builder_finish(b, err) &&
              snapfile_encode(&s, &out, err) && make_data_put_file(folder, file, &out, err);
    builder_free(b);
    strbuf_deinit(&out);
    snapshot_deinit(&s);
    return ok;
}

#define SPARSE_BYTES 4800000000ul

/* The lists come first in a minidump: the file is cut behind them and made long. */
static bool put_minidump(const char *folder, struct err *err) {
    struct strbuf spec, path;
    strbuf_init(&spec);
    strbuf_init(&path);
    strbuf_adds(&spec, "system arch=9\nmisc pid=99 create=1700000000 user=5 kernel=1\n");
    for (unsigned i = 0; i < 300; i++)
        strbuf_addf(&spec,
                    "thread id=%u ip=0x7ff800001000 sp=0x%x teb=0x%x stack_size=0x2000 stack=0x%x\n"
                    "threadinfo id=%u user=%u create=133444736100000000\n"
                    "threadname id=%u name=\"worker %u\"\n",
                    i + 4, 0x10040000 + i * 0x100000, 0x7000000 + i * 0x2000,
                    0x10040000 + i * 0x100000, i + 4, i * 10000, i + 4, i);
    for (unsigned i = 0; i < 400; i++)
        strbuf_addf(&spec, "module base=0x%llx size=0x10000 time=%u name=\"C:\\app\\part%u.dll\"\n",
                    0x7ff800000000ull + i * 0x100000ull, i + 1, i);
    for (unsigned i = 0; i < 1500; i++)
        strbuf_addf(&spec, "region base=0x%x size=0x80000\n", 0x10000000 + i * 0x100000);
    strbuf_addf(&spec, "memory64 at=0x10000000 size=4096 claim=%lu\n", SPARSE_BYTES);
    struct bytes dump = mk_minidump(strbuf_cstr(&spec));
    struct strbuf data = {.ptr = (char *)(uintptr_t)dump.data, .len = dump.size};
    bool ok = make_data_put_file(folder, "sparse.dmp", &data, err);
    strbuf_addf(&path, "%s/sparse.dmp", folder);
    if (ok &&
        (strbuf_failed(&path) || truncate(path.ptr, (off_t)(dump.size - 4096 + SPARSE_BYTES)) != 0))
        ok = err_set(err, ERR_SYSTEM, "cannot make a file of 4.8 GB");
    free(data.ptr);
    strbuf_deinit(&path);
    strbuf_deinit(&spec);
    return ok;
}

#define STACKS 100000u

/* 8 to 24 frames out of 12,000 places of two files. */
static void put_stack(struct strbuf *out, uint64_t *state, uint64_t count, uint64_t size) {
    strbuf_addc(out, '@');
    for (uint64_t depth = 8 + make_data_next(state) % 17; depth > 0; depth--) {
        uint64_t place = make_data_next(state) % 12000;
        strbuf_addf(out, " 0x%llx",
                    place < 8000 ? 0x401000ull + place * 0x40
                                 : 0x7f1234022000ull + (place - 8000) * 0x50);
    }
    for (unsigned i = 0; i < 2; i++)
        strbuf_addf(out, "\n  t%s: %llu: %llu [0: 0]", i ? "0" : "*", (unsigned long long)count,
                    (unsigned long long)(count * size));
    strbuf_addc(out, '\n');
}

static bool put_jemalloc(const char *folder, struct err *err) {
    static const uint64_t sizes[] = {16, 48, 422, 1024, 65536};
    struct strbuf stacks, out;
    uint64_t state = 88172645463325252u, objects = 0, bytes = 0;
    strbuf_init(&stacks);
    strbuf_init(&out);
    for (unsigned i = 0; i < STACKS; i++) {
        uint64_t count = 1 + make_data_next(&state) % 50, size = sizes[make_data_next(&state) % 5];
        put_stack(&stacks, &state, count, size);
        objects += count;
        bytes += count * size;
    }
    strbuf_addf(&out, "heap_v2/524288\n  t*: %llu: %llu [0: 0]\n", (unsigned long long)objects,
                (unsigned long long)bytes);
    strbuf_add(&out, strbuf_str(&stacks));
    strbuf_adds(&out, "\nMAPPED_LIBRARIES:\n"
                      "00400000-00500000 r-xp 00000000 08:01 4711 /usr/bin/press\n"
                      "7f1234000000-7f1234100000 r-xp 00000000 08:01 4712 /usr/lib/libink.so.3\n");
    bool ok = !strbuf_failed(&stacks) && make_data_put_file(folder, "jemalloc.heap", &out, err);
    strbuf_deinit(&stacks);
    strbuf_deinit(&out);
    return ok;
}

/* For the gate: budgets of each kind that looks at types. */
static bool put_series(const char *folder, struct err *err) {
    struct strbuf budget;
    strbuf_init(&budget);
    strbuf_adds(&budget, "{\"budgets\": [{\"on\": \"total\", \"max\": \"1TiB\"},"
                         "{\"on\": \"namespace\", \"which\": \"Store\", \"growth\": \"1TiB\"},"
                         "{\"on\": \"assembly\", \"which\": \"Store.dll\", \"max\": \"1TiB\"},"
                         "{\"on\": \"regex\", \"which\": \"Record0[0-9]*1\", \"max\": \"1TiB\"},"
                         "{\"on\": \"generation\", \"which\": \"gen2\", \"max\": \"1TiB\"},"
                         "{\"on\": \"verdict\", \"which\": \"^Shop\", \"not\": [\"leak\"]}]}\n");
    bool ok = make_data_put_file(folder, "budget.json", &budget, err);
    strbuf_deinit(&budget);
    for (unsigned i = 0; ok && i < 10; i++) {
        char name[16];
        snprintf(name, sizeof(name), "ten%u.snap", i);
        ok = put_snapshot(folder, name, 1234567 + 97 * i, 5000, err);
    }
    return ok;
}

int main(int argc, char **argv) {
    struct err err = {.msg = "usage: make_data FOLDER"};
    if (argc == 2 && put_transcript(argv[1], &err) &&
        put_snapshot(argv[1], "base.snap", 1234567, TYPES, &err) &&
        put_snapshot(argv[1], "new.snap", 7654321, TYPES, &err) && put_series(argv[1], &err) &&
        put_minidump(argv[1], &err) && put_jemalloc(argv[1], &err))
        return 0;
    fprintf(stderr, "make_data: %s\n", err.msg);
    return 1;
}
