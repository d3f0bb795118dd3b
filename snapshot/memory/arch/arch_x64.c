/*
 * x86-64. Unwinding is by Microsoft's "x64 exception handling": UNWIND_INFO. Not interpreted:
 * epilogs of version 1 (a thread stopped between the first pop of an epilog and its ret; waiting
 * threads never are).
 */
#include "memory/arch/arch.h"

#include "memory/arch/x86_calls.h"

/* Of struct user_regs_struct, as far as they are used. */
enum {
    R15,
    R14,
    R13,
    R12,
    RBP,
    RBX,
    R11,
    R10,
    R9,
    R8,
    RAX,
    RCX,
    RDX,
    RSI,
    RDI,
    ORIG_RAX,
    RIP,
    CS,
    EFLAGS,
    RSP,
    SS,
    FS_BASE,
    GS_BASE,
    DS,
    ES,
    FS,
    GS,
    REGISTERS
};

static const struct arch_field status_fields[] = {{112, 8, R15, REGISTERS}};

static const struct arch_field context_fields[] = {
    {0xf0, 8, R15, 1}, {0xe8, 8, R14, 1},    {0xe0, 8, R13, 1}, {0xd8, 8, R12, 1},
    {0xa0, 8, RBP, 1}, {0x90, 8, RBX, 1},    {0xd0, 8, R11, 1}, {0xc8, 8, R10, 1},
    {0xc0, 8, R9, 1},  {0xb8, 8, R8, 1},     {0x78, 8, RAX, 1}, {0x80, 8, RCX, 1},
    {0x88, 8, RDX, 1}, {0xa8, 8, RSI, 1},    {0xb0, 8, RDI, 1}, {0xf8, 8, RIP, 1},
    {0x38, 2, CS, 1},  {0x44, 4, EFLAGS, 1}, {0x98, 8, RSP, 1}, {0x42, 2, SS, 1},
    {0x3a, 2, DS, 1},  {0x3c, 2, ES, 1},     {0x3e, 2, FS, 1},  {0x40, 2, GS, 1},
};

/* By number of DWARF. */
static const uint8_t dwarf_registers[] = {RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8,
                                          R9,  R10, R11, R12, R13, R14, R15, RIP};

static const uint8_t saved_registers[] = {R12, R13, R14, R15, RBX, RBP};
static const uint8_t saved_on_windows[] = {RDI, RSI, RBX, RBP, R12, R13, R14, R15};

/* -- System calls and calls -------------------------------------------------------------------- */

/* orig_rax: the number, or -1 where the thread was in user mode. */
static enum arch_mode x64_linux_mode(struct space *s, const struct space_thread *t,
                                     uint64_t *ret_call) {
    (void)s;
    int64_t call = (int64_t)t->registers[ORIG_RAX];
    *ret_call = call >= 0 ? (uint64_t)call : UINT64_MAX;
    return call == -1 ? ARCH_MODE_USER : ARCH_MODE_CALL;
}

/* syscall; int 2e */
static bool x64_is_system_call(const struct peek *memory, uint64_t after, bool *ret_is) {
    uint16_t code;
    if (!peek_u16(memory, after - 2, &code))
        return false;
    *ret_is = code == 0x050f || code == 0x2ecd;
    return true;
}

/* call rel32; call [rip + disp32]; call [address] */
static bool x64_call_target(const struct peek *memory, uint64_t after, uint64_t *ret_target) {
    uint8_t code[7];
    if (after < sizeof(code) || !peek_bytes(memory, after - sizeof(code), code, sizeof(code)))
        return false;
    uint64_t disp = (uint64_t)(int64_t)(int32_t)load_u32(code + 3);
    if (code[0] == 0xff && code[1] == 0x14 && code[2] == 0x25)
        return peek_u64(memory, disp, ret_target);
    if (code[1] == 0xff && code[2] == 0x15)
        return peek_u64(memory, after + disp, ret_target);
    *ret_target = after + disp;
    return code[2] == 0xe8;
}

/* -- Unwinding --------------------------------------------------------------------------------- */

#define ENTRY_BYTES  12u
#define CHAIN_MAX    32u
#define FLAG_CHAINED 4u

enum {
    PUSH_NONVOL = 0,
    ALLOC_LARGE = 1,
    ALLOC_SMALL = 2,
    SET_FPREG = 3,
    SAVE_NONVOL = 4,
    SAVE_NONVOL_FAR = 5,
    EPILOG = 6,
    SPARE = 7,
    SAVE_XMM128 = 8,
    SAVE_XMM128_FAR = 9,
    PUSH_MACHFRAME = 10,
    SET_FPREG_LARGE = 11, /* CoreCLR on Unix */
};

/* By number of UNWIND_INFO, which is that of instructions. */
static const uint8_t unwind_registers[16] = {RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI,
                                             R8,  R9,  R10, R11, R12, R13, R14, R15};

struct unwinding {
    const struct peek *memory;
    uint64_t *registers;
    uint64_t image;
    uint8_t codes[512 + ENTRY_BYTES + 2]; /* of the current UNWIND_INFO, and what stands behind */
    uint32_t count;                       /* [slots of 2 bytes] */
    uint32_t prolog_bytes, frame_register, frame_offset; /* number; 0: no frame register */
    bool chained;
    uint64_t frame;     /* what saved registers are relative to */
    bool machine_frame; /* rip and rsp were restored by PUSH_MACHFRAME */
};

static struct arch_function x64_entry(const uint8_t *p) {
    return (struct arch_function){load_u32(p), load_u32(p + 4), load_u32(p + 8)};
}

/* How many slots a code takes; 0: not known. */
static uint32_t slots_of(const uint8_t *p) {
    switch (p[1] & 15) {
    case PUSH_NONVOL:
    case ALLOC_SMALL:
    case SET_FPREG:
    case PUSH_MACHFRAME:
        return 1;
    case ALLOC_LARGE:
        return p[1] >> 4 ? 3 : 2;
    case SAVE_NONVOL:
    case SAVE_XMM128:
    case EPILOG:
        return 2;
    case SPARE:
    case SAVE_NONVOL_FAR:
    case SAVE_XMM128_FAR:
    case SET_FPREG_LARGE:
        return 3;
    default:
        return 0;
    }
}

static bool pop(const struct peek *memory, uint64_t *registers, uint32_t number) {
    uint64_t value, sp = registers[RSP];
    if (!peek_u64(memory, sp, &value))
        return false;
    registers[RSP] = sp + 8;
    registers[number] = value;
    return true;
}

/* A trap frame: rip, cs, flags, rsp, ss; behind an error code when info is 1. */
static bool pop_machine_frame(struct unwinding *u, uint32_t info) {
    uint64_t at = u->registers[RSP] + (info ? 8 : 0);
    u->machine_frame = true;
    return peek_u64(u->memory, at, &u->registers[RIP]) &&
           peek_u64(u->memory, at + 24, &u->registers[RSP]);
}

/* Below the frame register: where the stack pointer was when the prolog set it. */
static uint64_t below_frame(const struct unwinding *u, const uint8_t *p) {
    uint64_t offset = (p[1] & 15) == SET_FPREG_LARGE ? load_u32(p + 2) : u->frame_offset;
    return u->registers[unwind_registers[u->frame_register]] - 16 * offset;
}

/* Undoes one code; p: its slots. */
static bool undo(struct unwinding *u, const uint8_t *p) {
    uint32_t info = p[1] >> 4;
    uint64_t *registers = u->registers;
    switch (p[1] & 15) {
    case PUSH_NONVOL:
        return pop(u->memory, registers, unwind_registers[info]);
    case ALLOC_LARGE:
        registers[RSP] += info ? load_u32(p + 2) : 8 * (uint64_t)load_u16(p + 2);
        return true;
    case ALLOC_SMALL:
        registers[RSP] += 8 * (uint64_t)info + 8;
        return true;
    case SET_FPREG:
    case SET_FPREG_LARGE:
        registers[RSP] = below_frame(u, p);
        return true;
    case SAVE_NONVOL:
        return peek_u64(u->memory, u->frame + 8 * (uint64_t)load_u16(p + 2),
                        &registers[unwind_registers[info]]);
    case SAVE_NONVOL_FAR:
        return peek_u64(u->memory, u->frame + load_u32(p + 2), &registers[unwind_registers[info]]);
    case PUSH_MACHFRAME:
        return pop_machine_frame(u, info);
    default:
        return true; /* XMM registers are of no use here */
    }
}

static bool read_info(struct unwinding *u, uint64_t address) {
    uint8_t head[4];
    if (!peek_bytes(u->memory, address, head, sizeof(head)))
        return false;
    uint32_t version = head[0] & 7;
    u->chained = head[0] >> 3 & FLAG_CHAINED;
    u->prolog_bytes = head[1];
    u->count = head[2];
    u->frame_register = head[3] & 15;
    u->frame_offset = head[3] >> 4;
    size_t even = (u->count + 1u) & ~1u;
    return (version == 1 || version == 2) &&
           peek_bytes(u->memory, address + 4, u->codes, 2 * even + (u->chained ? ENTRY_BYTES : 0));
}

/*
 * Registers are saved at places relative to the stack pointer of the fixed part of the frame. With
 * memory taken from the stack later on that is only to be had from the frame register, once it is
 * set.
 */
static void find_frame(struct unwinding *u, uint64_t offset) {
    static const uint8_t plain[4] = {0, SET_FPREG};
    u->frame = u->registers[RSP];
    if (u->frame_register && (u->chained || offset >= u->prolog_bytes))
        u->frame = below_frame(u, plain);
    for (uint32_t i = 0, slots; i < u->count; i += slots) {
        const uint8_t *p = u->codes + 2 * (size_t)i;
        uint32_t operation = p[1] & 15;
        slots = slots_of(p);
        if (slots == 0 || i + slots > u->count)
            return;
        if ((operation == SET_FPREG || operation == SET_FPREG_LARGE) && p[0] <= offset)
            u->frame = below_frame(u, p);
    }
}

/* One UNWIND_INFO. offset: how far into the function; codes of a prolog not run yet are skipped. */
static bool apply(struct unwinding *u, uint64_t address, uint64_t offset) {
    if (!read_info(u, address))
        return false;
    find_frame(u, offset);
    for (uint32_t i = 0, slots; i < u->count; i += slots) {
        const uint8_t *p = u->codes + 2 * (size_t)i;
        slots = slots_of(p);
        if (slots == 0 || i + slots > u->count)
            return false;
        if (p[0] <= offset && !undo(u, p))
            return false;
    }
    return true;
}

static bool x64_unwind(const struct peek *memory, uint64_t image,
                       const struct arch_function *function, struct arch_frame *frame) {
    struct arch_frame out = *frame;
    struct unwinding u = {.memory = memory, .registers = out.registers, .image = image};
    struct arch_function f = *function;
    uint64_t offset = out.registers[RIP] - image - f.begin;
    u.chained = true;
    for (uint32_t i = 0; u.chained; i++) {
        uint8_t raw[ENTRY_BYTES];
        if (i == CHAIN_MAX)
            return false;
        if (f.unwind & 1) { /* shares the unwind data of another function */
            if (!peek_bytes(memory, image + (f.unwind & ~1u), raw, sizeof(raw)))
                return false;
            f = x64_entry(raw);
            continue;
        }
        if (!apply(&u, image + f.unwind, offset))
            return false;
        if (u.chained)
            f = x64_entry(u.codes + 2 * (size_t)((u.count + 1u) & ~1u));
        offset = UINT64_MAX; /* the parent's prolog had run as a whole */
    }
    if (!u.machine_frame && !pop(memory, out.registers, RIP))
        return false;
    if (out.registers[RSP] <= frame->registers[RSP])
        return false;
    *frame = out;
    return true;
}

/* The return address is on top of the stack. */
static bool x64_leaf(const struct peek *memory, struct arch_frame *frame) {
    struct arch_frame out = *frame;
    if (!pop(memory, out.registers, RIP) || out.registers[RSP] <= frame->registers[RSP])
        return false;
    *frame = out;
    return true;
}

static const struct arch_unwinder unwinder = {
    .entry_bytes = ENTRY_BYTES,
    .entry = x64_entry,
    .unwind = x64_unwind,
    .leaf = x64_leaf,
    .after_call = x86_calls_before,
    .call_target = x64_call_target,
    .saved = {saved_registers, sizeof(saved_registers)},
    .saved_windows = {saved_on_windows, sizeof(saved_on_windows)},
};

/* -- All of it --------------------------------------------------------------------------------- */

const struct arch arch_x64 = {
    .name = "x64",
    .pointer_bytes = 8,
#ifdef __x86_64__
    .here = true,
#endif
    .narrow = &arch_x86,
    .elf_machine = 62,
    .pe_machine = 0x8664,
    .minidump_processor = 9,
    .elf_relative = 8, /* R_X86_64_RELATIVE */
    .register_count = REGISTERS,
    .ip = RIP,
    .sp = RSP,
    .fp = RBP,
    .thread_pointer = FS_BASE,
    .compared = SS, /* up to rsp; the segment bases behind it never change */
    /*
     * Being stopped for a dump turns a wait with a timeout (futex, poll, ...) into its
     * restart_syscall, for good: only whether it was in a system call can be compared.
     */
    .restarted = ORIG_RAX,
    .red_zone = 128,
    .code_mask = UINT64_MAX,
    .status = {{status_fields, 1, 112 + 8 * REGISTERS}, .pid_at = 32, .times_at = 48},
    .context = {{context_fields, sizeof(context_fields) / sizeof(*context_fields), 0x100},
                .float_at = 0x1a0,
                .float_bytes = 0x100},
    .dwarf = {dwarf_registers, sizeof(dwarf_registers), .pc_apart = false},
    .unwinder = &unwinder,
    .linux_mode = x64_linux_mode,
    .is_system_call = x64_is_system_call,
};
