#include "java/hprof_threads.h"

#include "java/hprof_impl.h"
#include "java/hprof_values.h"
#include "model/builder.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"

#include <inttypes.h>
#include <stdlib.h>

#define NAME_CHARACTERS_MOST 256u
#define STACK_FRAMES_MOST    1024u
/* What stands for a line in a frame: see the manual of HPROF. */
#define LINE_NATIVE (-3)

/* -- Names ------------------------------------------------------------------------------------- */

/* The root of a thread; NULL: there is none of that serial number. */
static const struct hprof_root *thread_of(const struct hprof_graph *g, uint32_t serial) {
    uint32_t number = u64map_get(&g->k->thread_of_serial, serial);
    return number == STRMAP_NONE ? NULL : &g->k->roots[number];
}

static struct str started_name(const struct hprof_graph *g, uint32_t serial) {
    uint32_t number = u64map_get(&g->k->start_of_serial, serial);
    return number == STRMAP_NONE ? STR("") : hprof_string(g->k, g->k->starts[number].name);
}

/* A String, or up to JDK 8 an array of its characters. */
static void add_name(const struct hprof_graph *g, uint64_t name, struct strbuf *out) {
    const uint8_t *at = hprof_object_at(g->k, name);
    unsigned ids = g->h->id_bytes;
    if (at && *at == SUB_PRIMITIVE_ARRAY && at[9 + ids] == HPROF_CHAR)
        hprof_characters(at, ids, NAME_CHARACTERS_MOST, out);
    else
        hprof_text(&g->shapes, name, NAME_CHARACTERS_MOST, out);
}

void hprof_thread_name(const struct hprof_graph *g, uint32_t serial, struct strbuf *out) {
    const struct hprof_root *root = thread_of(g, serial);
    size_t before = out->len;
    if (root)
        add_name(g, hprof_field_object(&g->shapes, root->id, "name"), out);
    if (out->len == before)
        strbuf_add(out, started_name(g, serial));
    if (out->len == before)
        strbuf_addf(out, "#%" PRIu32, serial);
}

/* -- Frames ------------------------------------------------------------------------------------ */

static const struct hprof_trace *hprof_trace_of(const struct hprof_graph *g, uint32_t serial) {
    const struct hprof_root *root = thread_of(g, serial);
    uint32_t number = root ? u64map_get(&g->k->trace_of_serial, root->frame) : STRMAP_NONE;
    return number == STRMAP_NONE ? NULL : &g->k->traces[number];
}

static const struct hprof_frame *frame_of(const struct hprof_graph *g,
                                          const struct hprof_trace *trace, uint32_t number) {
    unsigned ids = g->h->id_bytes;
    if (number >= trace->frames.size / ids)
        return NULL;
    uint32_t frame =
        u64map_get(&g->k->frame_of_id, load_id(trace->frames.data + (size_t)number * ids, ids));
    return frame == STRMAP_NONE ? NULL : &g->k->frames[frame];
}

static void hprof_add_method(const struct hprof_graph *g, const struct hprof_frame *frame,
                             struct strbuf *out) {
    uint32_t number = u64map_get(&g->k->class_of_serial, frame->class_serial);
    if (number != STRMAP_NONE) {
        hprof_class_name(hprof_name_of(g->h, &g->h->classes[number]), out);
        strbuf_addc(out, '.');
    }
    strbuf_add(out, hprof_string(g->k, frame->method));
}

void hprof_method_name(const struct hprof_graph *g, uint32_t serial, uint32_t number,
                       struct strbuf *out) {
    const struct hprof_trace *trace = hprof_trace_of(g, serial);
    const struct hprof_frame *frame = trace ? frame_of(g, trace, number) : NULL;
    if (frame)
        hprof_add_method(g, frame, out);
}

/* "shop.Till.pay(Till.java:31)", as a thread dump has it. */
static void add_frame(const struct hprof_graph *g, const struct hprof_frame *frame,
                      struct strbuf *out) {
    struct str file = hprof_string(g->k, frame->file);
    int32_t line = (int32_t)frame->line;
    hprof_add_method(g, frame, out);
    if (line == LINE_NATIVE)
        strbuf_adds(out, "(Native Method)");
    else if (!file.len)
        strbuf_adds(out, "(Unknown Source)");
    else if (line > 0)
        strbuf_addf(out, "(%.*s:%" PRId32 ")", (int)(file.len & 0xffff), file.ptr, line);
    else
        strbuf_addf(out, "(%.*s)", (int)(file.len & 0xffff), file.ptr);
}

static bool add_frames(const struct hprof_graph *g, uint32_t serial, struct strings *ret,
                       struct err *err) {
    const struct hprof_trace *trace = hprof_trace_of(g, serial);
    const struct hprof_frame *frame;
    const char *texts[STACK_FRAMES_MOST];
    struct str frames[STACK_FRAMES_MOST];
    uint32_t count = 0;
    struct strbuf text;
    strbuf_init(&text);
    bool ok = true;
    for (uint32_t i = 0;
         ok && trace && count < STACK_FRAMES_MOST && (frame = frame_of(g, trace, i)); i++) {
        strbuf_clear(&text);
        add_frame(g, frame, &text);
        texts[count] = strbuf_ok(&text, err) ? builder_string(g->b, strbuf_str(&text), err) : NULL;
        ok = texts[count] != NULL;
        frames[count] = str_of(texts[count]);
        count++;
    }
    strbuf_deinit(&text);
    return ok && (!count || builder_strings(g->b, frames, count, ret, err));
}

/* -- Rows -------------------------------------------------------------------------------------- */

/* As a thread dump prints it. Bits: JVMTI_THREAD_STATE_... of jvmti.h, which `threadStatus` has. */
static const char *hprof_state_of(uint32_t status) {
    bool timed = status & 0x20;
    if (status & 0x400)
        return "BLOCKED (on object monitor)";
    if (status & 0x40)
        return "TIMED_WAITING (sleeping)";
    if (status & 0x100)
        return timed ? "TIMED_WAITING (on object monitor)" : "WAITING (on object monitor)";
    if (status & 0x200)
        return timed ? "TIMED_WAITING (parking)" : "WAITING (parking)";
    return status & 0x4 ? "RUNNABLE" : status & 0x2 ? "TERMINATED" : status ? NULL : "NEW";
}

/* Of JDK 19 and later those two are in an object of their own. */
static bool thread_field(const struct hprof_graph *g, uint64_t thread, const char *name,
                         struct hprof_value *ret) {
    uint64_t holder = hprof_field_object(&g->shapes, thread, "holder");
    return hprof_field(&g->shapes, thread, name, ret) ||
           (holder && hprof_field(&g->shapes, holder, name, ret));
}

static bool hprof_report_thread(const struct hprof_graph *g, const struct hprof_root *root,
                                struct err *err) {
    struct hprof_value value;
    struct strbuf name;
    uint64_t id = root->thread;
    if (hprof_field(&g->shapes, root->id, "tid", &value) && value.type == HPROF_LONG)
        id = be64(value.at);
    struct thread_row *row = builder_thread(g->b, ABSENT, id ? id : root->thread, err);
    if (!row)
        return false;
    strbuf_init(&name);
    hprof_thread_name(g, root->thread, &name);
    bool ok = strbuf_ok(&name, err) &&
              builder_say_string(g->b, &row->name, strbuf_str(&name), "the thread's name", err);
    if (str_eq(strbuf_str(&name), STR("Finalizer")))
        row->role = ROLE_FINALIZER;
    strbuf_deinit(&name);
    if (thread_field(g, root->id, "threadStatus", &value) && value.type == HPROF_INT)
        row->state = hprof_state_of(be32(value.at));
    return ok && (row->frames.count || add_frames(g, root->thread, &row->frames, err));
}

bool hprof_report_threads(const struct hprof_graph *g, struct err *err) {
    for (uint32_t i = 0; i < g->k->root_count; i++)
        if (g->k->roots[i].tag == SUB_ROOT_THREAD && g->k->roots[i].id &&
            !hprof_report_thread(g, &g->k->roots[i], err))
            return false;
    return true;
}

/* -- Finalizers -------------------------------------------------------------------------------- */

/* Those whose Finalizer stands in the queue, with what they refer to; the last refers to itself. */
static bool walk_queue(const struct hprof_graph *g, struct u64map *ready, uint64_t *ret_count) {
    uint64_t queue = hprof_static_object(&g->shapes, "java/lang/ref/Finalizer", "queue");
    uint64_t at = queue ? hprof_field_object(&g->shapes, queue, "head") : 0;
    *ret_count = 0;
    while (at && *ret_count < g->final_count) {
        uint64_t referent = hprof_field_object(&g->shapes, at, "referent");
        /* A Finalizer has a `next` of its own, in the chain of all that there are. */
        uint64_t next = hprof_field_object_of(&g->shapes, at, "java/lang/ref/Reference", "next");
        if (referent && !u64map_put(ready, referent, 1))
            return false;
        ++*ret_count;
        if (next == at)
            break;
        at = next;
    }
    return true;
}

struct final_count {
    struct cell all;
    uint64_t ready;
};

static bool add_final_rows(const struct hprof_graph *g, const struct final_count *counts,
                           struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    bool ok = true;
    for (uint32_t i = 0; ok && i < g->h->class_count; i++) {
        if (!counts[i].all.objects)
            continue;
        struct finalizable_row *row = builder_row(g->b, PART_FINALIZABLE, err);
        strbuf_clear(&text);
        hprof_class_name(hprof_name_of(g->h, &g->h->classes[i]), &text);
        ok = row && strbuf_ok(&text, err) &&
             (row->type = builder_string(g->b, strbuf_str(&text), err));
        if (!ok)
            break;
        row->objects = counts[i].all.objects;
        row->bytes = counts[i].all.bytes;
        row->ready = counts[i].ready;
    }
    strbuf_deinit(&text);
    return ok;
}

static bool count_finals(const struct hprof_graph *g, const struct u64map *ready,
                         struct final_count *counts) {
    enum hprof_certainty certainty;
    for (uint32_t i = 0; i < g->final_count; i++) {
        const struct hprof_class *c = hprof_class_of(&g->shapes, g->finals[i].object);
        if (!c)
            continue;
        struct final_count *count = &counts[c - g->h->classes];
        cell_add(&count->all, (struct cell){1, hprof_instance_size(g->sizes, c, &certainty)});
        count->ready += u64map_get(ready, g->finals[i].object) != STRMAP_NONE;
    }
    return true;
}

bool hprof_report_finalizer(const struct hprof_graph *g, struct err *err) {
    uint64_t ready_count = 0;
    if (!hprof_static_object(&g->shapes, "java/lang/ref/Finalizer", "queue")) {
        builder_absent(g->b, PART_BIT(PART_FINALIZER), ASPECT_ALL, ABSENT,
                       "the dump does not have the queue of java.lang.ref.Finalizer");
        return true;
    }
    struct u64map ready;
    struct finalizer_row *row = builder_single(g->b, PART_FINALIZER, err);
    struct final_count *counts = calloc((size_t)g->h->class_count + 1, sizeof(*counts));
    u64map_init(&ready);
    bool ok = row && ((counts && walk_queue(g, &ready, &ready_count)) || err_nomem(err));
    if (ok) {
        builder_present(g->b, PART_FINALIZABLE);
        builder_say(g->b, &row->ready, ready_count, "objects ready for finalization");
        row->finalizable[GEN_UNKNOWN] = g->final_count - ready_count;
        ok = count_finals(g, &ready, counts) && add_final_rows(g, counts, err);
    }
    u64map_deinit(&ready);
    free(counts);
    return ok;
}
