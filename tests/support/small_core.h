/*
 * The small dumps of tests/fuzz/base, cores and minidumps, opened to be changed and read: with room
 * for more memory.
 */
#ifndef DUMPDIFF_TESTS_SMALL_CORE_H
#define DUMPDIFF_TESTS_SMALL_CORE_H

#include "dotnet/clr.h"

#define SMALL_WORKSTATION "tests/fuzz/base/workstation.core.zst"
#define SMALL_SERVER      "tests/fuzz/base/server.core.zst"
#define SMALL_NET_CORE    "tests/fuzz/base/net3.core.zst" /* .NET Core 3.1: no table of addresses */

#define EXTRA      0x600000000000u /* where nothing is in the dump */
#define EXTRA_SIZE 65536u

struct small_core {
    uint8_t *file; /* to be changed */
    size_t size;
    uint8_t *extra;       /* EXTRA_SIZE bytes at address EXTRA */
    uint64_t descriptor;  /* address of the runtime's own; 0: .NET 8 has none */
    uint64_t gc_variable; /* address of the variable that leads to GcDacVars; 0: of 3.1 */
    struct gc_vars gc;
    struct contract contract;
    uint32_t heap_fields[19];
    uint64_t string_mt, thread; /* the first of the runtime's list */
    bool of_table;              /* one of our tables said something of it */
};

/* Fails the test when the core is not there or does not read. */
void small_core_load(struct small_core *c, const char *path);
void small_core_drop(struct small_core *c);

/* false: it does not open any more. */
bool small_core_open(const struct small_core *c, struct space *s);

/* Bytes of the file (or of extra) at an address that is in the dump. */
uint8_t *small_core_at(const struct small_core *c, uint64_t address);
uint64_t small_core_u64(const struct small_core *c, uint64_t address);
void small_core_put(const struct small_core *c, uint64_t address, uint64_t value, size_t size);

/* Reads the core, also into a .snap file; the snapshot is the caller's. */
void small_core_read(const struct small_core *c, struct snapshot *snapshot, struct strbuf *snap);
/* The same with so many threads, of dotnet_options. */
void small_core_read_by(const struct small_core *c, uint32_t threads, struct snapshot *snapshot,
                        struct strbuf *snap);

/* Is there a reason for less trust, or a note, with these words? */
bool small_core_says(const struct snapshot *s, const char *part);

#endif
