#include "tests/support/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool corpus_path(const char *name, char ret_path[CORPUS_PATH_MAX]) {
    const char *shared = getenv("DUMPDIFF_SHARED");
    int n = snprintf(ret_path, CORPUS_PATH_MAX, "%s/corpus%s%s", shared ? shared : "../shared",
                     name[0] ? "/" : "", name);
    return n > 0 && n < CORPUS_PATH_MAX && access(ret_path, R_OK) == 0;
}

bool corpus_is_there(void) {
    char path[CORPUS_PATH_MAX];
    if (corpus_path("", path))
        return true;
    printf("skipped: no corpus of real transcripts at %s (set DUMPDIFF_SHARED)\n", path);
    return false;
}

bool corpus_read(const char *name, struct snapshot *snapshot, struct err *err) {
    static const struct input_options options = {0};
    char path[CORPUS_PATH_MAX];
    snapshot_init(snapshot);
    if (!corpus_path(name, path))
        return err_set(err, ERR_IO, "%s is not there", name);
    return input_read(path, &options, snapshot, err);
}

unsigned corpus_count_reasons(const struct snapshot *s, const char *part) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, reasons, count);
    unsigned found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += reasons[i].lowers_trust && strstr(reasons[i].text, part);
    return found;
}

void corpus_print_reasons(const char *name, const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, reasons, count);
    for (uint32_t i = 0; i < count; i++)
        fprintf(stderr, "%s: %s: %s (%lld)\n", name, reasons[i].lowers_trust ? "warning" : "note",
                reasons[i].text, (long long)reasons[i].count);
}
