#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef ARENA_DEBUG
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* A child has a parent's lock to add to, or none. */
static struct {
    bool locked;
    uint32_t uses;
    int readers; /* the ruleset of readers, where it is locked; -1: none */
    int kept;    /* what children close, and one: 0: nothing */
} entered;

/* -- Landlock ---------------------------------------------------------------------------------- */

/* Younger than the headers of some machines we are built on. */
#define FS_TRUNCATE    (UINT64_C(1) << 14) /* version 3 */
#define FS_IOCTL_DEV   (UINT64_C(1) << 15) /* version 5 */
#define NET_TCP        UINT64_C(3)         /* version 4: bind, connect */
#define SCOPE_OUTSIDE  UINT64_C(3)         /* version 6: abstract sockets, signals */
#define FS_OF_VERSION1 ((UINT64_C(1) << 13) - 1)

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE \
    (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE)
/* Those that a rule about a file, not a folder, may have. */
#define FS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

/* The head of the kernel's struct landlock_ruleset_attr, as far as each version knows it. */
struct ruleset_attributes {
    uint64_t fs, net, scoped;
};

/* Its number; 0: the kernel has none, or does not let us. */
static uint32_t landlock_version(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (uint32_t)version : 0;
}

static uint64_t handled_by(uint32_t version) {
    uint64_t fs = FS_OF_VERSION1;
    if (version >= 2)
        fs |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        fs |= FS_TRUNCATE;
    if (version >= 5)
        fs |= FS_IOCTL_DEV;
    return fs;
}

static int ruleset_new(uint32_t version, uint64_t fs) {
    const struct ruleset_attributes all = {fs & handled_by(version), NET_TCP, SCOPE_OUTSIDE};
    size_t known = version >= 6 ? 3 : version >= 4 ? 2 : 1;
    return (int)syscall(SYS_landlock_create_ruleset, &all, known * sizeof(uint64_t), 0);
}

void sandbox_init(struct sandbox *s, bool paths) {
    *s = (struct sandbox){.ruleset = -1, .readers = -1, .wanted = paths};
    if (SANITIZED || !paths || !(s->version = landlock_version()))
        return;
    s->ruleset = ruleset_new(s->version, UINT64_MAX);
    s->readers = ruleset_new(s->version, FS_WRITE & ~FS_READ);
}

static void sandbox_allow(const struct sandbox *s, int ruleset, const char *path, uint64_t access) {
    struct stat st;
    int fd = ruleset >= 0 ? open(path, O_PATH | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    access &= handled_by(s->version);
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        access &= FS_OF_FILES;
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    /* What refuses a rule (a pipe) needs none. */
    (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
}

void sandbox_allow_read(struct sandbox *s, const char *path) {
    sandbox_allow(s, s->ruleset, path, FS_READ);
}

void sandbox_allow_write(struct sandbox *s, const char *path) {
    sandbox_allow(s, s->ruleset, path, FS_WRITE);
}

void sandbox_allow_temporary(struct sandbox *s, const char *path) {
    sandbox_allow_write(s, path);
    sandbox_allow(s, s->readers, path, FS_WRITE & ~FS_READ);
}

static bool ruleset_enter(int ruleset) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

/* -- seccomp ----------------------------------------------------------------------------------- */

/* What every run may call. All that is not listed fails with EPERM. */
static const int always[] = {
    SCMP_SYS(access),
    SCMP_SYS(brk),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),
    SCMP_SYS(fstatfs),
    SCMP_SYS(ftruncate),
    SCMP_SYS(futex),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_restrict_self),
    SCMP_SYS(lseek),
    SCMP_SYS(lstat),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(newfstatat),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(read),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(readv),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(seccomp),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(setitimer),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(stat),
    SCMP_SYS(statfs),
    SCMP_SYS(statx),
    SCMP_SYS(sysinfo),
    SCMP_SYS(time),
    SCMP_SYS(umask),
    SCMP_SYS(uname),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};
static const int for_outputs[] = {
    SCMP_SYS(fchmod), SCMP_SYS(fdatasync), SCMP_SYS(fsync),    SCMP_SYS(link),
    SCMP_SYS(linkat), SCMP_SYS(rename),    SCMP_SYS(renameat), SCMP_SYS(renameat2),
};
static const int for_databases[] = {
    SCMP_SYS(fallocate), SCMP_SYS(fchmod), SCMP_SYS(fchown),
    SCMP_SYS(fdatasync), SCMP_SYS(fsync),  SCMP_SYS(openat),
};
/* What is sent leaves by a socket that is there: none can be made, bound or connected. */
static const int for_servers[] = {SCMP_SYS(recvfrom), SCMP_SYS(sendto)};
static const int for_processes[] = {SCMP_SYS(process_vm_readv), SCMP_SYS(ptrace)};

/* A call that is let through where the bits of one argument (a flag is an int) are as told. */
struct call_rule {
    int call;
    uint32_t argument, mask, value;
};

#define CLONES_OF_WORLDS \
    0x7e020080u /* CLONE_NEWTIME, NS, CGROUP, UTS, IPC, USER, PID, NET: sched.h */

static const struct call_rule by_argument[] = {
    {SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {SCMP_SYS(openat), 2, O_TMPFILE, O_TMPFILE},
    {SCMP_SYS(openat), 2, O_CREAT | O_EXCL, O_CREAT | O_EXCL},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0}, /* libraries are code of files; no other code appears */
    {SCMP_SYS(mmap), 3, MAP_ANONYMOUS, 0},
    {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    {SCMP_SYS(clone), 0, CLONES_OF_WORLDS, 0},
    {SCMP_SYS(prlimit64), 0, UINT32_MAX, 0},  /* our own */
    {SCMP_SYS(kill), 1, UINT32_MAX, SIGKILL}, /* of a worker that takes too long */
    {SCMP_SYS(ioctl), 1, UINT32_MAX, TCGETS}, /* is it a terminal, and how wide? */
    {SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCGWINSZ},
    {SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_PDEATHSIG},
    {SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_NO_NEW_PRIVS},
    {SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_SECCOMP},
    {SCMP_SYS(prctl), 0, UINT32_MAX, PR_GET_SECCOMP},
};
/* A pipe or a device that the user names is written to as it is. */
static const struct call_rule into_devices[] = {
    {SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_WRONLY},
};

/* What a reader may not call, of what its parent may: outputs are none of its business. */
static const int not_for_readers[] = {
    SCMP_SYS(fallocate), SCMP_SYS(fchmod),   SCMP_SYS(fchown), SCMP_SYS(link),
    SCMP_SYS(linkat),    SCMP_SYS(recvfrom), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(sendto),
};
static const struct call_rule no_writes_of_readers[] = {
    {SCMP_SYS(openat), 2, O_ACCMODE, O_WRONLY},
    {SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TMPFILE, O_RDWR},
};

/* And what a worker may not. */
static const int not_for_workers[] = {
    SCMP_SYS(clone),  SCMP_SYS(ftruncate), SCMP_SYS(kill),      SCMP_SYS(link),
    SCMP_SYS(linkat), SCMP_SYS(openat2),   SCMP_SYS(ptrace),    SCMP_SYS(recvfrom),
    SCMP_SYS(rename), SCMP_SYS(renameat),  SCMP_SYS(renameat2), SCMP_SYS(sendto),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat),
};
static const struct call_rule no_writes_of_workers[] = {
    {SCMP_SYS(openat), 2, O_ACCMODE, O_WRONLY},
    {SCMP_SYS(openat), 2, O_ACCMODE, O_RDWR},
    {SCMP_SYS(openat), 2, O_CREAT, O_CREAT},
};

/* 0, or what went wrong: a number as errno's, negative. */
static int filter_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count) {
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = seccomp_rule_add(filter, action, calls[i], 0);
    return status;
}

static int filter_rules(scmp_filter_ctx filter, uint32_t action, const struct call_rule *rules,
                        size_t count) {
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = seccomp_rule_add(
            filter, action, rules[i].call, 1,
            SCMP_CMP(rules[i].argument, SCMP_CMP_MASKED_EQ, rules[i].mask, rules[i].value));
    return status;
}

static int filter_uses(scmp_filter_ctx filter, uint32_t uses) {
    int status = 0;
    if (uses & SANDBOX_OUTPUTS) {
        status = filter_calls(filter, SCMP_ACT_ALLOW, for_outputs, COUNT(for_outputs));
        if (status == 0 && !(uses & SANDBOX_DATABASE))
            status = filter_rules(filter, SCMP_ACT_ALLOW, into_devices, COUNT(into_devices));
    }
    if (status == 0 && (uses & SANDBOX_DATABASE))
        status = filter_calls(filter, SCMP_ACT_ALLOW, for_databases, COUNT(for_databases));
    if (status == 0 && (uses & SANDBOX_SERVER))
        status = filter_calls(filter, SCMP_ACT_ALLOW, for_servers, COUNT(for_servers));
    if (status == 0 && (uses & SANDBOX_PROCESS))
        status = filter_calls(filter, SCMP_ACT_ALLOW, for_processes, COUNT(for_processes));
    return status;
}

/*
 * openat2() has its flags where a filter cannot see them: it stays where Landlock knows which files
 * are written. Elsewhere we do without it, and so does glibc without clone3(), when told so.
 */
static int filter_the_unseen(scmp_filter_ctx filter, bool paths) {
    int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return status ? status
                  : seccomp_rule_add(filter, paths ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS),
                                     SCMP_SYS(openat2), 0);
}

/* In place of what abort() does: to ourselves, never to others. */
static int filter_abort(scmp_filter_ctx filter) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                            SCMP_CMP(0, SCMP_CMP_EQ, (uint32_t)getpid()));
}

static int filter_load(scmp_filter_ctx filter) {
    int status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    return status ? status : seccomp_load(filter);
}

static int sandbox_filter(uint32_t uses, bool paths) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return -ENOMEM;
    int status = filter_calls(filter, SCMP_ACT_ALLOW, always, COUNT(always));
    if (status == 0)
        status = filter_rules(filter, SCMP_ACT_ALLOW, by_argument, COUNT(by_argument));
    if (status == 0)
        status = filter_uses(filter, uses);
    if (status == 0)
        status = filter_the_unseen(filter, paths);
    if (status == 0)
        status = filter_abort(filter);
    if (status == 0)
        status = filter_load(filter);
    seccomp_release(filter);
    return status;
}

/* -- Both -------------------------------------------------------------------------------------- */

bool sandbox_enter(struct sandbox *s, uint32_t uses, struct err *err) {
    if (SANITIZED)
        return true;
    bool wanted = s->ruleset >= 0, paths = wanted && ruleset_enter(s->ruleset);
    if (wanted)
        close(s->ruleset);
    s->ruleset = -1;
    int status = sandbox_filter(uses, paths);
    if (status == -ENOMEM)
        return err_nomem(err);
    entered.locked = true;
    entered.uses = uses;
    entered.readers = paths ? s->readers : -1;
    if (status)
        return err_set(err, ERR_SYSTEM, "seccomp: %s", strerror(-status));
    return paths == wanted || err_set(err, ERR_SYSTEM, "Landlock: the kernel refuses it");
}

/* The ruleset of a child; -1: none. */
static int ruleset_of_child(enum sandbox_child child) {
    bool process = entered.uses & SANDBOX_PROCESS; /* whose modules and memory it reads */
    if (child == SANDBOX_READER)
        return entered.readers;
    uint32_t version = process ? 0 : landlock_version();
    return version ? ruleset_new(version, FS_WRITE & ~FS_READ) : -1;
}

void sandbox_keep_from_children(int fd) {
    entered.kept = fd + 1;
}

bool sandbox_enter_child(enum sandbox_child child) {
    if (entered.kept)
        close(entered.kept - 1);
    if (!entered.locked)
        return true;
    bool reader = child == SANDBOX_READER;
    const int *calls = reader ? not_for_readers : not_for_workers;
    const struct call_rule *writes = reader ? no_writes_of_readers : no_writes_of_workers;
    int ruleset = ruleset_of_child(child);
    bool ok = ruleset < 0 || ruleset_enter(ruleset);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    uint32_t no = SCMP_ACT_ERRNO(EPERM);
    ok = filter && ok &&
         filter_calls(filter, no, calls,
                      reader ? COUNT(not_for_readers) : COUNT(not_for_workers)) == 0 &&
         filter_rules(filter, no, writes,
                      reader ? COUNT(no_writes_of_readers) : COUNT(no_writes_of_workers)) == 0 &&
         filter_load(filter) == 0;
    if (filter)
        seccomp_release(filter);
    return ok;
}

bool sandbox_lacks_paths(const struct sandbox *s) {
    return !SANITIZED && s->wanted && !s->version;
}

void sandbox_describe(struct strbuf *out) {
    uint32_t version = landlock_version();
    if (SANITIZED)
        strbuf_adds(out, "none (a build with a sanitizer)");
    else if (version)
        strbuf_addf(out, "seccomp, Landlock %u", version);
    else
        strbuf_adds(out, "seccomp (no Landlock in this kernel: paths are not fenced)");
}
