#include "dotnet/type_names.h"

#include "dotnet/gcdesc.h"

#include "base/chars.h"

#include "model/known_names.h"

#include <stdlib.h>
#include <string.h>

/* MethodTable flags (src/coreclr/vm/methodtable.h), the same from 8.0 to 10.0. */
#define CONTINUATION_RUNS_MAX 256u
#define MT_HAS_COMPONENTS     0x80000000u
#define MT_ARRAY_MASK         0x000c0000u
#define MT_ARRAY              0x00080000u
#define MT_VECTOR_MASK        0x000f0000u
#define MT_VECTOR             0x000a0000u
#define MT_GENERICS_MASK      0x00000030u
#define MT_GENERICS_OPEN      0x00000030u

#define BOUND_BYTES   8u /* that each dimension adds to the size of a vector */
#define RANK_MAX      32u
#define NESTING_MAX   32u
#define ARGUMENTS_MAX 1024u
#define FIELDS_MAX    4096u
#define PARENTS_MAX   64u

/* -- Taking a type handle apart ---------------------------------------------------------------- */

/* Dimensions of an array that is no vector. */
static uint32_t array_rank(const struct clr *clr, uint32_t base_size) {
    uint32_t min = clr_object_min(clr);
    return base_size >= min ? (base_size - min) / BOUND_BYTES : 0;
}

static struct type_parts desc_parts(struct clr *clr, uint64_t desc) {
    struct type_parts t = {0};
    uint32_t flags, token, base;
    uint64_t mt;
    if (!clr_field_u32(clr, desc, F_TYPE_DESC_FLAGS, &flags))
        return t;
    switch (flags & 0xff) { /* CorElementType */
    case 0x0f:
    case 0x10:
        if (clr_field_word(clr, desc, F_PARAM_TYPE_ARG, &t.element))
            t.kind = (flags & 0xff) == 0x0f ? TYPE_POINTER : TYPE_BYREF;
        break;
    case 0x14:
    case 0x1d: /* before .NET 5 arrays have descriptors, too, behind their own MethodTable */
        if (clr_is_before_5(clr) && clr_field_word(clr, desc, F_PARAM_TYPE_ARG, &t.element) &&
            clr_word_at(clr, desc, 1, &mt) && clr_field_u32(clr, mt, F_MT_BASE_SIZE, &base)) {
            t.rank = (flags & 0xff) == 0x14 ? array_rank(clr, base) : 0;
            t.kind = TYPE_ARRAY;
        }
        break;
    case 0x13:
    case 0x1e:
        if (clr_field_word(clr, desc, F_TYPE_VAR_MODULE, &t.module) &&
            clr_field_u32(clr, desc, F_TYPE_VAR_TOKEN, &token)) {
            t.token_row = token & 0xffffff;
            t.kind = TYPE_VARIABLE;
        }
        break;
    case 0x1b:
        t.kind = TYPE_FUNCTION;
        if (clr_field_u32(clr, desc, F_FNPTR_ARGS, &t.argument_count) &&
            t.argument_count < ARGUMENTS_MAX) {
            t.argument_count++; /* the first one is what it returns */
            t.arguments = clr_field(clr, desc, F_FNPTR_TYPES);
        }
        break;
    default:
        break;
    }
    return t;
}

static void generic_arguments(struct clr *clr, uint64_t mt, uint32_t flags, struct type_parts *t) {
    uint64_t per_inst;
    uint16_t dicts, count;
    if (flags & MT_HAS_COMPONENTS || !(flags & MT_GENERICS_MASK) ||
        !clr_field_word(clr, mt, F_MT_PER_INST, &per_inst) || per_inst < clr->word)
        return;
    uint64_t info = per_inst - clr->word;
    if (!clr_field_u16(clr, info, F_GENERICS_DICTS, &dicts) || dicts == 0 ||
        !clr_field_u16(clr, info, F_GENERICS_ARGS, &count) || count > ARGUMENTS_MAX ||
        !clr_word_at(clr, per_inst, dicts - 1u, &t->arguments))
        return;
    t->argument_count = count;
    t->open = (flags & MT_GENERICS_MASK) == MT_GENERICS_OPEN;
}

struct type_parts type_parts(struct clr *clr, uint64_t handle) {
    if (handle & 2)
        return desc_parts(clr, handle & ~3ull);
    struct type_parts t = {.mt = handle};
    uint32_t flags, base_size, row = 0;
    uint16_t row16 = 0;
    if (handle == 0 || !clr_is_aligned(clr, handle) ||
        !clr_field_u32(clr, handle, F_MT_FLAGS, &flags) ||
        !clr_field_u32(clr, handle, F_MT_BASE_SIZE, &base_size))
        return t;
    if (flags & MT_HAS_COMPONENTS && (flags & MT_ARRAY_MASK) == MT_ARRAY) {
        if (!clr_field_word(clr, handle, F_MT_PER_INST, &t.element))
            return t;
        t.kind = TYPE_ARRAY;
        if ((flags & MT_VECTOR_MASK) != MT_VECTOR)
            t.rank = array_rank(clr, base_size);
        return t;
    }
    bool ok = clr->contract.token16 ? clr_u16(clr, clr_field(clr, handle, F_MT_FLAGS2) + 2, &row16)
                                    : clr_field_u32(clr, handle, F_MT_FLAGS2, &row);
    uint64_t canonical = handle;
    /* .NET 8 has the loader's module here. Of an instantiation over a type that can be unloaded
     * only the canonical MethodTable has the module of the definition. */
    if (clr->contract.token16)
        canonical = clr_canonical_mt(clr, handle);
    if (!ok || !clr_field_word(clr, canonical, F_MT_MODULE, &t.module))
        return t;
    t.kind = TYPE_CLASS;
    t.token_row = clr->contract.token16 ? row16 : row >> 8;
    generic_arguments(clr, handle, flags, &t);
    return t;
}

/* -- Names ------------------------------------------------------------------------------------- */

#define NAME_STEPS 8u /* see clr_spend: one name of metadata */

struct writer {
    struct modules *modules;
    struct strbuf *out;
    uint32_t depth;
};

static void write_type(struct writer *w, uint64_t handle);

/* TypeDef rows from the outermost type to the nested one; 0: not there. */
static uint32_t enclosing_chain(const struct metadata *md, uint32_t row,
                                uint32_t chain[NESTING_MAX]) {
    uint32_t reversed[NESTING_MAX], count = 0;
    for (; row && count < NESTING_MAX; row = metadata_enclosing(md, row))
        reversed[count++] = row;
    for (uint32_t i = 0; i < count; i++)
        chain[i] = reversed[count - 1 - i];
    return count;
}

static bool add_simple_name(const struct metadata *md, uint32_t row, bool nested,
                            struct strbuf *out) {
    size_t before = out->len;
    if (nested)
        strbuf_addc(out, '+');
    else if (metadata_name(md, MD_TYPE_DEF, row, MD_TYPE_DEF_NAMESPACE, out))
        strbuf_addc(out, '.');
    if (metadata_name(md, MD_TYPE_DEF, row, MD_TYPE_DEF_NAME, out))
        return true;
    out->len = before;
    return false;
}

bool type_def_name(const struct metadata *md, uint32_t type_def, struct strbuf *out) {
    uint32_t chain[NESTING_MAX], count = enclosing_chain(md, type_def, chain);
    size_t before = out->len;
    for (uint32_t i = 0; i < count; i++)
        if (!add_simple_name(md, chain[i], i > 0, out)) {
            out->len = before;
            return false;
        }
    return count > 0;
}

/*
 * Takes "`2" off the end of what was appended since `from`, and gives the number. A name that is
 * nothing else stays: no type is without one.
 */
static uint32_t take_arity(struct strbuf *out, size_t from) {
    size_t at = out->len;
    uint32_t arity = 0, scale = 1;
    while (at > from && char_is_digit(out->ptr[at - 1]) && scale <= 1000) {
        at--;
        arity += scale * (uint32_t)(out->ptr[at] - '0');
        scale *= 10;
    }
    if (at == out->len || at <= from + 1 || out->ptr[at - 1] != '`')
        return 0;
    out->len = at - 1;
    out->ptr[out->len] = 0;
    return arity;
}

static void write_arguments(struct writer *w, const struct type_parts *t, uint32_t first,
                            uint32_t count) {
    strbuf_addc(w->out, '<');
    for (uint32_t i = first; i < first + count; i++) {
        uint64_t handle;
        if (i > first)
            strbuf_adds(w->out, ", ");
        if (clr_word_at(w->modules->clr, t->arguments, i, &handle))
            write_type(w, handle);
        else
            strbuf_adds(w->out, "<unknown>");
        if (w->out->len > NAME_MAX_BYTES)
            return;
    }
    strbuf_addc(w->out, '>');
}

/* Without metadata: "module!0x02000012", with the arguments, since they tell instances apart. */
static void type_names_write_token(struct writer *w, const struct type_parts *t,
                                   const struct module *module) {
    const struct clr *clr = w->modules->clr;
    if (t->mt && (t->mt == clr->string_mt || t->mt == clr->object_mt)) {
        strbuf_adds(w->out, t->mt == clr->string_mt ? "System.String" : "System.Object");
        return;
    }
    strbuf_addf(w->out, "%s!0x%08x", module && module->file_name ? module->file_name : "(unknown)",
                0x02000000u | t->token_row);
    if (t->argument_count && !t->open)
        write_arguments(w, t, 0, t->argument_count);
}

static void type_names_write_class(struct writer *w, const struct type_parts *t) {
    const struct module *module = module_at(w->modules, t->module);
    uint32_t chain[NESTING_MAX], used = 0, count = 0;
    size_t before = w->out->len;
    if (module && module->has_metadata)
        count = enclosing_chain(&module->md, t->token_row, chain);
    if (count == 0) {
        type_names_write_token(w, t, module);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t from = w->out->len;
        if (!clr_spend(w->modules->clr, NAME_STEPS) ||
            !add_simple_name(&module->md, chain[i], i > 0, w->out)) {
            w->out->len = before;
            type_names_write_token(w, t, module);
            return;
        }
        uint32_t arity = take_arity(w->out, from);
        /* What no name counts belongs to the last: F# writes closures without their "`1". */
        if (arity > t->argument_count - used || i + 1 == count)
            arity = t->argument_count - used;
        if (arity)
            write_arguments(w, t, used, arity);
        used += arity;
    }
}

/*
 * The runtime gives the MethodTables of continuations no name, its debugging library one: bytes of
 * data, then where references lie in them and how many there are in a row
 * ("Continuation_40_0_2_24_1").
 */
static void write_continuation(struct writer *w, uint64_t mt) {
    struct clr *clr = w->modules->clr;
    struct gc_piece pieces[CONTINUATION_RUNS_MAX];
    struct gc_desc desc = {0};
    uint32_t base, data = clr->contract.offset[F_CONTINUATION_DATA];
    strbuf_adds(w->out, "Continuation");
    if (data == NO_FIELD || !clr_field_u32(clr, mt, F_MT_BASE_SIZE, &base) ||
        base < data + clr->word)
        return;
    strbuf_addf(w->out, "_%u", base - clr->word - data);
    if (!gcdesc_read(clr, mt, pieces, CONTINUATION_RUNS_MAX, &desc) || desc.repeats)
        return;
    for (uint32_t i = 0; i < desc.count; i++)
        if (pieces[i].offset >= data)
            strbuf_addf(w->out, "_%u_%llu", pieces[i].offset - data,
                        (unsigned long long)gc_piece_references(&pieces[i], base, clr->word));
}

static void type_names_write_variable(struct writer *w, const struct type_parts *t) {
    const struct module *module = module_at(w->modules, t->module);
    if (!module || !module->has_metadata ||
        !metadata_name(&module->md, MD_GENERIC_PARAM, t->token_row, MD_GENERIC_PARAM_NAME, w->out))
        strbuf_adds(w->out, "T");
}

/* "[,]" of the arrays inside each other, outermost last: an array of int[,] is "[,][]" in ClrMD. */
static void write_brackets(struct writer *w, const uint32_t *ranks, uint32_t count) {
    for (uint32_t i = count; i > 0; i--) {
        uint32_t rank = ranks[i - 1] < RANK_MAX ? ranks[i - 1] : RANK_MAX;
        strbuf_addc(w->out, '[');
        if (rank == 1)
            strbuf_addc(w->out, '*');
        for (uint32_t k = 1; k < rank; k++)
            strbuf_addc(w->out, ',');
        strbuf_addc(w->out, ']');
    }
}

static void write_type(struct writer *w, uint64_t handle) {
    struct clr *clr = w->modules->clr;
    uint32_t ranks[NAME_DEPTH_MAX], count = 0;
    if (w->depth >= NAME_DEPTH_MAX || w->out->len > NAME_MAX_BYTES || !clr_spend(clr, NAME_STEPS)) {
        strbuf_adds(w->out, "...");
        return;
    }
    struct type_parts t = type_parts(clr, handle);
    for (; t.kind == TYPE_ARRAY && count < NAME_DEPTH_MAX; t = type_parts(clr, t.element))
        ranks[count++] = t.rank;
    w->depth++;
    switch (t.kind) {
    case TYPE_CLASS:
        if (t.mt == clr->free_mt)
            strbuf_adds(w->out, TYPE_FREE);
        else if (clr_is_continuation(clr, t.mt))
            write_continuation(w, t.mt);
        else
            type_names_write_class(w, &t);
        break;
    case TYPE_POINTER:
    case TYPE_BYREF:
        write_type(w, t.element);
        strbuf_addc(w->out, t.kind == TYPE_POINTER ? '*' : '&');
        break;
    case TYPE_VARIABLE:
        type_names_write_variable(w, &t);
        break;
    case TYPE_FUNCTION:
        strbuf_adds(w->out, "delegate*");
        if (t.argument_count && t.arguments)
            write_arguments(w, &t, 0, t.argument_count);
        break;
    case TYPE_ARRAY:
    case TYPE_UNKNOWN:
        strbuf_adds(w->out, "<unknown>");
        break;
    }
    w->depth--;
    write_brackets(w, ranks, count);
}

void type_name(struct modules *m, uint64_t handle, struct strbuf *out) {
    struct writer w = {.modules = m, .out = out};
    write_type(&w, handle);
}

bool type_is_called(struct modules *m, uint64_t handle, const char *name) {
    struct strbuf text;
    strbuf_init(&text);
    type_name(m, handle, &text);
    bool is = strcmp(strbuf_cstr(&text), name) == 0;
    strbuf_deinit(&text);
    return is;
}

bool type_may_be_of_base(struct clr *clr, uint64_t mt) {
    uint64_t module, base;
    return !clr->object_mt || !clr_field_word(clr, clr->object_mt, F_MT_MODULE, &base) ||
           (clr_field_word(clr, mt, F_MT_MODULE, &module) && module == base);
}

const struct module *type_module(struct modules *m, uint64_t mt) {
    uint64_t module;
    if (mt == m->clr->free_mt || !clr_field_word(m->clr, mt, F_MT_MODULE, &module) || !module)
        return NULL;
    return module_at(m, module);
}

/* -- Fields ------------------------------------------------------------------------------------ */

/* FieldDescs of one class: {MethodTable*; u32 token:24, static:1, ...; u32 offset:27, type:5}. */
static uint32_t own_field(struct modules *m, uint64_t mt, uint64_t parent, const char *field) {
    struct clr *clr = m->clr;
    uint64_t fields, class = clr_class_of(clr, mt), module_address;
    uint16_t count = 0, inherited = 0;
    if (!class || !clr_field_word(clr, class, F_CLASS_FIELDS, &fields) || !fields ||
        !clr_field_u16(clr, class, F_CLASS_INSTANCE_FIELDS, &count) ||
        !clr_field_word(clr, mt, F_MT_MODULE, &module_address))
        return 0;
    if (parent &&
        !clr_field_u16(clr, clr_class_of(clr, parent), F_CLASS_INSTANCE_FIELDS, &inherited))
        return 0;
    const struct module *module = module_at(m, module_address);
    uint32_t found = 0;
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = inherited; i < count && i - inherited < FIELDS_MAX && module && !found; i++) {
        uint64_t at = fields + (clr->word + 8ull) * (i - inherited) + clr->word;
        uint32_t token, offset;
        if (!clr_spend(clr, NAME_STEPS) || !clr_u32(clr, at, &token) ||
            !clr_u32(clr, at + 4, &offset))
            break;
        strbuf_clear(&name);
        /* Offsets do not count the MethodTable's word. */
        if (module->has_metadata &&
            metadata_name(&module->md, MD_FIELD, token & 0xffffff, MD_FIELD_NAME, &name) &&
            strcmp(strbuf_cstr(&name), field) == 0)
            found = (offset & 0x7ffffff) + clr->word;
    }
    strbuf_deinit(&name);
    return found;
}

uint32_t type_field_offset(struct modules *m, uint64_t mt, const char *field) {
    for (uint32_t i = 0; mt && i < PARENTS_MAX; i++) {
        uint64_t parent = 0;
        if (!clr_field_word(m->clr, mt, F_MT_PARENT, &parent))
            parent = 0;
        uint32_t offset = own_field(m, mt, parent, field);
        if (offset)
            return offset;
        mt = parent;
    }
    return 0;
}
