/*
 * What grows across the instances of a program: what `dumpdiff history report` says, in the formats
 * that it has.
 */
#ifndef DUMPDIFF_REPORT_FLEET_H
#define DUMPDIFF_REPORT_FLEET_H

#include "diff/report/report.h"

/* A release beside the one in which a type grows. */
struct fleet_release {
    const char *name;
    uint32_t growing, judged; /* [count] runs */
    double median;            /* slope; NAN: not known */
};

struct fleet_instance {
    const char *name;
    double slope;
    uint64_t first, last;  /* [bytes] */
    const uint64_t *bytes; /* [points] since the process began; ABSENT: no snapshot */
};

/* A type that grows in a release. */
struct fleet_leak {
    const char *type, *release, *environment;
    const char *held_by;      /* NULL: not known */
    uint32_t growing, judged; /* [count] runs that grow, of those with snapshots enough */
    uint32_t instances;       /* [count] that these are of */
    double median, worst;     /* slopes of those that grow */
    double p_value;           /* of so many by chance, all that was looked at taken into account */
    struct fleet_instance *items; /* that grow, steepest first */
    uint32_t item_count, points;
    struct fleet_release *releases; /* the others, as they came */
    uint32_t release_count;
};

/* The newest snapshot of an instance. */
struct fleet_latest {
    const char *instance, *release, *environment;
    uint64_t bytes, objects, captured_at_ns; /* ABSENT: not known */
};

struct fleet {
    const char *program;
    const char *unit;         /* of slopes: "an hour" */
    uint32_t instances, runs; /* [count] */
    uint32_t short_runs;      /* of too few snapshots to be judged */
    uint64_t snapshots;
    uint64_t since_ns, until_ns; /* ABSENT: not known */
    struct fleet_leak *leaks;    /* most serious first */
    uint32_t leak_count;
    struct fleet_latest *latest; /* [instances] */
    uint32_t latest_count;
};

/* Append it. Errors: ERR_NOMEM. */
bool fleet_text(const struct fleet *f, const struct report_options *o, struct strbuf *out,
                struct err *err) MUST_CHECK;
bool fleet_html(const struct fleet *f, const struct report_options *o, struct strbuf *out,
                struct err *err) MUST_CHECK;
bool fleet_json(const struct fleet *f, struct strbuf *out, struct err *err) MUST_CHECK;
/* For Prometheus. Errors: ERR_NOMEM. */
bool fleet_metrics(const struct fleet *f, struct strbuf *out, struct err *err) MUST_CHECK;

#endif
