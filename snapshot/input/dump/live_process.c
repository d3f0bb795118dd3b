#include "input/dump/live_process.h"

#include "input/dump/dump.h"
#include "memory/live/live.h"
#include "model/rows_origin.h"

#include <stdio.h>

bool live_read(uint64_t pid, const struct input_options *options, struct builder *b,
               struct err *err) {
    struct space space;
    if (!live_open(&space, pid, err))
        return false;
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
    return ok && origin;
}
