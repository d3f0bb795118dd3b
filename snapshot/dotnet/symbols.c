#include "dotnet/symbols.h"

#include "memory/elf/elf.h"
#include "memory/pe/pe.h"

/* Memory with the overlays behind it; each read is a step. */
static bool symbols_read(void *context, uint64_t at, void *buffer, size_t size) {
    struct clr *clr = context;
    return clr_spend(clr, 1) && clr_read(clr, at, buffer, size);
}

bool symbol_find(struct clr *clr, uint64_t base, const char *name, uint64_t *ret_address,
                 uint64_t *ret_size) {
    const struct peek memory = {symbols_read, clr};
    struct elf elf;
    struct pe pe;
    if (elf_open_mapped(&elf, &memory, base, clr->space->page_bytes))
        return elf_symbol(&elf, name, ret_address, ret_size);
    *ret_size = 0;
    return pe_read(&pe, &memory, base) && pe_export(&pe, name, ret_address);
}

bool symbol_overlay_elf(struct clr *clr, struct bytes file, uint64_t base) {
    const struct peek from = peek_of_file(&file);
    struct elf elf;
    struct elf_segment s;
    if (!elf_open_mapped(&elf, &from, 0, clr->space->page_bytes))
        return false;
    bool added = false;
    for (uint32_t i = 0; i < elf.segment_count; i++) {
        if (!elf_segment(&elf, i, &s) || s.type != ELF_SEGMENT_LOAD || s.flags & MAP_WRITE)
            continue;
        struct bytes bytes = bytes_slice(file, s.offset, s.file_bytes);
        if (bytes.size == 0)
            continue;
        /* Opened as if it were mapped at 0. */
        if (!clr_add_overlay(clr, base + elf.bias + s.vaddr, bytes))
            return false;
        added = true;
    }
    return added;
}
