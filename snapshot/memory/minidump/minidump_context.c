/* Thread registers: CONTEXT of x86, x64 and ARM64. Longer ones (AVX, CET) have the same head. */
#include "memory/minidump/minidump_impl.h"

/* One register: `size` bytes at `at` go into registers[index]. */
struct context_register {
    uint16_t at;
    uint8_t size, index;
};

/* index: struct user_regs_struct of x86-64, so that all address spaces agree. */
static const struct context_register x64_registers[] = {
    {0xf0, 8, 0},  {0xe8, 8, 1},  {0xe0, 8, 2},  {0xd8, 8, 3},  {0xa0, 8, 4},  {0x90, 8, 5},
    {0xd0, 8, 6},  {0xc8, 8, 7},  {0xc0, 8, 8},  {0xb8, 8, 9},  {0x78, 8, 10}, {0x80, 8, 11},
    {0x88, 8, 12}, {0xa8, 8, 13}, {0xb0, 8, 14}, {0xf8, 8, 16}, {0x38, 2, 17}, {0x44, 4, 18},
    {0x98, 8, 19}, {0x42, 2, 20}, {0x3a, 2, 23}, {0x3c, 2, 24}, {0x3e, 2, 25}, {0x40, 2, 26},
};

/* index: struct user_regs_struct of i386. */
static const struct context_register x86_registers[] = {
    {0xa4, 4, 0},  {0xac, 4, 1},  {0xa8, 4, 2},  {0xa0, 4, 3},  {0x9c, 4, 4},  {0xb4, 4, 5},
    {0xb0, 4, 6},  {0x98, 4, 7},  {0x94, 4, 8},  {0x90, 4, 9},  {0x8c, 4, 10}, {0xb8, 4, 12},
    {0xbc, 4, 13}, {0xc0, 4, 14}, {0xc4, 4, 15}, {0xc8, 4, 16},
};

/* x0..x30, sp, pc stand one after the other from +8. */
static const struct context_register arm64_first = {0x008, 8, 0};
#define ARM64_REGISTERS 33u

/* What is read of each processor's CONTEXT. */
struct context_layout {
    const struct context_register *registers;
    uint32_t count, least_bytes, register_count;
    uint32_t ip, sp, fp;      /* indexes */
    uint32_t fp_at, fp_bytes; /* floating point registers: XMM0.. or V0.. */
};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof(*(array))))

static const struct context_layout layouts[] = {
    [ARCH_X64] = {x64_registers, COUNT(x64_registers), 0x100, 27, 16, 19, 4, 0x1a0, 0x100},
    [ARCH_X86] = {x86_registers, COUNT(x86_registers), 0xcc, 17, 12, 15, 5, 0xcc + 0xa0, 0x80},
    [ARCH_ARM64] = {&arm64_first, 0, 0x110, ARM64_REGISTERS, 32, 31, 29, 0x110, 0x200},
};

bool mdmp_read_context(enum space_arch arch, struct bytes context, struct space_thread *thread) {
    if ((size_t)arch >= sizeof(layouts) / sizeof(*layouts))
        return false;
    const struct context_layout *layout = &layouts[arch];
    if (context.size < layout->least_bytes)
        return false;
    for (uint32_t i = 0; i < layout->count; i++) {
        const uint8_t *p = context.data + layout->registers[i].at;
        thread->registers[layout->registers[i].index] = layout->registers[i].size == 8 ? load_u64(p)
                                                        : layout->registers[i].size == 4
                                                            ? load_u32(p)
                                                            : load_u16(p);
    }
    if (arch == ARCH_ARM64)
        for (uint32_t i = 0; i < ARM64_REGISTERS; i++)
            thread->registers[i] = load_u64(context.data + arm64_first.at + 8 * (size_t)i);
    thread->register_count = layout->register_count;
    thread->ip = thread->registers[layout->ip];
    thread->sp = thread->registers[layout->sp];
    thread->fp = thread->registers[layout->fp];
    struct bytes fp = bytes_slice(context, layout->fp_at, layout->fp_bytes);
    if (fp.size == layout->fp_bytes)
        thread->fp_hash = hash_bytes(fp.data, fp.size);
    return true;
}
