/*
 * THE reader of ELF: header, program headers, notes, dynamic section, symbols. Of a file, or of an
 * image in memory; 32-bit and 64-bit, little-endian. Nobody else looks into an ELF header.
 *
 * Nothing is kept but the header: segments, notes and symbols are read where they lie when they are
 * asked for, and each may be missing by itself.
 */
#ifndef DUMPDIFF_MEMORY_ELF_ELF_H
#define DUMPDIFF_MEMORY_ELF_ELF_H

#include "memory/peek.h"

/* No real image has more segments; a hostile one may not make us read for ever. */
#define ELF_IMAGE_SEGMENTS_MAX 128u

enum { ELF_TYPE_PROGRAM = 2, ELF_TYPE_LIBRARY = 3, ELF_TYPE_CORE = 4 };
enum { ELF_SEGMENT_LOAD = 1, ELF_SEGMENT_DYNAMIC = 2, ELF_SEGMENT_NOTE = 4 };

struct elf {
    struct peek from;
    uint64_t base;          /* where its first byte lies in `from` */
    uint8_t class, data;    /* as in e_ident: 1 is 32-bit, 2 is 64-bit; 1 is little-endian */
    uint8_t os_abi;         /* 3: GNU/Linux, said by createdump only */
    bool wide;              /* 64-bit */
    uint16_t type, machine; /* ELF_TYPE_*; for machine see arch.h */
    uint64_t segments_at;   /* [bytes] from base */
    uint64_t sections_at;   /* [bytes] from base; 0: none */
    uint32_t segment_bytes; /* [bytes] of an entry */
    uint32_t segment_count; /* as the header says; ELF_COUNT_ELSEWHERE: see below */
    uint32_t section_count;
    /* Only of what elf_open_mapped opened. */
    bool mapped;
    uint64_t bias;     /* what to add to a virtual address */
    uint64_t low, top; /* extent of its segments in memory, from the page of the first */
};

struct elf_segment {
    uint32_t type;  /* ELF_SEGMENT_* or any other */
    uint32_t flags; /* MAP_* of space.h */
    uint64_t offset, vaddr, file_bytes, memory_bytes, align;
};

/* Does a file begin like an ELF file of any kind? false: no. */
bool elf_probe(struct bytes head) MUST_CHECK;

/*
 * Reads the header at base. false: there is none that we can read; class and data are then what
 * e_ident says, 0 where there is no ELF magic at all. *from has to outlive what it points to.
 */
bool elf_open(struct elf *elf, const struct peek *from, uint64_t base) MUST_CHECK;

/*
 * As elf_open for an image that was mapped at base, with its extent. false also when its program
 * headers are not there, too many, or name no memory. page_bytes: of the process; 0: 4096.
 */
bool elf_open_mapped(struct elf *elf, const struct peek *from, uint64_t base,
                     uint64_t page_bytes) MUST_CHECK;

/* The index-th program header; false: not there. */
bool elf_segment(const struct elf *elf, uint64_t index, struct elf_segment *ret_segment) MUST_CHECK;

/*
 * More segments than the header has room for: their number stands in section 0, which the kernel
 * writes at the very end of a core. false: it is not there.
 */
#define ELF_COUNT_ELSEWHERE 0xffffu
bool elf_count_elsewhere(const struct elf *elf, uint32_t *ret_count) MUST_CHECK;

/* -- Notes ------------------------------------------------------------------------------------- */

struct elf_note {
    uint32_t type, name_size, size; /* [bytes] name_size with its NUL */
    char name[8];                   /* the first bytes, zeros behind them */
    uint64_t at;                    /* of the contents, in `from` */
};

/* The notes of one segment, or of any other stretch of bytes. */
struct elf_notes {
    struct peek from;
    uint64_t at, end;
    uint64_t start; /* of the current note */
    uint32_t align, number;
    bool cut; /* a note said that it goes on behind the end: its header is in *ret_note */
};

/* align: p_align of the segment, of which 8 counts and all else is 4. */
void elf_notes_begin(struct elf_notes *notes, const struct peek *from, uint64_t at, uint64_t size,
                     uint64_t align);

/* The next note; false: no more, or cut. */
bool elf_notes_next(struct elf_notes *notes, struct elf_note *ret_note) MUST_CHECK;

/* Room for a build-id as lower-case hex. false: it has none, or `from` has not. */
#define ELF_BUILD_ID_HEX 129
bool elf_build_id(const struct elf *elf, char ret_hex[ELF_BUILD_ID_HEX]) MUST_CHECK;

/* Of a file on disk. false: it has none, or is no ELF file. */
bool elf_file_build_id(struct bytes file, char ret_hex[ELF_BUILD_ID_HEX]) MUST_CHECK;

/* -- Dynamic section (64-bit only) ------------------------------------------------------------- */

/*
 * Address of an exported symbol of a mapped image, looked up by its GNU hash: reads only the pages
 * that such a look-up touches, since a heap dump has no others. ret_size: [bytes]. false: there is
 * none of that name, or not in the dump.
 */
bool elf_symbol(const struct elf *elf, const char *name, uint64_t *ret_address,
                uint64_t *ret_size) MUST_CHECK;

/* Bytes of a file at a virtual address, to the end of their segment; empty: not there. */
struct bytes elf_file_at(struct bytes file, uint64_t vaddr);

/*
 * Addend of the relocation at a virtual address of a file that adds no more than the address at
 * which the file is loaded. false: there is none.
 */
bool elf_file_relocation(struct bytes file, uint64_t vaddr, uint64_t *ret_addend) MUST_CHECK;

/* -- Making ------------------------------------------------------------------------------------ */

/* A file that says no more than which CPU it is for. */
#define ELF_HEADER_BYTES 64u
void elf_header_of(uint16_t machine, uint8_t ret_header[ELF_HEADER_BYTES]);

/*
 * A file as it would have been, out of what of it is in memory: each segment at its offset in the
 * file, without section headers. What is not there is zero; what the loader wrote into the dynamic
 * section is taken back. To be freed; empty when it cannot be made or would be larger than
 * bytes_max.
 */
struct bytes elf_rebuild(const struct elf *elf, uint64_t bytes_max);

/* -- Core files -------------------------------------------------------------------------------- */

/* createdump (all kinds), gdb's gcore, the kernel's. 64-bit little-endian. */
bool elf_core_probe(struct bytes head);

/*
 * Opens a core whose bytes the caller keeps (mapped) while the space is open.
 * Errors: ERR_FORMAT, ERR_TRUNCATED (nothing usable), ERR_UNSUPPORTED (32-bit, big-endian, not a
 * core), ERR_LIMIT, ERR_NOMEM. A core that was cut opens with what is there; *ret_cut_bytes says
 * how much its program headers promise beyond the end of the file.
 */
bool elf_core_open(struct space *s, struct bytes file, uint64_t *ret_cut_bytes,
                   struct err *err) MUST_CHECK;

#endif
