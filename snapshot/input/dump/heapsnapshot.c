/* Heap snapshots of V8: v8.writeHeapSnapshot, --heapsnapshot-signal, DevTools. */
#include "node/heapsnapshot_graph.h"
#include "input/input.h"
#include "model/rows_origin.h"

static bool heapsnapshot_say_origin(const struct heapsnapshot_graph *g, struct err *err) {
    struct builder *b = g->b;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    builder_say(b, &origin->collected_first, 1, "collected first");
    if (!builder_say_string(b, &origin->runtime, g->is_node ? STR("Node.js") : STR("V8"),
                            "the runtime", err))
        return false;
    return g->s->extra_native_bytes == HEAPSNAPSHOT_END ||
           builder_counter(b, "v8.extra_native", g->s->extra_native_bytes, "bytes", err);
}

static bool heapsnapshot_read(struct source *source, struct builder *b, struct err *err) {
    const struct input_options *options = source->options;
    struct heapsnapshot s;
    struct heapsnapshot_graph *g = NULL;
    bool ok = heapsnapshot_open(&s, source->bytes, err);
    if (ok)
        g = heapsnapshot_graph_read(&s, b, !options->no_paths, options->max_memory, err);
    ok =
        g && heapsnapshot_report_types(g, err) && heapsnapshot_say_origin(g, err) &&
        (options->no_paths || heapsnapshot_report_graph(g, options->answers, options->places, err));
    heapsnapshot_graph_free(g);
    heapsnapshot_close(&s);
    return ok;
}

const struct input input_heapsnapshot = {
    .name = "heapsnapshot",
    .whole = true,
    .summary = "heap snapshot of V8 (.heapsnapshot): Node's v8.writeHeapSnapshot, Chrome DevTools",
    .may_give = PART_BIT(PART_TYPES) | PART_BIT(PART_COUNTERS) | PART_BIT(PART_LIVE) |
                PART_BIT(PART_PATHS) | PART_BIT(PART_PLACES),
    .probe = heapsnapshot_probe,
    .read = heapsnapshot_read,
};
