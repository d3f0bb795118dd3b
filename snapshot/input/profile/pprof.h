/*
 * The tables of a profile.proto, as pprof_profile.c uses them; filled by pprof_tables.c.
 */
#ifndef DUMPDIFF_INPUT_PROFILE_PPROF_H
#define DUMPDIFF_INPUT_PROFILE_PPROF_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/str.h"

#define PPROF_VALUES_MAX 16u /* values a sample may have */

struct pprof_value_type {
    uint64_t type, unit; /* numbers of strings */
};

struct pprof_mapping {
    uint64_t start, limit, offset;
    uint64_t file, build_id; /* numbers of strings */
};

struct pprof_location {
    uint64_t mapping, address; /* mapping: its id, 0: none */
    struct bytes message;      /* with its lines */
    uint32_t first, count;     /* frames, once it was named */
    bool named;
};

struct pprof_function {
    uint64_t name, file; /* numbers of strings */
};

/* A list that grows in an arena. */
struct pprof_list {
    void *items;
    uint32_t count;
    size_t size; /* [bytes] there is room for */
};

struct pprof_tables {
    struct arena arena;
    struct pprof_value_type values[PPROF_VALUES_MAX];
    uint32_t value_count;
    struct pprof_value_type period_type;
    uint64_t period, time_ns, drop_frames, keep_frames;
    struct pprof_list strings;   /* struct str */
    struct pprof_list functions; /* struct pprof_function */
    struct pprof_list mappings;  /* struct pprof_mapping */
    struct pprof_list locations; /* struct pprof_location */
    struct u64map function_ids, mapping_ids, location_ids;
    uint64_t samples, repeated_ids;
    bool is_cut; /* what follows some point is no protocol buffer */
};

/* Pure: does the file start as such a profile does? */
bool pprof_probe(struct bytes head);

/*
 * Reads all but the samples; deinit either way. Lends bytes of the file.
 * Errors: ERR_NOMEM, ERR_LIMIT, ERR_FORMAT (more values a sample than can be).
 */
bool pprof_tables_read(struct pprof_tables *t, struct bytes file, struct err *err) MUST_CHECK;
void pprof_tables_deinit(struct pprof_tables *t);

/* Empty: no such string. */
struct str pprof_string(const struct pprof_tables *t, uint64_t number);

/* NULL: no such id. */
const struct pprof_mapping *pprof_mapping(const struct pprof_tables *t, uint64_t id);
struct pprof_location *pprof_location(const struct pprof_tables *t, uint64_t id);
/* Name and file of a function; empty: no such id, or not said. */
struct str pprof_function(const struct pprof_tables *t, uint64_t id, struct str *ret_file);

#endif
