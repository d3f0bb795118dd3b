#include "input/profile/heap_profile.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/search.h"
#include "base/vec.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAPPINGS_MAX 1000000u

void heap_profile_begin(struct heap_profile *p, const struct source *source, bool is_text,
                        struct builder *b) {
    *p = (struct heap_profile){.b = b, .only_allocator = true};
    symbolizer_init(&p->symbolizer, source->options->symbols, source->options->sysroot);
    arena_init(&p->arena);
    u64map_init(&p->by_address);
    builder_present(b, PART_STACKS);
    if (is_text && source->bytes.size && source->bytes.data[source->bytes.size - 1] != '\n')
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                      "the file ends in the middle of a line");
}

void heap_profile_end(struct heap_profile *p) {
    if (p->bad_mappings)
        builder_warn(p->b, p->bad_mappings, "lines of the memory map were not understood");
    if (p->unmapped && !p->mapping_count)
        builder_warn(p->b, p->unmapped,
                     "there is no memory map (the file may be cut): addresses cannot be compared "
                     "with those of another process");
    else if (p->unmapped)
        builder_warn(p->b, p->unmapped,
                     "addresses are outside of all that the memory map lists (it may be cut)");
    if (p->anonymous)
        builder_note(p->b, "%" PRIu64 " addresses are in memory of no file, as of generated code",
                     p->anonymous);
    if (p->symbolizer.other_builds)
        builder_note(p->b, "%" PRIu32 " files with symbols are of another build and were not used",
                     p->symbolizer.other_builds);
    if (symbolizer_is_on(&p->symbolizer))
        builder_note(p->b,
                     "symbols of %" PRIu32 " of %" PRIu32 " modules were found; %" PRIu64
                     " addresses in them are in no function",
                     p->symbolizer.found, p->symbolizer.count, p->no_function);
    u64map_deinit(&p->by_address);
    arena_deinit(&p->arena);
    symbolizer_deinit(&p->symbolizer);
}

/* -- Maps -------------------------------------------------------------------------------------- */

bool heap_profile_add_map(struct heap_profile *p, const struct profile_mapping *mapping,
                          struct err *err) {
    if (p->mapping_count == MAPPINGS_MAX)
        return err_set(err, ERR_LIMIT, "more than %u mappings", MAPPINGS_MAX);
    if (!VEC_ROOM_IN(&p->arena, p->mappings, p->mapping_count, p->mapping_capacity, err))
        return false;
    p->mappings[p->mapping_count++] = *mapping;
    return true;
}

static int cmp_mappings(const void *a, const void *b) {
    const struct profile_mapping *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return order_u64(x->end, y->end);
}

void heap_profile_sort_maps(struct heap_profile *p) {
    if (p->mapping_count)
        qsort(p->mappings, p->mapping_count, sizeof(*p->mappings), cmp_mappings);
}

/* Replacements that a map names before it uses them: "build=/home/ink", then "$build/press". */
struct replacement {
    struct str name, value;
};
#define REPLACEMENTS_MAX 8u

static bool is_permissions(struct str s) {
    if (s.len != 4)
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!strchr("rwxps-", s.ptr[i]))
            return false;
    return true;
}

/*
 * "55d0c8a00000-55d0c8a05000 r-xp 00001000 08:01 1234   /usr/bin/press (deleted)", or as tcmalloc
 * shortens it: "55d0c8a00000-55d0c8a05000: /usr/bin/press (@1000) 0123abcd".
 */
static bool parse_map_line(struct str line, struct profile_mapping *ret) {
    struct str range = str_next_field(&line);
    if (str_ends(range, STR(":")))
        range = str_take(range, range.len - 1);
    size_t dash = str_find(range, STR("-"), 0);
    struct profile_mapping m = {0};
    if (dash == STR_NOT_FOUND || !num_hex(str_take(range, dash), &m.start) ||
        !num_hex(str_drop(range, dash + 1), &m.end) || m.end <= m.start)
        return false;
    struct str next = str_next_field(&line);
    if (is_permissions(next)) {
        if (!num_hex(str_next_field(&line), &m.file_offset) || !str_next_field(&line).len ||
            !str_next_field(&line).len)
            return false;
        m.path = str_trim(line);
    } else {
        struct str offset = str_next_field(&line);
        m.path = next;
        if (str_starts(offset, STR("(@")) && str_ends(offset, STR(")")) &&
            num_hex(str_drop(str_take(offset, offset.len - 1), 2), &m.file_offset))
            offset = str_next_field(&line);
        m.build_id = offset;
    }
    if (str_ends(m.path, STR(" (deleted)")))
        m.path = str_take(m.path, m.path.len - strlen(" (deleted)"));
    *ret = m;
    return true;
}

/* "$build/press" with what "$build" stands for. */
static bool heap_profile_replace(struct heap_profile *p, struct str *path,
                                 const struct replacement *all, uint32_t count, struct err *err) {
    if (!str_starts(*path, STR("$")))
        return true;
    for (uint32_t i = 0; i < count; i++) {
        struct str rest = str_drop(*path, 1 + all[i].name.len);
        if (!str_starts(str_drop(*path, 1), all[i].name) || (rest.len && str_first(rest) != '/'))
            continue;
        char *text = arena_alloc(&p->arena, all[i].value.len + rest.len + 1);
        if (!text)
            return err_nomem(err);
        if (all[i].value.len)
            memcpy(text, all[i].value.ptr, all[i].value.len);
        if (rest.len)
            memcpy(text + all[i].value.len, rest.ptr, rest.len);
        *path = (struct str){text, all[i].value.len + rest.len};
        return true;
    }
    return true;
}

bool heap_profile_read_maps(struct heap_profile *p, struct str text, struct err *err) {
    struct replacement replacements[REPLACEMENTS_MAX];
    uint32_t count = 0;
    for (struct str line; str_next_line(&text, &line);) {
        struct profile_mapping mapping;
        line = str_trim(line);
        size_t equals = str_find(line, STR("="), 0);
        if (!line.len)
            continue;
        if (parse_map_line(line, &mapping)) {
            if (!heap_profile_replace(p, &mapping.path, replacements, count, err) ||
                !heap_profile_add_map(p, &mapping, err))
                return false;
        } else if (equals != STR_NOT_FOUND && equals && equals < 32 && count < REPLACEMENTS_MAX) {
            replacements[count++] = (struct replacement){str_trim(str_take(line, equals)),
                                                         str_trim(str_drop(line, equals + 1))};
        } else {
            p->bad_mappings++;
        }
    }
    heap_profile_sort_maps(p);
    return true;
}

static const struct profile_mapping *mapping_at(const struct heap_profile *p, uint64_t address) {
    uint32_t low; /* the first that starts behind the address */
    SEARCH_LEADING(low, p->mapping_count, mid, p->mappings[mid].start <= address);
    return low && address < p->mappings[low - 1].end ? &p->mappings[low - 1] : NULL;
}

/* -- Frames ------------------------------------------------------------------------------------ */

static bool is_allocator_function(struct str function) {
    static const char *const names[] = {"malloc",
                                        "calloc",
                                        "realloc",
                                        "reallocarray",
                                        "memalign",
                                        "do_memalign",
                                        "posix_memalign",
                                        "aligned_alloc",
                                        "valloc",
                                        "pvalloc",
                                        "mallocx",
                                        "rallocx",
                                        "xallocx",
                                        "free",
                                        "cfree",
                                        "operator new",
                                        "operator new[]",
                                        "do_malloc",
                                        "imalloc",
                                        "imalloc_body",
                                        "prof_alloc_prep",
                                        "prof_backtrace_impl",
                                        "DoSampledAllocation",
                                        "__builtin_new",
                                        "__builtin_vec_new",
                                        "__libc_malloc",
                                        "__libc_calloc",
                                        "__libc_realloc"};
    static const char *const starts[] = {"je_", "_rjem_", "tcmalloc::", "TCMalloc"};
    static const char *const tc[] = {
        "malloc",          "calloc", "realloc",  "memalign",    "posix_memalign",   "valloc",
        "pvalloc",         "new",    "newarray", "new_nothrow", "newarray_nothrow", "new_aligned",
        "newarray_aligned"};
    size_t open = str_find(function, STR("("), 0);
    if (open != STR_NOT_FOUND && open)
        function = str_take(function, open);
    if (STR_IS_ONE_OF(function, names))
        return true;
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts(function, str_of(starts[i])))
            return true;
    return str_starts(function, STR("tc_")) && STR_IS_ONE_OF(str_drop(function, 3), tc);
}

static bool is_allocator_module(struct str path) {
    const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    if (slash)
        path = str_drop(path, (size_t)(slash - path.ptr) + 1);
    return str_starts(path, STR("libjemalloc.so")) || str_starts(path, STR("libtcmalloc"));
}

bool heap_profile_named(struct heap_profile *p, struct str function, struct str module,
                        struct profile_frame *ret_frame, struct err *err) {
    const char *text = builder_frame(p->b, function, module, ABSENT, err);
    if (!text)
        return false;
    *ret_frame = (struct profile_frame){text, is_allocator_function(function) ||
                                                  is_allocator_module(module)};
    return true;
}

/* What an address is called: function, else module and offset in its file, else the address. */
static bool name_address(struct heap_profile *p, uint64_t address, struct profile_frame *ret_frame,
                         struct err *err) {
    /* A return address may stand behind the end of its function, and of the mapping. */
    uint64_t call = address ? address - 1 : 0;
    const struct profile_mapping *m = mapping_at(p, call);
    struct str function = {NULL, 0}, module = {NULL, 0};
    uint64_t shown = address;
    if (m && m->path.len) {
        const struct symbol_module *symbols;
        uint64_t offset = call - m->start + m->file_offset, vaddr;
        module = m->path;
        if (!symbolizer_module(&p->symbolizer, m->path, m->build_id, &symbols, err))
            return false;
        shown = offset + 1;
        if (symbols && symbol_module_vaddr(symbols, offset, &vaddr)) {
            function = symbol_module_function(symbols, vaddr);
            shown = vaddr + 1;
        }
        p->no_function += symbols && !function.len;
    } else {
        p->unmapped += !m;
        p->anonymous += m != NULL;
    }
    const char *text = builder_frame(p->b, function, module, shown, err);
    *ret_frame = (struct profile_frame){text, (function.len && is_allocator_function(function)) ||
                                                  is_allocator_module(module)};
    return text != NULL;
}

const struct profile_frame *heap_profile_frame(struct heap_profile *p, uint64_t address,
                                               struct err *err) {
    uint32_t number = u64map_get(&p->by_address, address);
    if (number != STRMAP_NONE)
        return &p->frames[number];
    if (!VEC_ROOM_IN(&p->arena, p->frames, p->frame_count, p->frame_capacity, err))
        return NULL;
    if (!name_address(p, address, &p->frames[p->frame_count], err))
        return NULL;
    if (!u64map_put(&p->by_address, address, p->frame_count)) {
        err_nomem(err);
        return NULL;
    }
    return &p->frames[p->frame_count++];
}

/* -- Stacks ------------------------------------------------------------------------------------ */

void heap_profile_push_frame(struct heap_profile *p, const struct profile_frame *frame) {
    if (p->only_allocator && !frame->of_allocator) {
        p->depth = 0;
        p->only_allocator = false;
    }
    if (p->depth <= STACK_FRAMES_MAX) /* one more than are kept, so that the cut is noticed */
        p->stack[p->depth++] = frame->text;
}

bool heap_profile_push(struct heap_profile *p, uint64_t address, struct err *err) {
    const struct profile_frame *frame = heap_profile_frame(p, address, err);
    if (!frame)
        return false;
    heap_profile_push_frame(p, frame);
    return true;
}

bool heap_profile_push_all(struct heap_profile *p, struct str addresses, uint64_t *not_understood,
                           struct err *err) {
    for (struct str field; (field = str_next_field(&addresses)).len;) {
        uint64_t address;
        if (!num_hex(field, &address))
            ++*not_understood;
        else if (!heap_profile_push(p, address, err))
            return false;
    }
    return true;
}

void heap_profile_drop(struct heap_profile *p) {
    p->depth = 0;
    p->only_allocator = true;
}

bool heap_profile_add(struct heap_profile *p, struct stack_row *row, struct err *err) {
    row->frames = (struct strings){p->stack, p->depth};
    heap_profile_drop(p);
    return builder_add_stack(p->b, row, err);
}

static uint64_t heap_profile_rounded(double value) {
    return value < 18446744073709549568.0 ? (uint64_t)(value + 0.5) : UINT64_MAX - 1;
}

void heap_profile_unsample(uint64_t rate, uint64_t *count, uint64_t *bytes) {
    if (rate <= 1 || rate == ABSENT || *count == 0 || *bytes == 0 || *count == ABSENT ||
        *bytes == ABSENT)
        return;
    double share = -expm1(-((double)*bytes / (double)*count) / (double)rate);
    *count = heap_profile_rounded((double)*count / share);
    *bytes = heap_profile_rounded((double)*bytes / share);
}

bool heap_profile_say_origin(struct heap_profile *p, const char *tool, uint64_t rate,
                             uint64_t samples, struct err *err) {
    struct origin_row *origin = builder_single(p->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    builder_say(p->b, &origin->sampled, rate > 1, "whether figures are estimates");
    if (rate == ABSENT) {
        builder_warn(p->b, samples,
                     "figures are those of samples, and how they were taken is not said");
    } else if (rate > 1) {
        builder_say(p->b, &origin->sample_bytes, rate, "the sampling rate");
        builder_warn(p->b, samples,
                     "figures are estimates from samples, one of every %" PRIu64 " bytes", rate);
    }
    return builder_say_string(p->b, &origin->tool, str_of(tool), "the tool", err);
}
