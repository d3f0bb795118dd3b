/*
 * Where a snapshot comes from, and what is missing of it: the rows of PART_ORIGIN, PART_REASONS and
 * PART_ABSENCES.
 * snapshot.h says how absent figures and texts are kept.
 */
#ifndef DUMPDIFF_MODEL_ROWS_ORIGIN_H
#define DUMPDIFF_MODEL_ROWS_ORIGIN_H

#include "model/parts.h"

struct origin_row {
    const char *format;  /* name of the input(s): "transcript", "elf-core", ... */
    const char *process; /* program name, without folder */
    uint64_t pid;
    uint64_t captured_at_ns;   /* [ns since 1970-01-01 UTC] as the dump says; never a file time */
    uint64_t process_start_ns; /* [ns since 1970-01-01 UTC] tells two runs of one program apart */
    const char *runtime;       /* its name and version */
    const char *arch;          /* "x64", "x86", "arm64" */
    const char *gc_mode;       /* "workstation" or "server" */
    uint64_t heap_count;
    const char *label; /* given by the user */
    const char *tool;  /* what wrote the dump or transcript, where known */
    uint64_t pointer_bytes;
    uint64_t trust;           /* enum trust_grade */
    uint64_t collected_first; /* 1: the tool forces a GC before it looks; 0: it does not */
    uint64_t sampled;         /* 1: figures are estimates from samples */
    const char *types_filter; /* what PART_TYPES was limited to, e.g. "-type Cart" or "-live": its
                                 sums are not the heap's. NULL: it speaks of the whole heap */
    const char *os;           /* where the process ran: "Windows 10.0.22631" */
    uint64_t sample_bytes;    /* [bytes] one sample every so many, on average */
    uint64_t moment,
        moments; /* this is moment 0.. of so many that the file holds; ABSENT: of one */
    const char *object_layout; /* how objects are laid out, where that differs between processes of
                                  one runtime: "compressed references" */
};

struct reason_row {
    const char *text;
    uint64_t count;        /* [count] rows, bytes or objects concerned; ABSENT when it has none */
    uint64_t lowers_trust; /* 0: a note */
};

struct absence_row {
    const char *part;   /* as in part_descs */
    const char *aspect; /* as in aspect_names */
    /* [count] rows, of types bytes, concerned. ABSENT: all; of ASPECT_ROWS: not known how many. 0:
     * some, not known how many */
    uint64_t count;
    const char *why; /* "registers of arm64 are not read" */
    /* Of ASPECT_ROWS, what all rows that are not there can amount to at most; ABSENT: no bound. */
    uint64_t objects;   /* [count] objects, or allocations, of all of them together */
    uint64_t row_bytes; /* [bytes] of any one of them */
};

#endif
