/*
 * An exception keeps its stack trace as an array of bytes: a head, and for each frame where it was
 * and which method that is, the one that threw first. From .NET 9 on that array can be the first
 * element of an array of objects.
 *
 * Source: src/coreclr/vm/object.h (StackTraceArray), src/coreclr/vm/clrex.h (StackTraceElement),
 * Exception.CoreCLR.cs.
 */
#include "dotnet/exception_objects.h"

#include "base/chars.h"
#include "base/utf16.h"
#include "base/vec.h"
#include "dotnet/clr_heap.h"
#include "dotnet/method.h"
#include "model/known_names.h"
#include "model/row_order.h"
#include "model/rows_heap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Rows that are kept apart; more of a type are summed up. */
#define EXCEPTION_ROWS_MAX 1000u
/* [UTF-16 units] of a message that its class is made of, and that are printed when asked for. */
#define MESSAGE_LOOKED_AT 256u
#define MESSAGE_SHOWN     120u
/* Frames in which something that only throws is passed over. */
#define THROWING_FRAMES 6u

#define PARENTS_MAX 100u
/* Inner exceptions of inner ones. */
#define INNER_MAX 100u

/* Offsets in every exception; 0: not known. */
struct exception_fields {
    uint32_t message, trace, inner;
};

struct thrown_alike {
    uint64_t mt, method_desc; /* method_desc 0: never thrown, or not known */
    uint64_t innermost_mt;    /* of the last inner exception; 0: it has none */
    uint32_t message_class;   /* 0: none */
    bool others;              /* class and method are several */
    uint64_t objects, live;
    uint64_t example; /* address of one */
};

struct exception_count {
    struct clr_heap *h;
    struct modules *m;
    struct clr *clr;
    struct strmap index; /* to number of the row */
    struct thrown_alike *rows;
    uint32_t row_count, row_capacity;
    struct u64map throws; /* MethodDesc to whether it is called Throw... */
    uint64_t base_mt;     /* of System.Exception; 0: not met */
    uint64_t list_mt;     /* of Object[]; 0: not met */
    struct exception_fields fields;
};

/* -- Types ------------------------------------------------------------------------------------- */

/* The MethodTable that a type derives from right below System.Object. */
static uint64_t root_class(struct clr *clr, uint64_t mt) {
    uint64_t parent;
    for (uint32_t i = 0; i < PARENTS_MAX; i++) {
        if (!clr_field_word(clr, mt, F_MT_PARENT, &parent) || !parent)
            return 0;
        if (parent == clr->object_mt)
            return mt;
        mt = parent;
    }
    return 0;
}

/* Of the module of System.Object? Names of others need not be in the dump. */
static bool is_of_base(struct clr *clr, uint64_t mt) {
    uint64_t module, base;
    return clr_field_word(clr, clr->object_mt, F_MT_MODULE, &base) &&
           clr_field_word(clr, mt, F_MT_MODULE, &module) && module == base;
}

static bool is_exception_type(struct exception_count *c, uint64_t mt) {
    uint64_t root = clr_is_continuation(c->clr, mt) ? 0 : root_class(c->clr, mt);
    if (root && !c->base_mt && is_of_base(c->clr, root) &&
        type_is_called(c->m, root, "System.Exception")) {
        c->base_mt = root;
        c->fields.message = type_field_offset(c->m, root, "_message");
        c->fields.trace = type_field_offset(c->m, root, "_stackTrace");
        c->fields.inner = type_field_offset(c->m, root, "_innerException");
    }
    return root && root == c->base_mt;
}

bool exception_made_in_advance(struct str type) {
    static const char *const names[] = {
        "System.OutOfMemoryException", "System.StackOverflowException",
        "System.ExecutionEngineException", "System.Threading.ThreadAbortException"};
    return STR_IS_ONE_OF(type, names);
}

/* -- Messages ---------------------------------------------------------------------------------- */

/* What is beyond ASCII is a letter to us. */
static bool is_word(uint32_t unit) {
    return unit > 0x7f || char_is_word((char)unit) || unit == '-';
}

static bool is_digit(uint32_t unit) {
    return unit <= 0x7f && char_is_digit((char)unit);
}

static bool is_quote(uint32_t unit) {
    return unit == '\'' || unit == '"' || unit == '`' || unit == 0x201c || unit == 0x2018;
}

static bool closes(uint32_t open, uint32_t unit) {
    return unit == open || (open == 0x201c && unit == 0x201d) || (open == 0x2018 && unit == 0x2019);
}

/* Where the quoted text that begins at i ends; i: none does, or it is an apostrophe. */
static size_t quoted_end(const uint8_t *units, size_t count, size_t i) {
    uint32_t open = load_u16(units + 2 * i);
    if (!is_quote(open) || (i && is_word(load_u16(units + 2 * i - 2))))
        return i;
    for (size_t k = i + 1; k < count; k++)
        if (closes(open, load_u16(units + 2 * k)))
            return k + 1;
    return i;
}

/* Where the word that begins at i ends, and whether it has a digit. */
static size_t word_end(const uint8_t *units, size_t count, size_t i, bool *ret_digit) {
    *ret_digit = false;
    for (; i < count && is_word(load_u16(units + 2 * i)); i++) {
        uint32_t unit = load_u16(units + 2 * i);
        *ret_digit = *ret_digit || is_digit(unit);
    }
    return i;
}

uint32_t exception_message_class(const uint8_t *units, size_t count) {
    uint8_t masked[2 * MESSAGE_LOOKED_AT];
    size_t used = 0;
    if (count > MESSAGE_LOOKED_AT)
        count = MESSAGE_LOOKED_AT;
    for (size_t i = 0; i < count;) {
        bool digit = false;
        size_t end = quoted_end(units, count, i);
        bool quoted = end != i;
        if (!quoted)
            end = word_end(units, count, i, &digit);
        if (end == i)
            end++;
        if (quoted || digit) {
            masked[used++] = '#';
            masked[used++] = 0;
        } else {
            memcpy(masked + used, units + 2 * i, 2 * (end - i));
            used += 2 * (end - i);
        }
        i = end;
    }
    uint64_t hash = hash_bytes(masked, used);
    uint32_t folded = (uint32_t)(hash ^ hash >> 32);
    return folded ? folded : 1;
}

/* Units of a message, at most `room`; 0: it has none, or it is not there. */
static size_t read_message(struct exception_count *c, uint64_t object, uint8_t *units,
                           size_t room) {
    struct clr *clr = c->clr;
    uint64_t text, mt;
    uint32_t length;
    if (!c->fields.message || !clr_word(clr, object + c->fields.message, &text) ||
        !clr_object_mt(clr, text, &mt) || mt != clr->string_mt ||
        !clr_u32(clr, text + clr->word, &length))
        return 0;
    size_t count = length < room ? length : room;
    return count && clr_read(clr, text + clr->word + 4, units, 2 * count) ? count : 0;
}

static uint32_t message_class_of(struct exception_count *c, uint64_t object) {
    uint8_t units[2 * MESSAGE_LOOKED_AT];
    size_t count = read_message(c, object, units, MESSAGE_LOOKED_AT);
    return count ? exception_message_class(units, count) : 0;
}

/* -- Stack traces ------------------------------------------------------------------------------ */

/* The array of bytes that has the frames; 0: none. */
static uint64_t trace_of(struct exception_count *c, uint64_t object) {
    struct clr *clr = c->clr;
    uint64_t trace, mt;
    if (!c->fields.trace || !clr_word(clr, object + c->fields.trace, &trace) ||
        !clr_object_mt(clr, trace, &mt))
        return 0;
    if (!c->list_mt && type_is_called(c->m, mt, "System.Object[]"))
        c->list_mt = mt;
    if (mt == c->list_mt && (!clr_word(clr, trace + clr_vector_data(clr), &trace) ||
                             !clr_object_mt(clr, trace, &mt) || mt == c->list_mt))
        return 0;
    return trace;
}

/* Is the method called Throw..., so that it says nothing of what went wrong? */
static bool only_throws(struct exception_count *c, uint64_t method_desc, bool *ret_ok) {
    uint32_t known = u64map_get(&c->throws, method_desc);
    if (known != STRMAP_NONE)
        return known;
    struct strbuf name;
    strbuf_init(&name);
    method_short_name(c->m, method_desc, &name);
    struct str last = str_behind_last(strbuf_str(&name), '.');
    bool throws = str_starts(last, STR("Throw"));
    strbuf_deinit(&name);
    *ret_ok = *ret_ok && u64map_put(&c->throws, method_desc, throws);
    return throws;
}

/* MethodDesc of who threw it; 0: nobody, or not known. */
static uint64_t thrower_of(struct exception_count *c, uint64_t object, bool *ret_ok) {
    struct clr *clr = c->clr;
    uint64_t trace = trace_of(c, object), method, first = 0;
    uint64_t data = trace + clr_vector_data(clr);
    uint32_t length, frames;
    /* {u32 frames; u32; Thread *}; {ip; sp; MethodDesc *; flags} each. */
    uint32_t head = 8 + clr->word, each = 4 * clr->word;
    if (!trace || !clr_u32(clr, trace + clr->word, &length) || length < head ||
        !clr_u32(clr, data, &frames))
        return 0;
    if (frames > (length - head) / each)
        frames = (length - head) / each;
    for (uint32_t i = 0; i < frames && i < THROWING_FRAMES; i++) {
        if (!clr_word(clr, data + head + i * each + 2 * clr->word, &method) || !method)
            break;
        first = first ? first : method;
        if (!only_throws(c, method, ret_ok))
            return method;
    }
    return first;
}

/* MethodTable of the exception that began it all; 0: none did, or the chain has no end. */
static uint64_t innermost_of(struct exception_count *c, uint64_t object) {
    uint64_t mt = 0;
    for (uint32_t i = 0; c->fields.inner && i < INNER_MAX; i++) {
        uint64_t inner;
        if (!clr_word(c->clr, object + c->fields.inner, &inner) || !inner)
            return mt;
        if (!clr_spend(c->clr, 1) || !clr_object_mt(c->clr, inner, &mt) ||
            root_class(c->clr, mt) != c->base_mt)
            return 0;
        object = inner;
    }
    return 0;
}

/* -- Counting ---------------------------------------------------------------------------------- */

static uint32_t row_alike(struct exception_count *c, const struct thrown_alike *like) {
    struct {
        uint64_t mt, method_desc, message_class, innermost_mt, others;
    } key = {like->mt, like->method_desc, like->message_class, like->innermost_mt, like->others};
    struct str text = {(const char *)&key, sizeof(key)};
    uint32_t number = strmap_get(&c->index, text, STR(""));
    if (number != STRMAP_NONE)
        return number;
    if (c->row_count >= EXCEPTION_ROWS_MAX && !like->others) {
        struct thrown_alike others = {.mt = like->mt, .others = true};
        return row_alike(c, &others);
    }
    const char *kept = arena_copy(&c->clr->arena, text.ptr, text.len);
    if (!kept || !VEC_ROOM(c->rows, c->row_count, c->row_capacity, NULL) ||
        !strmap_put(&c->index, (struct str){kept, text.len}, STR(""), c->row_count))
        return STRMAP_NONE;
    c->rows[c->row_count] = *like;
    return c->row_count++;
}

static bool count_exception(void *context, uint32_t type, const struct heap_object *object) {
    struct exception_count *c = context;
    bool ok = true;
    struct thrown_alike like = {.mt = c->h->heap.graph.types[type].id, .example = object->address};
    if (clr_spend(c->clr, 1)) {
        like.method_desc = thrower_of(c, object->address, &ok);
        like.message_class = message_class_of(c, object->address);
        like.innermost_mt = innermost_of(c, object->address);
    }
    uint32_t number = ok ? row_alike(c, &like) : STRMAP_NONE;
    if (number == STRMAP_NONE)
        return false;
    c->rows[number].objects++;
    c->rows[number].live += object->live;
    return true;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static bool say_message(struct exception_count *c, const struct thrown_alike *alike,
                        struct exception_row *row, struct strbuf *text, struct err *err) {
    struct builder *b = c->clr->b;
    uint8_t units[2 * MESSAGE_SHOWN];
    strbuf_clear(text);
    if (alike->others)
        strbuf_adds(text, EXCEPTION_OTHERS);
    else if (alike->message_class)
        strbuf_addf(text, "%08" PRIx32, alike->message_class);
    else
        return true;
    if (!(row->message_class = builder_string(b, strbuf_str(text), err)))
        return false;
    size_t count = c->clr->options->contents && alike->message_class
                       ? read_message(c, alike->example, units, MESSAGE_SHOWN)
                       : 0;
    strbuf_clear(text);
    strbuf_add_utf16(text, (struct bytes){units, 2 * count});
    return !count || (row->message = builder_string(b, strbuf_str(text), err)) != NULL;
}

static bool exception_objects_row(struct exception_count *c, const struct thrown_alike *alike,
                                  struct strbuf *text, struct err *err) {
    struct builder *b = c->clr->b;
    struct exception_row *row = builder_row(b, PART_EXCEPTIONS, err);
    if (!row)
        return false;
    row->objects = alike->objects;
    row->live_objects = alike->live;
    strbuf_clear(text);
    type_name(c->m, alike->mt, text);
    if (!(row->type = builder_string(b, strbuf_str(text), err)))
        return false;
    strbuf_clear(text);
    if (alike->others)
        strbuf_adds(text, EXCEPTION_OTHERS);
    else if (alike->method_desc)
        method_short_name(c->m, alike->method_desc, text);
    if (text->len && !(row->thrown_in = builder_string(b, strbuf_str(text), err)))
        return false;
    strbuf_clear(text);
    if (alike->innermost_mt)
        type_name(c->m, alike->innermost_mt, text);
    if (text->len && !(row->innermost = builder_string(b, strbuf_str(text), err)))
        return false;
    return say_message(c, alike, row, text, err) && strbuf_ok(text, err);
}

static bool exception_objects_rows(struct exception_count *c, struct err *err) {
    struct builder *b = c->clr->b;
    struct strbuf text;
    bool ok = true;
    strbuf_init(&text);
    builder_present(b, PART_EXCEPTIONS);
    for (uint32_t i = 0; ok && i < c->row_count; i++) {
        const struct thrown_alike *alike = &c->rows[i];
        strbuf_clear(&text);
        type_name(c->m, alike->mt, &text);
        if (alike->method_desc || alike->others || !exception_made_in_advance(strbuf_str(&text)))
            ok = exception_objects_row(c, alike, &text, err);
    }
    strbuf_deinit(&text);
    row_order_exceptions(b);
    return ok;
}

static void say_unknown_fields(struct exception_count *c) {
    bool no_trace = c->base_mt && !c->fields.trace;
    if (no_trace || (c->base_mt && !c->fields.message))
        builder_note(
            c->clr->b,
            "where exceptions keep their %s is not known in this build, or not in the dump",
            no_trace ? "stacks" : "messages");
}

bool exception_objects_report(struct clr_heap *h, struct err *err) {
    const struct graph *g = &h->heap.graph;
    struct exception_count c = {.h = h, .m = h->modules, .clr = h->clr};
    strmap_init(&c.index);
    u64map_init(&c.throws);
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    bool ok = of_type || err_nomem(err);
    for (uint32_t i = 0; ok && i < g->type_count; i++)
        of_type[i] = is_exception_type(&c, g->types[i].id);
    ok = ok && clr_heap_visit(h, of_type, count_exception, &c, err) &&
         exception_objects_rows(&c, err);
    if (ok)
        say_unknown_fields(&c);
    strmap_deinit(&c.index);
    u64map_deinit(&c.throws);
    free(c.rows);
    free(of_type);
    return ok;
}
