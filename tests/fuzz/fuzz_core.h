/*
 * Small real cores (base/) that targets change and read: see there. Runs start in the top folder of
 * the project; elsewhere FUZZ_BASE names the folder.
 */
#ifndef DUMPDIFF_FUZZ_FUZZ_CORE_H
#define DUMPDIFF_FUZZ_FUZZ_CORE_H

#include "tests/fuzz/fuzz.h"

#include "base/file.h"
#include "dotnet/dotnet.h"
#include "input/input.h"
#include "memory/unpack/unpack.h"
#include "model/answers.h"
#include "model/snapshot.h"
#include "tests/support/open_dump.h"

#include <string.h>

#define SMALL_READ 128u /* [bytes] larger reads are of contents rather than of structures */

/* A space whose bytes are asked for one by one, as those of a process are. */
struct fuzz_asked {
    struct space space; /* first: what fetch is given leads to the rest */
    struct space_range *ranges;
    uint8_t *looked_at; /* of each word of the file: 1 structure, 2 contents; NULL: do not note */
    const uint8_t *file;
};

static bool fuzz_fetch(struct space *s, uint64_t address, void *buffer, size_t size) {
    struct fuzz_asked *a = (struct fuzz_asked *)s;
    uint32_t i = s->last_range; /* set by the look-up that led here */
    const uint8_t *data = a->ranges[i].data + (address - a->ranges[i].start);
    memcpy(buffer, data, size);
    if (a->looked_at)
        for (size_t k = (size_t)(data - a->file) / 8; k <= (size_t)(data - a->file + size - 1) / 8;
             k++)
            a->looked_at[k] |= size <= SMALL_READ ? 1 : 2;
    return true;
}

static inline void fuzz_must(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

struct fuzz_how {
    bool byte_by_byte; /* as a process is read */
    bool no_paths;
    bool questions;     /* all of them */
    uint8_t *looked_at; /* see struct fuzz_asked; NULL in general */
};

static inline void fuzz_read_core(struct bytes file, struct fuzz_how how) {
    static const struct question all = {.asked = {true, true, true, true},
                                        .path_of = "System.String",
                                        .holders_of = "System.Object",
                                        .contents = true};
    uint8_t *looked_at = how.looked_at;
    struct answers answers;
    answers_init(&answers, &all);
    struct dotnet_options options = {.sysroot = "/nowhere",
                                     .no_paths = how.no_paths,
                                     .answers = how.questions ? &answers : NULL};
    struct fuzz_asked a = {.looked_at = looked_at, .file = file.data};
    struct err err = {.msg = ""};
    struct snapshot s;
    if (!open_any_dump(&a.space, file, &err)) {
        answers_deinit(&answers);
        return;
    }
    snapshot_init(&s);
    struct builder *builder = builder_new(&s, &err);
    fuzz_must(builder, "no memory");
    if (how.byte_by_byte || looked_at) {
        a.ranges = malloc((a.space.range_count + 1u) * sizeof(*a.ranges));
        fuzz_must(a.ranges != NULL, "no memory");
        for (uint32_t i = 0; i < a.space.range_count; i++) {
            a.ranges[i] = a.space.ranges[i];
            a.space.ranges[i].data = NULL;
        }
        a.space.fetch = fuzz_fetch;
    }
    bool ok = dotnet_read(&a.space, builder, &options, &err) && input_finish(builder, &err);
    FUZZ_CHECK(ok || err.msg[0]);
    builder_free(builder);
    space_deinit(&a.space);
    free(a.ranges);
    answers_deinit(&answers);
    if (ok)
        fuzz_round_trip(&s);
    fuzz_must(!looked_at || s.tables[PART_TYPES].count > 50, "the base core does not read");
    snapshot_deinit(&s);
}

/* The unpacked core; ends the program when it is not there. */
static inline uint8_t *fuzz_load_core(const char *name, size_t *ret_size) {
    const char *folder = getenv("FUZZ_BASE");
    struct strbuf path;
    struct file f;
    struct unpack_report report;
    struct err err = {.msg = ""};
    strbuf_init(&path);
    strbuf_addf(&path, "%s/%s", folder ? folder : "tests/fuzz/base", name);
    fuzz_must(file_open(&f, strbuf_cstr(&path), &err) && unpack_file(&f, NULL, &report, &err),
              strbuf_cstr(&path));
    uint8_t *file = malloc(f.bytes.size);
    fuzz_must(file != NULL, "no memory");
    memcpy(file, f.bytes.data, f.bytes.size);
    *ret_size = f.bytes.size;
    file_close(&f);
    strbuf_deinit(&path);
    return file;
}

#endif
