#include "tests/support/history_place.h"

#include "tests/support/mk_snap.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

const struct history_key place_key = {"shop", "1.0", "test", ""};

/* -- The server -------------------------------------------------------------------------------- */

static char server_folder[64]; /* "": there is none */
static unsigned databases;

const char *place_server(void) {
    return server_folder[0] ? server_folder : NULL;
}

static bool run_shell(const char *command, char *ret_line, size_t size) {
    FILE *out = popen(command, "r");
    if (!out)
        return false;
    if (!fgets(ret_line, (int)size, out))
        ret_line[0] = 0;
    ret_line[strcspn(ret_line, "\n")] = 0;
    return pclose(out) == 0;
}

bool place_server_start(void) {
    char command[256], line[256];
    snprintf(server_folder, sizeof(server_folder), "/tmp/dumpdiff-pg-XXXXXX");
    if (!mkdtemp(server_folder))
        return false;
    snprintf(command, sizeof(command), "tests/support/postgres.sh start %s", server_folder);
    if (run_shell(command, line, sizeof(line)))
        return true;
    printf("no tests of PostgreSQL: %s\n", line);
    rmdir(server_folder);
    server_folder[0] = 0;
    return false;
}

void place_server_stop(void) {
    char command[256], line[64];
    if (!server_folder[0])
        return;
    snprintf(command, sizeof(command), "tests/support/postgres.sh stop %s; rm -rf %s",
             server_folder, server_folder);
    run_shell(command, line, sizeof(line));
    server_folder[0] = 0;
}

int place_set_up_server(void **state) {
    if (!server_folder[0])
        return 0;
    struct place *p = calloc(1, sizeof(*p));
    char command[256], line[256];
    if (!p)
        return -1;
    snprintf(command, sizeof(command), "createdb -h %s -U dumpdiff db%u 2>&1", server_folder,
             ++databases);
    if (!run_shell(command, line, sizeof(line)))
        return -1;
    snprintf(p->path, sizeof(p->path), "postgresql:///db%u?host=%s&user=dumpdiff", databases,
             server_folder);
    *state = p;
    return 0;
}

void place_left_out(void **state) {
    (void)state;
    skip();
}

int place_tear_down_server(void **state) {
    free(*state);
    return 0;
}

/* -- A folder of its own for each test --------------------------------------------------------- */

int place_set_up(void **state) {
    struct place *p = calloc(1, sizeof(*p));
    if (!p)
        return -1;
    snprintf(p->folder, sizeof(p->folder), "/tmp/dumpdiff-history-XXXXXX");
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->path, sizeof(p->path), "%s/h.db", p->folder);
    *state = p;
    return 0;
}

int place_tear_down(void **state) {
    struct place *p = *state;
    DIR *folder = opendir(p->folder);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char path[400];
        snprintf(path, sizeof(path), "%s/%s", p->folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (folder)
        closedir(folder);
    rmdir(p->folder);
    free(p);
    return 0;
}

/* -- Snapshots made by numbers ----------------------------------------------------------------- */

unsigned place_objects_of(unsigned n, unsigned type) {
    unsigned x = (n * 2654435761u) ^ (type * 40503u);
    return type % 3 == 0 ? type + 1 : type % 3 == 1 ? n * (type + 1) : x % 7;
}

void place_make(struct snapshot *s, unsigned n) {
    char text[8192];
    size_t at = (size_t)snprintf(text, sizeof(text),
                                 "origin process=shop captured_at=%u000000000\n", n + 1);
    for (unsigned t = 0; t < PLACE_TYPES; t++)
        if (place_objects_of(n, t))
            at += (size_t)snprintf(text + at, sizeof(text) - at,
                                   "types name=\"App.T%u\" gen0=1/8 gen2=%u/%u\n", t,
                                   place_objects_of(n, t), place_objects_of(n, t) * 24);
    snapshot_init(s);
    mk_snap(s, text);
}

void place_add_as(struct history *h, unsigned n, const struct history_key *under) {
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known;
    place_make(&s, n);
    if (!history_add(h, &s, under, NULL, &id, &known, &err))
        fail_msg("%s", err.msg);
    snapshot_deinit(&s);
}

void place_add_text(struct history *h, const struct history_key *under, const char *text) {
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known;
    snapshot_init(&s);
    mk_snap(&s, text);
    if (!history_add(h, &s, under, NULL, &id, &known, &err))
        fail_msg("%s", err.msg);
    snapshot_deinit(&s);
}

void place_join(const int *pids, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        int status;
        assert_true(waitpid(pids[i], &status, 0) == pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

struct history place_open(const struct place *p) {
    struct history h;
    struct err err;
    if (!history_open(&h, p->path, HISTORY_CREATE, &err))
        fail_msg("%s", err.msg);
    return h;
}

struct history_entry *place_entries(struct history *h, uint32_t *count) {
    const struct history_filter all = {.program = NULL};
    struct history_entry *items;
    struct err err;
    if (!history_entries(h, &all, &items, count, &err))
        fail_msg("%s", err.msg);
    return items;
}

void place_check_all(struct history *h, unsigned first) {
    uint32_t count;
    struct history_entry *items = place_entries(h, &count);
    for (unsigned t = 0; t < PLACE_TYPES; t++) {
        char name[32];
        struct history_values v;
        struct err err;
        bool found;
        snprintf(name, sizeof(name), "App.T%u", t);
        assert_true(history_find(h, items, count, name, &v, &found, &err));
        for (uint32_t i = 0; found && i < count; i++) {
            unsigned n = place_objects_of(first + i, t);
            assert_int_equal(v.columns[HISTORY_OBJECTS][i], n ? n + 1 : 0);
            assert_int_equal(v.columns[HISTORY_BYTES][i], n ? n * 24 + 8 : 0);
            assert_int_equal(v.columns[HISTORY_MATURE][i], n * 24);
        }
        if (!found)
            for (uint32_t i = 0; i < count; i++)
                assert_int_equal(place_objects_of(first + i, t), 0);
    }
}

bool place_count_visit(void *context, const struct history_values *v, struct err *err) {
    (void)err;
    uint64_t *sum = context;
    for (int i = 0; i < 3; i++)
        if (v->kind == HISTORY_TYPE)
            sum[i] += v->columns[HISTORY_BYTES][i];
    return true;
}
