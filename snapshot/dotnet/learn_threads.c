/* Where a Thread has what `threads` prints of it, and where the list of them begins. */
#include "dotnet/learn_impl.h"

#define THREAD_BYTES 2048u
#define STORE_BYTES  512u
#define LOCALS_BYTES 128u
#define COUNT_WORDS  12u /* between the first link and the number of threads */

static bool all_threads_have(struct learning *l, uint32_t offset,
                             uint64_t (*value_of)(const struct learn_thread *)) {
    uint32_t agreed = 0, value;
    for (uint32_t i = 0; i < l->said->thread_count; i++) {
        const struct learn_thread *t = &l->said->threads[i];
        uint64_t wanted = value_of(t);
        if (!t->os_id)
            continue; /* has ended, or not begun */
        if (!clr_u32(&l->clr, t->address + offset, &value) || value != (uint32_t)wanted)
            return false;
        agreed++;
    }
    return agreed > 1;
}

static uint64_t learn_os_id(const struct learn_thread *t) {
    return t->os_id;
}

static uint64_t learn_managed_id(const struct learn_thread *t) {
    return t->managed_id;
}

static uint64_t learn_state(const struct learn_thread *t) {
    return t->state;
}

static uint64_t learn_cooperative(const struct learn_thread *t) {
    return t->cooperative;
}

static bool fits_os_id(struct learning *l, uint32_t offset) {
    return all_threads_have(l, offset, learn_os_id);
}

static bool fits_id(struct learning *l, uint32_t offset) {
    return all_threads_have(l, offset, learn_managed_id);
}

static bool fits_state(struct learning *l, uint32_t offset) {
    return all_threads_have(l, offset, learn_state);
}

/* Behind the state in all versions: alone there are too many words that are 0 or 1. */
static bool fits_cooperative(struct learning *l, uint32_t offset) {
    return offset == l->clr.contract.offset[F_THREAD_STATE] + 4 &&
           all_threads_have(l, offset, learn_cooperative);
}

static bool is_thread_link(const struct learning *l, uint64_t link, uint32_t shift) {
    for (uint32_t i = 0; i < l->said->thread_count; i++)
        if (l->said->threads[i].address + shift == link)
            return true;
    return false;
}

/* Each leads to another, but the last. */
static bool fits_link(struct learning *l, uint32_t offset) {
    uint32_t ends = 0;
    uint64_t link;
    for (uint32_t i = 0; i < l->said->thread_count; i++) {
        if (!clr_word(&l->clr, l->said->threads[i].address + offset, &link))
            return false;
        ends += link == 0;
        if (link && !is_thread_link(l, link, offset) && !is_thread_link(l, link, 0))
            return false;
    }
    return ends == 1;
}

static bool has_context(struct learning *l, uint64_t at, const struct learn_thread *t) {
    uint64_t pointer, limit;
    return clr_word(&l->clr, at, &pointer) && clr_word_at(&l->clr, at, 1, &limit) &&
           pointer == t->pointer && limit == t->limit;
}

static bool fits_context(struct learning *l, uint32_t offset) {
    uint32_t agreed = 0;
    for (uint32_t i = 0; i < l->said->thread_count; i++) {
        const struct learn_thread *t = &l->said->threads[i];
        if (t->pointer && !has_context(l, t->address + offset, t))
            return false;
        agreed += t->pointer != 0;
    }
    return agreed > 0;
}

/* Since 9.0 in a thread's own memory, which the Thread leads to. */
static bool fits_locals(struct learning *l, uint32_t offset) {
    for (uint32_t inner = 0; inner < LOCALS_BYTES; inner += l->clr.word) {
        uint32_t agreed = 0, failed = 0;
        for (uint32_t i = 0; i < l->said->thread_count; i++) {
            const struct learn_thread *t = &l->said->threads[i];
            uint64_t locals;
            bool has = t->pointer && clr_word(&l->clr, t->address + offset, &locals) && locals &&
                       has_context(l, locals + inner, t);
            agreed += has;
            failed += t->pointer && !has;
        }
        if (agreed && !failed) {
            l->clr.contract.offset[F_EE_ALLOC_CONTEXT] = inner;
            return true;
        }
    }
    return false;
}

static bool mt_is_thread(const struct learning *l, uint64_t mt) {
    for (uint32_t i = 0; i < l->said->type_count; i++)
        if (l->said->types[i].mt == mt)
            return str_eq(l->said->types[i].name, STR("System.Threading.Thread"));
    return false;
}

/* A handle to the managed Thread. */
static bool fits_object(struct learning *l, uint32_t offset) {
    uint32_t agreed = 0;
    for (uint32_t i = 0; i < l->said->thread_count; i++) {
        uint64_t handle, object, mt;
        if (!l->said->threads[i].os_id)
            continue;
        if (!clr_word(&l->clr, l->said->threads[i].address + offset, &handle) || !handle ||
            !clr_word(&l->clr, handle, &object))
            return false;
        if (!object)
            continue; /* nobody asked for it */
        if (!clr_object_mt(&l->clr, object, &mt) || !mt_is_thread(l, mt))
            return false;
        agreed++;
    }
    return agreed > 0;
}

/* A variable that leads to {..., first link, ..., number of threads}. */
static bool fits_store(struct clr *clr, uint64_t address, uint64_t word, void *context) {
    struct learning *l = context;
    uint32_t shift = clr->contract.offset[F_THREAD_LINK], count;
    for (uint32_t at = 0; word && at < STORE_BYTES && clr_spend(clr, 1); at += clr->word) {
        uint64_t first;
        if (!clr_word(clr, word + at, &first))
            return false;
        if (!first || (!is_thread_link(l, first, shift) && !is_thread_link(l, first, 0)))
            continue;
        for (uint32_t i = 2; i < COUNT_WORDS; i++) {
            if (!clr_u32(clr, word + at + 4 * i, &count) || count != l->said->thread_count)
                continue;
            clr->contract.offset[F_STORE_FIRST] = at;
            clr->contract.offset[F_STORE_COUNT] = at + 4 * i;
            clr->contract.global[G_THREAD_STORE] = address;
            if (clr_read_thread_list(clr))
                return true;
        }
    }
    return false;
}

bool learn_threads(struct learning *l) {
    uint32_t word = l->clr.word;
    if (l->said->thread_count < 2) {
        strbuf_adds(l->told, "no list of threads in the transcripts (`threads`)\n");
        return false;
    }
    if (!learn_field(l, F_THREAD_OS_ID, THREAD_BYTES, 4, fits_os_id) ||
        !learn_field(l, F_THREAD_ID, THREAD_BYTES, 4, fits_id) ||
        !learn_field(l, F_THREAD_LINK, THREAD_BYTES, word, fits_link))
        return false;
    if (!clr_scan_image(&l->clr, true, fits_store, l)) {
        strbuf_adds(l->told, "not found: the list of threads\n");
        return false;
    }
    if (learn_field(l, F_THREAD_STATE, THREAD_BYTES, 4, fits_state))
        (void)learn_field(l, F_THREAD_COOPERATIVE, THREAD_BYTES, 4, fits_cooperative);
    (void)learn_field(l, F_THREAD_OBJECT, THREAD_BYTES, word, fits_object);
    for (uint32_t at = 0; at < THREAD_BYTES; at += word)
        if (fits_context(l, at)) {
            l->clr.contract.offset[F_THREAD_ALLOC_CONTEXT] = at;
            return true;
        }
    return learn_field(l, F_THREAD_LOCALS, THREAD_BYTES, word, fits_locals);
}
