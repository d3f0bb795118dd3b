#include "input/dump/exception_names.h"

#include <inttypes.h>

/* Exceptions of Windows that dumps are made for. */
static const struct {
    uint32_t code;
    const char *name;
} windows_names[] = {
    {0x80000001, "guard page"},
    {0x80000002, "misaligned data"},
    {0x80000003, "breakpoint"},
    {0x80000004, "single step"},
    {0xc0000005, "access violation"},
    {0xc0000006, "page that could not be read"},
    {0xc0000008, "invalid handle"},
    {0xc000001d, "illegal instruction"},
    {0xc0000025, "exception that cannot be continued"},
    {0xc0000094, "integer division by zero"},
    {0xc0000095, "integer overflow"},
    {0xc0000096, "privileged instruction"},
    {0xc00000fd, "stack overflow"},
    {0xc0000194, "possible deadlock"},
    {0xc0000374, "heap corruption"},
    {0xc0000409, "fail fast"},
    {0xc0000420, "assertion failed"},
    {0xe0000008, "out of memory"}, /* Breakpad's and Chromium's own */
    {0xe0434352, ".NET exception"},
    {0xe06d7363, "C++ exception"},
};

/* Signals by number, the same on x86 and ARM. */
static const char *const signals[] = {
    NULL,        "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS",
};

/* mach/exception_types.h */
static const char *const mach_exceptions[] = {
    NULL,           "EXC_BAD_ACCESS", "EXC_BAD_INSTRUCTION", "EXC_ARITHMETIC",    "EXC_EMULATION",
    "EXC_SOFTWARE", "EXC_BREAKPOINT", "EXC_SYSCALL",         "EXC_MACH_SYSCALL",  "EXC_RPC_ALERT",
    "EXC_CRASH",    "EXC_RESOURCE",   "EXC_GUARD",           "EXC_CORPSE_NOTIFY",
};

#define COUNT(names) (sizeof(names) / sizeof(*(names)))

static void windows_exception(const struct minidump_exception *e, struct strbuf *out) {
    strbuf_addf(out, "0x%08" PRIX64, e->code);
    for (size_t i = 0; i < COUNT(windows_names); i++)
        if (windows_names[i].code == e->code)
            strbuf_addf(out, " %s", windows_names[i].name);
    if (e->code == 0xc0000005 && e->parameter_count >= 2)
        strbuf_addf(out, " %s 0x%" PRIx64,
                    e->parameters[0] == 0   ? "reading"
                    : e->parameters[0] == 1 ? "writing"
                                            : "executing",
                    e->parameters[1]);
}

void exception_name(const struct minidump_info *info, struct strbuf *out) {
    const struct minidump_exception *e = &info->exception;
    const uint64_t system = info->system.platform;
    if ((system == MINIDUMP_LINUX || system == MINIDUMP_ANDROID) && e->code < COUNT(signals) &&
        signals[e->code])
        strbuf_addf(out, "signal %" PRIu64 " %s", e->code, signals[e->code]);
    else if ((system == MINIDUMP_MACOS || system == MINIDUMP_IOS) &&
             e->code < COUNT(mach_exceptions) && mach_exceptions[e->code])
        strbuf_adds(out, mach_exceptions[e->code]);
    else {
        windows_exception(e, out);
        return;
    }
    if (e->address)
        strbuf_addf(out, " at 0x%" PRIx64, e->address);
}
