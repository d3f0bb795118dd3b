/*
 * The unwinder of Linux threads, in this very process: a core whose images, call frame information
 * and stacks are what the input says. No file of this machine is looked at.
 */
#include "tests/fuzz/fuzz.h"

#include "memory/elf/elf.h"
#include "memory/stacks/unwind.h"
#include "memory/arch/arch.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int null = -1;
    struct space s;
    struct err err = {.msg = ""};
    uint64_t cut;
    if (null < 0)
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!elf_core_open(&s, (struct bytes){data, size}, &cut, &err)) {
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
        return 0;
    }
    s.sysroot = "/nowhere";
    if (s.thread_count <= 64 && s.arch->dwarf.count)
        unwind_all(&s, NULL, null);
    space_deinit(&s);
    return 0;
}
