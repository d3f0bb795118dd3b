#include "java/hprof_kept.h"

#include "base/hash.h"
#include "base/pages.h"
#include "base/search.h"
#include "java/hprof_impl.h"
#include "java/hprof_sort.h"

#include <stdlib.h>

void hprof_kept_init(struct hprof_kept *k) {
    *k = (struct hprof_kept){0};
    u64map_init(&k->string_of_id);
    u64map_init(&k->frame_of_id);
    u64map_init(&k->trace_of_serial);
    u64map_init(&k->class_of_serial);
    u64map_init(&k->thread_of_serial);
    u64map_init(&k->start_of_serial);
}

void hprof_kept_deinit(struct hprof_kept *k) {
    pages_free(k->objects, k->object_room * sizeof(*k->objects));
    free(k->classes);
    free(k->roots);
    free(k->strings);
    free(k->frames);
    free(k->traces);
    free(k->starts);
    u64map_deinit(&k->string_of_id);
    u64map_deinit(&k->frame_of_id);
    u64map_deinit(&k->trace_of_serial);
    u64map_deinit(&k->class_of_serial);
    u64map_deinit(&k->thread_of_serial);
    u64map_deinit(&k->start_of_serial);
}

bool hprof_keep_class(struct hprof_kept *k, uint64_t id, const uint8_t *at) {
    if (!VEC_ROOM(k->classes, k->class_count, k->class_room, NULL))
        return false;
    k->classes[k->class_count++] = (struct hprof_object){id, at};
    return true;
}

bool hprof_keep_root(struct hprof_kept *k, const uint8_t *at, unsigned ids) {
    if (!VEC_ROOM(k->roots, k->root_count, k->root_room, NULL))
        return false;
    struct hprof_root root = {
        .id = load_id(at + 1, ids), .tag = *at, .thread = UINT32_MAX, .frame = UINT32_MAX};
    switch (root.tag) {
    case SUB_ROOT_JNI_LOCAL:
    case SUB_ROOT_FRAME:
    case SUB_ROOT_THREAD:
    case SUB_ROOT_JNI_MONITOR:
        root.thread = be32(at + 1 + ids);
        root.frame = be32(at + 5 + ids);
        break;
    case SUB_ROOT_NATIVE_STACK:
    case SUB_ROOT_THREAD_BLOCK:
        root.thread = be32(at + 1 + ids);
        break;
    default:
        break;
    }
    k->roots[k->root_count++] = root;
    return true;
}

/* -- Records ----------------------------------------------------------------------------------- */

static bool keep_frame(struct hprof_kept *k, struct bytes body, unsigned ids) {
    const uint8_t *p = body.data;
    if (body.size < 4 * (size_t)ids + 8)
        return true;
    if (!VEC_ROOM(k->frames, k->frame_count, k->frame_room, NULL))
        return false;
    k->frames[k->frame_count] = (struct hprof_frame){.id = load_id(p, ids),
                                                     .method = load_id(p + ids, ids),
                                                     .file = load_id(p + 3 * ids, ids),
                                                     .class_serial = be32(p + 4 * ids),
                                                     .line = be32(p + 4 * ids + 4)};
    return u64map_put(&k->frame_of_id, load_id(p, ids), k->frame_count++);
}

static bool keep_trace(struct hprof_kept *k, struct bytes body, unsigned ids) {
    if (body.size < 12)
        return true;
    uint32_t count = be32(body.data + 8), serial = be32(body.data);
    if (count > (body.size - 12) / ids)
        count = (uint32_t)((body.size - 12) / ids);
    if (!VEC_ROOM(k->traces, k->trace_count, k->trace_room, NULL))
        return false;
    k->traces[k->trace_count] = (struct hprof_trace){
        .serial = serial,
        .thread = be32(body.data + 4),
        .frames = bytes_slice(body, 12, (uint64_t)count * ids),
    };
    return u64map_put(&k->trace_of_serial, serial, k->trace_count++);
}

static bool keep_start(struct hprof_kept *k, struct bytes body, unsigned ids) {
    if (body.size < 8 + 2 * (size_t)ids)
        return true;
    if (!VEC_ROOM(k->starts, k->start_count, k->start_room, NULL))
        return false;
    k->starts[k->start_count] = (struct hprof_start){.thread = be32(body.data),
                                                     .object = load_id(body.data + 4, ids),
                                                     .name = load_id(body.data + 8 + ids, ids)};
    return u64map_put(&k->start_of_serial, be32(body.data), k->start_count++);
}

bool hprof_keep_record(struct hprof_kept *k, uint8_t tag, struct bytes body, unsigned ids,
                       struct err *err) {
    bool ok = tag == TAG_FRAME   ? keep_frame(k, body, ids)
              : tag == TAG_TRACE ? keep_trace(k, body, ids)
                                 : keep_start(k, body, ids);
    return ok || err_nomem(err);
}

bool hprof_keep_string(struct hprof_kept *k, uint64_t id, struct str text, struct err *err) {
    if (!VEC_ROOM(k->strings, k->string_count, k->string_room, err))
        return false;
    k->strings[k->string_count] = text;
    return u64map_put(&k->string_of_id, id, k->string_count++) || err_nomem(err);
}

/* -- Afterwards -------------------------------------------------------------------------------- */

/* The last of both goes to the end, and so on. Says whether some have one id. */
static bool merge_classes(struct hprof_kept *k, bool *same) {
    uint64_t left = k->object_count, to = left + k->class_count;
    uint32_t classes = k->class_count;
    if (!VEC_ROOM_FOR_PAGES(k->objects, k->object_count, k->class_count, k->object_room, NULL))
        return false;
    if (classes)
        qsort(k->classes, classes, sizeof(*k->classes), hprof_cmp_objects);
    k->object_count = to;
    while (classes) {
        bool object =
            left && hprof_cmp_objects(&k->objects[left - 1], &k->classes[classes - 1]) > 0;
        k->objects[--to] = object ? k->objects[--left] : k->classes[--classes];
        *same |= to + 1 < k->object_count && k->objects[to].id == k->objects[to + 1].id;
    }
    return true;
}

/* Of several with one id the first stays. */
static void keep_first_of_id(struct hprof_kept *k) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < k->object_count; i++)
        if (!count || k->objects[count - 1].id != k->objects[i].id)
            k->objects[count++] = k->objects[i];
    k->object_count = count;
}

bool hprof_kept_finish(struct hprof_kept *k, const struct hprof *h, struct err *err) {
    if (k->unsorted && !hprof_sort_objects(&k->objects, k->object_count, k->object_room, err))
        return false;
    bool same = k->unsorted; /* else the objects had ascending ids */
    if (!merge_classes(k, &same))
        return err_nomem(err);
    if (same)
        keep_first_of_id(k);
    for (uint32_t i = 0; i < h->class_count; i++)
        if (h->classes[i].serial && !u64map_put(&k->class_of_serial, h->classes[i].serial, i))
            return err_nomem(err);
    for (uint32_t i = 0; i < k->root_count; i++)
        if (k->roots[i].tag == SUB_ROOT_THREAD &&
            !u64map_put(&k->thread_of_serial, k->roots[i].thread, i))
            return err_nomem(err);
    return true;
}

const uint8_t *hprof_object_at(const struct hprof_kept *k, uint64_t id) {
    uint64_t low;
    SEARCH_LEADING(low, k->object_count, middle, k->objects[middle].id < id);
    return low < k->object_count && k->objects[low].id == id ? k->objects[low].at : NULL;
}

struct str hprof_string(const struct hprof_kept *k, uint64_t id) {
    uint32_t number = u64map_get(&k->string_of_id, id);
    return number == STRMAP_NONE ? STR("") : k->strings[number];
}
