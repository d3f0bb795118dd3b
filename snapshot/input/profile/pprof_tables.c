#include "base/hash.h"
#include "input/profile/pprof.h"

#include "base/proto.h"
#include "base/vec.h"

/* Fields of the message Profile. Source: proto/profile.proto of pprof. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE,
    PROFILE_MAPPING,
    PROFILE_LOCATION,
    PROFILE_FUNCTION,
    PROFILE_STRING,
    PROFILE_DROP_FRAMES,
    PROFILE_KEEP_FRAMES,
    PROFILE_TIME_NANOS,
    PROFILE_DURATION_NANOS,
    PROFILE_PERIOD_TYPE,
    PROFILE_PERIOD,
    PROFILE_COMMENT,
    PROFILE_DEFAULT_SAMPLE_TYPE,
    PROFILE_DOC_URL,
    PROFILE_FIELDS_END
};

/* -- Probing ----------------------------------------------------------------------------------- */

/* ValueType: two numbers, of type and unit. */
static bool is_value_type(struct bytes message) {
    struct reader r;
    struct proto_field f;
    reader_init(&r, message, 0);
    while (proto_next(&r, &f))
        if ((f.number != 1 && f.number != 2) || f.wire != PROTO_VARINT)
            return false;
    return !r.failed && message.size > 0;
}

/* Number and kind of each field that is there in whole have to be right, and a type among them. */
bool pprof_probe(struct bytes head) {
    struct reader r;
    struct proto_field f;
    bool has_type = false;
    reader_init(&r, head, 0);
    while (proto_next(&r, &f)) {
        bool is_type = f.number == PROFILE_SAMPLE_TYPE || f.number == PROFILE_PERIOD_TYPE;
        bool is_message = is_type || (f.number >= PROFILE_SAMPLE && f.number <= PROFILE_STRING);
        /* Comments are numbers, which may be packed. */
        if (f.number >= PROFILE_FIELDS_END ||
            (f.number != PROFILE_COMMENT && is_message != (f.wire == PROTO_BYTES)) ||
            (f.wire != PROTO_BYTES && f.wire != PROTO_VARINT) ||
            (is_type && !is_value_type(f.bytes)))
            return false;
        has_type = has_type || is_type;
    }
    return has_type;
}

/* -- Lists ------------------------------------------------------------------------------------- */

/* Every item costs the input two bytes, so that lists grow with it. */
static void *pprof_tables_list_add(struct pprof_tables *t, struct pprof_list *list, size_t size,
                                   struct err *err) {
    char *items = list->items;
    if (list->count == UINT32_MAX) {
        err_nomem(err);
        return NULL;
    }
    if (!VEC_ROOM_FOR_IN(&t->arena, items, list->count * size, size, list->size, err))
        return NULL;
    list->items = items;
    return items + size * list->count++;
}

/* Ids should be there once; the first one counts. */
static bool index_id(struct pprof_tables *t, struct u64map *ids, uint64_t id, uint32_t number,
                     struct err *err) {
    if (u64map_get(ids, id) != STRMAP_NONE) {
        t->repeated_ids++;
        return true;
    }
    return u64map_put(ids, id, number) || err_nomem(err);
}

/* -- Messages ---------------------------------------------------------------------------------- */

/* Values of the numeric fields 1..count, in the order of their numbers; others are passed over. */
static void read_numbers(struct pprof_tables *t, struct bytes message, uint64_t *values,
                         size_t count) {
    struct reader r;
    struct proto_field f;
    reader_init(&r, message, 0);
    while (proto_next(&r, &f))
        if (f.number <= count && f.wire == PROTO_VARINT)
            values[f.number - 1] = f.value;
    t->is_cut = t->is_cut || r.failed;
}

static struct pprof_value_type read_value_type(struct pprof_tables *t, struct bytes message) {
    uint64_t v[2] = {0};
    read_numbers(t, message, v, 2);
    return (struct pprof_value_type){v[0], v[1]};
}

static bool read_mapping(struct pprof_tables *t, struct bytes message, struct err *err) {
    uint64_t v[6] = {0};
    read_numbers(t, message, v, 6);
    struct pprof_mapping *m = pprof_tables_list_add(t, &t->mappings, sizeof(*m), err);
    if (!m)
        return false;
    *m = (struct pprof_mapping){v[1], v[2], v[3], v[4], v[5]};
    return index_id(t, &t->mapping_ids, v[0], t->mappings.count - 1, err);
}

static bool read_location(struct pprof_tables *t, struct bytes message, struct err *err) {
    uint64_t v[3] = {0};
    read_numbers(t, message, v, 3);
    struct pprof_location *l = pprof_tables_list_add(t, &t->locations, sizeof(*l), err);
    if (!l)
        return false;
    *l = (struct pprof_location){.mapping = v[1], .address = v[2], .message = message};
    return index_id(t, &t->location_ids, v[0], t->locations.count - 1, err);
}

static bool read_function(struct pprof_tables *t, struct bytes message, struct err *err) {
    uint64_t v[4] = {0};
    read_numbers(t, message, v, 4);
    struct pprof_function *f = pprof_tables_list_add(t, &t->functions, sizeof(*f), err);
    if (!f)
        return false;
    /* Or the name the system has for it. */
    *f = (struct pprof_function){.name = v[1] ? v[1] : v[2], .file = v[3]};
    return index_id(t, &t->function_ids, v[0], t->functions.count - 1, err);
}

static bool pprof_tables_read_string(struct pprof_tables *t, struct bytes text, struct err *err) {
    struct str *s = pprof_tables_list_add(t, &t->strings, sizeof(*s), err);
    if (s)
        *s = (struct str){(const char *)text.data, text.size};
    return s != NULL;
}

static bool read_field(struct pprof_tables *t, const struct proto_field *f, struct err *err) {
    bool is_bytes = f->wire == PROTO_BYTES;
    switch (f->number) {
    case PROFILE_SAMPLE_TYPE:
        if (t->value_count == PPROF_VALUES_MAX)
            return err_set(err, ERR_LIMIT, "more than %u values a sample", PPROF_VALUES_MAX);
        t->values[t->value_count++] = read_value_type(t, f->bytes);
        return true;
    case PROFILE_SAMPLE:
        t->samples += is_bytes;
        return true;
    case PROFILE_MAPPING:
        return !is_bytes || read_mapping(t, f->bytes, err);
    case PROFILE_LOCATION:
        return !is_bytes || read_location(t, f->bytes, err);
    case PROFILE_FUNCTION:
        return !is_bytes || read_function(t, f->bytes, err);
    case PROFILE_STRING:
        return !is_bytes || pprof_tables_read_string(t, f->bytes, err);
    case PROFILE_DROP_FRAMES:
        t->drop_frames = f->value;
        return true;
    case PROFILE_KEEP_FRAMES:
        t->keep_frames = f->value;
        return true;
    case PROFILE_TIME_NANOS:
        t->time_ns = f->value;
        return true;
    case PROFILE_PERIOD_TYPE:
        t->period_type = read_value_type(t, f->bytes);
        return true;
    case PROFILE_PERIOD:
        t->period = f->value;
        return true;
    default:
        return true;
    }
}

/* Strings come last as a rule: names of none of them mean that the end is missing. */
static bool lacks_strings(const struct pprof_tables *t) {
    uint64_t most = 0;
    const struct pprof_mapping *mappings = t->mappings.items;
    const struct pprof_function *functions = t->functions.items;
    for (uint32_t i = 0; i < t->mappings.count; i++) {
        most = mappings[i].file > most ? mappings[i].file : most;
        most = mappings[i].build_id > most ? mappings[i].build_id : most;
    }
    for (uint32_t i = 0; i < t->functions.count; i++)
        most = functions[i].name > most ? functions[i].name : most;
    return most && most >= t->strings.count;
}

bool pprof_tables_read(struct pprof_tables *t, struct bytes file, struct err *err) {
    struct reader r;
    struct proto_field f;
    *t = (struct pprof_tables){0};
    arena_init(&t->arena);
    u64map_init(&t->function_ids);
    u64map_init(&t->mapping_ids);
    u64map_init(&t->location_ids);
    reader_init(&r, file, 0);
    while (proto_next(&r, &f))
        if (!read_field(t, &f, err))
            return false;
    t->is_cut = t->is_cut || r.failed || lacks_strings(t);
    return true;
}

void pprof_tables_deinit(struct pprof_tables *t) {
    u64map_deinit(&t->function_ids);
    u64map_deinit(&t->mapping_ids);
    u64map_deinit(&t->location_ids);
    arena_deinit(&t->arena);
}

/* -- Looking up -------------------------------------------------------------------------------- */

struct str pprof_string(const struct pprof_tables *t, uint64_t number) {
    const struct str *strings = t->strings.items;
    return number < t->strings.count ? strings[number] : (struct str){NULL, 0};
}

const struct pprof_mapping *pprof_mapping(const struct pprof_tables *t, uint64_t id) {
    uint32_t number = u64map_get(&t->mapping_ids, id);
    return number == STRMAP_NONE ? NULL : (struct pprof_mapping *)t->mappings.items + number;
}

struct pprof_location *pprof_location(const struct pprof_tables *t, uint64_t id) {
    uint32_t number = u64map_get(&t->location_ids, id);
    return number == STRMAP_NONE ? NULL : (struct pprof_location *)t->locations.items + number;
}

struct str pprof_function(const struct pprof_tables *t, uint64_t id, struct str *ret_file) {
    uint32_t number = u64map_get(&t->function_ids, id);
    const struct pprof_function none = {UINT64_MAX, UINT64_MAX}, *f = &none;
    if (number != STRMAP_NONE)
        f = (const struct pprof_function *)t->functions.items + number;
    *ret_file = pprof_string(t, f->file);
    return pprof_string(t, f->name);
}
