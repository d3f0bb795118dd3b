#include "dotnet/code_prolog.h"

#include "dotnet/code_calls.h"

#define PUSHED_MAX  32u        /* arguments of calls that have not been made yet */
#define FRAME_WORDS 1024u      /* of locals that are searched for a return address */
#define FRAME_BYTES (1u << 20) /* no frame is larger */

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
        if (!code_is_return(clr, ip))
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
        if (code_is_call_of(clr, ip, begin) && code_is_return(clr, ip)) {
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
