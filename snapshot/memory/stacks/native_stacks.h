/*
 * Native stacks and names of functions: all that others see of this folder.
 */
#ifndef DUMPDIFF_MEMORY_STACKS_NATIVE_STACKS_H
#define DUMPDIFF_MEMORY_STACKS_NATIVE_STACKS_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"
#include "memory/space.h"
#include "model/builder.h"

/* -- Stacks of Linux threads ------------------------------------------------------------------- */

/*
 * Native stacks of Linux threads: "module!function", innermost first, by elfutils' libdwfl.
 *
 * Unwinding trusts what it reads more than we do, so it happens in a process of its own that is
 * forked for it and ends with it: whatever a hostile dump makes of it, we only miss frames.
 */

#define NATIVE_FRAMES_MAX 128u /* of one thread */

/* Frames of one thread; strings live in the space's arena. */
struct native_stack {
    const char **frames;
    uint32_t count;
};

/*
 * Live process only: keeps the stacks, so that the process may go on before they are unwound.
 * Errors: ERR_NOMEM.
 */
bool native_frames_capture(struct space *s, struct err *err) MUST_CHECK;

/*
 * Unwinds all threads. One stack for each of s->threads, in the space's arena.
 *
 * Call frame information comes from s->symbols (by file name), s->sysroot and the path itself,
 * where the build-id agrees, else from what of the image is in memory. Debug files (NAME.dbg,
 * NAME.debug, .build-id/) are looked for in s->symbols and in the sysroot's /usr/lib/debug.
 * debuginfod is never asked.
 * Frames of no module are "[anonymous]", those without a known function just the module.
 *
 * ret_missing: threads that could not be unwound (no registers, or the unwinder gave up).
 * Errors: ERR_NOMEM. Where no process can be forked or libdw is not there: all missing.
 */
bool native_frames_read(struct space *s, struct native_stack **ret_stacks, uint32_t *ret_missing,
                        struct err *err) MUST_CHECK;

/* -- Stacks of Windows threads ----------------------------------------------------------------- */

/*
 * Native stacks of Windows threads: return addresses as "ntdll!NtWaitForSingleObject+0x14" where an
 * export tells, else as "ntdll+0x9d664".
 *
 * Where the processor's unwinder reads the tables in .pdata (x64), a stack has its innermost frame
 * only if they are not in the dump. Others go along frame pointers, so functions that keep none are
 * left out.
 * Wherever callers may be missing, FRAME_CUT stands at the end.
 */

#define WIN_STACK_FRAMES_MAX 512u

struct win_stacks {
    struct space *space;
    struct win_image **images; /* one for each of space->modules; NULL until a stack meets it */
};

/* In the space's arena. Errors: ERR_NOMEM. */
bool win_stacks_init(struct win_stacks *w, struct space *s, struct err *err) MUST_CHECK;

/*
 * Frames of a thread, innermost first, one a line in *frames (which is cleared first); none when
 * the dump has no registers of it. *ret_cut: it ends early (the last line is then FRAME_CUT).
 * Errors: ERR_NOMEM.
 */
bool win_stack_read(struct win_stacks *w, const struct space_thread *thread, struct strbuf *frames,
                    bool *ret_cut, struct err *err) MUST_CHECK;

/* -- What frames of a system's own libraries say ----------------------------------------------- */

/*
 * What the frames of the operating system's libraries say of a thread: what it waits for, and
 * whether the system made it. "module!function", innermost first; no runtime is known here.
 */

/*
 * What a stack waits for, by its two innermost frames: "WaitForSingleObject", "epoll_wait",
 * "mutex"; NULL when they show no wait. Static.
 */
const char *os_frames_wait(const struct strings *frames);

/* What a thread that runs this function is there for: "os-pool"; NULL when it may be anything. */
const char *os_frame_role(const char *frame);

/*
 * Fills, where nobody did: role of every thread by its native frames, and waiting_on of threads
 * that have no other. Called after the runtimes have said what their frames tell, which is more.
 * Errors: ERR_NOMEM.
 */
bool os_frames_tell(struct builder *b, struct err *err) MUST_CHECK;

/* -- Names of functions, for readers of profiles ----------------------------------------------- */

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
