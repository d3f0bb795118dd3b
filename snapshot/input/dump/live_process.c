#include "input/dump/live_process.h"

#include "input/dump/dump.h"
#include "memory/live/live.h"
#include "model/rows_origin.h"

#include <stdio.h>

uint64_t live_read_clock_ns(void) {
    return live_clock_ns();
}

bool live_read(uint64_t pid, const struct input_options *options, struct builder *b,
               struct err *err) {
    struct space space;
    struct live_room *room = live_room_make(pid);
    if (options->stop_max_ns)
        live_stands_at_most(options->stop_max_ns);
    if (!live_open(&space, pid, err)) {
        live_stands_at_most(0);
        live_room_free(room);
        return false;
    }
    /*
     * It goes on before anything is looked for; where it cannot be copied it stands until all is
     * read. A copy that fails is no error: err is of no use then.
     */
    struct err why = {.msg = ""};
    if (live_copy(&space, room, &why)) {
        (void)live_resume(&space);
        live_stands_at_most(0);
    } else {
        builder_note(b, "the process stood still until all was read: %s", why.msg);
    }
    /* Files as the process sees them, which may live in a container. */
    char root[64];
    snprintf(root, sizeof(root), "/proc/%llu/root", (unsigned long long)pid);
    struct input_options here = *options;
    if (!here.sysroot)
        here.sysroot = root;
    bool ok = dump_read_space(&space, NULL, &here, b, err);
    struct origin_row *origin = ok ? builder_single(b, PART_ORIGIN, err) : NULL;
    if (origin) {
        origin->captured_at_ns = live_captured_ns(&space);
        origin->process_start_ns = live_process_start_ns(&space);
    }
    space_deinit(&space);
    live_stands_at_most(0);
    live_room_free(room);
    return ok && origin;
}
