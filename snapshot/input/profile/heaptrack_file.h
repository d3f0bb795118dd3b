/*
 * heaptrack data files (interpreted, versions 1 to 3) as tables: who allocated, and what is left.
 *
 * One event a line, numbers in hex:
 *
 *   v 10400 3            version of heaptrack, version of the file
 *   X ./shop --fast      command;  I 1000 7d09db  page size and pages;  A  attached later
 *   s 4 main             string 1, 2, ... (before version 3 without its length)
 *   i 4a7f 1 2 3 1c ...  address, module, then function, file and line of each frame of it: the
 *                        innermost first, after it what that was inlined into; 0: not known
 *   t 5 2                stack 1, 2, ...: its innermost address, the stack that called it; 0: none
 *   a 400 7              kind of allocation 0, 1, ...: bytes each, stack
 *   + 3   - 3            one of that kind allocated, one freed
 *   c 1f4   R 2b0        milliseconds since the start; resident pages
 *   S leak:PATTERN       a suppression of LeakSanitizer that is built into the program
 *   # strings: 17        comment; two of them close a file that is whole
 *
 * Source: heaptrack_interpret.cpp and accumulatedtracedata.cpp of heaptrack 1.0 to 1.5.
 */
#ifndef DUMPDIFF_INPUT_PROFILE_HEAPTRACK_FILE_H
#define DUMPDIFF_INPUT_PROFILE_HEAPTRACK_FILE_H

#include "base/bytes.h"
#include "base/str.h"

/* A table that grows; see heaptrack_file.c. */
struct heaptrack_table {
    void *rows;
    uint32_t count;
    size_t size; /* [bytes] of rows */
};

enum {
    HEAPTRACK_STRING_NEW = 1,        /* "operator new(unsigned long)" and its kin */
    HEAPTRACK_STRING_STOP = 2,       /* main and the like: what called it is left out */
    HEAPTRACK_STRING_SUPPRESSED = 4, /* matched by a suppression */
};

struct heaptrack_string {
    struct str text; /* borrowed from the file */
    uint32_t flags;
};

struct heaptrack_frame {
    uint32_t function, file; /* numbers of strings, from 1; 0: not known */
    uint32_t line;           /* 0: not known */
};

struct heaptrack_ip {
    uint32_t module;                /* number of a string; 0: not known */
    uint32_t first_frame, frames;   /* in `frames`, at least one */
    bool is_new, stops, suppressed; /* as the strings of it */
};

struct heaptrack_trace {
    uint32_t ip, parent; /* numbers, from 1; parent: one before, or 0 */
    uint32_t stack;      /* number of what it allocates, from 1; 0: none */
    bool suppressed;
};

/* What one stack allocated. */
struct heaptrack_stack {
    uint32_t trace; /* 0: not known */
    bool suppressed;
    uint64_t live_count, live_bytes, total_count, total_bytes, temporary;
    uint64_t peak_bytes;  /* live when the process had most */
    uint64_t peak_number; /* of the last peak whose bytes are in peak_bytes */
};

/* One kind of allocation: so many bytes by one stack. */
struct heaptrack_kind {
    uint64_t size; /* [bytes] */
    uint64_t live_count;
    uint64_t since_ms; /* when the first of them was allocated that can be there still */
    uint32_t stack;
    bool churns; /* some were freed since: which of them, the file does not say */
};

struct heaptrack_file {
    uint32_t version;    /* of the file: 1 to 3 */
    uint32_t written_by; /* 0x010400: heaptrack 1.4.0 */
    struct str command;
    bool attached; /* to a process that ran already */
    bool whole;    /* has its closing lines */
    struct heaptrack_table strings, frames, ips, traces, stacks, kinds, suppressions;
    uint64_t live_count, live_bytes, total_count, total_bytes, temporary, peak_bytes;
    uint64_t end_ms, peak_pages, page_bytes;
    uint64_t suppressed_count, suppressed_bytes;
    uint64_t bad_lines;        /* not understood */
    uint64_t unknown_frees;    /* of more than were allocated */
    uint64_t bad_times;        /* times that go back */
    uint64_t bad_traces;       /* that refer to what does not exist */
    uint64_t bad_suppressions; /* that are none, or too many */
};

/* The first lines of a data file, raw or interpreted? */
bool heaptrack_probe(struct bytes head);

/*
 * Reads all of a file, and leaves out what the suppressions match, as heaptrack_print does. Strings
 * are lent by `text`. Deinit it either way.
 *
 * Errors: ERR_FORMAT, ERR_UNSUPPORTED (raw, or of another version), ERR_LIMIT, ERR_NOMEM.
 */
bool heaptrack_file_read(struct heaptrack_file *f, struct str text, struct err *err) MUST_CHECK;
void heaptrack_file_deinit(struct heaptrack_file *f);

#endif
