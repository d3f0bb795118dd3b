#include "memory/stacks/native_stacks.h"

#include "base/door.h"
#include "base/num.h"
#include "base/search.h"
#include "base/vec.h"
#include "base/forked.h"
#include "memory/elf/elf.h"
#include "memory/stacks/symbol_table.h"

#include <stdio.h>
#include <stdlib.h>

#define MODULES_MAX 65536u
#define OUTPUT_MAX  ((size_t)512 << 20)
/* Symbols that start before the nearest one below an address and may still contain it. */
#define NESTED_MAX   8u
#define SIZELESS_MAX 4096u

struct segment {
    uint64_t offset, vaddr, size;
};

struct symbol {
    uint64_t vaddr, size;
    uint32_t rank; /* see symbol_table.h */
    struct str name;
};

struct symbol_module {
    bool found;
    struct segment *segments;
    struct symbol *symbols; /* by address, one each */
    uint32_t segment_count, symbol_count;
};

void symbolizer_init(struct symbolizer *z, const char *symbols, const char *sysroot) {
    *z = (struct symbolizer){.symbols = symbols, .sysroot = sysroot};
    arena_init(&z->arena);
    strmap_init(&z->index);
}

void symbolizer_deinit(struct symbolizer *z) {
    strmap_deinit(&z->index);
    arena_deinit(&z->arena);
}

/* -- Files ------------------------------------------------------------------------------------- */

/* Is it an ELF file, and of this build where that is known? */
static bool is_right(struct symbolizer *z, const struct file *file, struct str build_id) {
    char id[ELF_BUILD_ID_HEX];
    bool elf = file->bytes.size > ELF_HEADER_BYTES && elf_probe(file->bytes);
    bool other =
        elf && build_id.len && elf_file_build_id(file->bytes, id) && !str_eq(str_of(id), build_id);
    z->other_builds += other;
    return elf && !other;
}

static bool symbolize_is_hex(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789abcdef", s.ptr[i]))
            return false;
    return s.len > 2;
}

/* The last part of a path, empty where that is no name of a file. */
static struct str symbolize_name_of(struct str path) {
    path = str_behind_last(path, '/');
    if (str_eq(path, STR(".")) || str_eq(path, STR("..")))
        return (struct str){NULL, 0};
    return path;
}

/* Below the user's folder, or below the root of a machine: folder + name + ending. */
static bool try_file(struct symbolizer *z, bool in_root, const char *folder, struct str name,
                     const char *ending, struct str build_id, struct file *ret_file) {
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s%.*s%s", folder, (int)name.len, name.ptr, ending);
    if (n < 0 || (size_t)n >= sizeof(path) || name.len >= sizeof(path) ||
        !door_open(in_root ? z->sysroot : z->symbols, in_root ? DOOR_INSIDE : DOOR_OUTSIDE, path,
                   ret_file))
        return false;
    if (is_right(z, ret_file, build_id))
        return true;
    file_close(ret_file);
    return false;
}

/* In DIR by its name, as a debug file or by its build-id; below the sysroot by its path. */
static bool find_file(struct symbolizer *z, struct str module, struct str build_id,
                      struct file *ret_file) {
    static const char *const endings[] = {"", ".debug", ".dbg"};
    struct str name = symbolize_name_of(module);
    if (!name.len || memchr(module.ptr, '\0', module.len))
        return false;
    for (size_t i = 0; z->symbols && i < sizeof(endings) / sizeof(*endings); i++)
        if (try_file(z, false, "", name, endings[i], build_id, ret_file))
            return true;
    if (z->symbols && symbolize_is_hex(build_id)) {
        char folder[32];
        snprintf(folder, sizeof(folder), ".build-id/%.2s/", build_id.ptr);
        if (try_file(z, false, folder, str_drop(build_id, 2), ".debug", build_id, ret_file))
            return true;
    }
    return z->sysroot && str_first(module) == '/' && !str_contains(module, STR("/../")) &&
           try_file(z, true, "", module, "", build_id, ret_file);
}

/* -- Symbols ----------------------------------------------------------------------------------- */

static int symbolize_cmp_symbols(const void *a, const void *b) {
    const struct symbol *x = a, *y = b;
    if (x->vaddr != y->vaddr)
        return x->vaddr < y->vaddr ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return str_cmp(x->name, y->name);
}

static bool symbolize_take_number(struct str *rest, uint64_t *ret) {
    return num_hex(str_next_field(rest), ret);
}

static bool keep_line(struct symbolizer *z, struct symbol_module *m, struct str line,
                      struct err *err) {
    struct str rest = line;
    uint64_t vaddr, size, rank;
    if (!symbolize_take_number(&rest, &vaddr) || !symbolize_take_number(&rest, &size) ||
        !symbolize_take_number(&rest, &rank))
        return true;
    rest = str_trim(rest);
    const char *name = arena_copy(&z->arena, rest.ptr, rest.len);
    if (!name)
        return err_nomem(err);
    m->symbols[m->symbol_count++] = (struct symbol){vaddr, size, (uint32_t)rank, {name, rest.len}};
    return true;
}

static bool keep_answer(struct symbolizer *z, struct symbol_module *m, struct str text,
                        struct err *err) {
    size_t lines = 0;
    struct str rest = text;
    for (struct str line; str_next_line(&rest, &line);)
        lines++;
    if (lines > UINT32_MAX)
        return err_set(err, ERR_LIMIT, "more than %u symbols in a file", UINT32_MAX);
    m->symbols = arena_array(&z->arena, lines, sizeof(*m->symbols));
    if (!m->symbols)
        return err_nomem(err);
    rest = text;
    for (struct str line; str_next_line(&rest, &line);)
        if (!keep_line(z, m, line, err))
            return false;
    if (m->symbol_count)
        qsort(m->symbols, m->symbol_count, sizeof(*m->symbols), symbolize_cmp_symbols);
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->symbol_count; i++)
        if (!n || m->symbols[n - 1].vaddr != m->symbols[i].vaddr)
            m->symbols[n++] = m->symbols[i];
    m->symbol_count = n;
    m->found = n > 0;
    return true;
}

static bool read_file_segments(struct symbolizer *z, struct symbol_module *m,
                               const struct file *file, struct err *err) {
    struct elf elf;
    struct elf_segment s;
    const struct peek from = peek_of_file(&file->bytes);
    if (!elf_open(&elf, &from, 0))
        return true;
    m->segments = arena_array(&z->arena, elf.segment_count, sizeof(*m->segments));
    if (!m->segments)
        return err_nomem(err);
    for (uint32_t i = 0; i < elf.segment_count; i++)
        if (elf_segment(&elf, i, &s) && s.type == ELF_SEGMENT_LOAD)
            m->segments[m->segment_count++] = (struct segment){s.offset, s.vaddr, s.file_bytes};
    return true;
}

static bool symbolize_read_module(struct symbolizer *z, struct symbol_module *m, struct str path,
                                  struct str build_id, struct err *err) {
    struct file file;
    struct strbuf text, name;
    if (!symbolizer_is_on(z) || !find_file(z, path, build_id, &file))
        return true;
    strbuf_init(&text);
    strbuf_init(&name);
    strbuf_add(&name, path);
    struct symbol_table_request request = {&file, strbuf_cstr(&name), z->symbols, z->sysroot};
    const struct forked_job job = {.work = symbol_table_write,
                                   .context = &request,
                                   .child = SANDBOX_WORKER,
                                   .seconds_max = FORKED_SECONDS_MAX,
                                   .output_max = OUTPUT_MAX};
    bool ok = strbuf_ok(&name, err);
    if (ok)
        forked_run(&job, &text);
    ok = ok && strbuf_ok(&text, err) && keep_answer(z, m, strbuf_str(&text), err) &&
         read_file_segments(z, m, &file, err);
    z->found += ok && m->found;
    strbuf_deinit(&text);
    strbuf_deinit(&name);
    file_close(&file);
    return ok;
}

/* Room for one more module, without it being counted yet. */
static bool make_room(struct symbolizer *z, struct err *err) {
    if (z->count == MODULES_MAX)
        return err_set(err, ERR_LIMIT, "more than %u modules", MODULES_MAX);
    return VEC_ROOM_IN(&z->arena, z->modules, z->count, z->capacity, err);
}

static bool symbolize_add_module(struct symbolizer *z, struct str path, struct str build_id,
                                 struct err *err) {
    const char *key = arena_copy(&z->arena, path.ptr, path.len);
    const char *id = arena_copy(&z->arena, build_id.ptr, build_id.len);
    if (!key || !id)
        return err_nomem(err);
    if (!make_room(z, err) || !symbolize_read_module(z, &z->modules[z->count], path, build_id, err))
        return false;
    if (!strmap_put(&z->index, (struct str){key, path.len}, (struct str){id, build_id.len},
                    z->count))
        return err_nomem(err);
    z->count++;
    return true;
}

bool symbolizer_module(struct symbolizer *z, struct str path, struct str build_id,
                       const struct symbol_module **ret_module, struct err *err) {
    uint32_t number = strmap_get(&z->index, path, build_id);
    if (number == STRMAP_NONE) {
        if (!symbolize_add_module(z, path, build_id, err))
            return false;
        number = z->count - 1;
    }
    *ret_module = z->modules[number].found ? &z->modules[number] : NULL;
    return true;
}

/* -- Questions --------------------------------------------------------------------------------- */

bool symbol_module_vaddr(const struct symbol_module *m, uint64_t file_offset, uint64_t *ret_vaddr) {
    for (uint32_t i = 0; i < m->segment_count; i++) {
        const struct segment *s = &m->segments[i];
        if (file_offset >= s->offset && file_offset - s->offset < s->size) {
            *ret_vaddr = s->vaddr + (file_offset - s->offset);
            return true;
        }
    }
    return false;
}

struct str symbol_module_function(const struct symbol_module *m, uint64_t vaddr) {
    uint32_t low; /* the first that starts behind the address */
    SEARCH_LEADING(low, m->symbol_count, mid, m->symbols[mid].vaddr <= vaddr);
    for (uint32_t i = low, tries = 0; i-- > 0 && tries < NESTED_MAX; tries++) {
        const struct symbol *s = &m->symbols[i];
        /* Assembly may say no size: it then reaches up to the next symbol, if that is near. */
        if (vaddr - s->vaddr < s->size ||
            (s->size == 0 && tries == 0 && vaddr - s->vaddr < SIZELESS_MAX))
            return s->name;
    }
    return (struct str){NULL, 0};
}
