/*
 * Follows TypeString::AppendMethod and SigFormat of the runtime (src/coreclr/vm/typestring.cpp and
 * sigformat.cpp): two ways to write a type, one for the method's own class and arguments
 * (write_full), one for its parameters (write_short).
 */
#include "dotnet/method.h"

#include <string.h>

#define SIGNATURE_MAX  4096u
#define PARAMETERS_MAX 256u
#define NAME_BYTES_MAX 1024u
#define NAME_STEPS     8u /* see clr_spend: one name of metadata */

/* MethodDesc.Flags & 7 (src/coreclr/vm/method.hpp). */
#define CLASSIFICATION  7u
#define MD_INSTANTIATED 5u
#define MD_DYNAMIC      7u
#define INST_KIND       7u /* of InstantiatedMethodDesc.Flags2 */
#define INST_DEFINITION 0u
#define DYNAMIC_LCG     0x4000u

/* CorElementType (II.23.1.16). */
enum {
    ELEMENT_VOID = 0x01,
    ELEMENT_PTR = 0x0f,
    ELEMENT_BYREF = 0x10,
    ELEMENT_VALUETYPE = 0x11,
    ELEMENT_CLASS = 0x12,
    ELEMENT_VAR = 0x13,
    ELEMENT_ARRAY = 0x14,
    ELEMENT_GENERICINST = 0x15,
    ELEMENT_FNPTR = 0x1b,
    ELEMENT_SZARRAY = 0x1d,
    ELEMENT_MVAR = 0x1e,
    ELEMENT_CMOD_REQD = 0x1f,
    ELEMENT_CMOD_OPT = 0x20,
    ELEMENT_INTERNAL = 0x21,
    ELEMENT_SENTINEL = 0x41
};

static const char *const element_names[0x1d] = {
    [0x01] = "Void",    [0x02] = "Boolean",       [0x03] = "Char",           [0x04] = "SByte",
    [0x05] = "Byte",    [0x06] = "Int16",         [0x07] = "UInt16",         [0x08] = "Int32",
    [0x09] = "UInt32",  [0x0a] = "Int64",         [0x0b] = "UInt64",         [0x0c] = "Single",
    [0x0d] = "Double",  [0x0e] = "System.String", [0x16] = "TypedReference", [0x18] = "IntPtr",
    [0x19] = "UIntPtr", [0x1c] = "System.Object"};

struct writer {
    struct modules *m;
    struct strbuf *out;
    const struct module *module;      /* whose metadata the signature speaks of */
    struct type_parts type_arguments; /* of the class */
    uint64_t method_arguments;        /* address of handles; 0: none */
    uint32_t method_argument_count;
    uint32_t depth;
};

/* -- The class and its arguments --------------------------------------------------------------- */

/* Too deep, too long, or more than the dump may ask for. */
static bool too_deep(const struct writer *w) {
    return w->depth >= NAME_DEPTH_MAX || w->out->len > NAME_MAX_BYTES ||
           !clr_spend(w->m->clr, NAME_STEPS);
}

static void write_full(struct writer *w, uint64_t handle, bool with_assembly);

static const struct module *method_module_of(struct writer *w, const struct type_parts *t) {
    const struct module *module = t->module ? module_at(w->m, t->module) : NULL;
    return module && module->has_metadata ? module : NULL;
}

static void write_assembly(struct writer *w, const struct module *module) {
    strbuf_adds(w->out, ", ");
    if (!module || !metadata_name(&module->md, MD_ASSEMBLY, 1, MD_ASSEMBLY_NAME, w->out))
        strbuf_adds(w->out, "<unknown>");
}

/* "[[A, assembly],[B, assembly]]" */
static void write_instantiation(struct writer *w, uint64_t arguments, uint32_t count) {
    strbuf_addc(w->out, '[');
    for (uint32_t i = 0; i < count && w->out->len < NAME_MAX_BYTES; i++) {
        uint64_t handle = 0;
        strbuf_adds(w->out, i ? ",[" : "[");
        if (!clr_word_at(w->m->clr, arguments, i, &handle))
            handle = 0;
        write_full(w, handle, true);
        strbuf_addc(w->out, ']');
    }
    strbuf_addc(w->out, ']');
}

static void method_write_class(struct writer *w, const struct type_parts *t,
                               const struct module *module) {
    if (!module || !type_def_name(&module->md, t->token_row, w->out)) {
        const struct module *bare = t->module ? module_at(w->m, t->module) : NULL;
        strbuf_addf(w->out, "%s!0x%08x", bare && bare->file_name ? bare->file_name : "(unknown)",
                    0x02000000u | t->token_row);
    }
    if (t->argument_count && !t->open)
        write_instantiation(w, t->arguments, t->argument_count);
}

static void method_write_variable(struct writer *w, const struct type_parts *t) {
    const struct module *module = method_module_of(w, t);
    if (!module ||
        !metadata_name(&module->md, MD_GENERIC_PARAM, t->token_row, MD_GENERIC_PARAM_NAME, w->out))
        strbuf_adds(w->out, "T");
}

static void write_rank(struct writer *w, uint32_t rank) {
    strbuf_addc(w->out, '[');
    for (uint32_t k = 1; k < rank && k < 32; k++)
        strbuf_addc(w->out, ',');
    strbuf_addc(w->out, ']');
}

static void write_full(struct writer *w, uint64_t handle, bool with_assembly) {
    const struct module *module = NULL;
    if (too_deep(w)) {
        strbuf_adds(w->out, "...");
        return;
    }
    struct type_parts t = type_parts(w->m->clr, handle);
    w->depth++;
    switch (t.kind) {
    case TYPE_CLASS:
        module = method_module_of(w, &t);
        method_write_class(w, &t, module);
        break;
    case TYPE_ARRAY:
    case TYPE_POINTER:
    case TYPE_BYREF:
        write_full(w, t.element, false);
        if (t.kind == TYPE_ARRAY)
            write_rank(w, t.rank);
        else
            strbuf_addc(w->out, t.kind == TYPE_POINTER ? '*' : '&');
        for (uint32_t i = 0; i < NAME_DEPTH_MAX && t.element && t.kind != TYPE_CLASS; i++)
            t = type_parts(w->m->clr, t.element);
        module = method_module_of(w, &t);
        break;
    case TYPE_VARIABLE:
        method_write_variable(w, &t);
        module = method_module_of(w, &t);
        break;
    case TYPE_FUNCTION:
    case TYPE_UNKNOWN:
        strbuf_adds(w->out, "<unknown>");
        break;
    }
    w->depth--;
    if (with_assembly)
        write_assembly(w, module);
}

/* -- Parameters: type handles ------------------------------------------------------------------ */

/* "Int32" for System.Int32 of the core library; such types have no namespace in signatures. */
static bool is_primitive(const struct strbuf *name, size_t from) {
    struct str s = str_drop(strbuf_str(name), from);
    if (!str_starts(s, STR("System.")))
        return false;
    s = str_drop(s, 7);
    for (size_t i = 1; i < sizeof(element_names) / sizeof(element_names[0]); i++)
        if (element_names[i] && str_eq(s, str_of(element_names[i])))
            return true;
    return false;
}

static void cut_out(struct strbuf *out, size_t at, size_t size) {
    memmove(out->ptr + at, out->ptr + at + size, out->len - at - size + 1);
    out->len -= size;
}

/* The name of a TypeDef or TypeRef alone: without the types it is nested in. */
static bool write_row_name(struct writer *w, const struct metadata *md, enum metadata_table table,
                           uint32_t row) {
    size_t from = w->out->len;
    bool is_def = table == MD_TYPE_DEF;
    if (metadata_name(md, table, row, is_def ? MD_TYPE_DEF_NAMESPACE : MD_TYPE_REF_NAMESPACE,
                      w->out))
        strbuf_addc(w->out, '.');
    if (metadata_name(md, table, row, is_def ? MD_TYPE_DEF_NAME : MD_TYPE_REF_NAME, w->out))
        return true;
    w->out->len = from;
    return false;
}

static void write_short(struct writer *w, uint64_t handle);

static void write_short_class(struct writer *w, const struct type_parts *t) {
    const struct module *module = method_module_of(w, t);
    size_t from = w->out->len;
    if (!module || !write_row_name(w, &module->md, MD_TYPE_DEF, t->token_row)) {
        method_write_class(w, t, module);
        return;
    }
    if (!t->argument_count && is_primitive(w->out, from))
        cut_out(w->out, from, 7);
    if (!t->argument_count || t->open)
        return;
    strbuf_addc(w->out, '<');
    for (uint32_t i = 0; i < t->argument_count && w->out->len < NAME_MAX_BYTES; i++) {
        uint64_t argument;
        if (i)
            strbuf_addc(w->out, ',');
        if (clr_word_at(w->m->clr, t->arguments, i, &argument))
            write_short(w, argument);
    }
    strbuf_addc(w->out, '>');
}

static void write_short(struct writer *w, uint64_t handle) {
    if (too_deep(w)) {
        strbuf_adds(w->out, "...");
        return;
    }
    struct type_parts t = type_parts(w->m->clr, handle);
    w->depth++;
    switch (t.kind) {
    case TYPE_CLASS:
        write_short_class(w, &t);
        break;
    case TYPE_ARRAY:
        write_short(w, t.element);
        write_rank(w, t.rank);
        break;
    case TYPE_POINTER:
        write_short(w, t.element);
        strbuf_addc(w->out, '*');
        break;
    case TYPE_BYREF:
        write_short(w, t.element);
        strbuf_adds(w->out, " ByRef");
        break;
    case TYPE_VARIABLE:
        method_write_variable(w, &t);
        break;
    case TYPE_FUNCTION:
    case TYPE_UNKNOWN:
        strbuf_adds(w->out, "<unknown>");
        break;
    }
    w->depth--;
}

/* -- Parameters: signatures -------------------------------------------------------------------- */

static void write_signature_type(struct writer *w, struct reader *r);

static void method_write_token(struct writer *w, struct reader *r) {
    static const enum metadata_table tables[] = {MD_TYPE_DEF, MD_TYPE_REF, MD_TYPE_SPEC,
                                                 MD_TYPE_DEF};
    uint32_t coded = metadata_compressed(r);
    enum metadata_table table = tables[coded & 3];
    /* The runtime writes nothing for a TypeSpec. */
    if (table == MD_TYPE_SPEC || r->failed)
        return;
    if (!write_row_name(w, &w->module->md, table, coded >> 2))
        strbuf_addf(w->out, "0x%08x", (uint32_t)table << 24 | coded >> 2);
}

static void write_parameter(struct writer *w, uint64_t arguments, uint32_t count, uint32_t index,
                            const char *prefix) {
    uint64_t handle;
    if (arguments && index < count && clr_word_at(w->m->clr, arguments, index, &handle))
        write_short(w, handle);
    else
        strbuf_addf(w->out, "%s%u", prefix, index);
}

/* Bounds of an array shape are not printed. */
static void write_shape(struct writer *w, struct reader *r) {
    uint32_t rank = metadata_compressed(r);
    for (uint32_t list = 0; list < 2; list++) {
        uint32_t count = metadata_compressed(r);
        for (uint32_t i = 0; i < count && !r->failed; i++)
            metadata_compressed(r);
    }
    write_rank(w, rank);
}

static void write_list(struct writer *w, struct reader *r, uint32_t count, const char *separator) {
    for (uint32_t i = 0; i < count && !r->failed && w->out->len < NAME_MAX_BYTES; i++) {
        if (i)
            strbuf_adds(w->out, separator);
        write_signature_type(w, r);
    }
}

static void write_function(struct writer *w, struct reader *r) {
    uint32_t convention = metadata_compressed(r), count;
    if (convention & 0x10)
        metadata_compressed(r);
    count = metadata_compressed(r);
    write_signature_type(w, r);
    strbuf_adds(w->out, " (");
    write_list(w, r, count, ", ");
    strbuf_addc(w->out, ')');
}

static void write_element(struct writer *w, struct reader *r, uint32_t element) {
    switch (element) {
    case ELEMENT_VALUETYPE:
    case ELEMENT_CLASS:
        method_write_token(w, r);
        break;
    case ELEMENT_VAR:
        write_parameter(w, w->type_arguments.arguments, w->type_arguments.argument_count,
                        metadata_compressed(r), "!");
        break;
    case ELEMENT_MVAR:
        write_parameter(w, w->method_arguments, w->method_argument_count, metadata_compressed(r),
                        "!!");
        break;
    case ELEMENT_GENERICINST:
        write_signature_type(w, r);
        strbuf_addc(w->out, '<');
        write_list(w, r, metadata_compressed(r), ",");
        strbuf_addc(w->out, '>');
        break;
    case ELEMENT_SZARRAY:
    case ELEMENT_ARRAY:
    case ELEMENT_PTR:
    case ELEMENT_BYREF:
        write_signature_type(w, r);
        if (element == ELEMENT_ARRAY)
            write_shape(w, r);
        else
            strbuf_adds(w->out, element == ELEMENT_SZARRAY ? "[]"
                                : element == ELEMENT_PTR   ? "*"
                                                           : " ByRef");
        break;
    case ELEMENT_FNPTR:
        write_function(w, r);
        break;
    case ELEMENT_INTERNAL:
        write_short(w, w->m->clr->word == 8 ? reader_u64(r) : reader_u32(r));
        break;
    default:
        if (element < sizeof(element_names) / sizeof(element_names[0]) && element_names[element])
            strbuf_adds(w->out, element_names[element]);
        else
            strbuf_adds(w->out, "**UNKNOWN TYPE**");
        break;
    }
}

static void write_signature_type(struct writer *w, struct reader *r) {
    if (too_deep(w)) {
        r->failed = true;
        return;
    }
    w->depth++;
    uint32_t element = reader_u8(r);
    while (element == ELEMENT_CMOD_REQD || element == ELEMENT_CMOD_OPT ||
           element == ELEMENT_SENTINEL) {
        if (element != ELEMENT_SENTINEL)
            metadata_compressed(r);
        element = reader_u8(r);
    }
    if (!r->failed)
        write_element(w, r, element);
    w->depth--;
}

/* "(A, B)" of a method's signature. */
static void write_parameters(struct writer *w, struct bytes signature) {
    struct reader r;
    reader_init(&r, signature, 0);
    uint32_t convention = reader_u8(&r);
    if (convention & 0x10)
        metadata_compressed(&r);
    uint32_t count = metadata_compressed(&r);
    /* What it returns is not printed. */
    size_t before = w->out->len;
    write_signature_type(w, &r);
    if (r.failed || strbuf_failed(w->out))
        return;
    w->out->len = before;
    strbuf_addc(w->out, '(');
    write_list(w, &r, count < PARAMETERS_MAX ? count : PARAMETERS_MAX, ", ");
    if ((convention & 0xf) == 5)
        strbuf_adds(w->out, count ? ", ..." : "...");
    strbuf_addc(w->out, ')');
}

/* -- MethodDesc -------------------------------------------------------------------------------- */

struct method {
    uint64_t desc, mt;
    uint32_t row; /* of the Method table */
    uint16_t flags;
};

static bool open_method(struct clr *clr, uint64_t desc, struct method *method) {
    uint8_t index;
    uint16_t range, remainder;
    uint64_t chunk;
    *method = (struct method){.desc = desc};
    if (!clr_is_aligned(clr, desc) || !clr_knows(clr, F_CHUNK_SIZE) ||
        !clr_knows(clr, F_MD_CHUNK_INDEX) ||
        !clr_u8(clr, clr_field(clr, desc, F_MD_CHUNK_INDEX), &index) ||
        !clr_field_u16(clr, desc, F_MD_FLAGS, &method->flags) ||
        !clr_field_u16(clr, desc, F_MD_TOKEN, &remainder))
        return false;
    chunk = desc - (uint64_t)clr->word * index - clr->contract.offset[F_CHUNK_SIZE];
    if (!clr_field_word(clr, chunk, F_CHUNK_MT, &method->mt) ||
        !clr_field_u16(clr, chunk, F_CHUNK_TOKEN, &range))
        return false;
    uint32_t low = clr->contract.token_bits, high = 24 - low;
    method->row = (range & ((1u << high) - 1)) << low | (remainder & ((1u << low) - 1));
    return true;
}

static void write_dynamic(struct writer *w, const struct method *method) {
    struct clr *clr = w->m->clr;
    uint64_t name, signature;
    uint32_t size, extended = 0;
    if (!clr_field_u32(clr, method->desc, F_STORED_SIG_FLAGS, &extended))
        extended = 0;
    const char *text = NULL;
    if (clr_field_word(clr, method->desc, F_DYNAMIC_MD_NAME, &name))
        text = clr_utf8z(clr, name, NAME_BYTES_MAX);
    strbuf_addf(w->out, "%s.%s", extended & DYNAMIC_LCG ? "DynamicClass" : "ILStubClass",
                text ? text : "<unknown>");
    uint8_t blob[SIGNATURE_MAX];
    if (!clr_field_word(clr, method->desc, F_STORED_SIG, &signature) ||
        !clr_field_u32(clr, method->desc, F_STORED_SIG_SIZE, &size) || size > sizeof(blob) ||
        !clr_read(clr, signature, blob, size))
        return;
    struct type_parts t = type_parts(clr, method->mt);
    w->module = method_module_of(w, &t);
    if (w->module)
        write_parameters(w, (struct bytes){blob, size});
}

static void write_method_arguments(struct writer *w, const struct method *method) {
    struct clr *clr = w->m->clr;
    uint64_t arguments;
    uint16_t flags2, count;
    if ((method->flags & CLASSIFICATION) != MD_INSTANTIATED ||
        !clr_field_u16(clr, method->desc, F_INST_MD_FLAGS2, &flags2) ||
        (flags2 & INST_KIND) == INST_DEFINITION ||
        !clr_field_u16(clr, method->desc, F_INST_MD_ARGS, &count) || count == 0 ||
        count > PARAMETERS_MAX ||
        !clr_field_word(clr, method->desc, F_INST_MD_PER_INST, &arguments) || !arguments)
        return;
    w->method_arguments = arguments;
    w->method_argument_count = count;
    write_instantiation(w, arguments, count);
}

static void write_method(struct writer *w, const struct method *method) {
    struct clr *clr = w->m->clr;
    if ((method->flags & CLASSIFICATION) == MD_DYNAMIC) {
        write_dynamic(w, method);
        return;
    }
    w->type_arguments = type_parts(clr, method->mt);
    const struct type_parts *t = &w->type_arguments;
    size_t from = w->out->len;
    w->module = method_module_of(w, t);
    /* An array's methods have no metadata of their own. */
    if (w->module) {
        write_full(w, method->mt, false);
        strbuf_addc(w->out, '.');
    }
    if (!w->module ||
        !metadata_name(&w->module->md, MD_METHOD, method->row, MD_METHOD_NAME, w->out)) {
        const struct module *bare = t->module ? module_at(w->m, t->module) : NULL;
        if (!strbuf_failed(w->out))
            w->out->len = from;
        strbuf_addf(w->out, "%s!0x%08x", bare && bare->file_name ? bare->file_name : "(unknown)",
                    0x06000000u | method->row);
        return;
    }
    write_method_arguments(w, method);
    uint8_t blob[SIGNATURE_MAX];
    uint32_t index;
    size_t size;
    if (metadata_cell(&w->module->md, MD_METHOD, method->row, MD_METHOD_SIGNATURE, &index) &&
        metadata_blob(&w->module->md, index, blob, sizeof(blob), &size))
        write_parameters(w, (struct bytes){blob, size});
}

void method_name(struct modules *m, uint64_t method_desc, struct strbuf *out) {
    struct writer w = {.m = m, .out = out};
    struct method method;
    if (open_method(m->clr, method_desc, &method))
        write_method(&w, &method);
    else
        strbuf_adds(out, "<unknown>");
}

void method_short_name(struct modules *m, uint64_t method_desc, struct strbuf *out) {
    struct strbuf name;
    strbuf_init(&name);
    method_name(m, method_desc, &name);
    size_t end = str_find(strbuf_str(&name), STR("("), 0);
    if (end != STR_NOT_FOUND)
        strbuf_add(out, str_take(strbuf_str(&name), end));
    strbuf_fail(out, &name.err);
    strbuf_deinit(&name);
}
