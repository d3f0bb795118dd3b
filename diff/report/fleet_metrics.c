/*
 * The fleet as OpenMetrics, for Prometheus: a fixed set of values, and as labels of types no more
 * than METRICS_TYPES of those that grow, so that a fleet does not make a series a type.
 *
 * Source: OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/).
 */
#include "diff/report/fleet.h"

#include <inttypes.h>
#include <math.h>

#define METRICS_TYPES 20u

static void metrics_label(struct strbuf *out, const char *name, const char *value, bool first) {
    strbuf_addf(out, "%s%s=\"", first ? "{" : ",", name);
    for (const char *c = value; *c; c++) {
        if (*c == '\\' || *c == '"')
            strbuf_addc(out, '\\');
        if (*c == '\n')
            strbuf_adds(out, "\\n");
        else
            strbuf_addc(out, *c);
    }
    strbuf_addc(out, '"');
}

static void metrics_instance(struct strbuf *out, const char *metric, const struct fleet *f,
                             const struct fleet_latest *l) {
    strbuf_adds(out, metric);
    metrics_label(out, "program", f->program, true);
    metrics_label(out, "release", l->release, false);
    metrics_label(out, "environment", l->environment, false);
    metrics_label(out, "instance", l->instance, false);
    strbuf_adds(out, "} ");
}

enum latest_figure { LATEST_BYTES, LATEST_OBJECTS, LATEST_TAKEN };

static void metrics_latest(struct strbuf *out, const struct fleet *f, const char *metric,
                           const char *unit, const char *help, enum latest_figure figure) {
    strbuf_addf(out, "# TYPE %s gauge\n", metric);
    if (unit)
        strbuf_addf(out, "# UNIT %s %s\n", metric, unit);
    strbuf_addf(out, "# HELP %s %s\n", metric, help);
    for (uint32_t i = 0; i < f->latest_count; i++) {
        const struct fleet_latest *l = &f->latest[i];
        uint64_t value = figure == LATEST_BYTES     ? l->bytes
                         : figure == LATEST_OBJECTS ? l->objects
                                                    : l->captured_at_ns;
        if (value == ABSENT)
            continue;
        metrics_instance(out, metric, f, l);
        if (figure == LATEST_TAKEN)
            strbuf_addf(out, "%" PRIu64 ".%03u\n", value / 1000000000,
                        (unsigned)(value / 1000000 % 1000));
        else
            strbuf_addf(out, "%" PRIu64 "\n", value);
    }
}

static void metrics_leak(struct strbuf *out, const char *metric, const struct fleet *f,
                         const struct fleet_leak *l) {
    strbuf_adds(out, metric);
    metrics_label(out, "program", f->program, true);
    metrics_label(out, "release", l->release, false);
    metrics_label(out, "environment", l->environment, false);
    metrics_label(out, "type", l->type, false);
    metrics_label(out, "held_by", l->held_by ? l->held_by : "", false);
    strbuf_adds(out, "} ");
}

static void metrics_leaks(struct strbuf *out, const struct fleet *f, uint32_t which) {
    static const struct {
        const char *name, *help;
    } metrics[] = {
        {"dumpdiff_growing_instances", "Instances on which the type grows beyond chance."},
        {"dumpdiff_judged_instances", "Instances of that release."},
        {"dumpdiff_growth_median", "Median slope of those that grow, in bytes."},
        {"dumpdiff_growth_worst", "Slope of the one that grows fastest, in bytes."}};
    strbuf_addf(out, "# TYPE %s gauge\n# HELP %s %s\n", metrics[which].name, metrics[which].name,
                metrics[which].help);
    for (uint32_t i = 0; i < f->leak_count && i < METRICS_TYPES; i++) {
        const struct fleet_leak *l = &f->leaks[i];
        metrics_leak(out, metrics[which].name, f, l);
        if (which < 2)
            strbuf_addf(out, "%u\n", which ? l->instances : l->item_count);
        else
            strbuf_addf(out, "%.6g\n", which == 2 ? l->median : l->worst);
    }
}

bool fleet_metrics(const struct fleet *f, struct strbuf *out, struct err *err) {
    metrics_latest(out, f, "dumpdiff_heap_bytes", "bytes",
                   "Managed heap in the newest snapshot of each instance.", LATEST_BYTES);
    metrics_latest(out, f, "dumpdiff_heap_objects", NULL, "Objects in it.", LATEST_OBJECTS);
    metrics_latest(out, f, "dumpdiff_snapshot_timestamp_seconds", "seconds", "When it was taken.",
                   LATEST_TAKEN);
    for (uint32_t which = 0; which < 4; which++)
        metrics_leaks(out, f, which);
    strbuf_adds(out, "# EOF\n");
    return strbuf_ok(out, err);
}
