/*
 * What a locked process can do and what it cannot, tried from inside: each case is a process of its
 * own that locks itself as a run does, then does what code that took it over would.
 */
#include "base/file.h"
#include "base/sandbox.h"
#include "base/forked.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Folders of the test: in/ may be read, out/ written, and other/ is nobody's. */
static char folder[] = "/tmp/dumpdiff-sandbox-XXXXXX";

static const char *at(const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static bool try_open(const char *name, int flags) {
    return open(at(name), flags, 0600) >= 0;
}

/* -- What is tried: true where it was possible ------------------------------------------------- */

static bool reads_input(void) {
    return try_open("in/file", O_RDONLY);
}
static bool reads_elsewhere(void) {
    return try_open("other/file", O_RDONLY);
}
static bool reads_through_link(void) {
    return try_open("in/link", O_RDONLY);
}
static bool reads_passwords(void) {
    return open("/etc/shadow", O_RDONLY) >= 0 || open("/etc/passwd", O_RDONLY) >= 0;
}
static bool reads_memory_of_parent(void) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/mem", (long)getppid());
    return open(path, O_RDONLY) >= 0;
}
static bool makes_nameless(void) {
    return try_open("out", O_TMPFILE | O_RDWR);
}
static bool writes_output(void) {
    struct err err;
    return file_write(at("out/new"), fit_bytes(STR("text")), &err) &&
           file_write(at("out/new"), fit_bytes(STR("again")), &err);
}
static bool writes_input(void) {
    return try_open("in/file", O_WRONLY) || try_open("in/file", O_RDWR | O_TRUNC);
}
static bool makes_beside_input(void) {
    return try_open("in/new", O_WRONLY | O_CREAT | O_EXCL);
}
static bool writes_elsewhere(void) {
    return try_open("other/new", O_RDWR | O_CREAT | O_EXCL) ||
           try_open("other", O_TMPFILE | O_RDWR);
}
static bool removes_input(void) {
    return unlink(at("in/file")) == 0;
}
static bool moves_input(void) {
    char to[256];
    snprintf(to, sizeof(to), "%s", at("out/moved"));
    return rename(at("in/file"), to) == 0 || link(at("in/file"), to) == 0;
}
static bool truncates(void) {
    return truncate(at("in/file"), 0) == 0;
}
static bool makes_folder(void) {
    return mkdir(at("out/folder"), 0700) == 0 || symlink("/", at("out/link")) == 0;
}
static bool changes_rights(void) {
    return chmod(at("in/file"), 0777) == 0 || chown(at("in/file"), 0, 0) == 0;
}
static bool makes_socket(void) {
    int pair[2];
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
           socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
}
static bool connects(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(0, (struct sockaddr *)&to, sizeof(to)) == 0 || errno != EPERM;
}
static bool executes(void) {
    execl("/bin/true", "true", (char *)NULL);
    return errno != EPERM && errno != EACCES;
}
static bool traces(void) {
    return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0 ||
           ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}
static bool reads_process(void) {
    char byte;
    struct iovec to = {&byte, 1}, from = {&byte, 1};
    return process_vm_readv(getppid(), &to, 1, &from, 1, 0) == 1;
}
static bool mounts(void) {
    return mount("none", at("out"), "tmpfs", 0, NULL) == 0 || errno != EPERM;
}
static bool signals_others(void) {
    return kill(getppid(), SIGTERM) == 0 || kill(getppid(), SIGSTOP) == 0 || kill(-1, 0) == 0;
}
static bool leaves_world(void) {
    return unshare(CLONE_NEWUSER) == 0 ||
           syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL) >= 0;
}
/* None of these takes arguments that would be right: EPERM has to come before they are looked at.
 */
static bool calls_kernel(void) {
    static const long calls[] = {SYS_bpf,
                                 SYS_keyctl,
                                 SYS_add_key,
                                 SYS_io_uring_setup,
                                 SYS_perf_event_open,
                                 SYS_userfaultfd,
                                 SYS_init_module,
                                 SYS_kexec_load,
                                 SYS_reboot,
                                 SYS_setns,
                                 SYS_pivot_root,
                                 SYS_chroot,
                                 SYS_setuid,
                                 SYS_personality,
                                 SYS_pidfd_open,
                                 SYS_process_vm_writev,
                                 SYS_open_by_handle_at,
                                 SYS_memfd_create,
                                 SYS_execveat,
                                 SYS_accept4,
                                 SYS_sendto,
                                 SYS_tkill};
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (syscall(calls[i], -1, -1, -1, -1, -1, -1) != -1 || errno != EPERM) {
            fprintf(stderr, "call %ld: %s\n", calls[i], strerror(errno));
            return true;
        }
    return false;
}
static bool makes_code(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED ||
           mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}
static bool types_into_terminal(void) {
    return ioctl(0, TIOCSTI, "x") == 0 || errno != EPERM;
}

/* -- How it is tried --------------------------------------------------------------------------- */

static void lock_as_run(uint32_t uses, bool paths) {
    struct sandbox s;
    struct err err;
    sandbox_init(&s, paths);
    sandbox_allow_read(&s, at("in"));
    sandbox_allow_write(&s, at("out"));
    sandbox_allow_temporary(&s, at("tmp"));
    if (!sandbox_enter(&s, uses, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        _exit(3);
    }
}

/* What becomes of a process that locks itself, then tries. */
static bool is_possible(bool (*attempt)(void), uint32_t uses, bool paths) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        lock_as_run(uses, paths);
        _exit(attempt() ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 1;
}

static bool is_there(const char *word) {
    struct strbuf text;
    strbuf_init(&text);
    sandbox_describe(&text);
    bool there = strstr(strbuf_cstr(&text), word);
    strbuf_deinit(&text);
    return there;
}

/* A kernel without Landlock, as containers make it of one that has it. */
static void hide_landlock(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) !=
            0 ||
        seccomp_load(filter) != 0)
        _exit(3);
    seccomp_release(filter);
}

/* Of a process in a kernel with or without: what sandbox_lacks_paths() says after it locked itself.
 */
static bool lacks_paths(bool hidden, bool paths) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct sandbox s;
        struct err err;
        if (hidden)
            hide_landlock();
        sandbox_init(&s, paths);
        sandbox_allow_read(&s, at("in"));
        bool locked = sandbox_enter(&s, 0, &err);
        _exit(!locked ? 3 : sandbox_lacks_paths(&s) ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 1;
}

static void a_kernel_without_landlock_is_told(void **state) {
    (void)state;
    if (is_there("none"))
        skip(); /* nothing is locked in builds with a sanitizer */
    assert_true(lacks_paths(true, true));
    assert_false(lacks_paths(true, false));
    assert_int_equal(lacks_paths(false, true), !is_there("Landlock "));
}

struct attempt {
    const char *what;
    bool (*run)(void);
};
static const struct attempt never[] = {
    {"truncate", truncates},
    {"folders, links", makes_folder},
    {"rights", changes_rights},
    {"sockets", makes_socket},
    {"connect", connects},
    {"exec", executes},
    {"mount", mounts},
    {"kill", signals_others},
    {"namespaces", leaves_world},
    {"calls", calls_kernel},
    {"new code", makes_code},
    {"terminal", types_into_terminal},
    {"overwriting", writes_input},
};
static const struct attempt never_of_files[] = {
    {"trace", traces},
    {"memory of others", reads_process},
};
/* These are Landlock's. */
static const struct attempt fenced[] = {
    {"elsewhere", reads_elsewhere},
    {"through a link", reads_through_link},
    {"passwords", reads_passwords},
    {"memory by /proc", reads_memory_of_parent},
    {"making elsewhere", writes_elsewhere},
    {"making beside input", makes_beside_input},
    {"removing", removes_input},
    {"moving", moves_input},
};

static void none_is_possible(const struct attempt *attempts, size_t count, uint32_t uses,
                             bool paths) {
    for (size_t i = 0; i < count; i++)
        if (is_possible(attempts[i].run, uses, paths))
            fail_msg("%s: was possible (uses %u)", attempts[i].what, uses);
}
#define NONE_IS_POSSIBLE(attempts, uses, paths) \
    none_is_possible(attempts, sizeof(attempts) / sizeof(*(attempts)), uses, paths)

static void no_sanitizer(void) {
    if (is_there("sanitizer"))
        skip();
}

static void a_reader_can_only_read(void **state) {
    (void)state;
    no_sanitizer();
    static const uint32_t uses[] = {0, SANDBOX_OUTPUTS};
    for (size_t i = 0; i < 2; i++) {
        NONE_IS_POSSIBLE(never, uses[i], true);
        NONE_IS_POSSIBLE(never_of_files, uses[i], true);
        assert_true(is_possible(reads_input, uses[i], true));
        assert_true(is_possible(makes_nameless, uses[i], true));
    }
    assert_true(is_possible(writes_output, SANDBOX_OUTPUTS, true));
    assert_false(is_possible(writes_output, 0, true));
}

static void paths_are_fenced_where_the_kernel_can(void **state) {
    (void)state;
    no_sanitizer();
    if (!is_there("Landlock "))
        skip();
    NONE_IS_POSSIBLE(fenced, 0, true);
    NONE_IS_POSSIBLE(fenced, SANDBOX_OUTPUTS, true);
    NONE_IS_POSSIBLE(fenced, SANDBOX_OUTPUTS | SANDBOX_DATABASE, true);
}

/* As in a container of which the kernel knows no Landlock. */
static void calls_are_fenced_without_paths_too(void **state) {
    (void)state;
    no_sanitizer();
    NONE_IS_POSSIBLE(never, 0, false);
    NONE_IS_POSSIBLE(never_of_files, 0, false);
    assert_false(is_possible(writes_output, 0, false));
    assert_true(is_possible(writes_output, SANDBOX_OUTPUTS, false));
    assert_true(is_possible(reads_input, 0, false));
}

/* openat2() would hide its flags from the filter. */
static bool opens_unseen(void) {
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_WRONLY, 0, 0};
    return syscall(SYS_openat2, AT_FDCWD, at("in/file"), &how, sizeof(how)) >= 0;
}

static void flags_that_no_filter_sees_do_not_help(void **state) {
    (void)state;
    no_sanitizer();
    assert_false(is_possible(opens_unseen, 0, false));
    if (is_there("Landlock "))
        assert_false(is_possible(opens_unseen, SANDBOX_OUTPUTS, true));
}

static void others_are_looked_into_only_when_asked_to(void **state) {
    (void)state;
    no_sanitizer();
    NONE_IS_POSSIBLE(never, SANDBOX_PROCESS, false);
    assert_true(is_possible(traces, SANDBOX_PROCESS, false));
}

/* -- Workers ----------------------------------------------------------------------------------- */

static bool child_fails(enum sandbox_child child, forked_work *work) {
    const struct forked_job job = {
        .work = work, .child = child, .seconds_max = 20, .output_max = 99};
    struct strbuf out;
    strbuf_init(&out);
    bool done = forked_run(&job, &out) == FORKED_DONE;
    bool fails = done && strcmp(strbuf_cstr(&out), "no") == 0;
    strbuf_deinit(&out);
    return fails;
}
static bool worker_fails(forked_work *work) {
    return child_fails(SANDBOX_WORKER, work);
}
static void work_writes(void *context, int fd) {
    (void)context;
    forked_write(fd,
                 makes_nameless() || writes_output() || opens_unseen() ? STR("yes") : STR("no"));
}
static void work_forks(void *context, int fd) {
    (void)context;
    forked_write(fd, fork() >= 0 || kill(getpid(), SIGKILL) == 0 ? STR("yes") : STR("no"));
}
static void work_reaches_out(void *context, int fd) {
    (void)context;
    forked_write(fd, makes_socket() || executes() || traces() ? STR("yes") : STR("no"));
}
static bool workers_can_something(void) {
    return !worker_fails(work_writes) || !worker_fails(work_forks) ||
           !worker_fails(work_reaches_out);
}

static void workers_only_answer(void **state) {
    (void)state;
    no_sanitizer();
    assert_false(is_possible(workers_can_something, SANDBOX_OUTPUTS, true));
    assert_false(is_possible(workers_can_something, SANDBOX_OUTPUTS, false));
    assert_false(is_possible(workers_can_something, SANDBOX_PROCESS, false));
}

/* -- Readers ----------------------------------------------------------------------------------- */

static bool rewrites_output(void) {
    return try_open("out/file", O_WRONLY) || try_open("out/file", O_RDWR) ||
           try_open("out/file", O_WRONLY | O_TRUNC);
}
static void read_writes(void *context, int fd) {
    (void)context;
    forked_write(fd,
                 writes_output() || rewrites_output() || moves_input() ? STR("yes") : STR("no"));
}
static void read_writes_below(void *context, int fd) {
    (void)context;
    forked_write(fd, makes_nameless() || try_open("out/new", O_RDWR | O_CREAT | O_EXCL) ||
                             unlink(at("out/file")) == 0 || opens_unseen()
                         ? STR("yes")
                         : STR("no"));
}
static void read_reaches_out(void *context, int fd) {
    (void)context;
    forked_write(fd, makes_socket() || executes() || traces() ? STR("yes") : STR("no"));
}
static void read_lacks_its_own(void *context, int fd) {
    (void)context;
    forked_write(fd, reads_input() && try_open("tmp", O_TMPFILE | O_RDWR) &&
                             worker_fails(work_reaches_out)
                         ? STR("no")
                         : STR("yes"));
}
static bool readers_can_something(void) {
    return !child_fails(SANDBOX_READER, read_writes) ||
           !child_fails(SANDBOX_READER, read_reaches_out) ||
           !child_fails(SANDBOX_READER, read_lacks_its_own);
}
static bool readers_write_below_outputs(void) {
    return !child_fails(SANDBOX_READER, read_writes_below);
}

static void readers_have_no_outputs(void **state) {
    (void)state;
    no_sanitizer();
    assert_false(is_possible(readers_can_something, SANDBOX_OUTPUTS, true));
    assert_false(is_possible(readers_can_something, SANDBOX_OUTPUTS, false));
    if (is_there("Landlock "))
        assert_false(is_possible(readers_write_below_outputs, SANDBOX_OUTPUTS, true));
}

/* The files of a process are found below /proc, its memory read where it is. */
static bool sees_process(void) {
    static volatile char byte = 7;
    char path[64], copy = 0;
    struct iovec to = {&copy, 1}, from = {(void *)(uintptr_t)&byte, 1};
    snprintf(path, sizeof(path), "/proc/%ld/root", (long)getppid());
    return open(path, O_PATH | O_DIRECTORY) >= 0 &&
           process_vm_readv(getppid(), &to, 1, &from, 1, 0) == 1 && copy == 7;
}
static void work_sees(void *context, int fd) {
    (void)context;
    forked_write(fd, sees_process() ? STR("yes") : STR("no"));
}
static bool worker_sees_nobody(void) {
    return worker_fails(work_sees);
}

static void workers_see_the_process_that_is_asked_about(void **state) {
    (void)state;
    no_sanitizer();
    assert_false(is_possible(worker_sees_nobody, SANDBOX_PROCESS, false));
    assert_true(is_possible(worker_sees_nobody, SANDBOX_OUTPUTS, false));
}

/* -- All --------------------------------------------------------------------------------------- */

static int make_folders(void **state) {
    struct err err;
    (void)state;
    if (!mkdtemp(folder) || mkdir(at("in"), 0700) || mkdir(at("out"), 0700) ||
        mkdir(at("tmp"), 0700) || mkdir(at("other"), 0700))
        return -1;
    return file_write(at("in/file"), fit_bytes(STR("text")), &err) &&
                   file_write(at("out/file"), fit_bytes(STR("text")), &err) &&
                   file_write(at("other/file"), fit_bytes(STR("text")), &err) &&
                   symlink("../other/file", at("in/link")) == 0
               ? 0
               : -1;
}

static int remove_folders(void **state) {
    static const char *const names[] = {"in/file", "in/link", "out/new", "out/file", "other/file"};
    static const char *const folders[] = {"in", "out", "tmp", "other", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(at(names[i]));
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        rmdir(at(folders[i]));
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_without_landlock_is_told),
        cmocka_unit_test(a_reader_can_only_read),
        cmocka_unit_test(paths_are_fenced_where_the_kernel_can),
        cmocka_unit_test(calls_are_fenced_without_paths_too),
        cmocka_unit_test(flags_that_no_filter_sees_do_not_help),
        cmocka_unit_test(others_are_looked_into_only_when_asked_to),
        cmocka_unit_test(workers_only_answer),
        cmocka_unit_test(readers_have_no_outputs),
        cmocka_unit_test(workers_see_the_process_that_is_asked_about),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
