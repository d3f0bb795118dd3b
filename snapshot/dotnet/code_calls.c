#include "dotnet/code_calls.h"

#define STUB_HOPS  4u /* stubs that lead to one another */
#define STUB_BYTES 18u
#define JUMP       0x25ffu /* jmp [address], on x64 [rip + disp32] */
#define JUMP_BYTES 6u
#define DECREMENT  0x08ff66u /* dec word [eax]; je past the jump */

bool code_is_return(struct clr *clr, uint64_t address) {
    const struct peek memory = clr_peek(clr);
    struct code_function f;
    return address && code_find(clr, address - 1, &f) &&
           clr->space->arch->unwinder->after_call(&memory, address);
}

/* mov eax, [counter] or mov rax, [rip + disp32]: bytes of it; 0: neither. */
static uint32_t load_of_counter(const uint8_t *code) {
    if (code[0] == 0xa1)
        return 5;
    return code[0] == 0x48 && code[1] == 0x8b && code[2] == 0x05 ? 7 : 0;
}

/* Where a stub of the runtime jumps: a precode, or one that counts calls. */
static bool jump_of_stub(struct clr *clr, uint64_t stub, uint64_t *ret_target) {
    uint8_t code[STUB_BYTES] = {0};
    uint32_t at = 0, far;
    if (!clr_read(clr, stub, code, sizeof(code)))
        return false;
    uint32_t load = load_of_counter(code);
    if (load && (load_u32(code + load) & 0xffffff) == DECREMENT && code[load + 3] == 0x74)
        at = load + 5;
    if (load_u16(code + at) != JUMP)
        return false;
    far = load_u32(code + at + 2);
    uint64_t slot = clr->word == 8 ? stub + at + JUMP_BYTES + (uint64_t)(int64_t)(int32_t)far : far;
    return clr_word(clr, slot, ret_target);
}

bool code_is_call_of(struct clr *clr, uint64_t after, uint64_t begin) {
    const struct arch_unwinder *u = clr->space->arch->unwinder;
    const struct peek memory = clr_peek(clr);
    uint64_t target;
    if (!begin || !u->call_target || !u->call_target(&memory, after, &target))
        return false;
    for (uint32_t i = 0; i < STUB_HOPS && target != begin; i++)
        if (!jump_of_stub(clr, target, &target))
            return false;
    return target == begin;
}
