/* The object graph that PerfView, Visual Studio and dotnet-gcdump collect. */
#include "input/gcdump/gcdump_graph.h"
#include "input/input.h"
#include "model/known_names.h"
#include "model/rows_origin.h"

/* [100 ns] from the year 1 to 1970. */
#define TICKS_TO_1970 621355968000000000u

static bool gcdump_probe(struct bytes head) {
    if (!fs_probe(head))
        return false;
    struct fs_stream s;
    struct fs_type type;
    uint64_t label;
    return fs_open(&s, head) && fs_begin_object(&s, &type, &label) == FS_IS_OBJECT &&
           str_eq(type.name, STR("GCHeapDump"));
}

static bool gcdump_say(struct builder *b, const char **field, struct str value, const char *what,
                       struct err *err) {
    return value.len == 0 || builder_say_string(b, field, value, what, err);
}

/* Tools say which clock they asked nowhere: it is that on the wall. */
static void say_time(const struct gcdump_file *f, struct origin_row *origin, struct builder *b) {
    if (f->ticks <= TICKS_TO_1970 ||
        f->ticks - TICKS_TO_1970 > (uint64_t)INT64_MAX / 100) /* not said, or no time */
        return;
    builder_say(b, &origin->captured_at_ns, (f->ticks - TICKS_TO_1970) * 100, "time of the dump");
    builder_note(b, "the time of the dump is that of the clock of its machine, in a time zone that "
                    "is not said");
}

static bool say_counter(struct builder *b, const char *name, uint64_t bytes, struct err *err) {
    return bytes == 0 || bytes == ABSENT || builder_counter(b, name, bytes, "bytes", err);
}

/* Heaps that were read out of another dump hold its garbage. */
static bool has_garbage(const struct gcdump_file *f) {
    return str_contains(f->log, STR("Dump Created from a .DMP file"));
}

static bool gcdump_say_origin(const struct gcdump_file *f, bool sampled, struct builder *b,
                              struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    builder_say(b, &origin->collected_first, !has_garbage(f), "collected first");
    if (sampled)
        origin->sampled = 1;
    if (f->pointer_bytes)
        builder_say(b, &origin->pointer_bytes, f->pointer_bytes, "pointer size");
    say_time(f, origin, b);
    /* Process 0 stands for a process that was not asked, whatever its name ("Idle") is. */
    if (f->pid != 0 && f->pid != UINT32_MAX) {
        builder_say(b, &origin->pid, f->pid, "process id");
        if (!gcdump_say(b, &origin->process, f->process, "process name", err) ||
            !say_counter(b, COUNTER_WORKING_SET, f->working_set_bytes, err) ||
            !say_counter(b, COUNTER_VIRTUAL_SIZE, f->commit_bytes, err))
            return false;
    }
    return gcdump_say(b, &origin->tool, f->tool, "tool", err);
}

static void gcdump_warn(const struct gcdump_file *f, const struct gcdump_heap *h) {
    struct builder *b = h->b;
    uint32_t deferred = 0;
    for (uint32_t i = 0; i < f->type_count; i++)
        deferred += f->types[i].deferred;
    if (f->nodes_missing)
        builder_lacks(b, PART_BIT(PART_TYPES), ASPECT_ROWS, f->nodes_missing,
                      "bytes of the objects are missing: the file is cut");
    if (f->cut)
        builder_lacks(b, PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT,
                      "the file ends early or is broken: not read: %s", f->cut);
    if (h->broken_nodes) {
        builder_warn(b, h->broken_nodes, "objects are broken or not in the file");
        builder_absent(b, PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT,
                       "objects are broken or not in the file");
    }
    if (!h->broken_nodes && h->sum_bytes != f->total_bytes)
        builder_warn(b, ABSENT, "the sizes of the objects are not the sum that the file states");
    if (deferred)
        builder_note(b, "%u types have no name, only a number and their module", deferred);
    if (h->sampled)
        builder_warn(b, f->node_count,
                     "objects are a sample: counts and sizes of types are estimates");
}

static bool gcdump_read_types(struct gcdump_heap *h, struct err *err) {
    if (!gcdump_heap_count(h, err))
        return false;
    gcdump_warn(h->f, h);
    return true;
}

static bool gcdump_read_graph(struct gcdump_heap *h, const struct input_options *options,
                              struct err *err) {
    struct gcdump_graph *g = gcdump_graph_read(h, has_garbage(h->f), options->max_memory, err);
    if (!g)
        return false;
    gcdump_warn(h->f, h);
    bool ok = gcdump_graph_report(g, options, err);
    gcdump_graph_free(g);
    return ok;
}

static bool gcdump_read_heap(const struct gcdump_file *f, const struct input_options *options,
                             struct builder *b, struct err *err) {
    struct gcdump_heap h;
    bool ok =
        gcdump_heap_open(&h, f, b, err) && gcdump_say_origin(f, h.sampled, b, err) &&
        (options->no_paths ? gcdump_read_types(&h, err) : gcdump_read_graph(&h, options, err));
    gcdump_heap_close(&h);
    return ok;
}

static bool gcdump_read(struct source *source, struct builder *b, struct err *err) {
    struct gcdump_file f;
    bool ok = gcdump_open(&f, source->bytes, err) && gcdump_read_heap(&f, source->options, b, err);
    gcdump_close(&f);
    return ok;
}

const struct input input_gcdump = {
    .name = "gcdump",
    .whole = true,
    .summary = "object graph of PerfView, Visual Studio, dotnet-gcdump (.gcdump)",
    .may_give = PART_BIT(PART_TYPES) | PART_BIT(PART_COUNTERS) | PART_BIT(PART_LIVE) |
                PART_BIT(PART_PATHS) | PART_BIT(PART_PLACES) | PART_BIT(PART_FINALIZER),
    .probe = gcdump_probe,
    .read = gcdump_read,
};
