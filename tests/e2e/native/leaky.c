/*
 * Leaks a known number of bytes a round, by known functions, for the tools that find leaks.
 *
 * usage: leaky ROUNDS SNAP_COMMAND...
 *
 * Does ROUNDS rounds, runs the command through the shell with DUMP=1 in its environment, does as
 * many rounds again and runs it with DUMP=2: the two moments. It also raises what profilers wait
 * for itself: mallctl("prof.dump") of jemalloc and HeapProfilerDump of gperftools where they are
 * loaded. A round leaks:
 *
 *   leak_422        3 blocks of 422 bytes
 *   leak_list       1 block of 1,000 bytes, called by itself 4 deep (at the end: the allocation)
 *   leak_shared     1 block of 2,048 bytes through path_a, 1 of 2,048 bytes through path_b
 *   keep_some       1 block of 512 bytes, of which those of the first half of all rounds are freed
 *                   before the second moment: shrinks
 *   churn           100 blocks of 300 bytes, all freed: never in a diff
 *
 * No size is one of which a sampler that sees everything would make anything but itself.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE   __attribute__((noinline))
#define ROUNDS_MAX 100000

static void *volatile kept[ROUNDS_MAX];
static void *volatile last; /* nothing that is allocated may be optimised away */

NOINLINE void leak_422(void) {
    for (int i = 0; i < 3; i++)
        last = malloc(422);
}

NOINLINE void leak_list(int depth) {
    if (depth > 0)
        leak_list(depth - 1);
    else
        last = malloc(1000);
    __asm__ volatile(""); /* no tail call */
}

NOINLINE void leak_shared(void) {
    last = calloc(2, 1024);
    __asm__ volatile("");
}

NOINLINE void path_a(void) {
    leak_shared();
    __asm__ volatile("");
}

NOINLINE void path_b(void) {
    leak_shared();
    __asm__ volatile("");
}

NOINLINE void keep_some(int round) {
    kept[round] = malloc(512);
    __asm__ volatile("");
}

NOINLINE void churn(void) {
    void *volatile blocks[100];
    for (int i = 0; i < 100; i++)
        blocks[i] = malloc(300);
    for (int i = 0; i < 100; i++)
        free(blocks[i]);
}

NOINLINE void one_round(int round) {
    leak_422();
    leak_list(4);
    path_a();
    path_b();
    keep_some(round);
    churn();
}

static void *leaky_find(const char *name) {
    return dlsym(RTLD_DEFAULT, name);
}

/* Asks whatever profiler is loaded for its file, then runs the command. */
static int dump(const char *moment, const char *command) {
    int (*mallctl)(const char *, void *, size_t *, void *, size_t);
    void (*heap_profiler_dump)(const char *);
    void *address = leaky_find("mallctl");
    memcpy(&mallctl, &address, sizeof(address));
    address = leaky_find("HeapProfilerDump");
    memcpy(&heap_profiler_dump, &address, sizeof(address));
    if (mallctl)
        mallctl("prof.dump", NULL, NULL, NULL, 0);
    if (heap_profiler_dump)
        heap_profiler_dump(moment);
    setenv("DUMP", moment, 1);
    return command ? system(command) : 0;
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 0;
    if (rounds < 1 || 2 * rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: leaky ROUNDS [COMMAND], ROUNDS up to %d\n", ROUNDS_MAX / 2);
        return 2;
    }
    for (int i = 0; i < rounds; i++)
        one_round(i);
    int status = dump("1", argv[2]);
    for (int i = 0; i < rounds; i++)
        one_round(rounds + i);
    for (int i = 0; i < rounds; i++)
        if (i % 4)
            free(kept[i]);
    for (int i = 0; i < rounds / 2; i++)
        free(kept[rounds + i]);
    return status || dump("2", argc > 2 ? argv[2] : NULL);
}
