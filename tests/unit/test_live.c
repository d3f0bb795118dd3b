/* A live process: children of the test are stopped, read and let go. Skipped where that is not
 * allowed. */
#include "memory/arch/arch.h"
#include "memory/live/live.h"
#include "memory/stacks/native_stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOB_BYTES      (3u << 20)
#define UNTOUCHED_BYTES (1u << 20) /* behind the blob */

/* Shared with the child: what it counts, and where its data lies. */
struct shared {
    volatile uint64_t spins[3];
    volatile uint64_t signals;
    volatile uint8_t *blob;
    volatile uint64_t ready;
};

static struct shared *shared;

static void on_signal(int number) {
    (void)number;
    shared->signals++;
}

static void *spin(void *slot) {
    volatile uint64_t *count = slot;
    for (;;)
        ++*count;
    return NULL;
}

static void *rest(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

/* The process that is looked at: two threads that spin, one that waits, and a megabyte of data. */
static void be_target(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    signal(SIGUSR1, on_signal);
    pthread_t threads[3];
    uint8_t *blob = mmap(NULL, BLOB_BYTES + UNTOUCHED_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uint32_t i = 0; i < BLOB_BYTES; i++)
        blob[i] = (uint8_t)(i * 7 + (i >> 12));
    shared->blob = blob;
    pthread_create(&threads[0], NULL, rest, NULL);
    pthread_setname_np(threads[0], "waiter (1)");
    for (int i = 1; i < 3; i++)
        pthread_create(&threads[i], NULL, spin, (void *)(uintptr_t)&shared->spins[i]);
    shared->ready = 1;
    for (;;)
        pause();
}

static pid_t start_target(void) {
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_target();
    while (!shared->ready || !shared->spins[1] || !shared->spins[2])
        usleep(1000);
    return pid;
}

static void stop_target(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(shared, sizeof(*shared));
}

static bool still_counts(void) {
    uint64_t before[2] = {shared->spins[1], shared->spins[2]};
    for (int i = 0; i < 2000; i++) {
        usleep(1000);
        if (shared->spins[1] > before[0] && shared->spins[2] > before[1])
            return true;
    }
    return false;
}

static bool open_or_skip(struct space *s, pid_t pid) {
    struct err err;
    if (live_open(s, (uint64_t)pid, &err))
        return true;
    assert_int_equal(err.code, ERR_SYSTEM);
    print_message("skipped: %s\n", err.msg);
    stop_target(pid);
    return false;
}

#ifdef SYS_pause
#define PAUSE SYS_pause
#else
#define PAUSE SYS_ppoll /* what pause() is there */
#endif

/* The system call that a thread is in; UINT64_MAX: none. */
static uint64_t call_of(struct space *s, const struct space_thread *t) {
    uint64_t call;
    return s->arch->linux_mode(s, t, &call) == ARCH_MODE_CALL ? call : UINT64_MAX;
}

/* As open_or_skip, once the two threads that wait have come to it. */
static bool open_settled_or_skip(struct space *s, pid_t pid) {
    for (int tries = 0;; tries++) {
        if (!open_or_skip(s, pid))
            return false;
        unsigned waiting = 0;
        for (uint32_t i = 0; i < s->thread_count; i++)
            waiting += call_of(s, &s->threads[i]) == PAUSE; /* not in one of its start */
        if (waiting == 2 || tries == 500)
            return true;
        space_deinit(s);
        usleep(2000);
    }
}

static void live_stops_reads_and_lets_go(void **state) {
    (void)state;
    pid_t pid = start_target();
    struct space s;
    if (!open_settled_or_skip(&s, pid))
        skip();
    assert_int_equal(s.thread_count, 4);
    assert_int_equal(s.pid, pid);
    uint64_t spins[2] = {shared->spins[1], shared->spins[2]};
    unsigned running = 0, waiting = 0, named = 0;
    for (uint32_t i = 0; i < s.thread_count; i++) {
        const struct space_thread *t = &s.threads[i];
        assert_true(t->register_count > 0 && t->ip && t->sp);
        assert_non_null(space_mapping_at(&s, t->sp));
        assert_true(t->user_ns != UINT64_MAX && t->kernel_ns != UINT64_MAX);
        assert_true(t->switches != UINT64_MAX && t->start_time != UINT64_MAX);
        running += call_of(&s, t) == UINT64_MAX && t->user_ns > 0;
        waiting += call_of(&s, t) != UINT64_MAX;
        named += strcmp(t->name, "waiter (1)") == 0;
    }
    assert_int_equal(running, 2);
    assert_int_equal(waiting, 2);
    assert_int_equal(named, 1);
    assert_true(s.module_count > 0);
    assert_non_null(s.modules[0].build_id);

    uint64_t blob = (uint64_t)(uintptr_t)shared->blob;
    for (uint32_t at = 0; at < BLOB_BYTES; at += 1000 + at / 3) {
        uint8_t byte;
        assert_true(space_u8(&s, blob + at, &byte));
        assert_int_equal(byte, (uint8_t)(at * 7 + (at >> 12)));
    }
    for (uint32_t at = 0; at < BLOB_BYTES / 8; at++) {
        uint64_t word;
        assert_true(space_u64(&s, blob + at * 8, &word));
        assert_int_equal(word & 0xff, (uint8_t)(at * 8 * 7 + (at * 8 >> 12)));
    }
    /* Kept bytes can be lent, also when the process has gone on. */
    struct err err;
    assert_true(space_keep(&s, blob + 100, blob + 50000, &err));
    assert_int_equal(space_lend(&s, blob + 100, 1 << 20).size, 49900);
    assert_int_equal(space_lend(&s, blob + 99, 10).size, 0);
    static uint8_t copy[BLOB_BYTES];
    assert_true(space_read(&s, blob, copy, sizeof(copy)));
    assert_int_equal(copy[BLOB_BYTES - 1],
                     (uint8_t)((BLOB_BYTES - 1) * 7 + ((BLOB_BYTES - 1) >> 12)));
    uint64_t word;
    assert_false(space_u64(&s, 8, &word));

    usleep(2000);
    assert_int_equal(shared->spins[1], spins[0]);
    assert_int_equal(shared->spins[2], spins[1]);
    assert_true(live_resume(&s) > 0);
    assert_false(space_u64(&s, blob, &word));
    assert_true(space_u64(&s, blob + 104, &word));
    assert_int_equal(word & 0xff, 104 * 7 & 0xff);
    assert_true(still_counts());
    space_deinit(&s);
    assert_true(still_counts());
    stop_target(pid);
}

/* What is read of a copy is what was there when the process stood, in memory or in a file. */
static void live_copies_and_lets_go(void **state) {
    (void)state;
    static uint8_t copy[BLOB_BYTES + UNTOUCHED_BYTES];
    pid_t pid = start_target();
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        struct live_room *room = in_memory ? live_room_make((uint64_t)pid) : NULL;
        struct space s;
        struct err err;
        uint64_t spins, now, blob = (uint64_t)(uintptr_t)shared->blob;
        uint64_t counter = (uint64_t)(uintptr_t)&shared->spins[1];
        if (!open_or_skip(&s, pid))
            skip();
        assert_true(!in_memory || room);
        assert_true(live_copy(&s, room, &err));
        spins = shared->spins[1];
        assert_true(live_resume(&s) > 0);
        assert_true(still_counts());
        assert_true(space_u64(&s, counter, &now));
        assert_int_equal(now, spins);
        assert_true(space_read(&s, blob, copy, sizeof(copy)));
        for (uint32_t i = 0; i < BLOB_BYTES; i++)
            if (copy[i] != (uint8_t)(i * 7 + (i >> 12)))
                fail_msg("byte %u differs", i);
        for (uint32_t i = BLOB_BYTES; i < sizeof(copy); i++)
            if (copy[i] != 0)
                fail_msg("byte %u is not 0", i);
        /* Code was not copied, and is still there. */
        assert_true(space_u64(&s, (uint64_t)(uintptr_t)stop_target, &now));
        assert_int_equal(s.missing_bytes, 0);
        space_deinit(&s);
        live_room_free(room);
        assert_true(still_counts());
    }
    assert_null(live_room_make(0));
    stop_target(pid);
}

static unsigned stacks_with(const struct native_stack *stacks, uint32_t count, const char *frame) {
    unsigned found = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < stacks[i].count; k++)
            if (strcmp(stacks[i].frames[k], frame) == 0) {
                found++;
                break;
            }
    return found;
}

static void live_stacks_are_unwound_after_it_went_on(void **state) {
    (void)state;
    pid_t pid = start_target();
    struct space s;
    struct err err;
    if (!open_settled_or_skip(&s, pid))
        skip();
    assert_true(native_frames_capture(&s, &err));
    live_resume(&s);
    struct native_stack *stacks;
    uint32_t missing;
    assert_true(native_frames_read(&s, &stacks, &missing, &err));
    assert_int_equal(missing, 0);
    assert_int_equal(stacks_with(stacks, s.thread_count, "all_tests!spin"), 2);
    assert_int_equal(stacks_with(stacks, s.thread_count, "all_tests!rest"), 1);
    assert_int_equal(stacks_with(stacks, s.thread_count, "all_tests!start_target"), 1);
    space_deinit(&s);
    stop_target(pid);
}

static void live_loses_no_signal(void **state) {
    (void)state;
    pid_t pid = start_target();
    for (unsigned i = 1; i <= 20; i++) {
        struct space s;
        kill(pid, SIGUSR1);
        if (!open_or_skip(&s, pid))
            skip();
        space_deinit(&s);
        for (int k = 0; k < 2000 && shared->signals < i; k++)
            usleep(1000);
        assert_int_equal(shared->signals, i);
    }
    stop_target(pid);
}

static void live_process_goes_on_when_its_reader_is_killed(void **state) {
    (void)state;
    pid_t pid = start_target();
    pid_t reader = fork();
    if (reader == 0) {
        struct space s;
        struct err err;
        if (!live_open(&s, (uint64_t)pid, &err))
            _exit(7);
        raise(SIGKILL);
    }
    int status;
    waitpid(reader, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 7) {
        stop_target(pid);
        print_message("skipped: may not stop processes here\n");
        skip();
    }
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(still_counts());
    assert_int_equal(kill(pid, 0), 0);
    stop_target(pid);
}

static void live_says_why_not(void **state) {
    (void)state;
    pid_t zombie = fork();
    if (zombie == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT);
    const struct {
        uint64_t pid;
        enum err_code code;
        const char *says;
    } cases[] = {
        {(uint64_t)getpid(), ERR_UNSUPPORTED, "dumpdiff itself"},
        {(uint64_t)zombie, ERR_UNSUPPORTED, "zombie"},
        {UINT64_MAX - 1, ERR_IO, "no such process"},
        {0, ERR_IO, "no such process"},
        {0x7fffffff, ERR_IO, "no such process"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct space s;
        struct err err;
        assert_false(live_open(&s, cases[i].pid, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.msg, cases[i].says));
    }
    waitpid(zombie, NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_stops_reads_and_lets_go),
        cmocka_unit_test(live_copies_and_lets_go),
        cmocka_unit_test(live_stacks_are_unwound_after_it_went_on),
        cmocka_unit_test(live_loses_no_signal),
        cmocka_unit_test(live_process_goes_on_when_its_reader_is_killed),
        cmocka_unit_test(live_says_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
