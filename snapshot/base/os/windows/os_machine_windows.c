#include "base/os/os.h"

#include "base/os/windows/wide.h"

#include <bcrypt.h>
#include <stdlib.h>

/* The system takes pages of files back by itself. */
void os_forget(const void *begin, size_t size) {
    (void)begin;
    (void)size;
}

/* No processes are started for our work. */
void *os_shared_zeros(size_t size) {
    return calloc(1, size);
}

bool os_random(void *to, size_t size) {
    return BCryptGenRandom(NULL, to, (ULONG)size, BCRYPT_USE_SYSTEM_PREFERRED_RNG) >= 0;
}

unsigned os_cpus(void) {
    DWORD_PTR ours, all;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) || !ours)
        return 1;
    return (unsigned)__builtin_popcountll(ours);
}

void os_sleep_ns(uint64_t ns) {
    uint64_t ms = (ns + 999999) / 1000000;
    Sleep(ms < INFINITE ? (DWORD)ms : INFINITE - 1);
}
