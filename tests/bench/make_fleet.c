/*
 * Fills a history with a fleet (tests/support/made_fleet.h), by several writers at once, and says
 * how long an `add` took. usage: make_fleet DB INSTANCES SNAPSHOTS TYPES [WRITERS]
 */
#include "tests/support/made_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int cmp_took(const void *x, const void *y) {
    const double *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static bool write_share(const char *db, const struct fleet_plan *of, unsigned first,
                        unsigned last) {
    struct history h;
    struct err err;
    struct fleet_plan plan_of_us = *of, *plan = &plan_of_us;
    size_t adds = (size_t)plan->snapshots * (last - first);
    plan->took_ms = calloc(adds + 1, sizeof(*plan->took_ms));
    if (!plan->took_ms)
        return false;
    bool ok =
        history_open(&h, db, HISTORY_CREATE, &err) && fleet_fill_some(&h, plan, first, last, &err);
    history_close(&h);
    if (!ok)
        fprintf(stderr, "make_fleet: %s\n", err.msg);
    qsort(plan->took_ms, adds, sizeof(*plan->took_ms), cmp_took);
    if (ok && adds && first == 0)
        printf("a writer: an add took %.1f ms (median), %.1f ms (95 of 100)\n",
               plan->took_ms[adds / 2], plan->took_ms[adds * 95 / 100]);
    fflush(stdout);
    free(plan->took_ms);
    return ok;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: make_fleet DB INSTANCES SNAPSHOTS TYPES [WRITERS [CHANGING]]\n");
        return 2;
    }
    const struct fleet_plan plan = {(unsigned)strtoul(argv[2], NULL, 10),
                                    (unsigned)strtoul(argv[3], NULL, 10),
                                    (unsigned)strtoul(argv[4], NULL, 10),
                                    argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 0,
                                    true,
                                    argc > 6,
                                    NULL};
    unsigned writers = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 1;
    struct timespec begin, end;
    bool ok = writers > 0 && plan.instances > 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned w = 0; w < writers; w++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(!write_share(argv[1], &plan, plan.instances * w / writers,
                               plan.instances * (w + 1) / writers));
        ok = ok && pid > 0;
    }
    for (unsigned w = 0; w < writers; w++) {
        int status;
        ok = wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && ok;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    double adds = (double)plan.instances * plan.snapshots;
    printf("%u instances x %u snapshots of %u types, %u writer%s: %.1f s, %.1f ms an add of a "
           "writer\n",
           plan.instances, plan.snapshots, plan.types, writers, writers == 1 ? "" : "s", seconds,
           seconds * 1000 * writers / adds);
    return !ok;
}
