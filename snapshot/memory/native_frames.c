#include "memory/native_frames.h"

#include "base/num.h"
#include "memory/unwind.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_MAX  20
#define OUTPUT_MAX   ((size_t)64 << 20)
#define COPY_MAX     ((size_t)128 << 10) /* of one stack */
#define COPY_ALL_MAX ((size_t)64 << 20)

/* -- Live stacks ------------------------------------------------------------------------------- */

static int cmp_copy(const void *a, const void *b) {
    const struct stack_copy *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
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

static _Noreturn void unwind_and_exit(struct space *s, int fd) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGPIPE};
    for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
        signal(fatal[i], SIG_DFL);
    const struct rlimit none = {0, 0}, seconds = {SECONDS_MAX, SECONDS_MAX};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_CPU, &seconds);
    unsetenv("DEBUGINFOD_URLS");
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* libraries have nothing to say to users */
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    unwind_all(s, s->stack_copies, fd);
    _exit(0);
}

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Reads until the other side ends or takes too long. */
static void collect(int fd, struct strbuf *out) {
    uint64_t end = now_ms() + SECONDS_MAX * 1000;
    char block[65536];
    for (;;) {
        uint64_t now = now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = now < end ? poll(&p, 1, (int)(end - now)) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready > 0 ? read(fd, block, sizeof(block)) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || out->len + (size_t)n > OUTPUT_MAX)
            return;
        strbuf_add(out, (struct str){block, (size_t)n});
    }
}

/* What unwind_all writes; nothing where no process can be had. */
static void run(struct space *s, struct strbuf *out) {
    int ends[2];
    if (pipe(ends) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        unwind_and_exit(s, ends[1]);
    }
    close(ends[1]);
    if (child > 0) {
        collect(ends[0], out);
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    close(ends[0]);
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
    if (s->thread_count && (s->arch == ARCH_X64 || s->arch == ARCH_ARM64))
        run(s, &text);
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
