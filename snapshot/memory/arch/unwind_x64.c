/*
 * Microsoft "x64 exception handling": UNWIND_INFO. Not interpreted: epilogs of version 1 (a thread
 * stopped between the first pop of an epilog and its ret; waiting threads never are).
 */
#include "memory/arch/unwind_x64.h"

#include <string.h>

#define FUNCTION_BYTES 12u
#define CHAIN_MAX      32u
#define FLAG_CHAINED   4u

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

void x64_context_of(const struct space_thread *thread, struct x64_context *ret_context) {
    /* From the order of struct user_regs_struct to that of UNWIND_INFO. */
    static const uint8_t from[X64_REGISTERS] = {10, 11, 12, 5, 19, 4, 13, 14,
                                                9,  8,  7,  6, 3,  2, 1,  0};
    for (uint32_t i = 0; i < X64_REGISTERS; i++)
        ret_context->registers[i] = thread->registers[from[i]];
    ret_context->rip = thread->ip;
}

static bool function_at(struct space *s, uint64_t address, struct x64_function *ret_function) {
    uint8_t entry[FUNCTION_BYTES];
    if (!space_read(s, address, entry, sizeof(entry)))
        return false;
    *ret_function =
        (struct x64_function){load_u32(entry), load_u32(entry + 4), load_u32(entry + 8)};
    return true;
}

enum x64_found x64_find_function(struct space *s, uint64_t table, uint32_t count, uint32_t rva,
                                 struct x64_function *ret_function) {
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct x64_function f;
        if (!function_at(s, table + (uint64_t)middle * FUNCTION_BYTES, &f))
            return X64_FOUND_UNKNOWN;
        if (rva >= f.begin && rva < f.end) {
            *ret_function = f;
            return X64_FOUND;
        }
        if (rva < f.begin)
            high = middle;
        else
            low = middle + 1;
    }
    return X64_FOUND_NOT;
}

/* How many 16-bit slots a code takes; 0: not known. */
static uint32_t unwind_x64_slots_of(uint32_t operation, uint32_t info) {
    switch (operation) {
    case PUSH_NONVOL:
    case ALLOC_SMALL:
    case SET_FPREG:
    case PUSH_MACHFRAME:
        return 1;
    case ALLOC_LARGE:
        return info ? 3 : 2;
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

struct unwinder {
    struct space *s;
    struct x64_context *c;
    uint32_t frame_register, frame_offset; /* 0: no frame register */
    bool machine_frame;                    /* rip and rsp were restored by PUSH_MACHFRAME */
};

static bool pop(struct unwinder *u, uint64_t *ret_value) {
    if (!space_u64(u->s, u->c->registers[X64_RSP], ret_value))
        return false;
    u->c->registers[X64_RSP] += 8;
    return true;
}

/* A trap frame: rip, cs, flags, rsp, ss; behind an error code when info is 1. */
static bool machine_frame(struct unwinder *u, uint32_t info) {
    uint64_t at = u->c->registers[X64_RSP] + (info ? 8 : 0);
    u->machine_frame = true;
    return space_u64(u->s, at, &u->c->rip) && space_u64(u->s, at + 24, &u->c->registers[X64_RSP]);
}

/* Undoes one code; p: its slots. */
static bool unwind_x64_undo(struct unwinder *u, const uint8_t *p) {
    uint32_t operation = p[1] & 15, info = p[1] >> 4;
    uint64_t *registers = u->c->registers;
    switch (operation) {
    case PUSH_NONVOL:
        return pop(u, &registers[info]);
    case ALLOC_LARGE:
        registers[X64_RSP] += info ? load_u32(p + 2) : 8 * (uint64_t)load_u16(p + 2);
        return true;
    case ALLOC_SMALL:
        registers[X64_RSP] += 8 * (uint64_t)info + 8;
        return true;
    case SET_FPREG:
        registers[X64_RSP] = registers[u->frame_register] - u->frame_offset;
        return true;
    case SET_FPREG_LARGE:
        registers[X64_RSP] = registers[u->frame_register] - 16 * (uint64_t)load_u32(p + 2);
        return true;
    case SAVE_NONVOL:
        return space_u64(u->s, registers[X64_RSP] + 8 * (uint64_t)load_u16(p + 2),
                         &registers[info]);
    case SAVE_NONVOL_FAR:
        return space_u64(u->s, registers[X64_RSP] + load_u32(p + 2), &registers[info]);
    case PUSH_MACHFRAME:
        return machine_frame(u, info);
    default:
        return true; /* XMM registers are of no use here */
    }
}

/* One UNWIND_INFO. offset: how far into the function; codes of a prolog not run yet are skipped. */
static bool apply(struct unwinder *u, uint64_t address, uint64_t offset, bool *ret_chained,
                  struct x64_function *ret_next) {
    uint8_t head[4], codes[512 + 12 + 2];
    if (!space_read(u->s, address, head, sizeof(head)))
        return false;
    uint32_t version = head[0] & 7, flags = head[0] >> 3, count = head[2];
    size_t even = (count + 1u) & ~1u;
    *ret_chained = flags & FLAG_CHAINED;
    if ((version != 1 && version != 2) ||
        !space_read(u->s, address + 4, codes, 2 * even + (*ret_chained ? FUNCTION_BYTES : 0)))
        return false;
    u->frame_register = head[3] & 15;
    u->frame_offset = 16u * (head[3] >> 4);
    for (uint32_t i = 0; i < count;) {
        const uint8_t *p = codes + 2 * (size_t)i;
        uint32_t slots = unwind_x64_slots_of(p[1] & 15, p[1] >> 4);
        if (slots == 0 || i + slots > count)
            return false;
        if (p[0] <= offset && !unwind_x64_undo(u, p))
            return false;
        i += slots;
    }
    const uint8_t *next = codes + 2 * even;
    if (*ret_chained)
        *ret_next = (struct x64_function){load_u32(next), load_u32(next + 4), load_u32(next + 8)};
    return true;
}

bool x64_unwind(struct space *s, uint64_t image, const struct x64_function *function,
                struct x64_context *context) {
    struct x64_context c = *context;
    struct unwinder u = {.s = s, .c = &c};
    struct x64_function f = *function;
    uint64_t offset = c.rip - image - f.begin, old_sp = c.registers[X64_RSP];
    bool chained = true;
    for (uint32_t i = 0; chained; i++) {
        struct x64_function parent = {0};
        if (i == CHAIN_MAX)
            return false;
        if (f.unwind & 1) { /* shares the unwind data of another function */
            if (!function_at(s, image + (f.unwind & ~1u), &f))
                return false;
            continue;
        }
        if (!apply(&u, image + f.unwind, offset, &chained, &parent))
            return false;
        f = parent;
        offset = UINT64_MAX; /* the parent's prolog had run as a whole */
    }
    if (!u.machine_frame && !pop(&u, &c.rip))
        return false;
    if (c.registers[X64_RSP] <= old_sp)
        return false;
    *context = c;
    return true;
}

bool x64_unwind_leaf(struct space *s, struct x64_context *context) {
    struct x64_context c = *context;
    struct unwinder u = {.s = s, .c = &c};
    if (!pop(&u, &c.rip) || c.registers[X64_RSP] <= context->registers[X64_RSP])
        return false;
    *context = c;
    return true;
}
