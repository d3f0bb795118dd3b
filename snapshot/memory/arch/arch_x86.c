/*
 * x86, 32-bit: registers of minidumps, and stacks along ebp, or by what the prolog of a function
 * pushes where it keeps no frame pointer. Cores of 32-bit processes are not read (see elf_core.c),
 * so there is no NT_PRSTATUS.
 */
#include "memory/arch/arch.h"

#include "memory/arch/x86_calls.h"

/* Of struct user_regs_struct. */
enum {
    EBX,
    ECX,
    EDX,
    ESI,
    EDI,
    EBP,
    EAX,
    DS,
    ES,
    FS,
    GS,
    ORIG_EAX,
    EIP,
    CS,
    EFLAGS,
    ESP,
    SS,
    REGISTERS
};

static const struct arch_field context_fields[] = {
    {0xa4, 4, EBX, 1}, {0xac, 4, ECX, 1},    {0xa8, 4, EDX, 1}, {0xa0, 4, ESI, 1},
    {0x9c, 4, EDI, 1}, {0xb4, 4, EBP, 1},    {0xb0, 4, EAX, 1}, {0x98, 4, DS, 1},
    {0x94, 4, ES, 1},  {0x90, 4, FS, 1},     {0x8c, 4, GS, 1},  {0xb8, 4, EIP, 1},
    {0xbc, 4, CS, 1},  {0xc0, 4, EFLAGS, 1}, {0xc4, 4, ESP, 1}, {0xc8, 4, SS, 1},
};

/* CalleeSavedRegisters of CoreCLR. */
static const uint8_t saved_on_windows[] = {EDI, ESI, EBX, EBP};

/* -- Calls ------------------------------------------------------------------------------------- */

/* call rel32; call [address] */
static bool x86_call_target(const struct peek *memory, uint64_t after, uint64_t *ret_target) {
    uint8_t code[6];
    uint32_t target;
    if (after < sizeof(code) || !peek_bytes(memory, after - sizeof(code), code, sizeof(code)))
        return false;
    if (code[0] == 0xff && code[1] == 0x15) {
        if (!peek_u32(memory, load_u32(code + 2), &target))
            return false;
    } else if (code[1] == 0xe8) {
        target = (uint32_t)after + load_u32(code + 2);
    } else {
        return false;
    }
    *ret_target = target;
    return true;
}

/* -- Prologs ----------------------------------------------------------------------------------- */

#define PROLOG_BYTES 32u

/* [bytes] One instruction of a prolog; 0: none. ret_taken: [bytes] of stack. */
static uint32_t x86_prolog_step(const uint8_t *p, uint32_t left, uint32_t *ret_taken) {
    *ret_taken = 4;
    if (p[0] >= 0x50 && p[0] <= 0x57) /* push reg */
        return 1;
    if (left >= 3 && p[0] == 0x83 && p[1] == 0xec) { /* sub esp, imm8 */
        *ret_taken = p[2];
        return p[2] < 0x80 ? 3 : 0;
    }
    if (left >= 6 && p[0] == 0x81 && p[1] == 0xec) { /* sub esp, imm32 */
        *ret_taken = load_u32(p + 2);
        return *ret_taken < 0x100000 ? 6 : 0;
    }
    return 0;
}

/* mov ebp, esp */
static bool sets_frame(const uint8_t *p, uint32_t left) {
    return left >= 2 && ((p[0] == 0x8b && p[1] == 0xec) || (p[0] == 0x89 && p[1] == 0xe5));
}

static bool x86_prolog(const struct peek *memory, uint64_t begin, uint64_t ip,
                       struct arch_prolog *ret_prolog) {
    uint8_t code[PROLOG_BYTES] = {0}, here;
    uint32_t there = PROLOG_BYTES, taken;
    while (there && !peek_bytes(memory, begin, code, there))
        there /= 2; /* up to where memory ends */
    if (!there || !peek_u8(memory, ip, &here))
        return false;
    struct arch_prolog p = {.bytes = 0};
    for (uint32_t at = 0, step; at < there && begin + at < ip; at += step) {
        if (code[at] == 0x55 && sets_frame(code + at + 1, there - at - 1) && ip >= begin + at + 3) {
            /* Behind the epilog's pop ebp the return address is on top. */
            p = (struct arch_prolog){.framed = here != 0xc3 && here != 0xc2};
            break;
        }
        if (!(step = x86_prolog_step(code + at, there - at, &taken)))
            break;
        p.bytes += taken;
        if (code[at] == 0x55)
            p.fp_at = p.bytes;
    }
    *ret_prolog = p;
    return true;
}

/* -- Unwinding --------------------------------------------------------------------------------- */

/* Where pointers have 4 bytes CoreCLR has the beginning, and what says how long it is. */
static struct arch_function x86_entry(const uint8_t *p) {
    return (struct arch_function){.begin = load_u32(p), .unwind = load_u32(p + 4)};
}

/* A function that keeps a frame pointer, as all of Windows itself do. */
static bool x86_unwind(const struct peek *memory, uint64_t image,
                       const struct arch_function *function, struct arch_frame *frame) {
    uint32_t fp, ip;
    uint64_t at = frame->registers[EBP];
    (void)image;
    (void)function;
    if (at < frame->registers[ESP] || !peek_u32(memory, at, &fp) || !peek_u32(memory, at + 4, &ip))
        return false;
    frame->registers[EIP] = ip;
    frame->registers[EBP] = fp;
    frame->registers[ESP] = at + 8;
    return true;
}

/* The return address is on top of the stack. */
static bool x86_leaf(const struct peek *memory, struct arch_frame *frame) {
    uint32_t ip;
    if (!peek_u32(memory, frame->registers[ESP], &ip))
        return false;
    frame->registers[EIP] = ip;
    frame->registers[ESP] += 4;
    return true;
}

static const struct arch_unwinder unwinder = {
    .entry_bytes = 8,
    .entry = x86_entry,
    .unwind = x86_unwind,
    .prolog = x86_prolog,
    .call_target = x86_call_target,
    .leaf = x86_leaf,
    .after_call = x86_calls_before,
    .saved = {saved_on_windows, sizeof(saved_on_windows)},
    .saved_windows = {saved_on_windows, sizeof(saved_on_windows)},
};

/* -- All of it --------------------------------------------------------------------------------- */

const struct arch arch_x86 = {
    .name = "x86",
    .pointer_bytes = 4,
    .elf_machine = 3,
    .pe_machine = 0x14c,
    .minidump_processor = 0,
    .register_count = REGISTERS,
    .ip = EIP,
    .sp = ESP,
    .fp = EBP,
    .thread_pointer = ARCH_NONE,
    .compared = REGISTERS,
    .restarted = ARCH_NONE,
    .code_mask = UINT32_MAX,
    .status = {{.least_bytes = 112}, .pid_at = 32, .times_at = 48},
    .context = {{context_fields, sizeof(context_fields) / sizeof(*context_fields), 0xcc},
                .float_at = 0xcc + 0xa0,
                .float_bytes = 0x80},
    .unwinder = &unwinder,
    .windows_chain = true,
};
