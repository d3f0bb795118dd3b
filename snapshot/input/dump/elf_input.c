/* An ELF core: createdump's, gdb's gcore, the kernel's. */
#include "input/dump/dump.h"
#include "memory/elf/elf.h"

static bool read_elf_core(struct source *source, struct builder *b, struct err *err) {
    struct space space;
    uint64_t cut = 0;
    if (!elf_core_open(&space, source->bytes, &cut, err))
        return false;
    if (cut)
        builder_warn(b, cut, "core is cut: bytes of its segments are not in the file");
    space.file = source->file;
    bool ok = dump_read_space(&space, source->path, source->options, b, err);
    space_deinit(&space);
    return ok;
}

const struct input input_elf_core = {
    .name = "elf-core",
    .whole = true,
    .summary = "Linux core dump: createdump, gcore, kernel; .NET 8 to 11 and 3.1 (64-bit)",
    .may_give = PART_BIT(PART_ORIGIN) | PART_BIT(PART_TYPES) | PART_BIT(PART_HEAPS) |
                PART_BIT(PART_REGIONS) | PART_BIT(PART_GC) | PART_BIT(PART_FINALIZER) |
                PART_BIT(PART_FINALIZABLE) | PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS) |
                PART_BIT(PART_HANDLES) | PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_MODULES) |
                PART_BIT(PART_COUNTERS) | PART_BIT(PART_LIVE) | PART_BIT(PART_PATHS) |
                PART_BIT(PART_PLACES) | PART_BIT(PART_CALLBACKS) | PART_BIT(PART_WAITS) |
                PART_BIT(PART_ASYNC) | PART_BIT(PART_EXCEPTIONS) | PART_BIT(PART_WORK) |
                PART_BIT(PART_REQUESTS),
    .probe = elf_core_probe,
    .read = read_elf_core,
};
