/* Dumps that are read side by side: what comes of it is what reading them alone gives. */
#include "cmd/abreast.h"
#include "model/snapfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef FORKED_STRICT
#define STRICT true
#else
#define STRICT false
#endif

#define DESK  "tests/dumps/desk.core.zst"
#define COUNT 7u
#define ROOM  ((uint64_t)8 << 30)

static const char *const arguments[COUNT] = {
    DESK,
    "tests/fuzz/base/net9.core.zst",
    "tests/fixture/gate/kiosk.json", /* read here: text that is no dump */
    "there/is/no.core",
    "tests/dumps/store-0.gcdump",
    "tests/dumps/waits.core.zst",
    DESK,
};

static void describe_ones(struct abreast_one ones[COUNT]) {
    memset(ones, 0, COUNT * sizeof(*ones));
    for (uint32_t i = 0; i < COUNT; i++) {
        ones[i].apart.argument = arguments[i];
        ones[i].apart.series = true;
        ones[i].options.max_memory = ROOM;
    }
}

/* A snapshot as its file has it, or the error, or that it is of no kind. */
static void outcome_of(bool ok, const struct apart *apart, struct snapshot *snapshot,
                       const struct err *err, struct strbuf *out) {
    struct err why;
    strbuf_init(out);
    if (ok)
        assert_true(snapfile_encode(snapshot, out, &why));
    else
        strbuf_addf(out, "%d %d %s", (int)err->code, apart->of_no_kind, err->msg);
    snapshot_deinit(snapshot);
}

static void outcome_alone(uint32_t i, struct strbuf *out) {
    struct abreast_one ones[COUNT];
    struct snapshot snapshot;
    struct err err = {.code = ERR_NONE};
    describe_ones(ones);
    snapshot_init(&snapshot);
    bool ok = apart_read(&ones[i].apart, &ones[i].options, &snapshot, &err);
    outcome_of(ok, &ones[i].apart, &snapshot, &err, out);
}

static void outcome_abreast(struct abreast *b, uint32_t i, struct strbuf *out) {
    struct snapshot snapshot;
    struct err err = {.code = ERR_NONE};
    snapshot_init(&snapshot);
    abreast_begin(b, i);
    bool ok = abreast_take(b, i, &snapshot, &err);
    outcome_of(ok, &b->all[i].apart, &snapshot, &err, out);
}

static void is_as_alone(struct abreast *b, uint32_t i) {
    struct strbuf alone, abreast;
    outcome_alone(i, &alone);
    outcome_abreast(b, i, &abreast);
    assert_true(alone.len > 0);
    assert_int_equal(alone.len, abreast.len);
    assert_memory_equal(alone.ptr, abreast.ptr, alone.len);
    strbuf_deinit(&alone);
    strbuf_deinit(&abreast);
}

static void each_is_as_it_is_alone(void **state) {
    static const uint32_t most[] = {1, 2, 4, FORKED_TASKS_MAX + 5};
    (void)state;
    for (size_t k = 0; k < sizeof(most) / sizeof(*most); k++) {
        struct abreast_one ones[COUNT];
        struct abreast b;
        describe_ones(ones);
        abreast_init(&b, ones, COUNT, ROOM, most[k]);
        for (uint32_t i = 0; i < COUNT; i++)
            is_as_alone(&b, i);
        abreast_deinit(&b);
    }
}

static void as_many_as_processors_and_memory_let(void **state) {
    static const struct {
        uint64_t memory;
        uint32_t most;
        int begun;
    } cases[] = {
        {ROOM, 1, 1}, {ROOM, 3, 3}, {ROOM, 16, 6}, {1, 16, 1}, {(uint64_t)250 << 20, 16, 3}};
    (void)state;
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        struct abreast_one ones[COUNT];
        struct abreast b;
        describe_ones(ones);
        abreast_init(&b, ones, COUNT, cases[k].memory, cases[k].most);
        abreast_begin(&b, 0);
        assert_int_equal(__builtin_popcount(b.used), cases[k].begun);
        abreast_deinit(&b); /* with all that goes on */
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    }
}

/* -- One that crashes, one that is killed ------------------------------------------------------ */

/* The first argument is a pipe that nobody writes to as yet: its reader waits. */
struct piped {
    char folder[64], path[80];
    struct abreast_one ones[COUNT];
    struct abreast abreast;
};

static void begin_piped(struct piped *p) {
    snprintf(p->folder, sizeof(p->folder), "%s", "/tmp/dumpdiff-abreast-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof(p->path), "%s/pipe", p->folder);
    assert_int_equal(mkfifo(p->path, 0600), 0);
    describe_ones(p->ones);
    p->ones[0].apart.argument = p->path;
    abreast_init(&p->abreast, p->ones, COUNT, ROOM, 3);
    abreast_begin(&p->abreast, 0);
    assert_int_equal(__builtin_popcount(p->abreast.used), 3);
}

static void end_piped(struct piped *p) {
    abreast_deinit(&p->abreast);
    unlink(p->path);
    rmdir(p->folder);
}

static void one_that_crashes_takes_nobody_along(void **state) {
    struct piped p;
    struct strbuf out;
    (void)state;
    if (STRICT)
        skip(); /* what crashes is heard of, there: see test_forked.c */
    begin_piped(&p);
    int to = open(p.path, O_WRONLY); /* once it reads, handlers are no longer those of the test */
    kill(p.abreast.tasks[p.ones[0].task].process, SIGSEGV);
    close(to);
    outcome_abreast(&p.abreast, 0, &out);
    assert_non_null(strstr(strbuf_cstr(&out), "the process that reads it crashed"));
    strbuf_deinit(&out);
    for (uint32_t i = 1; i < COUNT; i++)
        is_as_alone(&p.abreast, i);
    end_piped(&p);
}

/* Waits until somebody reads, and hands the dump over. */
static pid_t write_into(const char *path) {
    pid_t writer = fork();
    if (writer != 0)
        return writer;
    char block[4096];
    int from = open(DESK, O_RDONLY), to = open(path, O_WRONLY);
    ssize_t n;
    while ((n = read(from, block, sizeof(block))) > 0)
        if (write(to, block, (size_t)n) != n)
            _exit(1);
    _exit(n != 0);
}

/* As the kernel does where memory is short: which it may be because of those beside it. */
static void one_that_is_killed_is_read_alone(void **state) {
    struct piped p;
    struct strbuf out;
    int status;
    (void)state;
    begin_piped(&p);
    pid_t reader = p.abreast.tasks[p.ones[0].task].process;
    siginfo_t gone;
    kill(reader, SIGKILL);
    /* A writer must not meet one that is about to die; who reaps it is not us. */
    assert_int_equal(waitid(P_PID, (id_t)reader, &gone, WEXITED | WNOWAIT), 0);
    pid_t writer = write_into(p.path);
    outcome_abreast(&p.abreast, 0, &out);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_true(out.len > 1000); /* a snapshot; its name is that of the pipe */
    assert_int_equal(p.abreast.most, 1);
    assert_int_equal(p.abreast.used, 0);
    strbuf_deinit(&out);
    for (uint32_t i = 1; i < COUNT; i++)
        is_as_alone(&p.abreast, i);
    end_piped(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_as_it_is_alone),
        cmocka_unit_test(as_many_as_processors_and_memory_let),
        cmocka_unit_test(one_that_crashes_takes_nobody_along),
        cmocka_unit_test(one_that_is_killed_is_read_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
