/*
 * Finds CoreCLR: the image that exports g_dacTable (or, where a dump has none of its symbols, the
 * only place that looks like GcDacVars), then the offsets that fit.
 */
#include "dotnet/clr.h"

#include "base/order.h"

#include "dotnet/descriptor.h"
#include "dotnet/globals.h"
#include "dotnet/symbols.h"
#include "dotnet/table_fit.h"
#include "dotnet/thread_ids.h"
#include "dotnet/version.h"
#include "dotnet/why_unreadable.h"
#include "memory/arch/arch.h"
#include "memory/pe/pe.h"

#include <stdlib.h>
#include <string.h>

/* g_dacTable of 8.0 to 10.0 has 129 to 170 entries. */
#define DAC_ENTRIES_MAX 512u
/* .bss of the runtime follows its image; the file does not say how far. */
#define BSS_BYTES 0x80000u

static const char *base_name(const char *path) {
    return str_file_name(str_of(path)).ptr;
}

/* -- GcDacVars --------------------------------------------------------------------------------- */

/* An address of a variable of the runtime, whether or not its page is in the dump. */
static bool in_image(const struct clr *clr, uint64_t address) {
    return address >= clr->image->base && address < clr->image->end + BSS_BYTES;
}

static bool may_be_variable(struct clr *clr, uint64_t address) {
    return in_image(clr, address) || space_range_at(clr->space, address);
}

#define GENERATIONS          5u
#define GENERATIONS_BEFORE_5 4u /* no pinned objects */

/* The first word of GcDacVars: u8 major, u8 minor, and no more. */
static bool version_makes_sense(uint64_t word) {
    return (word & 0xff) >= 1 && (word & 0xff) <= 9 && (word >> 8 & 0xff) < 32 && !(word >> 16);
}

/*
 * Before 5.0 version 1.0 has no number of generations, so there is less to know it by: of the
 * workstation GC all variables are in the image; the server GC has those of all heaps together, and
 * no others.
 */
static bool looks_like_gc_vars_of_1(struct clr *clr, uint64_t address) {
    static const uint8_t workstation[] = {2, 3, 4, 5, 6, 7}, server[] = {2, 3, 6, 21, 22, 23};
    uint64_t w[24];
    if (!clr_words(clr, address, w, 24))
        return false;
    const uint8_t *variables = w[5] ? workstation : server;
    for (uint32_t i = 0; i < sizeof(workstation); i++)
        if (!in_image(clr, w[variables[i]]))
            return false;
    return true;
}

/*
 * {u8 major, minor; 0} in a word; then words: bytes of a generation, generations (not before 5.0),
 * variables.
 */
static bool looks_like_gc_vars(struct clr *clr, uint64_t address) {
    uint64_t w[5];
    if (!clr_is_aligned(clr, address) || !clr_words(clr, address, w, 5) ||
        !version_makes_sense(w[0]) || w[1] < 8 * clr->word || w[1] > 4096)
        return false;
    if (w[0] == 1 && w[2] > GENERATIONS)
        return looks_like_gc_vars_of_1(clr, address);
    return w[2] >= GENERATIONS_BEFORE_5 && w[2] <= GENERATIONS && may_be_variable(clr, w[3]) &&
           may_be_variable(clr, w[4]);
}

#define SLOTS_OF_1 GC_HEAP_FIELDS /* the first that it does not have */

/* Those of before 5.0 are read as later ones, where one word more is in front of the variables. */
static bool read_gc_vars(struct clr *clr, uint64_t address) {
    clr->gc = (struct gc_vars){.address = address};
    if (!looks_like_gc_vars(clr, address) || !clr_word(clr, address, &clr->gc.slot[0]))
        return false;
    clr->gc.major = (uint8_t)clr->gc.slot[0];
    clr->gc.minor = (uint8_t)(clr->gc.slot[0] >> 8);
    uint64_t generations;
    clr->gc.before_5 = clr->gc.major == 1 && clr_word_at(clr, address, 2, &generations) &&
                       generations > GENERATIONS;
    for (uint32_t i = 1, word = 1; i < GC_SLOTS; i++) {
        if (clr->gc.major == 1 && i >= SLOTS_OF_1)
            break;
        if (clr->gc.before_5 && i == GC_GENERATION_COUNT)
            clr->gc.slot[i] = GENERATIONS_BEFORE_5;
        else if (!clr_word_at(clr, address, word++, &clr->gc.slot[i]) && i <= GC_BOOKKEEPING_START)
            return false;
    }
    return true;
}

/* The entry of g_dacTable whose variable points to GcDacVars. */
static bool gc_vars_from_table(struct clr *clr) {
    uint32_t entries = clr->dac_entries ? clr->dac_entries : DAC_ENTRIES_MAX;
    for (uint32_t i = 0; i < entries && i < DAC_ENTRIES_MAX; i++) {
        uint64_t variable, address;
        if (!clr_spend(clr, 4) || !clr_word_at(clr, clr->dac_table, i, &variable))
            break;
        if (clr_word(clr, variable, &address) && read_gc_vars(clr, address)) {
            clr->gc_vars_index = i;
            return true;
        }
    }
    return false;
}

#define SCAN_BYTES 4096u            /* read at once, and there or not */
#define SCAN_WORDS (SCAN_BYTES / 4) /* of the smallest pointers */

bool clr_scan_image(struct clr *clr, bool writable_only,
                    bool (*found)(struct clr *, uint64_t address, uint64_t word, void *),
                    void *context) {
    uint64_t end = clr->image->end + BSS_BYTES;
    for (uint32_t i = 0; i < clr->space->range_count; i++) {
        const struct space_range *range = &clr->space->ranges[i];
        if (range->end <= clr->image->base || range->start >= end ||
            (writable_only && !(range->flags & MAP_WRITE)))
            continue;
        uint64_t from = range->start > clr->image->base ? range->start : clr->image->base;
        uint64_t to = range->end < end ? range->end : end;
        uint32_t bytes = clr->word;
        for (uint64_t at = clr_align(clr, from); at + bytes <= to;) {
            uint64_t words[SCAN_WORDS], left = (to - at) / bytes,
                                        here = (SCAN_BYTES - at % SCAN_BYTES) / bytes;
            uint32_t count = (uint32_t)(left < here ? left : here);
            if (!clr_words(clr, at, words, count))
                break;
            for (uint32_t k = 0; k < count; k++, at += bytes)
                if (found(clr, at, words[k], context))
                    return true;
        }
    }
    return false;
}

static bool scan_gc_vars(struct clr *clr, uint64_t address, uint64_t word, void *context) {
    const bool *first = context;
    return version_makes_sense(word) && (word == 1) == *first && read_gc_vars(clr, address);
}

/* The word that holds *context, and is not GcDacVars itself. */
static bool scan_word(struct clr *clr, uint64_t address, uint64_t word, void *context) {
    (void)clr;
    uint64_t *wanted = context;
    if (word != wanted[0])
        return false;
    wanted[1] = address;
    return true;
}

/*
 * Without symbols: GcDacVars by its shape, then the variable that points to it, then g_dacTable's
 * entry for that variable. Where the table begins is for the built-in tables to say. Version 1 has
 * no such table.
 */
static bool gc_vars_from_scan(struct clr *clr) {
    bool first = false;
    if (!clr_scan_image(clr, true, scan_gc_vars, &first)) {
        first = true;
        return clr_scan_image(clr, true, scan_gc_vars, &first);
    }
    uint64_t variable[2] = {clr->gc.address, 0}, entry[2] = {0, 0};
    if (!clr_scan_image(clr, true, scan_word, variable))
        return false;
    entry[0] = variable[1];
    if (!clr_scan_image(clr, false, scan_word, entry))
        return false;
    clr->dac_table = entry[1];
    clr->gc_vars_index = 0;
    return true;
}

/* -- Where the runtime is ---------------------------------------------------------------------- */

static bool accept_pe_build(struct bytes file, const void *context) {
    const struct space_module *image = context;
    return pe_is_build(file, image->timestamp, image->image_size);
}

static bool add_overlay(void *context, uint64_t address, struct bytes bytes) {
    return clr_add_overlay(context, address, bytes);
}

/* A heap dump of Windows need not hold the read-only pages of coreclr.dll: take them from disk. */
static bool overlay_image(struct clr *clr) {
    struct bytes file;
    struct err err;
    const struct space_module *image = clr->image;
    if (!clr->windows)
        return descriptor_runtime_file(clr, &file) && symbol_overlay_elf(clr, file, image->base);
    return clr_open_file(clr, image->path, accept_pe_build, image, &file) &&
           pe_overlay(file, image->base, image->timestamp, image->image_size, &clr->arena,
                      add_overlay, clr, &err);
}

/*
 * A single-file app maps the assemblies out of its own executable: what the dump lacks of these
 * mappings is in the file. Without that file there are no names.
 */
static void overlay_bundle(struct clr *clr) {
    const struct space *s = clr->space;
    struct bytes file;
    if (clr->windows || !clr->image->path || !descriptor_runtime_file(clr, &file))
        return;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct space_mapping *m = &s->mappings[i];
        if (!m->file || strcmp(m->file, clr->image->path) != 0 || m->flags & MAP_WRITE)
            continue;
        struct bytes bytes = bytes_slice(file, m->file_offset, m->end - m->start);
        if (bytes.size && !clr_add_overlay(clr, m->start, bytes))
            return;
    }
}

static bool find_dac_table(struct clr *clr) {
    uint64_t size;
    if (!symbol_find(clr, clr->image->base, "g_dacTable", &clr->dac_table, &size))
        return false;
    clr->dac_entries =
        (uint32_t)(size / clr->word < DAC_ENTRIES_MAX ? size / clr->word : DAC_ENTRIES_MAX);
    return gc_vars_from_table(clr);
}

/* Tries one image; by_name: its name says that it is the runtime, so look harder. */
static bool try_image(struct clr *clr, const struct space_module *image, bool by_name) {
    clr->image = image;
    if (find_dac_table(clr))
        return true;
    if (!by_name)
        return false;
    if (overlay_image(clr) && find_dac_table(clr))
        return true;
    clr->dac_entries = 0;
    return gc_vars_from_scan(clr);
}

static bool runtime_name(const char *name, bool *ret_windows) {
    *ret_windows = strcasecmp(name, "coreclr.dll") == 0;
    return *ret_windows || strcmp(name, "libcoreclr.so") == 0;
}

static bool runtime_find_image(struct clr *clr, bool *ret_named) {
    const struct space *s = clr->space;
    *ret_named = false;
    for (uint32_t i = 0; i < s->module_count; i++) {
        if (!s->modules[i].path || !runtime_name(base_name(s->modules[i].path), &clr->windows))
            continue;
        *ret_named = true;
        return try_image(clr, &s->modules[i], true);
    }
    /* A single-file app has the runtime in its own executable. */
    clr->windows = s->kind == SPACE_MINIDUMP;
    bool found = false;
    for (uint32_t i = 0; i < s->module_count && !found; i++)
        found = s->modules[i].path && try_image(clr, &s->modules[i], false);
    for (uint32_t i = 0; i < s->module_count && i < 4 && !found; i++)
        found = s->modules[i].path && s->process &&
                strcmp(base_name(s->modules[i].path), s->process) == 0 &&
                try_image(clr, &s->modules[i], true);
    if (found)
        overlay_bundle(clr);
    return found;
}

/* -- Offsets ----------------------------------------------------------------------------------- */

/* Free space has no type of its own in g_dacTable of every version: found by its shape. */
static uint64_t mt_by_shape(struct clr *clr, uint32_t flags, uint32_t base_size) {
    uint32_t entries = clr->dac_entries ? clr->dac_entries : 256;
    for (uint32_t i = 0; clr->gc_vars_index && i < entries; i++) {
        uint64_t variable, mt;
        uint32_t mt_flags, mt_base;
        if (clr_word_at(clr, clr->dac_table, i, &variable) && clr_word(clr, variable, &mt) &&
            clr_is_aligned(clr, mt) && clr_u32(clr, mt, &mt_flags) &&
            clr_u32(clr, mt + 4, &mt_base) && (mt_flags & 0x8000ffff) == flags &&
            mt_base == base_size)
            return mt;
    }
    return 0;
}

/* The MethodTable of a global when it has the shape it must have; 0 when it is not there. */
static bool known_mt(struct clr *clr, enum contract_global g, uint32_t flags, uint32_t base_size,
                     uint64_t *ret_mt) {
    uint32_t mt_flags, mt_base;
    *ret_mt = 0;
    if (!clr_global(clr, g, ret_mt))
        *ret_mt = mt_by_shape(clr, flags, base_size);
    if (!*ret_mt || !clr_field_u32(clr, *ret_mt, F_MT_FLAGS, &mt_flags) ||
        !clr_field_u32(clr, *ret_mt, F_MT_BASE_SIZE, &mt_base))
        return true; /* mini dumps have no MethodTables: nothing to say */
    return (mt_flags & 0x8000ffff) == flags && mt_base == base_size;
}

/* Most OS ids of the list are threads of the process. */
static bool os_ids_agree(struct clr *clr, const uint64_t *threads, uint32_t count) {
    const struct space *s = clr->space;
    if (s->thread_count == 0 || count == 0)
        return true;
    uint64_t *ids = calloc(s->thread_count, sizeof(*ids));
    if (!ids)
        return false;
    for (uint32_t i = 0; i < s->thread_count; i++)
        ids[i] = s->threads[i].os_id;
    qsort(ids, s->thread_count, sizeof(*ids), order_u64_items);
    uint32_t known = 0, strange = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t raw;
        if (!clr_field_u32(clr, threads[i], F_THREAD_OS_ID, &raw))
            continue;
        uint64_t id = raw;
        if (bsearch(&id, ids, s->thread_count, sizeof(id), order_u64_items))
            known++;
        else if (id != 0 && id != CLR_OS_ID_NONE)
            strange++;
    }
    free(ids);
    return (known > 0 && strange <= known) || thread_ids_join(clr, threads, count);
}

/*
 * Follows the list from its first link; shift: from a Thread to what links lead to. false: it does
 * not close after exactly `count` entries, or they are no threads of this process.
 */
static bool follow_threads(struct clr *clr, uint64_t first, uint32_t shift, uint64_t *threads,
                           uint32_t count) {
    uint32_t n = 0;
    uint64_t link = first;
    for (; link && n < count; n++) {
        threads[n] = link - shift;
        if (!clr_field_word(clr, threads[n], F_THREAD_LINK, &link))
            return false;
    }
    return !link && n == count && os_ids_agree(clr, threads, count);
}

/* Links lead to the link in the next Thread, or (since 11) to that Thread. Fills clr->threads. */
bool clr_read_thread_list(struct clr *clr) {
    uint64_t store, first;
    uint32_t count;
    clr->thread_count = 0;
    if (!clr_knows(clr, F_THREAD_LINK) || !clr_global(clr, G_THREAD_STORE, &store) ||
        !clr_field_u32(clr, store, F_STORE_COUNT, &count) || count == 0 ||
        count > CLR_THREADS_MAX || !clr_field_word(clr, store, F_STORE_FIRST, &first))
        return false;
    uint64_t *threads = arena_array(&clr->arena, count, sizeof(*threads));
    if (!threads ||
        (!follow_threads(clr, first, clr->contract.offset[F_THREAD_LINK], threads, count) &&
         !follow_threads(clr, first, 0, threads, count)))
        return false;
    clr->threads = threads;
    clr->thread_count = count;
    return true;
}

static void use_table(struct clr *clr, const struct builtin_table *t) {
    contract_use_table(&clr->contract, t);
    clr->table = t;
    /* Found by scanning, dac_table is the address of g_gcDacGlobals' entry. */
    uint64_t shift = clr->gc_vars_index ? clr->gc_vars_index : t->gc_vars_index;
    uint64_t first = clr->gc_vars_index ? clr->dac_table : clr->dac_table - clr->word * shift;
    bool other = clr->dac_entries && t->dac_entries && clr->dac_entries != t->dac_entries;
    if (!clr->dac_table || other)
        globals_find(clr);
    if (!clr->dac_table || shift != t->gc_vars_index)
        return;
    for (uint32_t i = 0; i < t->global_count; i++) {
        uint64_t address;
        if (other && t->globals[i].index > t->gc_vars_index)
            continue; /* found by what it leads to */
        if (clr_word_at(clr, first, t->globals[i].index, &address))
            clr->contract.global[t->globals[i].global] = address;
    }
}

static bool verify(struct clr *clr) {
    return known_mt(clr, G_FREE_MT, 0x80000001, clr_object_min(clr), &clr->free_mt) &&
           known_mt(clr, G_STRING_MT, 0x80000002, clr_string_base(clr), &clr->string_mt) &&
           clr_read_thread_list(clr);
}

/* -- Choosing ---------------------------------------------------------------------------------- */

typedef bool descriptor_source(struct clr *, uint64_t address, struct contract_text *);

/*
 * Where the descriptor is. A heap dump may lack the very page of symbols that says so, or that of
 * the tables: the runtime's file has all of them.
 */
static bool find_descriptor(struct clr *clr, uint64_t *ret_address) {
    static const char name[] = "DotNetRuntimeContractDescriptor";
    uint64_t size;
    return symbol_find(clr, clr->image->base, name, ret_address, &size) ||
           (!clr->overlay_count && overlay_image(clr) &&
            symbol_find(clr, clr->image->base, name, ret_address, &size));
}

/* A table of the same version supplies what the JSON does not say. */
static bool use_descriptor(struct clr *clr, uint64_t address, descriptor_source *source) {
    struct contract_text text;
    struct err err = {0};
    if (!source(clr, address, &text))
        return false;
    contract_clear(&clr->contract);
    const struct builtin_table *table = NULL;
    for (uint32_t i = 0; i < builtin_table_count; i++)
        if (!table || table_fit(clr, &builtin_tables[i]) > table_fit(clr, table))
            table = &builtin_tables[i];
    if (table && table_fit(clr, table))
        use_table(clr, table);
    if (!contract_parse(&clr->contract, text.json, text.pointers, text.pointer_count, &err)) {
        builder_warn(clr->b, ABSENT, "%s", err.msg);
        return false;
    }
    if (!verify(clr)) {
        clr->misfit = true;
        return false;
    }
    descriptor_read_gc(clr);
    return true;
}

static void read_heap_type(struct clr *clr) {
    if (clr->gc_described) {
        clr->heap_type = clr->contract.gc_kind & GC_KIND_SERVER ? 2 : 1;
        return;
    }
    uint64_t variable, at = clr->dac_table;
    clr->heap_type = 0;
    if (!at)
        return;
    at = clr->gc_vars_index ? at + clr->word * ((uint64_t)clr->gc_vars_index - 1) : at - clr->word;
    if (!clr_word(clr, at, &variable) || !clr_u32(clr, variable, &clr->heap_type) ||
        clr->heap_type > 2)
        clr->heap_type = 0;
}

bool clr_offsets_fit(struct clr *clr) {
    globals_find(clr);
    if (!verify(clr))
        return false;
    read_heap_type(clr);
    return true;
}

static bool choose_offsets(struct clr *clr) {
    uint64_t address;
    if (clr->options->only_learnt)
        return clr_use_learnt(clr);
    /* What describes this very build goes before what fitted the builds we have seen. */
    if (find_descriptor(clr, &address) && (use_descriptor(clr, address, descriptor_from_memory) ||
                                           use_descriptor(clr, address, descriptor_from_file)))
        return true;
    for (int fit = TABLE_OF_SUCH; fit > TABLE_NOT; fit--)
        for (uint32_t i = 0; i < builtin_table_count; i++) {
            if (table_fit(clr, &builtin_tables[i]) != (enum table_fit)fit)
                continue;
            contract_clear(&clr->contract);
            use_table(clr, &builtin_tables[i]);
            if (verify(clr))
                return true;
        }
    return clr_use_learnt(clr);
}

bool clr_find_runtime(struct clr *clr, struct strbuf *why) {
    bool named;
    if (clr->space->arch->pointer_bytes && runtime_find_image(clr, &named))
        return true;
    why_not_there(clr, why);
    return false;
}

enum clr_found clr_find(struct clr *clr, struct strbuf *why, struct err *err) {
    (void)err;
    bool named;
    if (!clr->space->arch->pointer_bytes) {
        strbuf_adds(why, "managed memory is read on x64, x86 and arm64 only");
        return CLR_NOT_THERE;
    }
    if (!runtime_find_image(clr, &named)) {
        if (!named) {
            why_not_there(clr, why);
            return clr->space->module_count ? CLR_NOT_THERE : CLR_UNREADABLE;
        }
        why_unreadable(clr, why);
        return CLR_UNREADABLE;
    }
    clr->version = version_of(clr);
    if (!choose_offsets(clr)) {
        why_no_offsets(clr, why);
        return CLR_UNREADABLE;
    }
    if ((clr->gc.major < 1 || clr->gc.major > 2) && !clr->gc_described) {
        strbuf_addf(why, "%s: GC tables of version %u.%u are not known",
                    base_name(clr->image->path), clr->gc.major, clr->gc.minor);
        return CLR_UNREADABLE;
    }
    if (!clr->version)
        clr->version = version_of_offsets(clr);
    if (!clr_global(clr, G_OBJECT_MT, &clr->object_mt))
        clr->object_mt = 0;
    if (!clr_global(clr, G_CONTINUATION_CLASS, &clr->continuation_class))
        clr->continuation_class = 0; /* the global is empty until the first is made */
    read_heap_type(clr);
    return CLR_READY;
}
