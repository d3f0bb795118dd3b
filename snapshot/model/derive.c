#include "model/derive.h"
#include "model/rows_threads.h"

#include "base/hash.h"

#include <string.h>

/* Times that are all zero were not recorded: no process ever ran without using its CPU. */
static void derive_cpu_recorded(struct thread_row *threads, uint32_t count) {
    bool any_time = false, any_work = false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t user = threads[i].user_ns, kernel = threads[i].kernel_ns;
        any_time |= user != ABSENT || kernel != ABSENT;
        any_work |= (user != ABSENT && user) || (kernel != ABSENT && kernel);
    }
    for (uint32_t i = 0; any_time && i < count; i++)
        if (threads[i].cpu_recorded == ABSENT &&
            (threads[i].user_ns != ABSENT || threads[i].kernel_ns != ABSENT))
            threads[i].cpu_recorded = any_work;
}

static uint64_t strings_hash(uint64_t seed, const struct strings *list) {
    for (uint32_t i = 0; i < list->count; i++)
        seed = hash_combine(seed, hash_bytes(list->items[i], strlen(list->items[i])));
    return seed;
}

/* Equal innermost frames do not make equal stacks. */
static bool only_innermost(const struct thread_row *t) {
    return t->frames.count == 0 &&
           strcmp(t->native_frames.items[t->native_frames.count - 1], FRAME_CUT) == 0;
}

void derive_threads(struct thread_row *threads, uint32_t count) {
    derive_cpu_recorded(threads, count);
    for (uint32_t i = 0; i < count; i++) {
        struct thread_row *t = &threads[i];
        if (t->stack_hash == ABSENT && t->frames.count + t->native_frames.count > 0 &&
            !only_innermost(t))
            t->stack_hash = strings_hash(strings_hash(1, &t->frames), &t->native_frames);
    }
}
