#include "tests/support/corpus.h"

#include "tests/support/log_checks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *corpus_path(char ret_path[SHARED_PATH_MAX], const char *name) {
    if (!shared_path(ret_path, "corpus/%s", name))
        fail_msg("%s is not there", ret_path);
    return ret_path;
}

void corpus_read(const char *name, struct snapshot *ret_snapshot) {
    char path[SHARED_PATH_MAX];
    log_read(corpus_path(path, name), ret_snapshot);
}

static const struct {
    const char *start;
    enum corpus_kind kind;
} kinds[] = {
    {"dumpasync", CORPUS_HEAP},
    {"dumpheap", CORPUS_HEAP},
    {"eeheap", CORPUS_HEAP},
    {"finalizequeue", CORPUS_HEAP},
    {"gchandles", CORPUS_HEAP},
    {"heapstat", CORPUS_HEAP},
    {"jmap", CORPUS_HEAP},
    {"mixed_netfx4_gcperf", CORPUS_HEAP},
    {"vmstat", CORPUS_HEAP},
    {"address", CORPUS_THREADS},
    {"clrstack", CORPUS_THREADS},
    {"clrthreads", CORPUS_THREADS},
    {"dotnet-dump_threads", CORPUS_THREADS},
    {"heap-s_", CORPUS_THREADS},
    {"lldb_clrstack", CORPUS_THREADS},
    {"mixed_netfx4_x86_deadlock", CORPUS_THREADS},
    {"runaway", CORPUS_THREADS},
    {"syncblk", CORPUS_THREADS},
    {"threadpool", CORPUS_THREADS},
    {"threads", CORPUS_THREADS},
    {"SOURCES.md", CORPUS_OTHER},
    /* Allocation profiles and native allocation stacks: formats of their own. */
    {"bcc-memleak", CORPUS_PROFILE_TEXT},
    {"gcdump-report", CORPUS_OTHER},
    {"gperftools", CORPUS_PROFILES},
    {"heap-l_", CORPUS_SUMS},
    {"heap-stat", CORPUS_SUMS},
    {"heaptrack", CORPUS_HEAPTRACK},
    {"jeprof", CORPUS_PROFILE_TEXT},
    {"memanalyzer", CORPUS_OTHER},
    {"pprof", CORPUS_PROFILE_TEXT},
    {"umdh", CORPUS_UMDH},
};

enum corpus_kind corpus_kind(const char *name) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strncmp(name, kinds[i].start, strlen(kinds[i].start)) == 0)
            return kinds[i].kind;
    return CORPUS_UNKNOWN;
}

static bool is_among(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

unsigned corpus_count_untested(enum corpus_kind kind, const char *const *names, size_t count) {
    char path[SHARED_PATH_MAX];
    unsigned untested = 0;
    DIR *dir = shared_path(path, "corpus") ? opendir(path) : NULL;
    if (!dir)
        return 1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || corpus_kind(entry->d_name) != kind)
            continue;
        if (kind != CORPUS_UNKNOWN && is_among(entry->d_name, names, count))
            continue;
        fprintf(stderr, "corpus: no test for %s\n", entry->d_name);
        untested++;
    }
    closedir(dir);
    return untested;
}
