/*
 * One address space to read from: an ELF core, a minidump or a live process.
 *
 * The implementations fill `ranges`, `mappings`, `modules` and `threads` when they open; what is
 * read at an address goes through the functions below, which never fail loudly: a dump has holes.
 */
#ifndef DUMPDIFF_MEMORY_SPACE_H
#define DUMPDIFF_MEMORY_SPACE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/str.h"
#include "model/parts.h"

struct arch;

enum space_kind { SPACE_ELF_CORE, SPACE_MINIDUMP, SPACE_LIVE };

#define MAP_READ  1u
#define MAP_WRITE 2u
#define MAP_EXEC  4u

/* Bytes that are there, sorted by start, not overlapping. */
struct space_range {
    uint64_t start, end; /* addresses; end exclusive */
    const uint8_t *data; /* mapped bytes; NULL where they have to be read (live process) */
    uint32_t flags;      /* MAP_* */
};

/* A mapped file of which the dump does not give the name. */
#define MAPPING_UNNAMED "<mapped file>"

/* What the process had mapped, whether or not its bytes are in the dump; sorted by start. */
struct space_mapping {
    uint64_t start, end;
    uint64_t file_offset; /* [bytes] */
    const char *file;     /* NULL: anonymous; "[stack]", "[heap]" and the like for a live process;
                             of a minidump also "[teb]", "[image]" and MAPPING_UNNAMED */
    uint32_t flags;       /* MAP_*; 0 where the dump does not say */
    uint64_t resident_bytes; /* live process only; 0 elsewhere */
};

/* A file mapped as an image (an ELF object, a PE file), each once. */
struct space_module {
    const char *path;
    uint64_t base, end;
    const char *build_id;           /* lower-case hex; NULL: not known */
    uint32_t timestamp, image_size; /* PE only; 0 otherwise */
    const char *version; /* of the file, "10.0.1226.42308"; NULL: the dump does not say */
};

#define SPACE_REGISTERS 40u

struct space_thread {
    uint64_t os_id;
    const char *name;                    /* comm or description; NULL: not recorded */
    uint64_t ip, sp, fp;                 /* instruction, stack and frame pointer */
    uint64_t registers[SPACE_REGISTERS]; /* by the kernel's numbers, see arch.h */
    uint32_t register_count;             /* 0: not recorded, or of a processor we do not know */
    uint64_t thread_pointer;         /* to its control block (Windows: TEB); 0 where not recorded */
    uint64_t stack_top;              /* behind the last byte of its stack; 0 where not recorded */
    uint64_t fp_hash;                /* of the floating point registers; 0: not recorded */
    uint64_t user_ns, kernel_ns;     /* UINT64_MAX: not recorded */
    uint64_t elapsed_ns, start_time; /* UINT64_MAX: not recorded */
    uint64_t switches;               /* UINT64_MAX: not recorded */
    uint64_t run_delay_ns;           /* UINT64_MAX: not recorded */
};

/* What a stretch of memory is used for, where whoever understands the contents said so. */
enum space_use {
    USE_GC_HEAP,
    USE_GC_BOOKKEEPING, /* card table, mark bits and the like */
    USE_LOADER_JIT,     /* loader heaps, code heaps, stubs */
    USE_STACK,
    USE_TEB, /* Windows: thread and process environment blocks */
    USE_IMAGE,
    USE_MAPPED_FILE,
    USE_NATIVE, /* anonymous and writable, by nobody claimed: malloc and friends */
    USE_UNACCOUNTED,
    USE_COUNT
};

struct space_claim {
    uint64_t start, end; /* end exclusive */
    enum space_use use;
};

/* End exclusive. */
struct space_stretch {
    uint64_t start, end;
};

#define SPACE_WARNINGS_MAX 16u

struct space_warning {
    char text[160];
    uint64_t count; /* how many rows or bytes it concerns; UINT64_MAX: no number */
    uint64_t parts; /* PART_BITs of what lacks rows by it */
};

/*
 * Looking things up and reading from several threads at once is fine (the caches are hints);
 * warnings and what is kept of a live process are for one thread only.
 */
struct space {
    enum space_kind kind;
    const struct arch *arch; /* set by the opener, see arch.h; NULL before */
    const char *processor;   /* its name where `arch` is that of none we know; NULL: not known */
    struct arena arena;      /* owns names and tables */
    const char *process;     /* program name without folder; NULL: not known */
    uint64_t pid;            /* UINT64_MAX: not known */
    uint64_t page_bytes;
    struct space_range *ranges;
    uint32_t range_count;
    struct space_mapping *mappings;
    uint32_t mapping_count;
    struct space_module *modules;
    uint32_t module_count;
    struct space_thread *threads;
    uint32_t thread_count;
    uint32_t range_capacity;
    uint32_t last_range; /* where the last look-up hit: most look-ups stay near */
    /* Reads bytes of a range without data; NULL where all ranges have data. */
    bool (*fetch)(struct space *, uint64_t address, void *buffer, size_t size);
    void (*close)(struct space *);
    void *backend;
    /* Where files may be that stand in for what of them is not in the dump. */
    const char *symbols, *sysroot; /* borrowed; NULL: not given */
    uint64_t missing_bytes;        /* [bytes] that were asked for and are not in the dump */
    /* What an opener skipped or could not make sense of; whoever builds a snapshot passes it on. */
    struct space_warning warnings[SPACE_WARNINGS_MAX];
    uint32_t warning_count;
    struct space_claim *claims; /* in the order they came; see space_claim */
    uint32_t claim_count, claim_capacity;
    struct space_stretch *shared; /* in the order they came; see space_share */
    uint32_t shared_count, shared_capacity;
    const struct stack_copies *stack_copies; /* see native_frames.c; NULL: none */
    uint64_t vdso; /* address of the kernel's code page in the process; 0: not known */
    /* Mapped file that ranges lie in, see space_window and space_give_back; borrowed, NULL: none.
     */
    const struct file *file;
    uint64_t evidence_bytes; /* [bytes] of stacks that evidence_fill has read so far */
    const char *tool; /* what wrote the dump: "createdump", "gcore", "kernel"; NULL: not known */
    /*
     * true: user_ns and kernel_ns of the thread whose os_id is pid were recorded for the whole
     * process (kernel cores do that), and are what was left after taking off the other threads.
     * Threads that had ended by then are still in it.
     */
    bool leader_time_is_rest;
};

/*
 * Reads exactly size bytes at address, across adjacent ranges. false (buffer unchanged or partly
 * written) when one of them is not there. A hostile address or size is fine.
 */
bool space_read(struct space *s, uint64_t address, void *buffer, size_t size) MUST_CHECK;
bool space_u8(struct space *s, uint64_t address, uint8_t *ret_value) MUST_CHECK;
bool space_u32(struct space *s, uint64_t address, uint32_t *ret_value) MUST_CHECK;
bool space_u64(struct space *s, uint64_t address, uint64_t *ret_value) MUST_CHECK;

/*
 * Lends what is mapped at address: at least 1 and at most `size` bytes, up to the end of the range.
 * Empty where the range has no data of its own (live) or nothing is there: use space_read.
 */
struct bytes space_lend(struct space *s, uint64_t address, uint64_t size);

/*
 * Bytes at address that are gone through once, in buffer: at least 1 and at most `size`, up to the
 * end of the range. That is quicker than to look at them where they lie, which costs a page fault
 * (file) or a cache miss (kept of a live process) each time. Empty where nothing is there.
 */
struct bytes space_window(struct space *s, uint64_t address, void *buffer, size_t size);

/* The range that holds address, NULL when there is none. */
const struct space_range *space_range_at(struct space *s, uint64_t address);
const struct space_mapping *space_mapping_at(const struct space *s, uint64_t address);
const struct space_module *space_module_at(const struct space *s, uint64_t address);

/* NUL-terminated string of at most max bytes into the space's arena; NULL when it is not there. */
const char *space_string(struct space *s, uint64_t address, size_t max);

/*
 * Says what [start, end) is used for, for the sums of memory_use.h; where claims overlap the first
 * wins. Called by readers of the contents, e.g. with each region of the GC heap (as reserved), its
 * bookkeeping, the loader and code heaps. An empty or reversed stretch is ignored. Errors:
 * ERR_NOMEM.
 */
bool space_claim(struct space *s, uint64_t start, uint64_t end, enum space_use use,
                 struct err *err) MUST_CHECK;

/*
 * Says that other threads write to [start, end), which may lie on a stack: what changes there does
 * not tell that the thread ran. Empty and reversed ones are ignored. false: out of memory.
 */
bool space_share(struct space *s, uint64_t start, uint64_t end) MUST_CHECK;

/*
 * Gives pages of s->file behind [address, address + size) back to the system: they will not be
 * read again soon. With large pages in the file cache a look at a few bytes maps 2 MiB.
 */
void space_give_back(struct space *s, uint64_t address, uint64_t size);

/* Notes that something was skipped; equal texts add their counts, too many are dropped. */
void space_warn(struct space *s, uint64_t count, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same of something without which these parts (PART_BITs) are not whole. */
void space_lacks(struct space *s, uint64_t parts, uint64_t count, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* All values "not recorded". */
void space_thread_init(struct space_thread *t);

/* Sorts by start and cuts overlaps off (first wins, empty ones go); gives the new count. */
uint32_t space_sort_mappings(struct space_mapping *mappings, uint32_t count);

/*
 * Live process: copies what is there of [start, end), so that it can be lent and read without
 * asking the process again. Elsewhere nothing is done. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool space_keep(struct space *s, uint64_t start, uint64_t end, struct err *err) MUST_CHECK;

/*
 * Sorts ranges and mappings, drops overlaps (first wins); to be called by each opener. Errors:
 * ERR_NOMEM.
 */
bool space_finish(struct space *s, struct err *err) MUST_CHECK;

void space_init(struct space *s);
void space_deinit(struct space *s);

#endif
