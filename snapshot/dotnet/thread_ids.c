#include "dotnet/thread_ids.h"

#include "base/bytes.h"
#include "base/search.h"

#include <stdlib.h>

/*
 * Where the C library keeps a thread's number, seen from its thread pointer: glibc has it 0x2d0
 * behind on x64 and in front of it on arm64, musl at 0x30. Instead of a table of libraries, the one
 * place is looked for at which each of the runtime's numbers is found in one thread.
 */
#define TLS_BEFORE 0x900u
#define TLS_BEHIND 0x900u
#define PLACES     ((TLS_BEFORE + TLS_BEHIND) / 4)

#define THREADS_MAX 8192u /* 37 MiB of blocks */
#define NUMBERS_MIN 2u    /* one number alone is found somewhere by chance */

struct joining {
    uint32_t *numbers; /* the runtime's, sorted, each once */
    uint32_t number_count;
    uint8_t *blocks; /* [thread_count] x (TLS_BEFORE + TLS_BEHIND) around the thread pointers */
    bool *there;     /* [thread_count] the block is in the dump */
    uint32_t *seen;  /* [number_count] thread + 1 that has the number at the place in question */
};

static int cmp_inner_numbers(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

/* Numbers of threads that run; those of threads that have ended are no more in any list. */
static void read_inner_numbers(struct clr *clr, const uint64_t *threads, uint32_t count,
                               struct joining *j) {
    uint32_t n = 0, number;
    for (uint32_t i = 0; i < count; i++)
        if (clr_field_u32(clr, threads[i], F_THREAD_OS_ID, &number) && number &&
            number != CLR_OS_ID_NONE)
            j->numbers[n++] = number;
    qsort(j->numbers, n, sizeof(*j->numbers), cmp_inner_numbers);
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || j->numbers[i] != j->numbers[j->number_count - 1])
            j->numbers[j->number_count++] = j->numbers[i];
}

/* Half a block may be in front of what is mapped. */
static void read_control_block(struct clr *clr, uint64_t pointer, uint8_t *block, bool *ret_there) {
    bool before = pointer >= TLS_BEFORE && clr_read(clr, pointer - TLS_BEFORE, block, TLS_BEFORE);
    *ret_there = clr_read(clr, pointer, block + TLS_BEFORE, TLS_BEHIND) || before;
}

/* How many of the runtime's numbers stand at a place, each in one thread; 0: one does in two. */
static uint32_t found_at(struct joining *j, uint32_t thread_count, uint32_t place) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < j->number_count; i++)
        j->seen[i] = 0;
    for (uint32_t i = 0; i < thread_count; i++) {
        uint32_t value =
            load_u32(j->blocks + (size_t)i * (TLS_BEFORE + TLS_BEHIND) + 4u * (size_t)place);
        const uint32_t *hit = !j->there[i] ? NULL
                                           : bsearch(&value, j->numbers, j->number_count,
                                                     sizeof(value), cmp_inner_numbers);
        if (!hit)
            continue;
        if (j->seen[hit - j->numbers]++)
            return 0;
        j->seen[hit - j->numbers] = i + 1;
        found++;
    }
    return found;
}

/* Keeps what the place says: pairs of the runtime's number and the dump's. */
static bool keep_pairs(struct clr *clr, struct joining *j) {
    clr->os_ids = arena_array(&clr->arena, j->number_count, sizeof(*clr->os_ids));
    for (uint32_t i = 0; clr->os_ids && i < j->number_count; i++)
        if (j->seen[i])
            clr->os_ids[clr->os_id_count++] = (struct clr_os_id){
                j->numbers[i], (uint32_t)clr->space->threads[j->seen[i] - 1].os_id};
    return clr->os_id_count != 0;
}

static bool join(struct clr *clr, struct joining *j) {
    uint32_t thread_count = clr->space->thread_count, best = 0, at = 0;
    for (uint32_t i = 0; i < thread_count; i++)
        read_control_block(clr, clr->space->threads[i].thread_pointer,
                           j->blocks + (size_t)i * (TLS_BEFORE + TLS_BEHIND), &j->there[i]);
    for (uint32_t place = 0; place < PLACES && clr_spend(clr, thread_count + 1ull); place++) {
        uint32_t found = found_at(j, thread_count, place);
        if (found > best) {
            best = found;
            at = place;
        }
    }
    /* A thread that has just ended may be missing. */
    if (best < NUMBERS_MIN || j->number_count - best > best)
        return false;
    (void)found_at(j, thread_count, at);
    return keep_pairs(clr, j);
}

bool thread_ids_join(struct clr *clr, const uint64_t *threads, uint32_t count) {
    uint32_t thread_count = clr->space->thread_count;
    clr->os_id_count = 0;
    if (thread_count > THREADS_MAX)
        return false;
    struct joining j = {
        .numbers = calloc((size_t)count + 1, sizeof(*j.numbers)),
        .seen = calloc((size_t)count + 1, sizeof(*j.seen)),
        .blocks = calloc((size_t)thread_count + 1, TLS_BEFORE + TLS_BEHIND),
        .there = calloc((size_t)thread_count + 1, sizeof(*j.there)),
    };
    bool ok = j.numbers && j.seen && j.blocks && j.there;
    if (ok) {
        read_inner_numbers(clr, threads, count, &j);
        ok = j.number_count >= NUMBERS_MIN && join(clr, &j);
    }
    free(j.numbers);
    free(j.seen);
    free(j.blocks);
    free(j.there);
    return ok;
}

bool clr_thread_os_id(struct clr *clr, uint64_t thread, uint32_t *ret_os_id) {
    uint32_t number;
    if (!clr_field_u32(clr, thread, F_THREAD_OS_ID, &number))
        return false;
    *ret_os_id = clr->os_id_count && number ? CLR_OS_ID_NONE : number;
    uint32_t before;
    SEARCH_LEADING(before, clr->os_id_count, at, clr->os_ids[at].inside < number);
    if (before < clr->os_id_count && clr->os_ids[before].inside == number)
        *ret_os_id = clr->os_ids[before].dump;
    return true;
}
