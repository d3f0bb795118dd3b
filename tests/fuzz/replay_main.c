/*
 * Runs a fuzz target over files, with any compiler: what a fuzzer found once stays found.
 *
 * usage: replay NAME [FILE|FOLDER]...
 */
#include "tests/fuzz/fuzz.h"

#include "base/file.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_SECONDS 60u
#define DEPTH_MAX    4u

struct counts {
    unsigned passed, failed;
};

/* In a process of its own, so that a crash is counted and the rest still runs. */
static bool survives(const char *path) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        struct file file;
        struct err err = {.msg = ""};
        alarm(FILE_SECONDS);
        if (!file_open(&file, path, &err)) {
            fprintf(stderr, "%s: %s\n", path, err.msg);
            _exit(1);
        }
        /* Exactly as large as the input, so that a byte too many is seen. */
        uint8_t *data = malloc(file.bytes.size ? file.bytes.size : 1);
        if (!data)
            _exit(1);
        if (file.bytes.size)
            memcpy(data, file.bytes.data, file.bytes.size);
        LLVMFuzzerTestOneInput(data, file.bytes.size);
        free(data);
        file_close(&file);
        exit(0); /* and not _exit: leaks are looked for */
    }
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void replay(const char *path, unsigned depth, struct counts *counts) {
    struct stat st;
    if (stat(path, &st) != 0 || depth > DEPTH_MAX) {
        printf("%s: cannot be read\n", path);
        counts->failed++;
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        bool ok = survives(path);
        counts->passed += ok;
        counts->failed += !ok;
        if (!ok)
            printf("[  FAILED  ] %s\n", path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct strbuf inner;
        strbuf_init(&inner);
        strbuf_addf(&inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay(strbuf_cstr(&inner), depth + 1, counts);
        strbuf_deinit(&inner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

int main(int argc, char **argv) {
    struct counts counts = {0, 0};
    for (int i = 2; i < argc; i++)
        replay(argv[i], 0, &counts);
    printf("fuzz_%s: %u passed, %u failed\n", argc > 1 ? argv[1] : "", counts.passed,
           counts.failed);
    return counts.failed ? 1 : 0;
}
