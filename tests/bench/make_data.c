/*
 * Makes what the benchmarks read, the same bytes on every machine:
 *
 *   heap.txt            `dumpheap -stat` of 9,000 rows, 1.5 MB
 *   base.snap new.snap  50,000 types each
 *
 * usage: make_data FOLDER
 */
#include "base/file.h"
#include "model/builder.h"
#include "model/snapfile.h"

#include <stdio.h>
#include <string.h>

#define ROWS  9000u
#define TYPES 50000u

static uint64_t next(uint64_t *state) {
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

static bool put_file(const char *folder, const char *name, const struct strbuf *data,
                     struct err *err) {
    struct strbuf path;
    strbuf_init(&path);
    strbuf_addf(&path, "%s/%s", folder, name);
    bool ok = !data->failed && !path.failed && file_write(path.ptr, strbuf_str(data), err);
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
        uint64_t count = 1 + next(&state) % 20000, size = count * (24 + next(&state) % 64 * 8);
        strbuf_addf(&out, "%016llx %8llu %12llu ", 0x7ffb3c000000ull + row * 0x98ull,
                    (unsigned long long)count, (unsigned long long)size);
        put_name(&out, row);
        strbuf_addc(&out, '\n');
        objects += count;
        bytes += size;
    }
    strbuf_addf(&out, "Total %llu objects, %llu bytes\n", (unsigned long long)objects,
                (unsigned long long)bytes);
    bool ok = put_file(folder, "heap.txt", &out, err);
    strbuf_deinit(&out);
    return ok;
}

static bool add_types(struct builder *b, uint64_t seed, struct err *err) {
    uint64_t state = seed;
    struct strbuf name;
    strbuf_init(&name);
    bool ok = true;
    for (unsigned row = 0; ok && row < TYPES; row++) {
        strbuf_clear(&name);
        put_name(&name, row);
        uint64_t count = 1 + next(&state) % 20000;
        ok = builder_add_type(b, strbuf_str(&name), STR("Store.dll"), GEN_2,
                              (struct cell){count, count * 72}, err) &&
             builder_add_type(b, strbuf_str(&name), STR("Store.dll"), GEN_0,
                              (struct cell){count / 9, count / 9 * 72}, err);
    }
    strbuf_deinit(&name);
    return ok;
}

static bool put_snapshot(const char *folder, const char *file, uint64_t seed, struct err *err) {
    struct snapshot s;
    struct builder b;
    struct strbuf out;
    snapshot_init(&s);
    strbuf_init(&out);
    bool ok = builder_init(&b, &s, err) && add_types(&b, seed, err) && builder_finish(&b, err) &&
              snapfile_encode(&s, &out, err) && put_file(folder, file, &out, err);
    builder_deinit(&b);
    strbuf_deinit(&out);
    snapshot_deinit(&s);
    return ok;
}

int main(int argc, char **argv) {
    struct err err = {.msg = "usage: make_data FOLDER"};
    if (argc == 2 && put_transcript(argv[1], &err) &&
        put_snapshot(argv[1], "base.snap", 1234567, &err) &&
        put_snapshot(argv[1], "new.snap", 7654321, &err))
        return 0;
    fprintf(stderr, "make_data: %s\n", err.msg);
    return 1;
}
