#include "memory/live/live_impl.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/vec.h"
#include "memory/arch/arch.h"
#include "memory/images.h"

#include <sys/time.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STOP_TIMEOUT_NS    UINT64_C(2000000000)
#define ROUNDS_MAX         1000u
#define KERNEL_THREAD_FLAG 0x00200000u /* PF_KTHREAD in field 9 of /proc/PID/stat */
#define CAP_SYS_PTRACE_BIT 19u

static uint64_t clock_ns(clockid_t id) {
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        return UINT64_MAX;
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* -- May we? ----------------------------------------------------------------------------------- */

/* Says what cannot be stopped before it is tried, for better messages. */
static bool check_process(pid_t pid, struct err *err) {
    struct strbuf status, stat;
    strbuf_init(&status);
    strbuf_init(&stat);
    bool ok = true;
    if (pid == getpid())
        ok = err_set(err, ERR_UNSUPPORTED, "is dumpdiff itself");
    else if (!live_file(pid, "status", &status) || !live_file(pid, "stat", &stat))
        ok = err_set(err, ERR_IO, "there is no such process");
    uint64_t group = 0, tracer = 0, flags = 0;
    struct str text = strbuf_str(&status), rest = strbuf_str(&stat);
    const char *close = ok && rest.len ? memrchr(rest.ptr, ')', rest.len) : NULL;
    if (close) {
        rest = str_drop(rest, (size_t)(close - rest.ptr) + 1);
        for (int i = 0; i < 6; i++)
            str_next_field(&rest);
        if (!num_dec(str_next_field(&rest), &flags))
            flags = 0;
    }
    if (ok && num_dec(live_status(text, STR("Tgid")), &group) && group != (uint64_t)pid)
        ok =
            err_set(err, ERR_UNSUPPORTED, "is a thread of process %llu", (unsigned long long)group);
    if (ok && str_starts(live_status(text, STR("State")), STR("Z")))
        ok = err_set(err, ERR_UNSUPPORTED, "has ended (zombie)");
    if (ok && flags & KERNEL_THREAD_FLAG)
        ok = err_set(err, ERR_UNSUPPORTED, "is a thread of the kernel");
    if (ok && num_dec(live_status(text, STR("TracerPid")), &tracer) && tracer)
        ok = err_set(err, ERR_SYSTEM, "is already traced by process %llu",
                     (unsigned long long)tracer);
    strbuf_deinit(&status);
    strbuf_deinit(&stat);
    return ok;
}

static bool may_trace_anything(void) {
    struct strbuf text;
    strbuf_init(&text);
    uint64_t effective = 0;
    bool ok = live_file(getpid(), "status", &text) &&
              num_hex(live_status(strbuf_str(&text), STR("CapEff")), &effective);
    strbuf_deinit(&text);
    return ok && effective >> CAP_SYS_PTRACE_BIT & 1;
}

static uint64_t yama_scope(void) {
    struct strbuf text;
    strbuf_init(&text);
    uint64_t scope = 0; /* also without that module */
    if (!live_file(0, "sys/kernel/yama/ptrace_scope", &text) ||
        !num_dec(live_first_line(&text), &scope))
        scope = 0;
    strbuf_deinit(&text);
    return scope;
}

static bool not_permitted(pid_t pid, struct err *err) {
    uint64_t scope = yama_scope();
    if (scope >= 3)
        return err_set(err, ERR_SYSTEM,
                       "may not be stopped: /proc/sys/kernel/yama/ptrace_scope is 3, which "
                       "forbids it to everybody until the next boot");
    if (may_trace_anything())
        return err_set(err, ERR_SYSTEM,
                       "may not be stopped although we have CAP_SYS_PTRACE: a seccomp "
                       "filter, a security module or another user namespace forbids it");
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
    if (stat(path, &st) == 0 && st.st_uid != geteuid())
        return err_set(
            err, ERR_SYSTEM,
            "may not be stopped: it belongs to user %lu; needs that user or CAP_SYS_PTRACE",
            (unsigned long)st.st_uid);
    if (scope)
        return err_set(err, ERR_SYSTEM,
                       "may not be stopped: /proc/sys/kernel/yama/ptrace_scope is %llu; "
                       "needs CAP_SYS_PTRACE%s",
                       (unsigned long long)scope, scope == 1 ? " or 0 in that file" : "");
    return err_set(err, ERR_SYSTEM,
                   "may not be stopped: needs CAP_SYS_PTRACE (it may not be dumpable)");
}

/* -- Stopping ---------------------------------------------------------------------------------- */

static bool holds(const struct live *l, pid_t tid) {
    for (uint32_t i = 0; i < l->thread_count; i++)
        if (l->threads[i].tid == tid)
            return true;
    return false;
}

static bool live_add_thread(struct live *l, pid_t tid, struct err *err) {
    if (!VEC_ROOM(l->threads, l->thread_count, l->thread_capacity, err))
        return false;
    l->threads[l->thread_count++] = (struct live_thread){.tid = tid};
    return true;
}

/* Seizes and interrupts one thread; one that ended meanwhile is no error. */
static bool seize(struct live *l, pid_t tid, struct err *err) {
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        if (errno == ESRCH)
            return true;
        if (errno == EPERM && l->thread_count)
            return true; /* a thread that is just ending: the others went well */
        if (errno == EPERM || errno == EACCES)
            return not_permitted(l->pid, err);
        return err_set(err, ERR_SYSTEM, "cannot stop thread %ld: %s", (long)tid, strerror(errno));
    }
    if (l->first_stop_ns == 0)
        l->first_stop_ns = clock_ns(CLOCK_MONOTONIC);
    if (!live_add_thread(l, tid, err)) {
        ptrace(PTRACE_DETACH, tid, NULL, NULL);
        return false;
    }
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    return true;
}

/* Waits until the thread stands; false: it ended. */
static bool await_stop(struct live_thread *t) {
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (unsigned tries = 0;; tries++) {
        int status;
        pid_t got = waitpid(t->tid, &status, __WALL | WNOHANG);
        if (got == t->tid && WIFSTOPPED(status)) {
            t->stopped = true;
            /* Stopped by a signal on its way to it, which must not be lost. */
            if (status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP)
                t->signal = WSTOPSIG(status);
            return true;
        }
        if (got == t->tid || (got < 0 && errno != EINTR))
            return false;
        if (clock_ns(CLOCK_MONOTONIC) - start > STOP_TIMEOUT_NS)
            return true;
        struct timespec nap = {.tv_nsec = tries < 100 ? 20000 : 1000000};
        nanosleep(&nap, NULL);
    }
}

/* One pass over /proc/PID/task; *ret_new: threads that were not held yet. */
static bool stop_listed(struct live *l, uint32_t *ret_new, struct err *err) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/task", (long)l->pid);
    DIR *dir = opendir(path);
    if (!dir)
        return err_set(err, ERR_IO, "has ended");
    uint32_t before = l->thread_count;
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        uint64_t tid;
        if (num_dec(str_of(entry->d_name), &tid) && tid <= INT_MAX && !holds(l, (pid_t)tid))
            ok = seize(l, (pid_t)tid, err);
    }
    closedir(dir);
    uint32_t kept = before;
    for (uint32_t i = before; i < l->thread_count; i++)
        if (await_stop(&l->threads[i]))
            l->threads[kept++] = l->threads[i];
    *ret_new = kept - before;
    l->thread_count = kept;
    return ok;
}

/* Threads start threads until the last of them stands. */
static bool stop_all(struct live *l, struct err *err) {
    uint32_t fresh = 1;
    for (unsigned round = 0; fresh; round++) {
        if (round == ROUNDS_MAX)
            return err_set(err, ERR_SYSTEM, "starts threads faster than they can be stopped");
        if (!stop_listed(l, &fresh, err))
            return false;
    }
    if (l->thread_count == 0)
        return err_set(err, ERR_IO, "has ended");
    return true;
}

static void release(struct live *l) {
    if (l->resumed)
        return;
    for (uint32_t i = 0; i < l->thread_count; i++) {
        struct live_thread *t = &l->threads[i];
        if (!t->stopped && !await_stop(t))
            continue;
        ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)t->signal);
    }
    l->resumed = true;
    if (l->first_stop_ns)
        l->stood_ns = clock_ns(CLOCK_MONOTONIC) - l->first_stop_ns;
}

/* -- Registers --------------------------------------------------------------------------------- */

static bool read_registers(const struct arch *arch, struct space_thread *t, pid_t tid) {
    uint64_t values[SPACE_REGISTERS] = {0};
    struct iovec io = {values, sizeof(values)};
    uint32_t bytes = arch->register_count * 8u;
    if (bytes == 0 || ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS, &io) != 0 ||
        io.iov_len < bytes)
        return false;
    memcpy(t->registers, values, bytes);
    arch_name_registers(arch, t);
    uint8_t fp[1024];
    io = (struct iovec){fp, sizeof(fp)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_FPREGSET, &io) == 0) {
        uint64_t hash = hash_bytes(fp, io.iov_len);
        t->fp_hash = hash ? hash : 1;
    }
    return true;
}

static bool list_threads(struct space *s, struct live *l, struct err *err) {
    s->threads = arena_array(&s->arena, l->thread_count, sizeof(*s->threads));
    if (!s->threads)
        return err_nomem(err);
    uint32_t blind = 0, standing = 0;
    for (uint32_t i = 0; i < l->thread_count; i++) {
        struct space_thread *t = &s->threads[s->thread_count++];
        space_thread_init(t);
        t->os_id = (uint64_t)l->threads[i].tid;
        standing += !l->threads[i].stopped;
        blind += l->threads[i].stopped && !read_registers(s->arch, t, l->threads[i].tid);
    }
    if (standing)
        space_warn(s, standing,
                   "threads did not stop within 2 s (waiting for a device?): read "
                   "without registers");
    if (blind)
        space_warn(s, blind, "threads whose registers are not those of a 64-bit program");
    if (blind && blind + standing == l->thread_count && s->arch->narrow)
        s->arch = s->arch->narrow;
    return true;
}

/* -- The process ------------------------------------------------------------------------------- */

/* comm has 15 characters at most; the name of the program's file starts with the same ones. */
static bool read_name(struct space *s, pid_t pid, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    char path[64], target[PATH_MAX];
    bool ok = true;
    if (live_file(pid, "comm", &text)) {
        struct str name = live_first_line(&text);
        snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
        ssize_t n = readlink(path, target, sizeof(target));
        struct str exe = {target, n > 0 ? (size_t)n : 0};
        const char *slash = exe.len ? memrchr(target, '/', exe.len) : NULL;
        if (slash)
            exe = str_drop(exe, (size_t)(slash - target) + 1);
        if (name.len == 15 && str_starts(exe, name))
            name = exe;
        s->process = arena_copy(&s->arena, name.ptr, name.len);
        ok = s->process || err_nomem(err);
    }
    strbuf_deinit(&text);
    return ok;
}

static void close_live(struct space *s) {
    struct live *l = s->backend;
    if (!l)
        return;
    release(l);
    for (uint32_t i = 0; i < LIVE_SLOTS; i++)
        free(l->slots[i].data);
    if (l->copy)
        munmap(l->copy, l->copy_bytes);
    if (l->memory >= 0)
        close(l->memory);
    pthread_mutex_destroy(&l->lock);
    free(l->threads);
    free(l);
    s->backend = NULL;
}

bool live_open(struct space *s, uint64_t pid, struct err *err) {
    space_init(s);
    if (pid == 0 || pid > INT_MAX)
        return err_set(err, ERR_IO, "there is no such process");
    struct live *l = calloc(1, sizeof(*l));
    if (!l)
        return err_nomem(err);
    l->pid = (pid_t)pid;
    l->process_start_ns = UINT64_MAX;
    pthread_mutex_init(&l->lock, NULL);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/mem", (long)l->pid);
    l->memory = open(path, O_RDONLY | O_CLOEXEC); /* not everybody may */
    s->kind = SPACE_LIVE;
    s->arch = arch_here();
    s->pid = pid;
    s->backend = l;
    s->close = close_live;
    s->fetch = live_fetch;
    long page = sysconf(_SC_PAGESIZE);
    s->page_bytes = page > 0 ? (uint64_t)page : 4096;
    bool ok = check_process(l->pid, err) && stop_all(l, err) && list_threads(s, l, err);
    l->captured_ns = clock_ns(CLOCK_REALTIME);
    ok = ok && live_read_maps(s, l, err) && space_finish(s, err) && live_read_times(s, l, err) &&
         read_name(s, l->pid, err) && images_list(s, err);
    s->missing_bytes = 0;
    if (!ok)
        space_deinit(s);
    return ok;
}

uint64_t live_resume(struct space *s) {
    struct live *l = s->backend;
    release(l);
    return l->stood_ns;
}

uint64_t live_clock_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t live_captured_ns(const struct space *s) {
    const struct live *l = s->backend;
    return l->captured_ns;
}

uint64_t live_process_start_ns(const struct space *s) {
    const struct live *l = s->backend;
    return l->process_start_ns;
}

void live_stands_at_most(uint64_t ns) {
    const struct itimerval timer = {
        .it_value = {(time_t)(ns / 1000000000), (suseconds_t)(ns / 1000 % 1000000)}};
    setitimer(ITIMER_REAL, &timer, NULL);
}
