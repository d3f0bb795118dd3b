/*
 * A delegate holds the address that it calls: a stub of the runtime, which has the MethodDesc among
 * its data, or code.
 *
 * Source: Delegate.CoreCLR.cs of System.Private.CoreLib;
 * src/coreclr/vm/amd64/thunktemplates.asm.
 */
#include "dotnet/delegates.h"

#include "dotnet/code.h"
#include "dotnet/method.h"

bool delegates_is(struct delegates *d, uint64_t mt) {
    struct clr *clr = d->m->clr;
    uint64_t parent = 0;
    if (!clr_field_word(clr, mt, F_MT_PARENT, &parent) || !parent || parent == clr->object_mt)
        return false;
    /* Named are only such: else the modules that are known would depend on the order of types. */
    if (!d->base && type_may_be_of_base(clr, parent) &&
        type_is_called(d->m, parent, "System.MulticastDelegate"))
        d->base = parent;
    if (parent != d->base)
        return false;
    if (!d->method) {
        d->method = type_field_offset(d->m, mt, "_methodPtr");
        d->method_aux = type_field_offset(d->m, mt, "_methodPtrAux");
        d->list = type_field_offset(d->m, mt, "_invocationList");
        d->target = type_field_offset(d->m, mt, "_target");
    }
    return true;
}

uint64_t delegates_code(const struct delegates *d, uint64_t delegate) {
    struct clr *clr = d->m->clr;
    uint64_t code = 0, aux = 0, list = 0, mt;
    if (!d->method || !d->method_aux || !delegate || !clr_word(clr, delegate + d->method, &code) ||
        !clr_word(clr, delegate + d->method_aux, &aux))
        return 0;
    /* Of those in its list each is there itself. */
    bool several =
        d->list && clr_word(clr, delegate + d->list, &list) && clr_object_mt(clr, list, &mt);
    return aux || several ? aux : code;
}

#define JUMP      0x25ffu   /* jmp [rip + disp32]: a fixup precode; target, then MethodDesc */
#define LOAD_R10  0x158b4cu /* mov r10, [rip + disp32]: a stub precode; MethodDesc */
#define LOAD_EAX  0xa1u     /* x86: mov eax, [address] */
#define JUMP_SIZE 6u
#define LOAD_SIZE 7u

/* The slot that a precode reads, and whether it jumps there. False: it is none. */
static bool precode_slot(struct clr *clr, uint64_t code, uint64_t *ret_slot, bool *ret_jump) {
    uint32_t head, far;
    if (!clr_u32(clr, code, &head))
        return false;
    *ret_jump = (head & 0xffff) == JUMP;
    bool wide = clr->word == 8;
    if (!*ret_jump && (wide ? (head & 0xffffff) != LOAD_R10 : (head & 0xff) != LOAD_EAX))
        return false;
    uint32_t size = *ret_jump ? JUMP_SIZE : wide ? LOAD_SIZE : 5;
    if (!clr_u32(clr, code + size - 4, &far))
        return false;
    *ret_slot = wide ? code + size + (uint64_t)(int64_t)(int32_t)far : far;
    return true;
}

/* MethodDesc of what is called at an address; 0: not known. */
static uint64_t method_at(struct clr *clr, uint64_t code) {
    struct code_function function;
    uint64_t slot, desc, target;
    bool jump;
    if (code_find(clr, code, &function))
        return function.method_desc;
    if (!precode_slot(clr, code, &slot, &jump))
        return 0;
    if (jump && clr_word(clr, slot, &target) && code_find(clr, target, &function))
        return function.method_desc;
    return clr_word_at(clr, slot, jump, &desc) ? desc : 0;
}

void delegates_add_method(struct modules *m, uint64_t code, struct strbuf *out) {
    uint64_t desc = method_at(m->clr, code);
    if (desc)
        method_short_name(m, desc, out);
}
