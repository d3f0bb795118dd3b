/*
 * Type initializers (static constructors, static fields with a value): the thread that runs one has
 * its .cctor on the stack; all others that need the type wait in the runtime until it is done. What
 * they wait for they have passed on as a MethodTable, which lies on their stacks.
 *
 * Source: InitHelpers.cs and StaticsHelpers.cs of .NET's CoreLib (InitClassSlow takes the
 * MethodTable), methodtable.cpp (DoRunClassInitThrowing) of its runtime.
 */
#include "dotnet/waits_internal.h"

#include "base/chars.h"
#include "base/vec.h"
#include "dotnet/managed_frames.h"
#include "dotnet/type_names.h"
#include "model/rows_threads.h"

#include <string.h>

#define CONSTRUCTOR "..cctor"
/* Types that are initialized at once, and how much of a stack is looked at. */
#define INITIALIZERS_MAX 256u
#define SCAN_BYTES       ((uint64_t)16 << 10)

/* "Shop.Table+Row" of "Shop.Table`1+Row[[System.__Canon]]" and of "Shop.Table<System.String>+Row".
 */
static void add_bare_name(struct str name, struct strbuf *out) {
    uint32_t depth = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        depth += c == '[' || c == '<';
        if (c == '`' && !depth)
            while (i + 1 < name.len && char_is_digit(name.ptr[i + 1]))
                i++;
        else if (!depth)
            strbuf_addc(out, c);
        depth -= (c == ']' || c == '>') && depth;
    }
}

/* The type whose initializer that frame is; empty: it is none. */
static struct str initialized_type(const char *frame) {
    struct str text = str_of(frame);
    size_t end = str_find(text, STR(CONSTRUCTOR), 0);
    return end == STR_NOT_FOUND ? STR("") : str_take(text, end);
}

static bool note_initializer(struct waits *w, uint32_t thread, struct str type) {
    struct strbuf name;
    strbuf_init(&name);
    add_bare_name(type, &name);
    const char *kept = builder_string(w->b, strbuf_str(&name), &w->things.err);
    strbuf_deinit(&name);
    if (!kept ||
        !VEC_ROOM(w->initializers, w->initializer_count, w->initializer_capacity, &w->things.err))
        return false;
    w->initializers[w->initializer_count++] = (struct running_initializer){kept, thread};
    return true;
}

static void read_initializers(struct waits *w) {
    w->initializers_read = true;
    for (uint32_t i = 0; i < w->threads->count; i++) {
        const struct thread_row *row = waits_thread_row(w, &w->threads->items[i]);
        for (uint32_t k = 0; row && k < row->frames.count; k++) {
            struct str type = initialized_type(row->frames.items[k]);
            if (type.len && w->initializer_count < INITIALIZERS_MAX &&
                !note_initializer(w, i, type))
                return;
        }
    }
}

/* Who runs the initializer of that type; NULL: no other thread does. */
static const struct managed_thread *runs_initializer(struct waits *w, uint64_t mt,
                                                     const struct managed_thread *self) {
    struct strbuf full, bare;
    const struct managed_thread *found = NULL;
    strbuf_init(&full);
    strbuf_init(&bare);
    type_name(w->m, mt, &full);
    add_bare_name(strbuf_str(&full), &bare);
    for (uint32_t i = 0; bare.len && i < w->initializer_count && !found; i++) {
        const struct managed_thread *thread = &w->threads->items[w->initializers[i].thread];
        if (thread != self && strcmp(w->initializers[i].type, strbuf_cstr(&bare)) == 0)
            found = thread;
    }
    strbuf_deinit(&full);
    strbuf_deinit(&bare);
    return found;
}

uint64_t waits_initializer_of(struct waits *w, const struct managed_thread *thread,
                              const struct thread_row *row,
                              const struct managed_thread **ret_runner) {
    uint32_t depth = 0;
    const char *wait = managed_frames_wait(&row->frames, &depth);
    if (!wait || strcmp(wait, WAIT_FOR_INITIALIZER) != 0 || !thread->os)
        return 0;
    if (!w->initializers_read)
        read_initializers(w);
    uint64_t at = clr_align(w->clr, thread->os->sp), end = at + SCAN_BYTES, word;
    if (depth < thread->frame_count && thread->frame_sps[depth] > at &&
        thread->frame_sps[depth] < end)
        end = thread->frame_sps[depth];
    for (; w->initializer_count && at < end && clr_spend(w->clr, 1) && clr_word(w->clr, at, &word);
         at += w->clr->word) {
        if (!clr_is_aligned(w->clr, word) || !clr_is_method_table(w->clr, word))
            continue;
        const struct managed_thread *runner = runs_initializer(w, word, thread);
        if (!runner)
            continue;
        *ret_runner = runner;
        return word;
    }
    return 0;
}
