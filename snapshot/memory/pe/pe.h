/*
 * THE reader of PE files (EXE and DLL), in the memory of a process and on disk: headers, exports,
 * and the bytes of a file that stand in for pages that a dump does not hold. Nobody else looks into
 * a PE header.
 */
#ifndef DUMPDIFF_MEMORY_PE_PE_H
#define DUMPDIFF_MEMORY_PE_PE_H

#include "memory/peek.h"
#include "memory/space.h"

#define PE_SECTIONS_MAX 96u /* what Windows loads */

enum pe_directory {
    PE_EXPORTS = 0,
    PE_RESOURCES = 2,
    PE_FUNCTIONS = 3, /* .pdata */
    PE_RELOCATIONS = 5,
    PE_DEBUG = 6,
    PE_CLR_HEADER = 14, /* "COM descriptor": where managed metadata is found */
    PE_DIRECTORIES = 16
};

struct pe_section {
    char name[9];
    uint32_t rva, size; /* in memory; size 0 in the file means that of the file */
    uint32_t file_offset, file_size;
    bool writable;
};

struct pe {
    struct peek from;
    uint64_t base;       /* where its first byte lies in `from` */
    uint64_t image_base; /* where the linker wanted it */
    uint32_t machine;    /* see arch.h */
    uint32_t timestamp, image_size, headers_size;
    bool pe32_plus; /* 64-bit */
    struct {
        uint32_t rva, size;
    } directories[PE_DIRECTORIES];
    uint32_t section_count;
    bool sections_cut; /* more are named than could be read, or than PE_SECTIONS_MAX */
    struct pe_section sections[PE_SECTIONS_MAX];
};

/*
 * Reads the headers of the file or image at base; false when there are none, or none as far as the
 * directories. *from has to outlive what it points to.
 */
bool pe_read(struct pe *ret_pe, const struct peek *from, uint64_t base) MUST_CHECK;

/*
 * Headers out of the first bytes of a file; false when they are none or cut, sections included.
 * pe->from is then of no use.
 */
bool pe_parse(struct bytes head, struct pe *ret_pe) MUST_CHECK;

/* File offset of an RVA in a file on disk; false when no section holds it in the file. */
bool pe_file_offset(const struct pe *pe, uint32_t rva, uint32_t *ret_offset) MUST_CHECK;

/*
 * Address of an exported function or variable of an image in memory; forwarders are not followed.
 * Looks the name up by halving, as the loader does, so that only the pages on the way have to be in
 * the dump. false: there is none of that name, or not in the dump.
 */
bool pe_export(const struct pe *pe, const char *name, uint64_t *ret_address) MUST_CHECK;

struct pe_symbol {
    uint32_t rva;
    const char *name;
};

/*
 * All exports that have names, by RVA, in the space's arena; those whose names are not in the dump
 * are left out. NULL and 0 when there are none. pe: read out of s. Errors: ERR_NOMEM.
 */
bool pe_symbols(struct space *s, const struct pe *pe, struct pe_symbol **ret_symbols,
                uint32_t *ret_count, struct err *err) MUST_CHECK;

/* Takes bytes that stand in for [address, address + bytes.size). */
typedef bool pe_add_overlay(void *context, uint64_t address, struct bytes bytes);

/*
 * Lays out the headers of a file, and those of its sections that nobody writes to, as the process
 * had them at `base`: relocated, so that pointers in them are its own. Sections that need no
 * relocation are borrowed from `file`, the others are copied into the arena.
 *
 * timestamp, image_size: of the module in the dump; the file has to have the same.
 * Errors: ERR_FORMAT (no PE file), ERR_INCONCLUSIVE (another build of the file), ERR_NOMEM (also
 * when add says false).
 */
bool pe_overlay(struct bytes file, uint64_t base, uint32_t timestamp, uint32_t image_size,
                struct arena *arena, pe_add_overlay *add, void *context,
                struct err *err) MUST_CHECK;

/* The file is a PE file of just that build. false: it is none, or another build. */
bool pe_is_build(struct bytes file, uint32_t timestamp, uint32_t image_size) MUST_CHECK;

#endif
