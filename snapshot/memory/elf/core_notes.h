/*
 * Notes of an ELF core: threads with registers, the list of mapped files, the process.
 *
 * Layouts: linux/elfcore.h and the kernel's fs/binfmt_elf.c; createdump and gdb's gcore write the
 * same.
 */
#ifndef DUMPDIFF_MEMORY_ELF_CORE_NOTES_H
#define DUMPDIFF_MEMORY_ELF_CORE_NOTES_H

#include "memory/space.h"

/* What notes tell of. */
#define CORE_PARTS (PART_BIT(PART_THREADS) | PART_BIT(PART_MODULES) | PART_BIT(PART_MEMORY_MAP))

struct core_notes {
    struct space *space;
    uint32_t thread_capacity, mapping_capacity;
    uint32_t others;     /* threads that are in the list without registers we know */
    uint64_t exec_name;  /* address of the path in AT_EXECFN; 0: not recorded */
    const char *foreign; /* "a core of NetBSD": no core of a Linux process; NULL: nothing says so */
    bool has_files, has_psinfo, has_times, has_siginfo;
};

void core_notes_init(struct core_notes *n, struct space *s);

/*
 * Reads one PT_NOTE segment: fills threads, mappings (of files), process, pid and page_bytes of
 * the space. What makes no sense is warned about. offset: of `notes` in the file.
 * Errors: ERR_NOMEM.
 */
bool core_notes_read(struct core_notes *n, struct bytes notes, uint64_t offset, uint64_t align,
                     struct err *err) MUST_CHECK;

/*
 * After the last segment, when memory can be read: thread times that were not recorded become
 * UINT64_MAX, the group leader's own time is worked out, the process gets its full name.
 */
void core_notes_end(struct core_notes *n);

#endif
