#include "memory/live/live.h"

bool live_open(struct space *s, uint64_t pid, struct err *err) {
    (void)s;
    (void)pid;
    return err_set(err, ERR_UNSUPPORTED,
                   "running processes are not read on Windows: take a dump of it, and give that");
}

struct live_room *live_room_make(uint64_t pid) {
    (void)pid;
    return NULL;
}

void live_room_free(struct live_room *room) {
    (void)room;
}

bool live_copy(struct space *s, struct live_room *room, struct err *err) {
    (void)s;
    (void)room;
    return err_set(err, ERR_UNSUPPORTED, "running processes are not read on Windows");
}

uint64_t live_resume(struct space *s) {
    (void)s;
    return 0;
}

void live_stands_at_most(uint64_t ns) {
    (void)ns;
}

uint64_t live_clock_ns(void) {
    return 0;
}

uint64_t live_captured_ns(const struct space *s) {
    (void)s;
    return UINT64_MAX;
}

uint64_t live_process_start_ns(const struct space *s) {
    (void)s;
    return UINT64_MAX;
}
