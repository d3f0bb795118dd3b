#include "base/os/os.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

void os_forget(const void *begin, size_t size) {
    (void)madvise((void *)(uintptr_t)begin, size, MADV_DONTNEED);
}

void *os_shared_zeros(size_t size) {
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

bool os_random(void *to, size_t size) {
    return getrandom(to, size, GRND_NONBLOCK) == (ssize_t)size;
}

unsigned os_cpus(void) {
    cpu_set_t set; /* those that this process may use */
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

void os_sleep_ns(uint64_t ns) {
    const struct timespec time = {.tv_sec = (time_t)(ns / 1000000000),
                                  .tv_nsec = (long)(ns % 1000000000)};
    nanosleep(&time, NULL);
}
