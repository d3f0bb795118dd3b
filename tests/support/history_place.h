/* A history of its own for a test, in a file or on a server, and snapshots made by numbers. */
#ifndef DUMPDIFF_SUPPORT_HISTORY_PLACE_H
#define DUMPDIFF_SUPPORT_HISTORY_PLACE_H

#include "history/database.h"
#include "model/snapshot.h"

struct place {
    char folder[64], path[256]; /* path: what history_open() takes */
};

/* shop 1.0 test, no instance */
extern const struct history_key place_key;

/* Set-up and tear-down of a test: *state is a struct place with an empty folder, and a file. */
int place_set_up(void **state);
int place_tear_down(void **state);
/* The same with a database of its own on the server; none: the file. NULL: no server. */
int place_set_up_server(void **state);
int place_tear_down_server(void **state);
/* Starts the server that these use; false: there is none, and why is said. Ends it. */
bool place_server_start(void);
void place_server_stop(void);
/* The folder of its socket; NULL: there is no server. */
const char *place_server(void);

#define PLACE_TYPES 40u

/* Objects of a type in the n-th snapshot; 0: the type is not there. */
unsigned place_objects_of(unsigned n, unsigned type);
void place_make(struct snapshot *s, unsigned n);
void place_add_as(struct history *h, unsigned n, const struct history_key *under);
/* A snapshot as mk_snap() writes it down. */
void place_add_text(struct history *h, const struct history_key *under, const char *text);
struct history place_open(const struct place *p);
/* Waits for processes that were forked by a test: each has to end well. */
void place_join(const int *pids, unsigned count);
/* All; never NULL where there are some. */
struct history_entry *place_entries(struct history *h, uint32_t *count);
/* Every figure of every snapshot; snapshots are those `first`, first + 1, ... were made of. */
void place_check_all(struct history *h, unsigned first);
/* A history_visit: bytes of types in the first three entries, summed up in uint64_t[3]. Errors:
 * none. */
bool place_count_visit(void *context, const struct history_values *v, struct err *err);

/*
 * The main function of a file of tests that run on SQLite, and on PostgreSQL where there is a
 * server. EACH(DO): DO(test), DO(test), ...; with cmocka.h.
 */
#define PLACE_IN_FILE(f) \
    { "SQLite: " #f, f, place_set_up, place_tear_down, NULL }
#define PLACE_ON_SERVER(f) \
    { "PostgreSQL: " #f, f, place_set_up_server, place_tear_down_server, NULL }
#define PLACE_NO_SERVER(f) \
    { "PostgreSQL: " #f, place_left_out, NULL, NULL, NULL }
void place_left_out(void **state);
#define PLACE_MAIN(EACH) \
    int main(void) { \
        const struct CMUnitTest in_file[] = {EACH(PLACE_IN_FILE)}, \
                                on_server[] = {EACH(PLACE_ON_SERVER)}, \
                                no_server[] = {EACH(PLACE_NO_SERVER)}; \
        int failed = cmocka_run_group_tests(in_file, NULL, NULL); \
        if (place_server_start()) \
            failed += cmocka_run_group_tests(on_server, NULL, NULL); \
        else \
            failed += cmocka_run_group_tests(no_server, NULL, NULL); \
        place_server_stop(); \
        return failed; \
    }

#endif
