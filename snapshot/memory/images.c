#include "memory/images.h"

#include "memory/elf/elf.h"
#include "memory/pe/pe.h"

#include <string.h>

static bool named_as_library(const char *path) {
    struct str name = str_of(path);
    struct str file = str_behind_last(name, '/');
    return str_ends(name, STR(".dll")) || str_ends(name, STR(".exe")) ||
           str_ends(file, STR(".so")) || str_contains(file, STR(".so."));
}

/* Mappings [from, to) belong to the same file, one behind the other with nothing else between. */
static uint32_t run_end(const struct space *s, uint32_t from) {
    uint32_t to = from + 1;
    while (to < s->mapping_count && (!s->mappings[to].file || /* .bss between its own parts */
                                     strcmp(s->mappings[to].file, s->mappings[from].file) == 0))
        to++;
    while (!s->mappings[to - 1].file)
        to--;
    return to;
}

/*
 * The module whose first mapping is m; false when it is no image. Where its own headers tell how
 * far it reaches, that counts: two copies of a file may stand next to each other.
 */
static bool images_module_at(struct space *s, uint32_t first, uint32_t run,
                             struct space_module *ret) {
    const struct space_mapping *m = &s->mappings[first];
    struct space_module module = {.path = m->file, .base = m->start};
    const struct peek memory = peek_of_space(s);
    struct elf elf;
    struct pe pe;
    uint64_t limit = 0;
    if (elf_open_mapped(&elf, &memory, m->start, s->page_bytes)) {
        char id[ELF_BUILD_ID_HEX];
        if (elf_build_id(&elf, id))
            module.build_id = arena_copy(&s->arena, id, strlen(id));
        limit = elf.top;
    } else if (pe_read(&pe, &memory, m->start)) {
        module.timestamp = pe.timestamp;
        module.image_size = pe.image_size;
        limit = m->start + pe.image_size;
    }
    bool executable = false;
    module.end = m->end;
    uint32_t i = first;
    for (; i < run; i++) {
        const struct space_mapping *part = &s->mappings[i];
        if (limit && i > first && part->start >= limit)
            break;
        executable = executable || (part->file && part->flags & MAP_EXEC);
        if (part->file || (limit && part->end <= limit))
            module.end = part->end;
    }
    while (i < s->mapping_count && !s->mappings[i].file && s->mappings[i].start < limit)
        i++; /* its .bss */
    bool crowded = i < s->mapping_count && s->mappings[i].start < limit;
    if (limit > module.end && !module.image_size && !crowded)
        module.end = limit;
    *ret = module;
    return limit || executable || named_as_library(m->file);
}

bool images_list(struct space *s, struct err *err) {
    uint32_t starts = 0;
    for (uint32_t i = 0; i < s->mapping_count; i++)
        starts += s->mappings[i].file && s->mappings[i].file_offset == 0;
    s->module_count = 0;
    s->modules = arena_array(&s->arena, starts, sizeof(*s->modules));
    if (!s->modules)
        return err_nomem(err);
    uint64_t taken = 0; /* end of the last module */
    uint32_t run = 0;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct space_mapping *m = &s->mappings[i];
        if (!m->file || m->file[0] == '[' || m->file_offset != 0 || m->start < taken)
            continue;
        if (i >= run)
            run = run_end(s, i);
        struct space_module module;
        if (!images_module_at(s, i, run, &module)) {
            i = run - 1; /* a file of data, however often it is mapped */
            continue;
        }
        s->modules[s->module_count++] = module;
        taken = module.end;
    }
    return true;
}
