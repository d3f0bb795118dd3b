/*
 * AArch64. Unwinding is by the codes of Microsoft's "ARM64 exception handling" (.xdata), which
 * CoreCLR makes for its code on every system. Packed unwind data, which compilers of native code
 * write into .pdata itself, are not interpreted. What a thread was doing is told by the instruction
 * at pc: NT_ARM_SYSTEM_CALL says -1 for threads that wait in a system call too, since the kernel
 * forgets the number when it prepares to make the call again.
 */
#include "memory/arch/arch.h"

/* Of struct user_pt_regs: x0..x30, sp, pc; pstate is left out. */
enum { X8 = 8, FP = 29, LR = 30, SP = 31, PC = 32, REGISTERS };

#define SVC          0xd4000001u
#define ADDRESS_BITS 48u /* above them pointers may be signed */

static const struct arch_field status_fields[] = {{112, 8, 0, REGISTERS}};
static const struct arch_field context_fields[] = {{8, 8, 0, REGISTERS}};

static const uint8_t dwarf_registers[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                          11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                          22, 23, 24, 25, 26, 27, 28, FP, LR, SP};

/* A stopped thread that waits stands on the very instruction that will make its call again. */
static enum arch_mode arm64_linux_mode(struct space *s, const struct space_thread *t,
                                       uint64_t *ret_call) {
    uint32_t instruction;
    *ret_call = UINT64_MAX;
    if (!space_u32(s, t->ip, &instruction))
        return ARCH_MODE_UNKNOWN;
    if (instruction != SVC)
        return ARCH_MODE_USER;
    *ret_call = t->registers[X8];
    return ARCH_MODE_CALL;
}

/* -- Unwinding --------------------------------------------------------------------------------- */

#define ENTRY_BYTES  8u
#define CODES_MAX    1024u /* [bytes] 255 words of them */
#define INSTRUCTION  4u
#define UNWIND_FLAGS 3u /* of an entry: 0 where the rest is the RVA of unwind data */

/* What the codes of one byte mean; of longer ones the first byte says how long they are. */
enum {
    ALLOC_S = 0x00,
    SAVE_R19R20_X = 0x20,
    SAVE_FPLR = 0x40,
    SAVE_FPLR_X = 0x80,
    ALLOC_M = 0xc0,
    SAVE_REGP = 0xc8,
    SAVE_REGP_X = 0xcc,
    SAVE_REG = 0xd0,
    SAVE_REG_X = 0xd4,
    SAVE_LRPAIR = 0xd6,
    SAVE_FREGP = 0xd8,
    SAVE_FREGP_X = 0xda,
    SAVE_FREG = 0xdc,
    SAVE_FREG_X = 0xde,
    ALLOC_Z = 0xdf,
    ALLOC_L = 0xe0,
    SET_FP = 0xe1,
    ADD_FP = 0xe2,
    NOP = 0xe3,
    END = 0xe4,
    END_C = 0xe5,
    SAVE_NEXT = 0xe6,
    SAVE_ANY = 0xe7,
    TRAP_FRAME = 0xe8, /* and custom stacks, up to 0xef */
    PAC_SIGN_LR = 0xfc,
};

#define FIRST_SAVED 19u

static const uint8_t saved_registers[] = {FP, LR, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28};

struct arm64_unwinding {
    const struct peek *memory;
    uint64_t *registers;
    uint8_t codes[CODES_MAX];
    uint32_t count;         /* [bytes] */
    uint32_t function_size; /* [bytes] */
    uint32_t pairs;         /* of save_next, that the next save of a pair is for as well */
};

static struct arch_function arm64_entry(const uint8_t *p) {
    return (struct arch_function){load_u32(p), 0, load_u32(p + 4)};
}

/* [bytes]; 0: not known */
static uint32_t code_bytes(uint8_t code) {
    if (code < ALLOC_M || (code >= SET_FP && code <= SAVE_NEXT && code != ADD_FP) ||
        code == PAC_SIGN_LR)
        return 1;
    if (code < ALLOC_L || code == ADD_FP)
        return 2;
    if (code == ALLOC_L)
        return 4;
    return code == SAVE_ANY ? 3 : 0;
}

static bool is_end(uint8_t code) {
    return code == END || code == END_C;
}

/* -- What a code undoes -- */

static bool load_register(struct arm64_unwinding *u, uint32_t number, uint64_t at) {
    return peek_u64(u->memory, at, &u->registers[number]);
}

/* x(first) and the one behind it; where save_next came before, the pairs behind these as well. */
static bool load_pairs(struct arm64_unwinding *u, uint32_t first, uint64_t offset) {
    uint64_t at = u->registers[SP] + offset;
    uint32_t pairs = 1 + u->pairs;
    u->pairs = 0;
    for (uint32_t i = 0; i < pairs; i++, first += 2, at += 16)
        if (first + 1 > LR || !load_register(u, first, at) || !load_register(u, first + 1, at + 8))
            return false;
    return true;
}

static bool undo_pair(struct arm64_unwinding *u, uint32_t first, uint64_t offset, uint64_t pop) {
    if (!load_pairs(u, first, offset))
        return false;
    u->registers[SP] += pop;
    return true;
}

static bool undo_one(struct arm64_unwinding *u, uint32_t number, uint64_t offset, uint64_t pop) {
    if (number > LR || !load_register(u, number, u->registers[SP] + offset))
        return false;
    u->registers[SP] += pop;
    return true;
}

/* Codes of one byte. */
static bool undo_short(struct arm64_unwinding *u, uint8_t code) {
    uint64_t *sp = &u->registers[SP];
    if (code < SAVE_R19R20_X) {
        *sp += 16u * code;
        return true;
    }
    if (code < SAVE_FPLR)
        return undo_pair(u, FIRST_SAVED, 0, 8u * (code & 31u));
    if (code < SAVE_FPLR_X)
        return undo_pair(u, FP, 8u * (code & 63u), 0);
    if (code < ALLOC_M)
        return undo_pair(u, FP, 0, 8u * ((code & 63u) + 1));
    if (code == SET_FP)
        *sp = u->registers[FP];
    u->pairs += code == SAVE_NEXT;
    return true;
}

/* Codes of two bytes: the lowest bits are an offset in words, those above it a register. */
static bool undo_long(struct arm64_unwinding *u, uint8_t code, uint32_t low) {
    uint64_t *sp = &u->registers[SP], words = 8u * (low & 63u);
    uint32_t number = FIRST_SAVED + (low >> 6);
    if (code < SAVE_REGP)
        *sp += 16u * low;
    else if (code < SAVE_REGP_X)
        return undo_pair(u, number, words, 0);
    else if (code < SAVE_REG)
        return undo_pair(u, number, 0, words + 8);
    else if (code < SAVE_REG_X)
        return undo_one(u, number, words, 0);
    else if (code < SAVE_LRPAIR)
        return undo_one(u, FIRST_SAVED + (low >> 5), 0, 8u * (low & 31u) + 8);
    else if (code < SAVE_FREGP)
        return undo_one(u, FIRST_SAVED + 2 * (low >> 6), words, 0) && undo_one(u, LR, words + 8, 0);
    else if (code >= SAVE_FREGP_X && code < SAVE_FREG)
        *sp += words + 8; /* floating point registers themselves are of no use here */
    else if (code == SAVE_FREG_X)
        *sp += 8u * (low & 31u) + 8;
    else if (code == ADD_FP)
        *sp = u->registers[FP] - 8u * (low & 255u);
    else if (code == ALLOC_Z)
        return false;
    if (code >= SAVE_FREGP && code < SAVE_FREG_X)
        u->pairs = 0;
    return true;
}

/* Bits of a code of two bytes that do not say what it is. */
static uint32_t long_mask(uint8_t code) {
    return code < SAVE_REGP ? 0x7ff : code < SAVE_REG_X ? 0x3ff : code < SAVE_FREG_X ? 0x1ff : 0xff;
}

static bool arm64_undo(struct arm64_unwinding *u, const uint8_t *p) {
    switch (code_bytes(*p)) {
    case 1:
        return undo_short(u, *p);
    case 2:
        return undo_long(u, *p, ((uint32_t)*p << 8 | p[1]) & long_mask(*p));
    case 4:
        u->registers[SP] += 16u * ((uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
        return true;
    default:
        return false; /* CoreCLR has never been seen to write these */
    }
}

/* -- Which codes -- */

/* Instructions that codes from `at` to the next end stand for. */
static uint32_t instructions_from(const struct arm64_unwinding *u, uint32_t at) {
    uint32_t n = 0;
    while (at < u->count && !is_end(u->codes[at]) && code_bytes(u->codes[at])) {
        at += code_bytes(u->codes[at]);
        n++;
    }
    return n;
}

/* Undoes the codes from `at` to the next end, but for the first `skip`. */
static bool run_codes(struct arm64_unwinding *u, uint32_t at, uint32_t skip) {
    for (; at < u->count && !is_end(u->codes[at]); at += code_bytes(u->codes[at])) {
        uint32_t bytes = code_bytes(u->codes[at]);
        if (bytes == 0 || at + bytes > u->count)
            return false;
        if (skip) {
            skip--;
            continue;
        }
        if (!arm64_undo(u, u->codes + at))
            return false;
    }
    return at < u->count;
}

/* [words] of epilog scopes behind the header; with `single` the one epilog ends the function. */
struct xdata {
    uint64_t scopes, codes; /* addresses */
    uint32_t scope_count, single_index;
    bool single;
};

static bool read_xdata(struct arm64_unwinding *u, uint64_t address, struct xdata *x) {
    uint32_t head, more;
    if (!peek_u32(u->memory, address, &head) || (head >> 18 & 3) != 0)
        return false;
    uint32_t epilogs = head >> 22 & 31, words = head >> 27;
    address += 4;
    if (epilogs == 0 && words == 0) {
        if (!peek_u32(u->memory, address, &more))
            return false;
        epilogs = more & 0xffff;
        words = more >> 16 & 255;
        address += 4;
    }
    u->function_size = INSTRUCTION * (head & 0x3ffff);
    u->count = 4 * words;
    x->single = head >> 21 & 1;
    x->single_index = epilogs;
    x->scopes = address;
    x->scope_count = x->single ? 0 : epilogs;
    x->codes = address + 4ull * x->scope_count;
    return u->count <= CODES_MAX && peek_bytes(u->memory, x->codes, u->codes, u->count);
}

/* Does an epilog begin at or before offset and hold it? Then how many of its instructions ran. */
static bool in_epilog(const struct arm64_unwinding *u, const struct xdata *x, uint32_t offset,
                      uint32_t *ret_index, uint32_t *ret_done) {
    if (x->single) {
        uint32_t bytes = INSTRUCTION * (instructions_from(u, x->single_index) + 1);
        if (bytes > u->function_size || offset < u->function_size - bytes)
            return false;
        *ret_index = x->single_index;
        *ret_done = (offset - (u->function_size - bytes)) / INSTRUCTION;
        return true;
    }
    for (uint32_t i = 0; i < x->scope_count; i++) {
        uint32_t scope;
        if (!peek_u32(u->memory, x->scopes + 4ull * i, &scope))
            return false;
        uint32_t start = INSTRUCTION * (scope & 0x3ffff), index = scope >> 22;
        if (offset < start)
            return false; /* they are in order */
        if (offset < start + INSTRUCTION * (instructions_from(u, index) + 1)) {
            *ret_index = index;
            *ret_done = (offset - start) / INSTRUCTION;
            return true;
        }
    }
    return false;
}

/*
 * Codes are those of the prolog, last instruction first. Of one that has not run as a whole the
 * first codes are left out; so they are of an epilog that has begun.
 */
static bool undo_function(struct arm64_unwinding *u, const struct xdata *x, uint64_t offset) {
    uint32_t prolog = instructions_from(u, 0), index, done;
    if (offset < (uint64_t)INSTRUCTION * prolog)
        return run_codes(u, 0, prolog - (uint32_t)offset / INSTRUCTION);
    if (offset < u->function_size && in_epilog(u, x, (uint32_t)offset, &index, &done))
        return run_codes(u, index, done);
    return run_codes(u, 0, 0);
}

/* Goes to where lr leads. That is then the return address of none but a function below. */
static bool return_to_caller(struct arch_frame *out, struct arch_frame *frame) {
    uint64_t *r = out->registers, mask = (UINT64_C(1) << ADDRESS_BITS) - 1;
    if (r[SP] < frame->registers[SP] || (r[LR] & mask) == 0)
        return false;
    r[PC] = r[LR] & mask;
    r[LR] = 0;
    *frame = *out;
    return true;
}

static bool arm64_unwind(const struct peek *memory, uint64_t image,
                         const struct arch_function *function, struct arch_frame *frame) {
    struct arch_frame out = *frame;
    struct arm64_unwinding u = {.memory = memory, .registers = out.registers};
    struct xdata x;
    if (function->unwind & UNWIND_FLAGS || !read_xdata(&u, image + function->unwind, &x))
        return false;
    uint64_t offset = out.registers[PC] - image - function->begin;
    return undo_function(&u, &x, offset) && return_to_caller(&out, frame);
}

/* The return address is in its register. */
static bool arm64_leaf(const struct peek *memory, struct arch_frame *frame) {
    struct arch_frame out = *frame;
    (void)memory;
    return return_to_caller(&out, frame);
}

/* bl; blr, and those that check a signature */
static bool arm64_after_call(const struct peek *memory, uint64_t address) {
    uint32_t code;
    if (address < INSTRUCTION || !peek_u32(memory, address - INSTRUCTION, &code))
        return true;
    return code >> 26 == 0x25 || (code & 0xfefff000) == 0xd63f0000;
}

static const struct arch_unwinder unwinder = {
    .entry_bytes = ENTRY_BYTES,
    .entry = arm64_entry,
    .unwind = arm64_unwind,
    .leaf = arm64_leaf,
    .after_call = arm64_after_call,
    .saved = {saved_registers, sizeof(saved_registers)},
    .saved_windows = {saved_registers, sizeof(saved_registers)},
};

/* -- All of it --------------------------------------------------------------------------------- */

const struct arch arch_arm64 = {
    .name = "arm64",
    .pointer_bytes = 8,
#ifdef __aarch64__
    .here = true,
#endif
    .elf_machine = 183,
    .pe_machine = 0xaa64,
    .minidump_processor = 12,
    .elf_relative = 1027, /* R_AARCH64_RELATIVE */
    .register_count = REGISTERS,
    .ip = PC,
    .sp = SP,
    .fp = FP,
    .thread_pointer = ARCH_NONE,
    .compared = REGISTERS,
    .restarted = X8, /* becomes restart_syscall */
    .code_mask = (UINT64_C(1) << ADDRESS_BITS) - 1,
    .status = {{status_fields, 1, 112 + 8 * REGISTERS}, .pid_at = 32, .times_at = 48},
    .context = {{context_fields, 1, 0x110}, .float_at = 0x110, .float_bytes = 0x200},
    .dwarf = {dwarf_registers, sizeof(dwarf_registers), .pc_apart = true},
    .unwinder = &unwinder,
    .windows_chain = true,
    .linux_mode = arm64_linux_mode,
};
