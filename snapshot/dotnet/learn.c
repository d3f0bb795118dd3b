#include "dotnet/learn.h"

#include "dotnet/globals.h"
#include "dotnet/learn_impl.h"
#include "dotnet/type_names.h"
#include "dotnet/walk.h"

#include <string.h>

/* What is the same in all versions that were measured, in bytes where pointers have 8 or 4. */
static const struct {
    uint16_t field, wide, narrow;
} common[] = {
    {F_ALLOC_POINTER, 0, 0},    {F_ALLOC_LIMIT, 8, 4},      {F_LOCALS_ALLOC_CONTEXT, 0, 0},
    {F_MT_FLAGS, 0, 0},         {F_MT_BASE_SIZE, 4, 4},     {F_MT_FLAGS2, 8, 8},
    {F_GENERICS_DICTS, 4, 0},   {F_GENERICS_ARGS, 6, 2},    {F_TYPE_DESC_FLAGS, 0, 0},
    {F_SYNC_ENTRY_BLOCK, 0, 0}, {F_SYNC_ENTRY_OBJECT, 8, 4}};

/* What is not looked for, and what of the report is not there without it. */
static const struct {
    enum contract_field field;
    const char *means;
} unlearnt[] = {
    {F_THREAD_FRAME, "managed stacks"},
    {F_CLASS_FIELDS, "names of fields, and what async methods and waits are told by"},
    {F_MT_AUXILIARY, "static fields: paths begin at handles"},
    {F_SYNC_LOCK_STATE, "owners of contended locks"},
    {F_THREAD_LAST_THROWN, "exceptions of threads"},
};

bool learn_field(struct learning *l, enum contract_field field, uint32_t end, uint32_t step,
                 learn_fits *fits) {
    const char *type, *name;
    contract_field_name(field, &type, &name);
    for (uint32_t offset = 0; offset < end && clr_spend(&l->clr, 1); offset += step) {
        if (!fits(l, offset))
            continue;
        l->clr.contract.offset[field] = offset;
        strbuf_addf(l->told, "learnt: %s.%s %u\n", type, name, offset);
        return true;
    }
    l->clr.contract.offset[field] = NO_FIELD;
    strbuf_addf(l->told, "not learnt: %s.%s\n", type, name);
    return false;
}

bool learn_is_plain(struct str name) {
    return !str_contains(name, STR("[")) && !str_contains(name, STR("<")) &&
           !str_contains(name, STR("`"));
}

/* -- The outcome ------------------------------------------------------------------------------- */

/* Fields of one type stand together. */
static void learn_write(const struct contract *c, struct strbuf *json) {
    const char *last = NULL;
    strbuf_adds(json, "{\"version\":0,\"baseline\":\"empty\",\"types\":{");
    for (int f = 0; f < F_COUNT; f++) {
        const char *type, *name;
        if (c->offset[f] == NO_FIELD)
            continue;
        contract_field_name((enum contract_field)f, &type, &name);
        if (last && strcmp(type, last) == 0)
            strbuf_addc(json, ',');
        else
            strbuf_addf(json, "%s\"%s\":{", last ? "}," : "", type);
        strbuf_addf(json, "\"%s\":%u", name, c->offset[f]);
        last = type;
    }
    strbuf_addf(json,
                "%s},\"globals\":{},\"dumpdiff\":{\"canonicalBit\":%u,\"tokenBits\":%u,"
                "\"shortTokens\":%u}}\n",
                last ? "}" : "", c->canonical_bit, c->token_bits, c->token16);
}

/* -- Verifying --------------------------------------------------------------------------------- */

struct learn_agreement {
    uint32_t types, counts, names, named;
    uint64_t skipped;
};

static void learn_compare_type(struct learning *l, const struct walk_result *walk,
                               const struct learn_type *t, struct learn_agreement *a) {
    struct cell sum = {0, 0};
    struct strbuf name;
    uint32_t at = u64map_get(&walk->type_by_mt, t->mt);
    for (int g = 0; at != STRMAP_NONE && g < GEN_COUNT; g++)
        cell_add(&sum, walk->types[at].gen[g]);
    a->types++;
    a->counts += sum.objects == t->objects && sum.bytes == t->bytes;
    if (!learn_is_plain(t->name))
        return;
    strbuf_init(&name);
    type_name(&l->modules, t->mt, &name);
    a->named++;
    a->names += str_eq(strbuf_str(&name), t->name);
    strbuf_deinit(&name);
}

/* Walks the heap by what was learnt. */
static bool learn_compare(struct learning *l, struct learn_agreement *ret, struct err *err) {
    struct gc_state gc;
    struct walk_result walk = {0};
    bool ok = gc_read(&l->clr, &gc, err) && walk_heap(&l->clr, &gc, NULL, &walk, err);
    *ret = (struct learn_agreement){.skipped = walk.skipped_bytes};
    modules_deinit(&l->modules);
    modules_init(&l->modules, &l->clr);
    for (uint32_t i = 0; ok && i < l->said->type_count; i++)
        learn_compare_type(l, &walk, &l->said->types[i], ret);
    walk_free(&walk);
    gc_free(&gc);
    return ok;
}

static bool learn_all(struct learning *l, struct strbuf *json, struct err *err) {
    struct learn_agreement a;
    bool threads = learn_threads(l), types = threads && learn_types(l);
    if (!types || !clr_offsets_fit(&l->clr))
        return err_set(err, ERR_UNSUPPORTED, "%s",
                       types ? "what was learnt does not fit the dump"
                             : "what the transcripts say is not found in the dump");
    if (!learn_compare(l, &a, err))
        return false;
    strbuf_addf(l->told, "types: %u of %u have as many objects and bytes as was said\n", a.counts,
                a.types);
    strbuf_addf(l->told, "names: %u of %u are as was said\n", a.names, a.named);
    if (a.skipped)
        strbuf_addf(l->told, "bytes of the heap that could not be walked: %llu\n",
                    (unsigned long long)a.skipped);
    for (size_t i = 0; i < sizeof(unlearnt) / sizeof(*unlearnt); i++)
        if (!clr_knows(&l->clr, unlearnt[i].field))
            strbuf_addf(l->told, "not looked for: %s\n", unlearnt[i].means);
    if (a.counts * 10 < a.types * 9)
        return err_set(err, ERR_UNSUPPORTED,
                       "the heap is not what the transcripts say of it: "
                       "%u of %u types agree",
                       a.counts, a.types);
    learn_write(&l->clr.contract, json);
    return true;
}

bool dotnet_learn(struct space *space, struct builder *b, const struct learn_said *said,
                  struct strbuf *json, struct strbuf *told, const char **ret_build,
                  struct err *err) {
    static const struct dotnet_options options = {.no_paths = true};
    struct learning l = {.said = said, .told = told};
    struct strbuf why;
    strbuf_init(&why);
    clr_init(&l.clr, space, b, &options);
    modules_init(&l.modules, &l.clr);
    contract_clear(&l.clr.contract);
    for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
        l.clr.contract.offset[common[i].field] =
            l.clr.word == 8 ? common[i].wide : common[i].narrow;
    bool ok =
        clr_find_runtime(&l.clr, &why) || err_set(err, ERR_UNSUPPORTED, "%s", strbuf_cstr(&why));
    ok = ok && learn_all(&l, json, err);
    if (ok) {
        const char *name = clr_learnt_name(&l.clr);
        *ret_build = name ? arena_copy(&space->arena, name, strlen(name)) : NULL;
    }
    modules_deinit(&l.modules);
    clr_deinit(&l.clr);
    strbuf_deinit(&why);
    return ok;
}
