/*
 * What of an HPROF dump is kept when more than sums is wanted: where its objects are, its roots,
 * its strings, and the stacks of its threads.
 */
#ifndef DUMPDIFF_JAVA_HPROF_KEPT_H
#define DUMPDIFF_JAVA_HPROF_KEPT_H

#include "base/vec.h"
#include "java/hprof_file.h"

struct hprof_object {
    uint64_t id;
    const uint8_t *at; /* its sub-record; those of classes are objects, too */
};

struct hprof_root {
    uint64_t id;
    uint32_t thread; /* serial number; UINT32_MAX: of none */
    uint32_t frame; /* in its stack, from 0; UINT32_MAX: of none. Of a thread: its trace's serial */
    uint8_t tag;    /* of its sub-record */
};

struct hprof_frame {
    uint64_t id, method, file;   /* the latter are strings */
    uint32_t class_serial, line; /* line: as it is written, 0 and above INT32_MAX are none */
};

struct hprof_trace {
    uint32_t serial, thread;
    struct bytes frames; /* ids, innermost first */
};

/* Android and the agent of JDK 6 say of threads what they are called. */
struct hprof_start {
    uint32_t thread;
    uint64_t object, name; /* a string */
};

struct hprof_kept {
    struct hprof_object *objects; /* by id once they are sorted */
    uint64_t object_count, object_room;
    struct hprof_object *classes; /* that are among the objects then; they come from anywhere */
    uint32_t class_count, class_room;
    bool unsorted; /* the objects, so far */
    struct hprof_root *roots;
    uint32_t root_count, root_room;
    struct str *strings;
    uint32_t string_count, string_room;
    struct u64map string_of_id, frame_of_id, trace_of_serial, class_of_serial;
    struct u64map thread_of_serial; /* numbers of roots */
    struct u64map start_of_serial;
    struct hprof_frame *frames;
    uint32_t frame_count, frame_room;
    struct hprof_trace *traces;
    uint32_t trace_count, trace_room;
    struct hprof_start *starts;
    uint32_t start_count, start_room;
};

void hprof_kept_init(struct hprof_kept *k);
void hprof_kept_deinit(struct hprof_kept *k);

/* -- While the dump is read -------------------------------------------------------------------- */

/* false: out of memory. */
static inline bool hprof_keep_object(struct hprof_kept *k, uint64_t id, const uint8_t *at) {
    if (!VEC_ROOM_PAGES(k->objects, k->object_count, k->object_room, NULL))
        return false;
    k->unsorted |= k->object_count && k->objects[k->object_count - 1].id >= id;
    k->objects[k->object_count++] = (struct hprof_object){id, at};
    return true;
}

/* false: out of memory. */
bool hprof_keep_class(struct hprof_kept *k, uint64_t id, const uint8_t *at) MUST_CHECK;
/* at: its sub-record, all of which is there. false: out of memory. */
bool hprof_keep_root(struct hprof_kept *k, const uint8_t *at, unsigned ids) MUST_CHECK;

/* A frame, a trace or the start of a thread; one that is cut is left out. Errors: ERR_NOMEM. */
bool hprof_keep_record(struct hprof_kept *k, uint8_t tag, struct bytes body, unsigned ids,
                       struct err *err) MUST_CHECK;

/* Errors: ERR_NOMEM. */
bool hprof_keep_string(struct hprof_kept *k, uint64_t id, struct str text,
                       struct err *err) MUST_CHECK;

/* -- Afterwards -------------------------------------------------------------------------------- */

/* Sorts the objects by id, each once: of several the first in the file. Errors: ERR_NOMEM. */
bool hprof_kept_finish(struct hprof_kept *k, const struct hprof *h, struct err *err) MUST_CHECK;

/* The sub-record of an object; NULL: there is none of that id. */
const uint8_t *hprof_object_at(const struct hprof_kept *k, uint64_t id);

/* Empty: there is none of that id. */
struct str hprof_string(const struct hprof_kept *k, uint64_t id);

#endif
