/*
 * Times the program, and where there is one a peer doing the same on the same data in the same run,
 * turn by turn; prints the medians, their ratio and the largest resident set.
 *
 * usage: bench PROGRAM FOLDER [RUNS]     FOLDER as make_data, make_heaps and make_history leave it
 * BENCH_LOG: a file that the values of all runs are appended to (figures.py); BENCH_COUNT: a script
 * that counts the instructions of a command, for that file.
 * BEFORE: another build of the program, that is run in between; it is a failure to be slower than
 * it by more than SLOWER_MAX, in the median and in the least. GCDUMP_REPORT: what prints the report
 * of a .gcdump, where it is not `dotnet-gcdump report`. Exit status: 1 when a limit is missed or a
 * program fails.
 */
#include "base/str.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX   16u
#define RUNS_MAX   1001u
#define SLOWER_MAX 1.05

/* "@" is the program, "%name" a file of the folder, in which '#' is the number of the run. */
struct bench_case {
    const char *name;
    const char *ours[ARGS_MAX];
    const char *peer[ARGS_MAX];
    const char *peer_needs; /* a command that succeeds where there is a peer; NULL: always */
    double limit_ms;        /* of our median; 0: none */
    double limit_ratio;     /* ours / peer; 0: none */
    long limit_rss_kb;      /* 0: none */
    double limit_rss_ratio; /* ours / peer, of the largest resident sets; 0: none */
    unsigned runs_max;      /* of cases that take long; 0: as many as are asked for */
};

#define GCDUMP_REPORT \
    "sh", "-c", "exec ${GCDUMP_REPORT:-dotnet-gcdump report} \"$0\"", "%heap.gcdump"
#define HAS_GCDUMP_REPORT "command -v ${GCDUMP_REPORT:-dotnet-gcdump} >/dev/null"

static const struct bench_case cases[] = {
    {.name = "show, transcript of 9,000 rows; peer: awk sums its columns",
     .ours = {"@", "show", "%heap.txt"},
     .peer = {"awk", "{ n += $2; b += $3 } END { print n, b }", "%heap.txt"},
     .limit_ms = 20,
     .limit_ratio = 1,
     .limit_rss_kb = 20 * 1024},
    {.name = "show, 50,000 types, top 20",
     .ours = {"@", "show", "--top", "20", "%base.snap"},
     .limit_ms = 20},
    {.name = "show, sparse minidump of 4.8 GB with 300 threads",
     .ours = {"@", "show", "%sparse.dmp"},
     .limit_ms = 50,
     .limit_rss_kb = 20 * 1024},
    {.name = "gate, 10 snapshots of 5,000 types",
     .ours = {"@", "gate", "--budget", "%budget.json", "%ten0.snap", "%ten1.snap", "%ten2.snap",
              "%ten3.snap", "%ten4.snap", "%ten5.snap", "%ten6.snap", "%ten7.snap", "%ten8.snap",
              "%ten9.snap"},
     .limit_ms = 100},
    {.name = "show --no-paths, .gcdump of 1,000,000 objects; peer: dotnet-gcdump report",
     .ours = {"@", "show", "--no-paths", "%heap.gcdump"},
     .peer = {GCDUMP_REPORT},
     .peer_needs = HAS_GCDUMP_REPORT,
     .limit_ratio = 0.1},
    {.name = "show of it with what holds the objects, which the peer does not look for",
     .ours = {"@", "show", "%heap.gcdump"},
     .peer = {GCDUMP_REPORT},
     .peer_needs = HAS_GCDUMP_REPORT},
    {.name = "show --no-paths, HPROF of 512 MiB, 1 GB/s; peer: cat",
     .ours = {"@", "show", "--no-paths", "%heap.hprof"},
     .peer = {"cat", "%heap.hprof"},
     .limit_ms = 537,
     .limit_ratio = 2},
    {.name = "show --path of it; peer: itself, without what holds the objects",
     .ours = {"@", "show", "--path", "store.area7.Record7", "%heap.hprof"},
     .peer = {"@", "show", "--no-paths", "%heap.hprof"},
     .limit_ratio = 4,
     .runs_max = 7},
    {.name = "show, .heapsnapshot of 450 MB; peer: Node's JSON.parse of it",
     .ours = {"@", "show", "%heap.heapsnapshot"},
     .peer = {"node", "--max-old-space-size=8192", "-e",
              "JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8'))",
              "%heap.heapsnapshot"},
     .limit_ratio = 0.2,
     .limit_rss_ratio = 1.0 / 3,
     .runs_max = 5},
    {.name = "diff, 50,000 types each",
     .ours = {"@", "diff", "%base.snap", "%new.snap"},
     .limit_ms = 100},
    {.name = "history add, 10,000 snapshots of 5,000 types there; needs each next#.snap once",
     .ours = {"@", "history", "add", "--db", "%history.db", "--program", "store", "--release",
              "1.99", "%next#.snap"},
     .limit_ms = 50},
    {.name = "history trend of a type over these 10,000 snapshots",
     .ours = {"@", "history", "trend", "--db", "%history.db", "Store.Area05.Records.Record0005"},
     .limit_ms = 50},
    {.name = "show, jemalloc profile of 100,000 stacks; peer: jeprof --text",
     .ours = {"@", "show", "%jemalloc.heap"},
     .peer = {"jeprof", "--text", "--show_bytes", "/bin/true", "%jemalloc.heap"},
     .limit_ratio = 0.05,
     .runs_max = 3},
};

struct run {
    double ms;
    long rss_kb;
    bool ok, not_there; /* not_there: there is no such program */
};

/* The arguments as they are run, each to be freed. */
static void fill_args(char *argv[ARGS_MAX + 1], const char *const *args, const char *program,
                      const char *folder, unsigned number) {
    for (size_t i = 0; i < ARGS_MAX && args[i]; i++) {
        struct strbuf arg;
        strbuf_init(&arg);
        if (strcmp(args[i], "@") == 0)
            strbuf_adds(&arg, program);
        else if (args[i][0] == '%' && strchr(args[i], '#'))
            strbuf_addf(&arg, "%s/%.*s%u%s", folder, (int)strcspn(args[i] + 1, "#"), args[i] + 1,
                        number, strchr(args[i], '#') + 1);
        else if (args[i][0] == '%')
            strbuf_addf(&arg, "%s/%s", folder, args[i] + 1);
        else
            strbuf_adds(&arg, args[i]);
        argv[i] = arg.ptr;
    }
}

/* Frees nothing: the process is about to become another. */
static void exec_args(const char *const *args, const char *program, const char *folder,
                      unsigned number) {
    char *argv[ARGS_MAX + 1] = {NULL};
    fill_args(argv, args, program, folder, number);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        _exit(126);
    if (args[0][0] != '@') /* peers tell what they do */
        dup2(null, 2);
    execvp(argv[0], argv);
    _exit(127);
}

static double bench_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct run run_once(const char *const *args, const char *program, const char *folder,
                           unsigned number) {
    struct rusage usage = {0};
    int status = 1;
    double start = bench_now_ms();
    pid_t pid = fork();
    if (pid == 0)
        exec_args(args, program, folder, number);
    bool waited = pid > 0 && wait4(pid, &status, 0, &usage) == pid;
    /* 0 or 1: a report; anything else went wrong. */
    return (struct run){.ms = bench_now_ms() - start,
                        .rss_kb = usage.ru_maxrss,
                        .ok = waited && WIFEXITED(status) && WEXITSTATUS(status) <= 1,
                        .not_there = waited && WIFEXITED(status) && WEXITSTATUS(status) == 127};
}

static int bench_cmp_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double bench_median(double *values, unsigned count) {
    qsort(values, count, sizeof(*values), bench_cmp_double);
    return values[count / 2];
}

/* -- What is kept ------------------------------------------------------------------------------ */

/* Instructions of one more run, by the script; 0: nobody counts. *ret_by: who did. */
static double bench_count(const struct bench_case *c, const char *program, const char *folder,
                          unsigned number, char ret_by[16]) {
    const char *script = getenv("BENCH_COUNT");
    char *argv[ARGS_MAX + 1] = {NULL};
    struct strbuf line;
    double count = 0;
    if (!script)
        return 0;
    strbuf_init(&line);
    strbuf_adds(&line, script);
    fill_args(argv, c->ours, program, folder, number);
    for (size_t i = 0; argv[i]; i++) {
        strbuf_addf(&line, " '%s'", argv[i]);
        free(argv[i]);
    }
    FILE *out = popen(strbuf_cstr(&line), "r");
    if (out && fscanf(out, "%lf %15s", &count, ret_by) != 2)
        count = 0;
    if (out && pclose(out) != 0)
        count = 0;
    strbuf_deinit(&line);
    return count;
}

/* A line of the log, see figures.py. False: it cannot be written. */
static bool bench_keep(const struct bench_case *c, const double *ours, const double *peer,
                       unsigned runs, double instructions, const char *by) {
    const char *path = getenv("BENCH_LOG");
    FILE *log = path ? fopen(path, "a") : NULL;
    if (!log)
        return path == NULL;
    cJSON *figure = cJSON_CreateObject();
    cJSON_AddStringToObject(figure, "name", c->name);
    cJSON_AddStringToObject(figure, "unit", "ms");
    cJSON_AddItemToObject(figure, "ours", cJSON_CreateDoubleArray(ours, (int)runs));
    if (peer) {
        cJSON_AddStringToObject(figure, "peer", c->peer[0]);
        cJSON_AddItemToObject(figure, "peer_values", cJSON_CreateDoubleArray(peer, (int)runs));
    }
    if (instructions > 0) {
        cJSON_AddNumberToObject(figure, "instructions", instructions);
        cJSON_AddStringToObject(figure, "by", by);
    }
    char *text = cJSON_PrintUnformatted(figure);
    bool ok = text && fprintf(log, "%s\n", text) > 0;
    cJSON_free(text);
    cJSON_Delete(figure);
    return fclose(log) == 0 && ok;
}

/* -- A case ------------------------------------------------------------------------------------ */

/* Says how the program compares with the build before it. False: it is slower. */
static bool bench_before(double ms, double least, double *before, unsigned runs) {
    double before_ms = bench_median(before, runs);
    double ratio = ms / before_ms, least_ratio = least / before[0];
    bool slower = ratio > SLOWER_MAX && least_ratio > SLOWER_MAX;
    printf("; before %.1f ms (least %.1f), ratio %.2f (%.2f)%s", before_ms, before[0], ratio,
           least_ratio, slower ? " SLOWER" : "");
    return !slower;
}

/* Says how much memory the peer takes, where that is asked. False: ours is too much. */
static bool bench_memory(const struct bench_case *c, long ours_kb, long peer_kb) {
    double ratio = (double)ours_kb / (double)peer_kb;
    if (c->limit_rss_ratio <= 0)
        return true;
    printf(", of memory %.2f (%.0f MB; limit %.2f)", ratio, (double)peer_kb / 1024,
           c->limit_rss_ratio);
    return ratio <= c->limit_rss_ratio;
}

static bool bench(const struct bench_case *c, const char *program, const char *folder,
                  unsigned runs) {
    static double ours[RUNS_MAX], peer[RUNS_MAX], before[RUNS_MAX];
    const char *before_program = getenv("BEFORE");
    long rss_kb = 0, peer_rss_kb = 1;
    bool ok = true, has_peer = c->peer[0] && (!c->peer_needs || system(c->peer_needs) == 0);
    if (c->runs_max && runs > c->runs_max)
        runs = c->runs_max;
    for (unsigned i = 0; i < runs; i++) {
        /* Who comes first finds the machine as the other left it: that changes in turns. */
        struct run run = {.ok = true};
        for (unsigned turn = 0; turn < 2; turn++) {
            bool is_before = (turn + i) % 2 == 0;
            if (is_before && !before_program)
                continue;
            run = run_once(c->ours, is_before ? before_program : program, folder,
                           is_before ? runs + i : i);
            (is_before ? before : ours)[i] = run.ms;
            ok &= run.ok;
            if (!is_before && run.rss_kb > rss_kb)
                rss_kb = run.rss_kb;
        }
        if (!has_peer)
            continue;
        run = run_once(c->peer, program, folder, i);
        peer[i] = run.ms;
        if (run.rss_kb > peer_rss_kb)
            peer_rss_kb = run.rss_kb;
        has_peer = !run.not_there;
        ok &= run.ok || run.not_there;
    }
    /* Sorting comes after: the runs are kept in the order of their turns. */
    char by[16] = "";
    double instructions = bench_count(c, program, folder, 2 * runs, by);
    ok &= bench_keep(c, ours, has_peer ? peer : NULL, runs, instructions, by);
    double ms = bench_median(ours, runs);
    printf("%s\n    median of %u: %.1f ms (least %.1f), %.1f MB", c->name, runs, ms, ours[0],
           (double)rss_kb / 1024);
    bool missed = (before_program && !bench_before(ms, ours[0], before, runs)) ||
                  (c->limit_ms > 0 && ms > c->limit_ms) ||
                  (c->limit_rss_kb && rss_kb > c->limit_rss_kb);
    if (instructions > 0)
        printf(", %.1f million instructions (%s)", instructions / 1e6, by);
    if (c->peer[0] && !has_peer)
        printf("; peer SKIPPED: no %s on this machine",
               c->peer_needs ? "such program" : c->peer[0]);
    if (has_peer) {
        double peer_ms = bench_median(peer, runs), ratio = ms / peer_ms;
        printf("; peer %.1f ms, ratio %.2f", peer_ms, ratio);
        missed |= c->limit_ratio > 0 && ratio > c->limit_ratio;
        missed |= !bench_memory(c, rss_kb, peer_rss_kb);
    }
    if (c->limit_ms > 0)
        printf("; limit %.0f ms", c->limit_ms);
    if (c->limit_ratio > 0)
        printf(", ratio %.2f", c->limit_ratio);
    if (c->limit_rss_kb)
        printf(", %.0f MB", (double)c->limit_rss_kb / 1024);
    printf(": %s\n", !ok ? "FAILED" : missed ? "MISSED" : "ok");
    return ok && !missed;
}

int main(int argc, char **argv) {
    unsigned runs = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 21;
    if (argc < 3 || runs == 0 || runs > RUNS_MAX) {
        fputs("usage: bench PROGRAM FOLDER [RUNS]\n", stderr);
        return 2;
    }
    bool ok = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        ok = bench(&cases[i], argv[1], argv[2], runs) && ok;
    return ok ? 0 : 1;
}
