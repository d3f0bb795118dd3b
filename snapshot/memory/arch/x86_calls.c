#include "memory/arch/x86_calls.h"

/* call rel32, or call by an operand: ff, ModRM of group 2, and 0, 1, 2, 4 or 5 bytes more. */
bool x86_calls_before(const struct peek *memory, uint64_t address) {
    uint8_t code[8];
    if (address < sizeof(code) || !peek_bytes(memory, address - sizeof(code), code, sizeof(code)))
        return true;
    static const uint8_t at[] = {1, 2, 4, 5, 6};
    bool called = code[3] == 0xe8;
    for (size_t i = 0; i < sizeof(at); i++)
        called = called || (code[at[i]] == 0xff && (code[at[i] + 1] & 0x38) == 0x10);
    return called;
}
