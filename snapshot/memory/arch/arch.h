/*
 * What differs from processor to processor. A processor is one file (arch_x64.c, ...) and one line
 * of the table below; nobody else asks for one by name.
 *
 * Registers have the numbers that the kernel gives them (the order of struct user_regs_struct, and
 * of NT_PRSTATUS), whatever the dump was written by.
 */
#ifndef DUMPDIFF_MEMORY_ARCH_ARCH_H
#define DUMPDIFF_MEMORY_ARCH_ARCH_H

#include "memory/peek.h"
#include "memory/space.h"

#define ARCH_NONE 0xffu /* no such register */

/* `count` registers of `bytes` bytes, one behind the other from `at`, into `number` and up. */
struct arch_field {
    uint16_t at;
    uint8_t bytes, number, count;
};

/* How registers are kept; least_bytes: shorter ones are refused. */
struct arch_layout {
    const struct arch_field *fields;
    uint32_t field_count, least_bytes;
};

/* NT_PRSTATUS: struct elf_prstatus. Times are four struct timeval of words, user time first. */
struct arch_status {
    struct arch_layout registers;
    uint16_t pid_at, times_at;
};

/* CONTEXT of Windows, which runtimes keep on other systems too. Longer ones have the same head. */
struct arch_context {
    struct arch_layout registers;
    uint32_t float_at, float_bytes; /* registers that change with computing: XMM0.., V0.. */
};

/* Numbers of DWARF. */
struct arch_dwarf {
    const uint8_t *registers; /* by number of DWARF: number of the kernel */
    uint8_t count;            /* 0: native stacks cannot be unwound */
    bool pc_apart;            /* the instruction pointer has no number of its own */
};

/* Registers of one frame; of volatile ones only those of the innermost frame are right. */
struct arch_frame {
    uint64_t registers[SPACE_REGISTERS];
};

#define ARCH_ENTRY_MAX 12u /* [bytes] */

/* An entry of a table of functions, as a PE image or a runtime has it. RVAs. */
struct arch_function {
    uint32_t begin, end; /* end 0: where the next one begins */
    uint32_t unwind;     /* its unwind data */
};

/* What the beginning of a function keeps, as far as it has run. */
struct arch_prolog {
    bool framed;    /* the frame pointer is the function's own: a chain leads to the caller */
    uint32_t bytes; /* [bytes] else: from the stack pointer up to the return address */
    uint32_t fp_at; /* [bytes] from there down to the caller's frame pointer; 0: it is unchanged */
};

/* Unwinding by the tables of PE images (.pdata), which CoreCLR makes for its code on any system. */
struct arch_unwinder {
    uint32_t entry_bytes; /* of one function in the table, which begins with that RVA */
    struct arch_function (*entry)(const uint8_t *bytes);
    /*
     * Goes from a frame to its caller: undoes what the prolog of the function did, as far as it
     * had run, and takes the return address. image: what RVAs are relative to.
     *
     * false when unwind data or stack are not there or make no sense; the frame is then as it was.
     * The stack pointer always moves up, so that a loop over frames ends.
     */
    bool (*unwind)(const struct peek *memory, uint64_t image, const struct arch_function *function,
                   struct arch_frame *frame);
    /*
     * Where there are no unwind data (x86): what a function's own code says. ip: how far it has
     * run. false: the code is not in memory. NULL: there are such data.
     */
    bool (*prolog)(const struct peek *memory, uint64_t begin, uint64_t ip,
                   struct arch_prolog *ret_prolog);
    /* What the call before `after` calls. false: not there, or from a register. NULL: not known. */
    bool (*call_target)(const struct peek *memory, uint64_t after, uint64_t *ret_target);
    /* As unwind for a function that has no unwind data, since it changes nothing of a frame. */
    bool (*leaf)(const struct peek *memory, struct arch_frame *frame);
    /* Does a call end there? True where the code is not in memory. */
    bool (*after_call)(const struct peek *memory, uint64_t address);
    /* Registers that a function keeps for its caller, in the order in which runtimes save them. */
    struct arch_saved {
        const uint8_t *registers;
        uint32_t count;
    } saved, saved_windows;
};

enum arch_mode { ARCH_MODE_UNKNOWN, ARCH_MODE_USER, ARCH_MODE_CALL };

struct arch {
    const char *name; /* as origin.arch has it; NULL: not known */
    uint8_t pointer_bytes;
    bool here;                        /* this program was built for it */
    const struct arch *narrow;        /* whose 32-bit programs it runs as well; NULL: none */
    uint16_t elf_machine, pe_machine; /* e_machine; Machine of the COFF header */
    uint16_t minidump_processor;      /* ProcessorArchitecture of SystemInfoStream */
    uint32_t elf_relative;            /* type of relocation that adds no more than a base */

    uint8_t register_count;
    uint8_t ip, sp, fp;     /* numbers */
    uint8_t thread_pointer; /* number; ARCH_NONE: not among them */
    uint8_t compared;       /* the first so many differ when a thread has run */
    uint8_t restarted;      /* that a stop changes in a system call that is made again; ARCH_NONE */
    uint16_t red_zone;      /* [bytes] below the stack pointer that are in use */
    uint64_t code_mask;     /* bits of a return address that are address */
    struct arch_status status;
    struct arch_context context;
    struct arch_dwarf dwarf;
    const struct arch_unwinder *unwinder; /* NULL: stacks go along frame pointers */
    bool windows_chain; /* native functions of Windows all keep the chain of frame pointers */

    /*
     * Linux: where a stopped thread was. *ret_call: number of the system call, UINT64_MAX when it
     * is not known. NULL: cannot be told.
     */
    enum arch_mode (*linux_mode)(struct space *s, const struct space_thread *t, uint64_t *ret_call);
    /* Windows: is that what stands before the return address of a system call? NULL: as above. */
    bool (*is_system_call)(const struct peek *memory, uint64_t after, bool *ret_is);
};

/* THE table: a line a processor. */
#define ARCHS(X) \
    X(arch_x64) \
    X(arch_arm64) \
    X(arch_x86)

#define ARCH_DECLARE(name) extern const struct arch name;
ARCHS(ARCH_DECLARE)

/* Stands in where no entry of the table fits: no name, no registers, nothing known. */
extern const struct arch arch_unknown;

/* Never NULL: arch_unknown when there is none. */
const struct arch *arch_by_elf(uint32_t machine);
const struct arch *arch_by_minidump(uint64_t processor);
const struct arch *arch_here(void);

/* Fills the registers that the layout has; false (untouched) when `in` is too short. */
bool arch_read_registers(const struct arch_layout *layout, struct bytes in,
                         uint64_t registers[SPACE_REGISTERS]) MUST_CHECK;

/* Names those of t->registers that have names, and says how many there are. */
void arch_name_registers(const struct arch *arch, struct space_thread *t);

/* Registers of a thread out of a CONTEXT; false: too short, or a processor we do not know. */
bool arch_read_context(const struct arch *arch, struct bytes context,
                       struct space_thread *t) MUST_CHECK;

/*
 * Goes along frame pointers: each function keeps its caller's there, and above it the return
 * address. false: not in memory.
 */
bool arch_frame_up(const struct arch *arch, const struct peek *memory, uint64_t fp,
                   uint64_t *ret_fp, uint64_t *ret_ip) MUST_CHECK;

enum arch_found { ARCH_FOUND, ARCH_FOUND_NOT, ARCH_FOUND_UNKNOWN };

/*
 * The entry of a sorted table of `count` functions at `table` that holds rva. arch has an unwinder.
 * ARCH_FOUND_NOT: the table is there and has none, so rva is in a leaf function.
 * ARCH_FOUND_UNKNOWN: the table is not in the dump.
 */
enum arch_found arch_find_function(const struct arch *arch, const struct peek *memory,
                                   uint64_t table, uint32_t count, uint32_t rva,
                                   struct arch_function *ret_function) MUST_CHECK;

#endif
