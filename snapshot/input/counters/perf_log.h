/*
 * Logs of performance counters: names, values and times as the writers of such logs print them, and
 * the moments that they tell of. Shared by the readers of CSV and JSON.
 */
#ifndef DUMPDIFF_INPUT_COUNTERS_PERF_LOG_H
#define DUMPDIFF_INPUT_COUNTERS_PERF_LOG_H

#include "base/hash.h"
#include "model/builder.h"

struct counters_log {
    struct builder *b;
    bool wanted;         /* the current moment is to be kept */
    struct strmap names; /* (provider, name) to its place in last */
    uint64_t *last;      /* number of the moment in which it came last */
    uint32_t count, capacity;
    uint64_t moment;      /* [count] begun */
    uint64_t previous_ns; /* time of the moment before; ABSENT: not known */
    uint64_t bad, negative, rounded, backwards;
    bool unzoned;
};

void counters_log_init(struct counters_log *log, struct builder *b);
void counters_log_deinit(struct counters_log *log);

/*
 * Begins a moment. time_ns: [ns since 1970-01-01 UTC], ABSENT where it is not known. Errors:
 * ERR_NOMEM.
 */
bool counters_log_moment(struct counters_log *log, uint64_t time_ns, struct err *err) MUST_CHECK;

/*
 * As counters_log_moment, where the log does not say where a moment ends: one begins when a counter
 * comes once more. provider and name are borrowed and have to outlive the log. Errors: ERR_NOMEM.
 */
bool counters_log_row(struct counters_log *log, struct str provider, struct str name,
                      uint64_t time_ns, struct err *err) MUST_CHECK;

/*
 * Adds a value to the current moment, if that is wanted.
 *
 * name   dotted, lower case
 * value  decimal; what is none is counted, an empty one is passed over
 * scale  by which it is multiplied: 1000000 where the log prints megabytes
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool counters_log_value(struct counters_log *log, struct str name, struct str value, uint64_t scale,
                        const char *unit, struct err *err) MUST_CHECK;

/* Warnings and notes about all of it. Errors: ERR_FORMAT (it had no moment), ERR_NOMEM. */
bool counters_log_end(struct counters_log *log, struct err *err) MUST_CHECK;

/*
 * "03/05/2024 12:26:01.123", "2024-03-05 12:26:01Z", "3/5/2024 1:26:01 PM", "05.03.2024 12:26:01",
 * "2024-03-05T12:26:01.1234567+00:00".
 *
 * day_first  03/05 is the third of May
 * ret_utc    the text says which zone it is of
 *
 * false: it is no such time. [ns since 1970-01-01], UTC where it says so, else as if it were.
 */
bool counters_time(struct str text, bool day_first, uint64_t *ret_ns, bool *ret_utc) MUST_CHECK;

/* Is it a date that begins with the day ("26/04/2024")? */
bool counters_time_day_first(struct str text);

/*
 * How .NET names a counter ("GC Heap Size (MB)", "dotnet.gc.pause.time (s / 1 sec)") as ours
 * ("gc-heap-size"); with the provider in front where that is not System.Runtime, and the values of
 * tags ("gc.heap.generation=gen0") behind. Gives scale and unit, too.
 */
void counters_dotnet_name(struct str provider, struct str name, struct str tags,
                          struct strbuf *ret_name, uint64_t *ret_scale, const char **ret_unit);

/* How Windows names a counter: "\\HOST\Process(ink)\Private Bytes" is "process(ink).private-bytes".
 */
void counters_windows_name(struct str path, struct strbuf *ret_name, uint64_t *ret_scale,
                           const char **ret_unit);

#endif
