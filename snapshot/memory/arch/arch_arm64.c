/*
 * AArch64. What a thread was doing is told by the instruction at pc: NT_ARM_SYSTEM_CALL says -1 for
 * threads that wait in a system call too, since the kernel forgets the number when it prepares to
 * make the call again.
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
    .linux_mode = arm64_linux_mode,
};
