#include "mk_gcdump.h"

#include "base/num.h"
#include "input/gcdump/fast_serialization.h"
#include "spec.h"

#include <stdlib.h>

#define DLLS_MAX     16u
#define FORWARDS_MAX 4u

struct mk {
    struct spec spec;
    const struct spec_line *dump;
    struct strbuf out;
    unsigned label_bytes;
    size_t dll_at[DLLS_MAX], dll_type_at, segment_type_at;
    size_t forwards[FORWARDS_MAX];
    uint32_t forward_count;
};

static void mk_gcdump_put(struct mk *mk, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        strbuf_addc(&mk->out, (char)(value >> (8 * i)));
}

static void put_tag(struct mk *mk, enum fs_tag tag) {
    mk_gcdump_put(mk, tag, 1);
}

/* ptr NULL: null. UTF-8 of at most three bytes a character. */
static void mk_gcdump_put_string(struct mk *mk, struct str s) {
    uint64_t units = 0;
    for (size_t i = 0; i < s.len; i++)
        units += (s.ptr[i] & 0xc0) != 0x80;
    mk_gcdump_put(mk, s.ptr ? units : UINT32_MAX, 4);
    strbuf_add(&mk->out, s);
}

static void put_float(struct mk *mk, uint64_t thousandths) {
    float value = (float)thousandths / 1000;
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    mk_gcdump_put(mk, bits, 4);
}

static uint64_t of_dump(const struct mk *mk, const char *name, uint64_t otherwise) {
    return spec_num(mk->dump, name, otherwise);
}

/* The beginning of an object with the definition of its type; gives the place of that. */
static size_t mk_gcdump_begin_object(struct mk *mk, const char *type, uint64_t version,
                                     uint64_t min_reader) {
    put_tag(mk, FS_BEGIN_OBJECT);
    size_t at = mk->out.len;
    put_tag(mk, FS_BEGIN_OBJECT);
    put_tag(mk, FS_NULL_REFERENCE);
    mk_gcdump_put(mk, version, 4);
    mk_gcdump_put(mk, min_reader, 4);
    mk_gcdump_put_string(mk, str_of(type));
    put_tag(mk, FS_END_OBJECT);
    return at;
}

/* The same, by reference to the definition where there is one already. */
static void begin_again(struct mk *mk, size_t *type_at, const char *type, uint64_t version) {
    if (*type_at == 0) {
        *type_at = mk_gcdump_begin_object(mk, type, version, 0);
        return;
    }
    put_tag(mk, FS_BEGIN_OBJECT);
    put_tag(mk, FS_OBJECT_REFERENCE);
    mk_gcdump_put(mk, *type_at, mk->label_bytes);
}

static uint32_t forward(struct mk *mk) {
    mk_gcdump_put(mk, mk->forward_count, 4);
    return mk->forward_count++;
}

/* -- Graph ------------------------------------------------------------------------------------- */

static void mk_gcdump_put_packed(struct strbuf *out, int64_t value) {
    int bytes = 1;
    while (bytes < 5 &&
           (value < -(INT64_C(64) << 7 * (bytes - 1)) || value >= INT64_C(64) << 7 * (bytes - 1)))
        bytes++;
    while (bytes-- > 0)
        strbuf_addc(out, (char)((value >> 7 * bytes & 0x7f) | (bytes ? 0x80 : 0)));
}

static const struct spec_line *nth(const struct mk *mk, const char *word, uint64_t n) {
    const struct spec_line *line = NULL;
    size_t from = 0;
    do {
        line = spec_next(&mk->spec, word, &from);
    } while (line && n--);
    if (!line)
        spec_die("no such line", str_of(word));
    return line;
}

static void put_children(struct strbuf *nodes, struct str text, int64_t number) {
    struct strbuf children;
    int64_t count = 0;
    strbuf_init(&children);
    for (struct str word; (word = str_next_field(&text)).len; count++) {
        bool back = word.ptr[0] == '-', relative = back || word.ptr[0] == '+';
        uint64_t value;
        if (!num_dec(str_drop(word, relative), &value))
            spec_die("no number of a node", word);
        mk_gcdump_put_packed(&children, back       ? -(int64_t)value
                                        : relative ? (int64_t)value
                                                   : (int64_t)value - number);
    }
    mk_gcdump_put_packed(nodes, count);
    strbuf_add(nodes, strbuf_str(&children));
    strbuf_deinit(&children);
}

static uint64_t mk_gcdump_put_node(const struct mk *mk, struct strbuf *nodes,
                                   const struct spec_line *line, int64_t number) {
    struct str raw = spec_text(line, "raw");
    uint64_t type = spec_num(line, "type", 0);
    if (raw.ptr) {
        spec_hex(raw, nodes);
        return 0;
    }
    uint64_t type_size = spec_num(nth(mk, "type", type), "size", UINT32_MAX);
    uint64_t size = spec_num(line, "size", type_size);
    mk_gcdump_put_packed(nodes, (int64_t)(type << 1 | (size != type_size)));
    if (size != type_size)
        mk_gcdump_put_packed(nodes, (int64_t)size);
    put_children(nodes, spec_text(line, "children"), number);
    return size;
}

static void put_nodes(struct mk *mk, size_t total_at) {
    struct strbuf nodes, labels;
    uint64_t count = 0, total = 0, count_bytes = of_dump(mk, "large", 0) ? 8 : 4;
    size_t from = 0;
    strbuf_init(&nodes);
    strbuf_init(&labels);
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "node", &from));)
        for (uint64_t n = spec_num(line, "times", 1); n-- > 0; count++) {
            uint64_t label = spec_num(line, "at", nodes.len);
            for (int i = 0; i < 4; i++)
                strbuf_addc(&labels, (char)(label >> 8 * i));
            total += mk_gcdump_put_node(mk, &nodes, line, (int64_t)count);
        }
    mk_gcdump_put(mk, of_dump(mk, "nodes", count), count_bytes);
    strbuf_add(&mk->out, strbuf_str(&labels));
    mk_gcdump_put(mk, nodes.len, 4);
    strbuf_add(&mk->out, strbuf_str(&nodes));
    total = of_dump(mk, "total", total);
    for (int i = 0; i < 8; i++)
        mk->out.ptr[total_at + (size_t)i] = (char)(total >> 8 * i);
    strbuf_deinit(&nodes);
    strbuf_deinit(&labels);
}

static void put_dll(struct mk *mk, uint64_t number) {
    if (number >= DLLS_MAX)
        spec_die("too many dlls", STR(""));
    if (mk->dll_at[number]) {
        put_tag(mk, FS_OBJECT_REFERENCE);
        mk_gcdump_put(mk, mk->dll_at[number], mk->label_bytes);
        return;
    }
    mk->dll_at[number] = mk->out.len;
    begin_again(mk, &mk->dll_type_at, "Graphs.Module", 0);
    mk_gcdump_put_string(mk, spec_text(nth(mk, "dll", number), "path"));
    mk_gcdump_put(mk, 0x10000, 8);
    mk_gcdump_put(mk, 0x2000, 4);
    mk_gcdump_put(mk, 0, 8);
    mk_gcdump_put_string(mk, STR("a.pdb"));
    mk_gcdump_put(mk, 1, 8);
    mk_gcdump_put(mk, 2, 8);
    mk_gcdump_put(mk, 1, 4);
    put_tag(mk, FS_END_OBJECT);
}

static void put_deferred(struct mk *mk, uint32_t type_count) {
    uint32_t end = forward(mk);
    mk_gcdump_put(mk, type_count, 4);
    for (uint32_t i = 0; i < type_count; i++) {
        const struct spec_line *type = nth(mk, "type", i);
        mk_gcdump_put(mk, spec_num(type, "id", 0), 4);
        if (spec_text(type, "in").ptr)
            put_dll(mk, spec_num(type, "in", 0));
        else
            put_tag(mk, FS_NULL_REFERENCE);
        mk_gcdump_put_string(mk, spec_text(type, "in").ptr ? spec_text(type, "name")
                                                           : (struct str){NULL, 0});
    }
    put_tag(mk, FS_END_OBJECT);
    mk->forwards[end] = mk->out.len;
}

static void put_addresses(struct mk *mk) {
    uint64_t count = 0, count_bytes = of_dump(mk, "large", 0) ? 8 : 4;
    size_t from = 0, at = mk->out.len;
    mk_gcdump_put(mk, 0, count_bytes);
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "node", &from));)
        for (uint64_t n = spec_num(line, "times", 1); n-- > 0; count++)
            if (of_dump(mk, "addresses", 1))
                mk_gcdump_put(mk, spec_num(line, "address", 0) + n * 32, 8);
    for (size_t i = 0; i < count_bytes && of_dump(mk, "addresses", 1); i++)
        mk->out.ptr[at + i] = (char)(count >> 8 * i);
}

static void put_graph(struct mk *mk) {
    size_t from = 0;
    uint32_t types = 0;
    bool deferred = false;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "type", &from)); types++)
        deferred |= spec_text(line, "in").ptr != NULL;
    mk_gcdump_begin_object(mk, "Graphs.MemoryGraph", of_dump(mk, "graph_version", 1), deferred);
    size_t total_at = mk->out.len;
    mk_gcdump_put(mk, 0, 8);
    mk_gcdump_put(mk, of_dump(mk, "root", 0), 4);
    mk_gcdump_put(mk, types, 4);
    from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "type", &from));) {
        mk_gcdump_put_string(mk, spec_text(line, "in").ptr ? (struct str){NULL, 0}
                                                           : spec_text(line, "name"));
        mk_gcdump_put(mk, spec_num(line, "size", UINT32_MAX), 4);
        mk_gcdump_put_string(mk, spec_text(line, "module"));
    }
    put_nodes(mk, total_at);
    if (deferred)
        put_deferred(mk, types);
    put_addresses(mk);
    if (of_dump(mk, "bits", 64)) {
        put_tag(mk, FS_BYTE);
        mk_gcdump_put(mk, of_dump(mk, "bits", 64) == 64, 1);
    }
    put_tag(mk, FS_END_OBJECT);
}

/* -- What stands around it --------------------------------------------------------------------- */

static void put_process(struct mk *mk) {
    mk_gcdump_put_string(mk, spec_text(mk->dump, "log"));
    mk_gcdump_put(mk, of_dump(mk, "ticks", 0), 8);
    mk_gcdump_put_string(mk, spec_text(mk->dump, "machine"));
    mk_gcdump_put_string(mk, spec_text(mk->dump, "process"));
    mk_gcdump_put(mk, of_dump(mk, "pid", 0), 4);
    mk_gcdump_put(mk, of_dump(mk, "commit", 0), 8);
    mk_gcdump_put(mk, of_dump(mk, "working_set", 0), 8);
}

static void mk_gcdump_put_segments(struct mk *mk) {
    static const char *const ends[] = {"gen0", "gen1", "gen2", "gen3", "gen4"};
    uint32_t count = 0;
    size_t from = 0;
    while (spec_next(&mk->spec, "segment", &from))
        count++;
    mk_gcdump_put(mk, count, 4);
    from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "segment", &from));) {
        uint64_t version = of_dump(mk, "version", 10) >= 9;
        begin_again(mk, &mk->segment_type_at, "GCHeapDumpSegment", version);
        uint64_t start = spec_num(line, "start", 0);
        mk_gcdump_put(mk, start, 8);
        mk_gcdump_put(mk, spec_num(line, "end", 0), 8);
        for (size_t i = 0; i < 4 + version; i++)
            mk_gcdump_put(mk, spec_num(line, ends[i], start), 8);
        put_tag(mk, FS_END_OBJECT);
    }
}

static void put_multipliers(struct mk *mk) {
    uint32_t count = 0;
    bool any = false;
    size_t from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "type", &from)); count++)
        any |= spec_text(line, "multiplier").ptr != NULL;
    mk_gcdump_put(mk, any ? count : 0, 4);
    from = 0;
    for (const struct spec_line *line; any && (line = spec_next(&mk->spec, "type", &from));)
        put_float(mk, spec_num(line, "multiplier", 1000));
}

static void put_tagged(struct mk *mk) {
    struct str tool = spec_text(mk->dump, "tool");
    put_tag(mk, FS_SKIP_REGION);
    uint32_t end = forward(mk);
    if (of_dump(mk, "com", 0)) {
        mk_gcdump_begin_object(mk, "InteropInfo", 0, 0);
        mk_gcdump_put(mk, 0, 4);
        put_tag(mk, FS_END_OBJECT);
    } else {
        put_tag(mk, FS_NULL_REFERENCE);
    }
    mk->forwards[end] = mk->out.len;
    if (tool.ptr) {
        put_tag(mk, FS_STRING);
        mk_gcdump_put_string(mk, tool);
    }
    if (of_dump(mk, "extra", 0)) {
        put_tag(mk, FS_INT32);
        mk_gcdump_put(mk, 7, 4);
        put_tag(mk, FS_BLOB);
        mk_gcdump_put(mk, 3, 4);
        mk_gcdump_put(mk, 0x060606, 3);
    }
}

static void put_newer(struct mk *mk) {
    mk_gcdump_put(mk, of_dump(mk, "bits", 64) == 64, 1);
    put_float(mk, of_dump(mk, "count_multiplier", 1000));
    put_float(mk, of_dump(mk, "size_multiplier", 1000));
    if (of_dump(mk, "js", 0)) {
        mk_gcdump_begin_object(mk, "JSHeapInfo", 0, 0);
        put_tag(mk, FS_END_OBJECT);
    } else {
        put_tag(mk, FS_NULL_REFERENCE);
    }
    if (spec_find(&mk->spec, "segment")) {
        mk_gcdump_begin_object(mk, "DotNetHeapInfo", 0, 0);
        mk_gcdump_put(mk, 1 << 20, 8);
        mk_gcdump_put_segments(mk);
        put_tag(mk, FS_END_OBJECT);
    } else {
        put_tag(mk, FS_NULL_REFERENCE);
    }
    put_process(mk);
    put_multipliers(mk);
    put_tagged(mk);
}

static void put_older(struct mk *mk, uint64_t version) {
    mk_gcdump_put(mk, 1 << 20, 8);
    mk_gcdump_put(mk, 0, 8);
    mk_gcdump_put(mk, 0, 8);
    mk_gcdump_put(mk, 1, 1);
    if (version >= 5)
        put_process(mk);
    if (version >= 6)
        mk_gcdump_put_segments(mk);
    if (version >= 7)
        mk_gcdump_put(mk, of_dump(mk, "bits", 64) == 64, 1);
}

static void put_trailer(struct mk *mk) {
    size_t table = mk->out.len;
    mk_gcdump_put(mk, mk->forward_count, 4);
    for (uint32_t i = 0; i < mk->forward_count; i++)
        mk_gcdump_put(mk, mk->forwards[i], mk->label_bytes);
    size_t trailer = mk->out.len;
    mk_gcdump_put(mk, table, mk->label_bytes);
    mk_gcdump_put(mk, trailer, mk->label_bytes);
}

struct bytes mk_gcdump(const char *text) {
    struct mk mk = {.forward_count = 0};
    spec_parse(&mk.spec, text);
    mk.dump = spec_find(&mk.spec, "dump");
    mk.label_bytes = (unsigned)of_dump(&mk, "labels", 4);
    strbuf_init(&mk.out);
    uint64_t version = of_dump(&mk, "version", 10);
    mk_gcdump_put_string(&mk, STR("!FastSerialization.1"));
    mk_gcdump_begin_object(&mk, "GCHeapDump", version, version > 8 ? 8 : 4);
    put_graph(&mk);
    if (version >= 8)
        put_newer(&mk);
    else
        put_older(&mk, version);
    put_tag(&mk, FS_END_OBJECT);
    if (of_dump(&mk, "trailer", 1)) {
        put_tag(&mk, FS_END_OBJECT);
        put_trailer(&mk);
    }
    if (strbuf_failed(&mk.out))
        spec_die("out of memory", STR(""));
    spec_free(&mk.spec);
    return (struct bytes){(const uint8_t *)mk.out.ptr, mk.out.len};
}
