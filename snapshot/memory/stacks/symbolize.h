/*
 * Names of functions for addresses in files: ELF symbols (.symtab, .dynsym, separate debug files)
 * of programs and libraries that the user has put at hand. Shared by readers of profiles.
 *
 * Nothing that a profile names is opened unless the user said where such files are: --symbols DIR
 * holds files by their names (libink.so, libink.so.debug, libink.so.dbg, .build-id/ab/cdef.debug),
 * --sysroot DIR holds them by their whole path. Where the profile tells the build-id of a module, a
 * file of another build is passed over. elfutils reads the files, in a forked process: see
 * forked.h.
 *
 * Names are those of the functions that contain the address: code that was inlined counts for the
 * function it was inlined into. C++ names are demangled where libstdc++ is on the machine. What
 * compilers append to parts and copies of a function (".part.0", ".constprop.0", ".cold", a hash of
 * Rust) is left out, so that two builds of a program can be compared.
 */
#ifndef DUMPDIFF_MEMORY_STACKS_SYMBOLIZE_H
#define DUMPDIFF_MEMORY_STACKS_SYMBOLIZE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"

struct symbol_module;

struct symbolizer {
    const char *symbols, *sysroot; /* borrowed; NULL: not given */
    struct arena arena;
    struct strmap index; /* (path, build-id) to number of module */
    struct symbol_module *modules;
    uint32_t count, capacity;
    uint32_t found;        /* [count] modules of which symbols were read */
    uint32_t other_builds; /* [count] files that were there, but of another build */
};

void symbolizer_init(struct symbolizer *z, const char *symbols, const char *sysroot);
void symbolizer_deinit(struct symbolizer *z);

/* Was anything given to look in? Otherwise no module is ever found. */
static inline bool symbolizer_is_on(const struct symbolizer *z) {
    return z->symbols || z->sysroot;
}

/*
 * The module of that path, its symbols read when it is first asked for; the answer is kept.
 *
 * path       borrowed; as the profile names it
 * build_id   borrowed; lower-case hex, empty: not known
 * ret_module NULL: no file of it is at hand. Valid until the next module is asked for.
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (modules).
 */
bool symbolizer_module(struct symbolizer *z, struct str path, struct str build_id,
                       const struct symbol_module **ret_module, struct err *err) MUST_CHECK;

/* Where a byte of the file is in memory, less the load bias; false: in no segment. */
bool symbol_module_vaddr(const struct symbol_module *m, uint64_t file_offset,
                         uint64_t *ret_vaddr) MUST_CHECK;

/*
 * Name of the function that contains the address; empty: none. Of a return address ask for the byte
 * before it, which is in the call. Valid as long as the symbolizer.
 */
struct str symbol_module_function(const struct symbol_module *m, uint64_t vaddr);

#endif
