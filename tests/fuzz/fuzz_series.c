/*
 * Everything behind the inputs: two snapshots (or, where the second is none, one) lined up, judged
 * by all rules, explained, and reported in all formats.
 *
 * Input: u16 size of the first .snap file, the first, the second. Checksums are made to fit.
 */
#include "tests/fuzz/fuzz_checksums.h"

#include "diff/report/report.h"
#include "model/snapshot.h"

#include <string.h>

/* Decodes a copy of the bytes; false: not a snapshot. The snapshot is to be deinitialised anyway.
 */
static bool fuzz_series_decode(const uint8_t *data, size_t size, struct snapshot *s) {
    struct err err = {.msg = ""};
    uint8_t *file = malloc(size ? size : 1);
    snapshot_init(s);
    if (!file)
        return false;
    if (size)
        memcpy(file, data, size);
    fuzz_fix_checksums(file, size);
    bool ok = snapfile_decode((struct bytes){file, size}, s, &err);
    free(file);
    return ok;
}

static void report_all(const struct series *s, const struct findings *f,
                       const struct causes *causes) {
    static const char *const names[] = {"base", "new"};
    struct report_options options = {.names = names, .causes = causes};
    struct err err = {.msg = ""};
    for (size_t i = 0; reports[i]; i++)
        for (int all = 0; all < 2; all++) {
            struct strbuf out;
            if (reports[i]->needs & ~s->parts_any)
                continue; /* as the command: it is not asked for what is not there */
            strbuf_init(&out);
            options.all = all;
            bool ok = s->count > 1 ? reports[i]->diff(s, f, &options, &out, &err)
                                   : reports[i]->show(s, f, &options, &out, &err);
            FUZZ_CHECK(ok || err.msg[0]);
            strbuf_deinit(&out);
        }
}

static void fuzz_series_judge(const struct snapshot *const *snapshots, uint32_t count) {
    struct series_options options;
    struct series s;
    struct limits limits;
    struct findings findings;
    struct err err = {.msg = ""};
    series_options_init(&options);
    limits_init(&limits);
    findings_init(&findings);
    if (series_init(&s, snapshots, count, &options, &err)) {
        /* A snapshot may be well-formed and still make no sense: paths that go round in circles. */
        struct causes causes;
        if (!rules_run(&s, &limits, &findings, &err)) {
            FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
        } else {
            if (causes_find(&causes, &s, &limits, &findings, &err))
                report_all(&s, &findings, &causes);
            else
                FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
            causes_deinit(&causes);
        }
    }
    findings_deinit(&findings);
    series_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct snapshot snapshots[2];
    const struct snapshot *const pointers[] = {&snapshots[0], &snapshots[1]};
    if (size < 2)
        return 0;
    size_t first = load_u16(data);
    data += 2;
    size -= 2;
    if (first > size)
        first = size;
    bool one = fuzz_series_decode(data, first, &snapshots[0]);
    bool two = fuzz_series_decode(data + first, size - first, &snapshots[1]);
    if (one)
        fuzz_series_judge(pointers, two ? 2 : 1);
    snapshot_deinit(&snapshots[0]);
    snapshot_deinit(&snapshots[1]);
    return 0;
}
