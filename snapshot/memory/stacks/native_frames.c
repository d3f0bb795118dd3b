#include "memory/stacks/native_stacks.h"

#include "base/num.h"
#include "base/order.h"
#include "memory/arch/arch.h"
#include "base/forked.h"
#include "memory/stacks/unwind.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX   ((size_t)64 << 20)
#define COPY_MAX     ((size_t)128 << 10) /* of one stack */
#define COPY_ALL_MAX ((size_t)64 << 20)

/* -- Live stacks ------------------------------------------------------------------------------- */

static int cmp_copy(const void *a, const void *b) {
    const struct stack_copy *x = a, *y = b;
    return order_u64(x->start, y->start);
}

bool native_frames_capture(struct space *s, struct err *err) {
    struct stack_copies *copies = arena_array(&s->arena, 1, sizeof(*copies));
    if (!copies ||
        !(copies->items = arena_array(&s->arena, s->thread_count, sizeof(*copies->items))))
        return err_nomem(err);
    size_t most = s->thread_count ? COPY_ALL_MAX / s->thread_count : 0;
    if (most > COPY_MAX)
        most = COPY_MAX;
    uint64_t missing = s->missing_bytes;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        uint64_t start = s->threads[i].sp & ~(uint64_t)7;
        const struct space_range *r = space_range_at(s, start);
        size_t size = r && r->end - start < most ? (size_t)(r->end - start) : most;
        uint8_t *data = r ? arena_alloc(&s->arena, size) : NULL;
        if (r && !data)
            return err_nomem(err);
        if (r && space_read(s, start, data, size))
            copies->items[copies->count++] = (struct stack_copy){start, size, data};
    }
    s->missing_bytes = missing;
    if (copies->count)
        qsort(copies->items, copies->count, sizeof(*copies->items), cmp_copy);
    s->stack_copies = copies;
    return true;
}

/* -- The other process ------------------------------------------------------------------------- */

static void native_frames_unwind(void *context, int fd) {
    struct space *s = context;
    unwind_all(s, s->stack_copies, fd);
}

/* -- Its answer -------------------------------------------------------------------------------- */

static bool keep_stack(struct space *s, struct native_stack *stack, const struct str *frames,
                       uint32_t count, struct err *err) {
    stack->frames = arena_array(&s->arena, count, sizeof(*stack->frames));
    if (!stack->frames)
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++)
        if (!(stack->frames[i] = arena_copy(&s->arena, frames[i].ptr, frames[i].len)))
            return err_nomem(err);
    stack->count = count;
    return true;
}

bool native_frames_read(struct space *s, struct native_stack **ret_stacks, uint32_t *ret_missing,
                        struct err *err) {
    struct native_stack *stacks = arena_array(&s->arena, s->thread_count, sizeof(*stacks));
    if (!stacks)
        return err_nomem(err);
    struct strbuf text;
    strbuf_init(&text);
    const struct forked_job job = {.work = native_frames_unwind,
                                   .context = s,
                                   .child = SANDBOX_WORKER,
                                   .seconds_max = FORKED_SECONDS_MAX,
                                   .output_max = OUTPUT_MAX};
    if (s->thread_count && s->arch->dwarf.count)
        forked_run(&job, &text);
    struct str rest = strbuf_str(&text), frames[NATIVE_FRAMES_MAX];
    uint64_t thread = UINT64_MAX;
    uint32_t count = 0, done = 0;
    bool ok = true;
    for (struct str line; ok && str_next_line(&rest, &line);) {
        if (str_starts(line, STR("T "))) {
            count = 0;
            if (!num_dec(str_drop(line, 2), &thread))
                thread = UINT64_MAX;
        } else if (str_starts(line, STR("F ")) && count < NATIVE_FRAMES_MAX) {
            frames[count++] = str_drop(line, 2);
        } else if (str_starts(line, STR("E")) && thread < s->thread_count && count) {
            ok = keep_stack(s, &stacks[thread], frames, count, err);
            done++;
        }
    }
    strbuf_deinit(&text);
    *ret_stacks = stacks;
    *ret_missing = s->thread_count - (done < s->thread_count ? done : s->thread_count);
    return ok;
}
