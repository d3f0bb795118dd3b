/*
 * x86, 32-bit: registers of minidumps, and stacks along ebp. Cores of 32-bit processes are not
 * read (see elf_core.c), so there is no NT_PRSTATUS.
 */
#include "memory/arch/arch.h"

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
};
