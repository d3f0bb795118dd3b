#include "dotnet/code_prolog.h"

#define PUSHED_MAX  32u        /* arguments of calls that have not been made yet */
#define FRAME_WORDS 1024u      /* of locals that are searched for a return address */
#define FRAME_BYTES (1u << 20) /* no frame is larger */
#define STUB_HOPS   4u         /* stubs that lead to one another */
#define JUMP        0x25ffu    /* jmp [address] */
#define COUNT_CALL  0x74u      /* je, behind mov eax, [counter]; dec word [eax] */

/* -- Calls ------------------------------------------------------------------------------------- */

/* A return address into managed code. */
static bool is_return(struct clr *clr, uint64_t address) {
    const struct peek memory = clr_peek(clr);
    struct code_function f;
    return address && code_find(clr, address - 1, &f) &&
           clr->space->arch->unwinder->after_call(&memory, address);
}

/* Where a stub of the runtime jumps: a precode, or one that counts calls. */
static bool jump_of_stub(struct clr *clr, uint64_t stub, uint64_t *ret_target) {
    uint8_t code[16];
    if (!clr_read(clr, stub, code, sizeof(code)))
        return false;
    if (load_u16(code) == JUMP)
        return clr_word(clr, load_u32(code + 2), ret_target);
    /* a1 address; 66 ff 08; 74 06; ff 25 address */
    return code[0] == 0xa1 && code[8] == COUNT_CALL && load_u16(code + 10) == JUMP &&
           clr_word(clr, load_u32(code + 12), ret_target);
}

/* Is it the call of `begin` that returns there? */
static bool is_call_of(struct clr *clr, uint64_t after, uint64_t begin) {
    const struct peek memory = clr_peek(clr);
    uint64_t target;
    if (!begin || !clr->space->arch->unwinder->call_target(&memory, after, &target))
        return false;
    for (uint32_t i = 0; i < STUB_HOPS && target != begin; i++)
        if (!jump_of_stub(clr, target, &target))
            return false;
    return target == begin;
}

/* -- Frames ------------------------------------------------------------------------------------ */

static void frame_return(struct clr *clr, struct arch_frame *frame, uint64_t at, uint64_t ip) {
    const struct arch *arch = clr->space->arch;
    frame->registers[arch->ip] = ip;
    frame->registers[arch->sp] = at + clr->word;
}

/* Along the frame pointer, which has to lie above the stack pointer. */
static bool frame_chained(struct clr *clr, struct arch_frame *frame) {
    const struct arch *arch = clr->space->arch;
    const struct peek memory = clr_peek(clr);
    const struct arch_function none = {0};
    uint64_t fp = frame->registers[arch->fp], sp = frame->registers[arch->sp];
    return fp >= sp && fp - sp < FRAME_BYTES && arch->unwinder->unwind(&memory, 0, &none, frame);
}

/* Above what the prolog took lie arguments that were pushed for a call, then the return address. */
static bool frame_pushed(struct clr *clr, const struct arch_prolog *prolog,
                         struct arch_frame *frame) {
    const struct arch *arch = clr->space->arch;
    uint64_t at = frame->registers[arch->sp] + prolog->bytes, ip, fp;
    for (uint32_t i = 0; i < PUSHED_MAX; i++, at += clr->word) {
        if (!clr_spend(clr, 1) || !clr_word(clr, at, &ip))
            return false;
        if (!is_return(clr, ip))
            continue;
        if (prolog->fp_at && !clr_word(clr, at - prolog->fp_at, &fp))
            return false;
        if (prolog->fp_at)
            frame->registers[arch->fp] = fp;
        frame_return(clr, frame, at, ip);
        return true;
    }
    return false;
}

/*
 * The function's code is not in the dump. If it keeps no frame pointer, the call of it returns
 * between the stack pointer and the caller's frame; if it does, that call is not found there.
 */
static bool frame_called(struct clr *clr, uint64_t begin, struct arch_frame *frame) {
    const struct arch *arch = clr->space->arch;
    uint64_t at = frame->registers[arch->sp], end = frame->registers[arch->fp], ip;
    for (uint32_t i = 0; i < FRAME_WORDS && at < end; i++, at += clr->word) {
        if (!clr_spend(clr, 1) || !clr_word(clr, at, &ip))
            return false;
        if (is_call_of(clr, ip, begin) && is_return(clr, ip)) {
            frame_return(clr, frame, at, ip);
            return true;
        }
    }
    return false;
}

bool code_prolog_unwind(struct clr *clr, const struct code_function *function,
                        struct arch_frame *frame) {
    const struct arch *arch = clr->space->arch;
    const struct peek memory = clr_peek(clr);
    struct arch_prolog prolog;
    if (!function->begin ||
        !arch->unwinder->prolog(&memory, function->begin, frame->registers[arch->ip], &prolog))
        return frame_called(clr, function->begin, frame) || frame_chained(clr, frame);
    return prolog.framed ? frame_chained(clr, frame) : frame_pushed(clr, &prolog, frame);
}
