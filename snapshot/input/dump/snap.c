/* A .snap file of ours, read back. */
#include "input/input.h"
#include "model/snapfile.h"
#include "model/snapshot.h"

static bool read_snap(struct source *source, struct builder *b, struct err *err) {
    /*
     * A .snap replaces all that the builder holds: mixing it with other files of one dump would
     * need to know what they say twice. input.c refuses that before it comes here.
     */
    struct snapshot loaded;
    snapshot_init(&loaded);
    if (!snapfile_decode(source->bytes, &loaded, err)) {
        snapshot_deinit(&loaded);
        return false;
    }
    snapshot_deinit(builder_snapshot(b));
    *builder_snapshot(b) = loaded;
    return true;
}

const struct input input_snap = {
    .name = "snap",
    .summary = "snapshot kept by `dumpdiff snapshot`",
    .may_give = UINT32_MAX & ~(uint32_t)1,
    .probe = snapfile_probe,
    .read = read_snap,
};
