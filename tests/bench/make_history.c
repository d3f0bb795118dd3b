/*
 * Makes a history as a product of ten years may have it, the same bytes on every machine:
 *
 *   history.db     10,000 snapshots (100 releases of 100) of 5,000 types each, of which a tenth
 *                  change from one snapshot to the next
 *   next0.snap...  snapshots that may be added to it
 *
 * and prints its bytes a row that changed. usage: make_history FOLDER [SNAPSHOTS]
 * Exit status: 1 when a row that changed takes more than ROW_BYTES_MOST, or something fails.
 */
#include "base/file.h"
#include "history/database.h"
#include "model/builder.h"
#include "model/snapfile.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPES          5000u
#define SNAPSHOTS      10000u
#define RELEASE_OF     100u /* snapshots */
#define NEXT           64u  /* runs of the bench, at most */
#define ROW_BYTES_MOST 60.0

static uint64_t counts[TYPES];
static uint64_t changed, state = 88172645463325252u;

static uint64_t make_history_next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Time goes on: a tenth of the types, not always the same, have more or fewer objects. */
static void make_history_step(void) {
    for (unsigned i = 0; i < TYPES; i++) {
        if (counts[i] && make_history_next() % 10)
            continue;
        uint64_t before = counts[i];
        counts[i] = before ? before - before / 8 + make_history_next() % (before / 4 + 2)
                           : 1 + make_history_next() % 20000;
        changed += counts[i] != before;
    }
}

static bool make_history_make(struct snapshot *s, unsigned number, struct err *err) {
    snapshot_init(s);
    struct builder *b = builder_new(s, err);
    bool ok = b != NULL;
    struct origin_row *origin = ok ? builder_single(b, PART_ORIGIN, err) : NULL;
    if (origin)
        origin->captured_at_ns = (1700000000ull + number * 3600ull) * 1000000000ull;
    ok = origin != NULL;
    for (unsigned i = 0; ok && i < TYPES; i++) {
        char name[64];
        snprintf(name, sizeof(name), "Store.Area%02u.Records.Record%04u", i % 37, i);
        ok = builder_add_type(b, str_of(name), STR("Store.dll"), GEN_2,
                              (struct cell){counts[i], counts[i] * 72}, err);
    }
    ok = ok && builder_finish(b, err);
    builder_free(b);
    return ok;
}

static bool make_history_keep(struct history *h, unsigned number, struct err *err) {
    struct snapshot s;
    char release[32];
    snprintf(release, sizeof(release), "1.%u", number / RELEASE_OF);
    struct history_key key = {"store", release, "", ""};
    uint64_t id;
    bool known;
    bool ok =
        make_history_make(&s, number, err) && history_add(h, &s, &key, NULL, &id, &known, err);
    snapshot_deinit(&s);
    return ok;
}

static bool put_next(const char *folder, unsigned number, unsigned first, struct err *err) {
    struct snapshot s;
    struct strbuf out, path;
    strbuf_init(&out);
    strbuf_init(&path);
    strbuf_addf(&path, "%s/next%u.snap", folder, number);
    bool ok = make_history_make(&s, first + number, err) && snapfile_encode(&s, &out, err) &&
              file_write(strbuf_cstr(&path), fit_bytes(strbuf_str(&out)), err);
    strbuf_deinit(&out);
    strbuf_deinit(&path);
    snapshot_deinit(&s);
    return ok;
}

static bool make_history_fill(const char *path, unsigned snapshots, struct err *err) {
    struct history h;
    bool ok = history_open(&h, path, HISTORY_CREATE, err);
    /* This file is not worth waiting for the disk. */
    ok = ok && store_run(&h, "PRAGMA synchronous = OFF", NULL, 0, NULL, err);
    for (unsigned i = 0; ok && i < snapshots; i++) {
        make_history_step();
        ok = make_history_keep(&h, i, err);
    }
    history_close(&h);
    return ok;
}

int main(int argc, char **argv) {
    struct err err = {.msg = "usage: make_history FOLDER [SNAPSHOTS]"};
    struct strbuf path;
    struct stat st;
    unsigned snapshots = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : SNAPSHOTS;
    strbuf_init(&path);
    strbuf_addf(&path, "%s/history.db", argc > 1 ? argv[1] : ".");
    bool ok = argc > 1 && snapshots;
    if (ok)
        unlink(strbuf_cstr(&path));
    ok = ok && make_history_fill(strbuf_cstr(&path), snapshots, &err);
    for (unsigned i = 0; ok && i < NEXT; i++) {
        make_history_step();
        ok = put_next(argv[1], i, snapshots, &err);
    }
    if (!ok || stat(strbuf_cstr(&path), &st) != 0) {
        fprintf(stderr, "make_history: %s\n", err.msg);
        return 1;
    }
    double bytes = (double)st.st_size / (double)changed;
    printf("history, %u snapshots of %u types, %llu rows changed\n    %.1f MB, %.1f bytes a row "
           "that changed; limit %.0f: %s\n",
           snapshots, TYPES, (unsigned long long)changed, (double)st.st_size / 1e6, bytes,
           ROW_BYTES_MOST, bytes > ROW_BYTES_MOST ? "MISSED" : "ok");
    strbuf_deinit(&path);
    return bytes > ROW_BYTES_MOST;
}
