/* One snapshot in JSON: "dumpdiff.snapshot/1", schema/snapshot.schema.json. */
#include "diff/report/json_parts.h"

#include "diff/report/answer_text.h"
#include "diff/report/fmt.h"
#include "diff/report/view.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

/* All rows of a part as its field table describes them; null when the part is absent. */
static void part_rows(struct json *j, const struct snapshot *s, enum part part) {
    uint32_t count;
    const unsigned char *rows = snapshot_rows(s, part, &count);
    const struct part_desc *desc = &part_descs[part];
    if (!snapshot_has(s, part)) {
        json_put(j, desc->name, cJSON_CreateNull());
        return;
    }
    if (desc->single) {
        json_put(j, desc->name, count ? json_row(j, part, rows, NULL) : cJSON_CreateNull());
        return;
    }
    json_array_begin(j, desc->name);
    for (uint32_t i = 0; i < count; i++)
        json_array_put(j, json_row(j, part, rows + (size_t)i * desc->row_size, NULL));
    json_array_end(j);
}

static bool json_show_types(struct json *j, const struct series *s, const struct report_options *o,
                            struct err *err) {
    struct type_view v;
    if (!snapshot_has(s->snapshots[0], PART_TYPES)) {
        json_put(j, "types", cJSON_CreateNull());
        return true;
    }
    if (!type_view_init(&v, s, o, view_top(o, TOP_ALL), false, err))
        return false;
    json_array_begin(j, "types");
    for (uint32_t i = 0; i < v.count; i++) {
        const struct series_type *type = &s->types[v.rows[i]];
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "name", json_text(type->name));
        json_add(j, object, "module", json_text(type->module));
        json_add(j, object, "objects", json_number(type->totals[0].objects));
        json_add(j, object, "bytes", json_number(type->totals[0].bytes));
        json_add(j, object, "by_generation",
                 json_cells(series_type_gens(type, 0), s->generations_known));
        json_add(j, object, "live_objects", json_number(type->live_objects[0]));
        json_add(j, object, "live_bytes", json_number(type->live_bytes[0]));
        json_array_put(j, object);
    }
    json_array_end(j);
    if (v.other_types) {
        cJSON *others = cJSON_CreateObject();
        json_add(j, others, "types", json_number(v.other_types));
        json_add(j, others, "objects", json_number(v.all.others[0].objects));
        json_add(j, others, "bytes", json_number(v.all.others[0].bytes));
        json_put(j, "other_types", others);
    }
    type_view_deinit(&v);
    return true;
}

static void json_show_regions(struct json *j, const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_REGIONS, struct region_row, rows, count);
    if (!snapshot_has(s, PART_REGIONS)) {
        json_put(j, "regions", cJSON_CreateNull());
        return;
    }
    json_array_begin(j, "regions");
    for (uint32_t i = 0; i < count; i++) {
        cJSON *object = json_row(j, PART_REGIONS, &rows[i], "generation");
        bool known = rows[i].generation < GEN_COUNT;
        json_add(j, object, "generation",
                 json_text(known ? generation_names[rows[i].generation] : NULL));
        json_array_put(j, object);
    }
    json_array_end(j);
}

static void json_show_finalizer(struct json *j, const struct snapshot *s) {
    const struct finalizer_row *f = snapshot_row(s, PART_FINALIZER);
    SNAPSHOT_ROWS(s, PART_FINALIZABLE, struct finalizable_row, rows, count);
    if (!f && !snapshot_has(s, PART_FINALIZABLE)) {
        json_put(j, "finalizer", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject(), *list = NULL;
    json_add(j, object, "finalizable", f ? json_generations(f->finalizable) : cJSON_CreateArray());
    json_add(j, object, "ready", json_number(f ? f->ready : ABSENT));
    json_add(j, object, "thread_os_id", json_number(f ? f->thread_os_id : ABSENT));
    json_add(j, object, "blocked", json_bool(f ? f->blocked : ABSENT));
    json_add(j, object, "running", json_text(f ? f->running : NULL));
    list = snapshot_has(s, PART_FINALIZABLE) ? cJSON_CreateArray() : cJSON_CreateNull();
    for (uint32_t i = 0; i < count; i++)
        json_append(j, list, json_row(j, PART_FINALIZABLE, &rows[i], NULL));
    json_add(j, object, "types", list);
    json_put(j, "finalizer", object);
}

static cJSON *memory_rows(struct json *j, const struct memory_row *rows, uint32_t count,
                          uint64_t by, const char *key) {
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].by != by)
            continue;
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, key, json_text(rows[i].key));
        json_add(j, object, "regions", json_number(rows[i].regions));
        json_add(j, object, "bytes", json_number(rows[i].bytes));
        json_add(j, object, "private_bytes", json_number(rows[i].private_bytes));
        json_append(j, list, object);
    }
    return list;
}

static void json_show_memory_map(struct json *j, const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_MEMORY_MAP, struct memory_row, rows, count);
    if (!snapshot_has(s, PART_MEMORY_MAP)) {
        json_put(j, "memory_map", cJSON_CreateNull());
        return;
    }
    uint64_t largest_free = ABSENT;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].by == MEMORY_LARGEST && str_eq_nocase(str_of(rows[i].key), STR("free")))
            largest_free = rows[i].bytes;
    cJSON *object = cJSON_CreateObject();
    json_add(j, object, "by_usage", memory_rows(j, rows, count, MEMORY_BY_USAGE, "usage"));
    json_add(j, object, "by_state", memory_rows(j, rows, count, MEMORY_BY_STATE, "state"));
    json_add(j, object, "by_type", memory_rows(j, rows, count, MEMORY_BY_TYPE, "type"));
    json_add(j, object, "by_protect", memory_rows(j, rows, count, MEMORY_BY_PROTECT, "protect"));
    json_add(j, object, "by_allocation", memory_rows(j, rows, count, MEMORY_BY_BASE, "allocation"));
    json_add(j, object, "largest", memory_rows(j, rows, count, MEMORY_LARGEST, "usage"));
    json_add(j, object, "largest_free", json_number(largest_free));
    json_put(j, "memory_map", object);
}

static void json_show_counters(struct json *j, const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_COUNTERS, struct counter_row, rows, count);
    if (!snapshot_has(s, PART_COUNTERS)) {
        json_put(j, "counters", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject();
    for (uint32_t i = 0; i < count; i++)
        json_add(j, object, rows[i].name, json_number(rows[i].value));
    json_put(j, "counters", object);
}

/* A path longer than this is a cycle in a broken file, or tells nobody anything. */
#define PATH_MOST 256u

static void paths(struct json *j, const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    if (!snapshot_has(s, PART_PATHS)) {
        json_put(j, "paths", cJSON_CreateNull());
        return;
    }
    json_array_begin(j, "paths");
    for (uint32_t i = 0; i < count; i++) {
        const char *root = NULL;
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "path", json_path_steps(j, rows, count, i, PATH_MOST, &root));
        json_add(j, object, "root", json_text(root));
        json_add(j, object, "objects", json_number(rows[i].objects));
        json_add(j, object, "bytes", json_number(rows[i].bytes));
        json_add(j, object, "own_objects", json_number(rows[i].own_objects));
        json_add(j, object, "own_bytes", json_number(rows[i].own_bytes));
        json_array_put(j, object);
    }
    json_array_end(j);
}

bool json_show(const struct series *s, const struct findings *f, const struct report_options *o,
               struct strbuf *out, struct err *err) {
    static const enum part plain[] = {
        PART_HEAPS,      PART_GC,     PART_THREADS,     PART_LOCKS,        PART_HANDLES,
        PART_MODULES,    PART_LOADER, PART_FREE_BLOCKS, PART_NATIVE_HEAPS, PART_LIVE,
        PART_OS_HANDLES, PART_ASYNC,  PART_CALLBACKS,   PART_WAITS,        PART_EXCEPTIONS,
        PART_REQUESTS,   PART_WORK,   PART_ALLOCATIONS};
    const struct snapshot *snapshot = s->snapshots[0];
    struct json j;
    json_begin(&j, out);
    json_put(&j, "schema", json_text("dumpdiff.snapshot/1"));
    json_put(&j, "name", json_text(o->names[0]));
    json_put(&j, "origin", json_origin(&j, snapshot));
    json_put(&j, "trust", json_trust(&j, snapshot, o->unfenced));
    if (snapshot_has(snapshot, PART_ABSENCES))
        part_rows(&j, snapshot, PART_ABSENCES);
    json_put(&j, "totals", json_totals(&j, snapshot));
    json_causes(&j, o->causes);
    json_findings(&j, f);
    bool ok = json_show_types(&j, s, o, err);
    json_show_regions(&j, snapshot);
    json_show_finalizer(&j, snapshot);
    json_show_memory_map(&j, snapshot);
    json_show_counters(&j, snapshot);
    paths(&j, snapshot);
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        part_rows(&j, snapshot, plain[i]);
    ok = ok && json_allocations(&j, s, o, err);
    if (o->answers)
        json_answers(&j, o->answers);
    json_end(&j);
    return ok && json_ok(&j, err);
}
