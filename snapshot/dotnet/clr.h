/*
 * A CoreCLR found in an address space: what every file of this folder reads through.
 */
#ifndef DUMPDIFF_DOTNET_CLR_H
#define DUMPDIFF_DOTNET_CLR_H

#include "base/file.h"
#include "dotnet/contract.h"
#include "dotnet/dotnet.h"
#include "memory/peek.h"

/* Lists of the runtime are followed no further than this: more is a cycle or a broken dump. */
#define CLR_LIST_MAX    4000000u
#define CLR_THREADS_MAX 100000u

/* Slots of GcDacVars (src/coreclr/gc/gcinterface.dacvars.def); fields were only ever appended. */
enum gc_slot {
    GC_GENERATION_SIZE = 1,
    GC_GENERATION_COUNT = 2,
    GC_GENERATION_TABLE = 6,
    GC_EPHEMERAL_SEGMENT = 10,
    GC_ALLOC_ALLOCATED = 15,
    GC_FINALIZE_QUEUE = 18,
    GC_HEAP_COUNT = 22,
    GC_HEAPS = 23,
    GC_INVALID_COUNT = 24,
    GC_HANDLE_TABLE_MAP = 29,
    GC_HEAP_FIELDS = 30,
    GC_GENERATION_FIELDS = 31,
    GC_BOOKKEEPING_START = 32,
    GC_CARD_TABLE_INFO_SIZE = 39,
    GC_DESCRIPTOR = 41, /* since 2.6 */
    GC_SLOTS = 42
};

struct gc_vars {
    uint64_t address;
    uint8_t major, minor;
    bool before_5;           /* they do not say how many generations there are */
    uint64_t slot[GC_SLOTS]; /* as found; 0 where the structure ends before */
};

/* Bytes of a file that stand in for read-only memory which the dump does not hold. */
struct clr_overlay {
    uint64_t start;
    struct bytes bytes;
};

/* What OSId says of a thread that has ended. */
#define CLR_OS_ID_NONE 0xbaadf00du

/* A thread's number in its own PID namespace, and in that of the dump; see thread_ids.h. */
struct clr_os_id {
    uint32_t inside, dump;
};

struct clr {
    struct space *space;
    uint32_t word; /* [bytes] of a pointer of the process: 4 or 8 */
    struct builder *b;
    const struct dotnet_options *options;
    struct arena arena; /* what was read out of the dump; freed at the end */
    struct contract contract;
    const struct builtin_table *table; /* whose fields are in use; NULL: none */
    const char *version;               /* "10.0.12"; NULL: not known */
    bool misfit;                       /* it describes itself, but not what this dump holds */
    bool windows;
    const struct space_module *image; /* the file that holds the runtime */
    uint64_t dac_table;               /* address of g_dacTable; 0: not known */
    uint32_t dac_entries;             /* 0: not known */
    uint32_t gc_vars_index;           /* of g_gcDacGlobals in it */
    struct gc_vars gc;
    bool gc_described;  /* the GC's own descriptor says where it keeps what: slots come from it */
    uint32_t heap_type; /* 1 workstation, 2 server */
    uint64_t free_mt, string_mt, object_mt;
    uint64_t continuation_class; /* that continuations of all layouts share (11); 0: none */
    uint64_t *threads;           /* addresses of the runtime's Thread objects, in list order */
    uint32_t thread_count;
    struct clr_os_id *os_ids; /* sorted by the inner number; arena */
    uint32_t os_id_count;     /* 0: the numbers are the same */
    struct modules *modules;  /* whose files can be asked for; NULL: none */
    struct clr_overlay *overlays;
    uint32_t overlay_count, overlay_capacity;
    struct file *files; /* mapped; closed with the clr */
    uint32_t file_count, file_capacity;
    uint64_t steps_left; /* see clr_spend */
};

enum clr_found {
    CLR_NOT_THERE,  /* no CoreCLR in this process; ret_why says what there is instead */
    CLR_UNREADABLE, /* CoreCLR, but nothing tells where it keeps what */
    CLR_READY,
    CLR_ERROR /* no memory */
};

void clr_init(struct clr *clr, struct space *space, struct builder *b,
              const struct dotnet_options *options);
void clr_deinit(struct clr *clr);

/*
 * Finds the runtime and its offsets, and verifies them. why: one line for people. Errors: ERR_NOMEM
 * (with CLR_ERROR).
 */
enum clr_found clr_find(struct clr *clr, struct strbuf *why, struct err *err) MUST_CHECK;

/*
 * The first half of clr_find: the image that holds the runtime, and the tables of its garbage
 * collector; no offsets. false: there is none; why says so.
 */
bool clr_find_runtime(struct clr *clr, struct strbuf *why) MUST_CHECK;

/*
 * With the fields of clr->contract: finds what globals lead to by itself, and verifies all of it.
 * false: they do not fit.
 */
bool clr_offsets_fit(struct clr *clr) MUST_CHECK;

/* Fills clr->threads. false: the list does not close, or they are no threads of this process. */
bool clr_read_thread_list(struct clr *clr) MUST_CHECK;

/*
 * "93ac61ec53aa.offsets": the file in the folder of --symbols that has learnt offsets of this
 * build; "libcoreclr.so.offsets" where the dump does not tell the build. NULL: out of memory.
 */
const char *clr_learnt_name(struct clr *clr);

/* Uses that file. false: there is none, or it does not fit, which is warned about. */
bool clr_use_learnt(struct clr *clr) MUST_CHECK;

/*
 * Calls found(address) for each word of the runtime's image that is there; stops when it says so,
 * and gives true then.
 */
bool clr_scan_image(struct clr *clr, bool writable_only,
                    bool (*found)(struct clr *, uint64_t address, uint64_t word, void *),
                    void *context);

/*
 * Takes steps off what may be spent on this dump, which grows with its size: loops whose length the
 * dump says ask before each round, so that a small hostile one cannot keep us busy for hours. A
 * step is some 50 ns. false: used up, which is warned about once; what was asked for is then not
 * there. For one thread only.
 */
bool clr_spend(struct clr *clr, uint64_t steps) MUST_CHECK;

/* -- Reading (clr.c) ------------------------------------------------------------------------------
 */

/* As space_read, with the overlays behind it. false: not there, for the numbers too. */
bool clr_read(struct clr *clr, uint64_t address, void *buffer, size_t size) MUST_CHECK;
struct peek clr_peek(struct clr *clr);
bool clr_u8(struct clr *clr, uint64_t address, uint8_t *ret_value) MUST_CHECK;
bool clr_u16(struct clr *clr, uint64_t address, uint16_t *ret_value) MUST_CHECK;
bool clr_u32(struct clr *clr, uint64_t address, uint32_t *ret_value) MUST_CHECK;
/* A pointer, or a number of that size. false: not there. */
bool clr_word(struct clr *clr, uint64_t address, uint64_t *ret_value) MUST_CHECK;
/* The i-th of words that lie one behind the other. false: not there. */
bool clr_word_at(struct clr *clr, uint64_t address, uint64_t i, uint64_t *ret_value) MUST_CHECK;
/* Reads `count` words, at most 4096 bytes of them. false: not all there. */
bool clr_words(struct clr *clr, uint64_t address, uint64_t *ret_values, uint32_t count) MUST_CHECK;

/* Value at object + offset of the field; false when the field is not known or not in the dump. */
bool clr_field_u16(struct clr *clr, uint64_t object, enum contract_field f,
                   uint16_t *ret_value) MUST_CHECK;
bool clr_field_u32(struct clr *clr, uint64_t object, enum contract_field f,
                   uint32_t *ret_value) MUST_CHECK;
bool clr_field_word(struct clr *clr, uint64_t object, enum contract_field f,
                    uint64_t *ret_value) MUST_CHECK;

/* Address of a field; 0 when it is not known. */
uint64_t clr_field(const struct clr *clr, uint64_t object, enum contract_field f);

static inline bool clr_knows(const struct clr *clr, enum contract_field f) {
    return clr->contract.offset[f] != NO_FIELD;
}

/* Contents of a pointer-sized global. false: it is not known, or not in the dump. */
bool clr_global(struct clr *clr, enum contract_global g, uint64_t *ret_value) MUST_CHECK;

/*
 * NUL-terminated UTF-16 at an address as UTF-8; at most max characters, broken pairs become
 * U+FFFD. NULL: not there or out of memory.
 */
const char *clr_utf16z(struct clr *clr, uint64_t address, size_t max);
const char *clr_utf8z(struct clr *clr, uint64_t address, size_t max);

/* Is it where an object, a MethodTable or whatever begins with a pointer may be? */
static inline bool clr_is_aligned(const struct clr *clr, uint64_t address) {
    return !(address & (clr->word - 1));
}

/* The first address from there on that is aligned so. */
static inline uint64_t clr_align(const struct clr *clr, uint64_t address) {
    return (address + clr->word - 1) & ~(uint64_t)(clr->word - 1);
}

/* .NET Core, to 3.1: some structures were others. */
static inline bool clr_is_before_5(const struct clr *clr) {
    return clr->gc.before_5;
}

/* [bytes] from one object to the next at least; the empty string says less. */
static inline uint32_t clr_object_min(const struct clr *clr) {
    return 3 * clr->word;
}

/* Base size of a string: header, MethodTable, length, and the NUL behind its characters. */
static inline uint32_t clr_string_base(const struct clr *clr) {
    return 2 * clr->word + 6;
}

/* What stands at the end of a chain of Frames: -1. */
static inline uint64_t clr_no_frame(const struct clr *clr) {
    return clr->word == 8 ? UINT64_MAX : UINT32_MAX;
}

/* Of a vector: where its elements begin; those of a multi-dimensional array begin behind bounds. */
static inline uint32_t clr_vector_data(const struct clr *clr) {
    return 2 * clr->word;
}

/* The MethodTable of an object, without the bits of the GC; false: not there. */
bool clr_object_mt(struct clr *clr, uint64_t object, uint64_t *ret_mt) MUST_CHECK;
/* The MethodTable that has the class of mt: itself, or what it is an instantiation of. 0: not
 * there.
 */
uint64_t clr_canonical_mt(struct clr *clr, uint64_t mt);
/* EEClass of a MethodTable; 0: not there. */
uint64_t clr_class_of(struct clr *clr, uint64_t mt);
/* Is mt the address of a MethodTable? Its class points back to it. */
bool clr_is_method_table(struct clr *clr, uint64_t mt);
/*
 * Of a continuation, in which an async call waits that the runtime itself suspends (11)? The JIT
 * makes a MethodTable for each layout of what such a call keeps.
 */
bool clr_is_continuation(struct clr *clr, uint64_t mt);
/* Shallow size of an object [bytes], as the heap walk counts it; 0: not there. */
uint64_t clr_object_size(struct clr *clr, uint64_t object);

/* Text of a managed string object; NULL when it is none. */
const char *clr_string_object(struct clr *clr, uint64_t object);

/* Adds bytes that are read where the dump has none. false: out of memory, or too many of them. */
bool clr_add_overlay(struct clr *clr, uint64_t start, struct bytes bytes) MUST_CHECK;

/*
 * Opens the file that the dump calls `path`: SYMBOLS/name, SYSROOT/path, then path itself. The file
 * is closed with the clr. `accept` says whether it is the one; the next is tried when not.
 * ret_bytes is borrowed. false: none fits.
 */
bool clr_open_file(struct clr *clr, const char *path,
                   bool (*accept)(struct bytes file, const void *context), const void *context,
                   struct bytes *ret_bytes) MUST_CHECK;

#endif
