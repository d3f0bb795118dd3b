#include "memory/arch/arch.h"

#include "base/hash.h"
#include "base/search.h"

#define ARCH_ENTRY(name) &(name),
static const struct arch *const archs[] = {ARCHS(ARCH_ENTRY)};
#define ARCH_COUNT (sizeof(archs) / sizeof(*archs))

#define STATUS_HEAD 112u /* [bytes] of 64-bit machines before the registers */

/* Pid and times lie where all 64-bit machines have them. */
const struct arch arch_unknown = {
    .code_mask = UINT64_MAX,
    .thread_pointer = ARCH_NONE,
    .restarted = ARCH_NONE,
    .status = {.registers = {.least_bytes = STATUS_HEAD}, .pid_at = 32, .times_at = 48},
};

const struct arch *arch_by_elf(uint32_t machine) {
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (archs[i]->elf_machine == machine)
            return archs[i];
    return &arch_unknown;
}

const struct arch *arch_by_minidump(uint64_t processor) {
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (archs[i]->minidump_processor == processor)
            return archs[i];
    return &arch_unknown;
}

const struct arch *arch_here(void) {
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (archs[i]->here)
            return archs[i];
    return &arch_unknown;
}

/* -- Registers --------------------------------------------------------------------------------- */

static uint64_t field_value(const uint8_t *p, uint32_t bytes) {
    return bytes == 8 ? load_u64(p) : bytes == 4 ? load_u32(p) : load_u16(p);
}

bool arch_read_registers(const struct arch_layout *layout, struct bytes in,
                         uint64_t registers[SPACE_REGISTERS]) {
    if (in.size < layout->least_bytes)
        return false;
    for (uint32_t i = 0; i < layout->field_count; i++) {
        const struct arch_field *f = &layout->fields[i];
        for (uint32_t k = 0; k < f->count; k++)
            registers[f->number + k] =
                field_value(in.data + f->at + (size_t)k * f->bytes, f->bytes);
    }
    return true;
}

void arch_name_registers(const struct arch *arch, struct space_thread *t) {
    t->register_count = arch->register_count;
    if (arch->register_count == 0)
        return;
    t->ip = t->registers[arch->ip];
    t->sp = t->registers[arch->sp];
    t->fp = t->registers[arch->fp];
    if (arch->thread_pointer != ARCH_NONE && t->registers[arch->thread_pointer])
        t->thread_pointer = t->registers[arch->thread_pointer];
}

bool arch_read_context(const struct arch *arch, struct bytes context, struct space_thread *t) {
    const struct arch_context *c = &arch->context;
    if (c->registers.field_count == 0 || !arch_read_registers(&c->registers, context, t->registers))
        return false;
    arch_name_registers(arch, t);
    struct bytes floats = bytes_slice(context, c->float_at, c->float_bytes);
    if (floats.size == c->float_bytes)
        t->fp_hash = hash_bytes(floats.data, floats.size);
    return true;
}

/* -- Frames ------------------------------------------------------------------------------------ */

bool arch_frame_up(const struct arch *arch, const struct peek *memory, uint64_t fp,
                   uint64_t *ret_fp, uint64_t *ret_ip) {
    uint8_t pair[16];
    uint32_t word = arch->pointer_bytes;
    if (!peek_bytes(memory, fp, pair, 2 * (size_t)word))
        return false;
    *ret_fp = field_value(pair, word);
    *ret_ip = field_value(pair + word, word) & arch->code_mask;
    return true;
}

struct function_search {
    const struct arch *arch;
    const struct peek *memory;
    uint64_t table;
    uint32_t rva;
    enum arch_found found;
    bool surely;                  /* it has an end, behind rva */
    struct arch_function nearest; /* the last so far that begins at or before rva */
};

/*
 * Does the i-th function begin at or before rva? Nothing more is read once one surely holds it:
 * only the pages on the way have to be there.
 */
static bool function_is_before(struct function_search *x, uint32_t i) {
    uint32_t bytes = x->arch->unwinder->entry_bytes;
    uint8_t raw[ARCH_ENTRY_MAX];
    if (x->surely || x->found == ARCH_FOUND_UNKNOWN)
        return false;
    if (!peek_bytes(x->memory, x->table + (uint64_t)i * bytes, raw, bytes)) {
        x->found = ARCH_FOUND_UNKNOWN;
        return false;
    }
    struct arch_function f = x->arch->unwinder->entry(raw);
    if (x->rva < f.begin)
        return false;
    if (!f.end || x->rva < f.end) {
        x->nearest = f;
        x->found = ARCH_FOUND;
        x->surely = f.end != 0;
    }
    return true;
}

enum arch_found arch_find_function(const struct arch *arch, const struct peek *memory,
                                   uint64_t table, uint32_t count, uint32_t rva,
                                   struct arch_function *ret_function) {
    struct function_search x = {
        .arch = arch, .memory = memory, .table = table, .rva = rva, .found = ARCH_FOUND_NOT};
    uint32_t before;
    SEARCH_LEADING(before, count, i, function_is_before(&x, i));
    (void)before;
    if (x.found == ARCH_FOUND)
        *ret_function = x.nearest;
    return x.found;
}
