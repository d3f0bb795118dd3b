#include "memory/stacks/native_stacks.h"

#include "model/rows_threads.h"

#include <string.h>

/* The first frames of a thread that sleeps in the kernel. Prefix of "module!function". */
struct known_native {
    const char *prefix, *means;
};

static const struct known_native windows_waits[] = {
    {"ntdll!NtWaitForSingleObject", "WaitForSingleObject"},
    {"ntdll!ZwWaitForSingleObject", "WaitForSingleObject"},
    {"ntdll!NtWaitForMultipleObjects", "WaitForMultipleObjects"},
    {"ntdll!ZwWaitForMultipleObjects", "WaitForMultipleObjects"},
    {"ntdll!NtDelayExecution", "Sleep"},
    {"ntdll!ZwDelayExecution", "Sleep"},
    {"ntdll!NtWaitForWorkViaWorkerFactory", "thread pool work"},
    {"ntdll!ZwWaitForWorkViaWorkerFactory", "thread pool work"},
    {"ntdll!NtRemoveIoCompletion", "I/O completion"},
    {"ntdll!ZwRemoveIoCompletion", "I/O completion"},
    {"ntdll!NtWaitForAlertByThreadId", "critical section or condition variable"},
    {"ntdll!ZwWaitForAlertByThreadId", "critical section or condition variable"},
    {"ntdll!NtWaitForKeyedEvent", "critical section or condition variable"},
    {"ntdll!ZwWaitForKeyedEvent", "critical section or condition variable"},
    {"ntdll!RtlpWaitOnCriticalSection", "critical section or condition variable"},
    {"ntdll!NtReadFile", "ReadFile"},
    {"ntdll!ZwReadFile", "ReadFile"},
    {"ntdll!NtDeviceIoControlFile", "device I/O"},
    {"ntdll!ZwDeviceIoControlFile", "device I/O"},
    {"ntdll!NtAlpcSendWaitReceivePort", "RPC"},
    {"ntdll!ZwAlpcSendWaitReceivePort", "RPC"},
    {"win32u!NtUserGetMessage", "window message"},
    {"win32u!NtUserMsgWaitForMultipleObjectsEx", "window message"},
    {"user32!NtUserGetMessage", "window message"},
    {"user32!ZwUserGetMessage", "window message"},
};

/* The same in the C library of Linux; whole names behind "libc.so.6!" or "libpthread.so.0!". */
static const struct known_native linux_waits[] = {
    {"poll", "poll"},
    {"__poll", "poll"},
    {"ppoll", "poll"},
    {"__ppoll", "poll"},
    {"select", "select"},
    {"__select", "select"},
    {"epoll_wait", "epoll_wait"},
    {"accept", "accept"},
    {"accept4", "accept"},
    {"recvmsg", "recvmsg"},
    {"__recvmsg", "recvmsg"},
    {"read", "read"},
    {"__read", "read"},
    {"__libc_read", "read"},
    {"nanosleep", "sleep"},
    {"clock_nanosleep", "sleep"},
    {"__clock_nanosleep", "sleep"},
    {"pthread_cond_wait", "condition variable"},
    {"pthread_cond_timedwait", "condition variable"},
    {"__pthread_cond_wait", "condition variable"},
    {"__pthread_cond_timedwait", "condition variable"},
    {"pthread_mutex_lock", "mutex"},
    {"__pthread_mutex_lock", "mutex"},
    {"__lll_lock_wait", "mutex"},
    {"sem_wait", "semaphore"},
    {"sem_timedwait", "semaphore"},
    {"sigwait", "signal"},
    {"sigtimedwait", "signal"},
    {"__sigtimedwait", "signal"},
};

static const char *linux_wait(struct str frame) {
    size_t bang = str_find(frame, STR("!"), 0);
    if (bang == STR_NOT_FOUND ||
        !(str_starts(frame, STR("libc.")) || str_starts(frame, STR("libpthread")) ||
          str_starts(frame, STR("libc-")) || str_starts(frame, STR("ld-musl"))))
        return NULL;
    struct str function = str_drop(frame, bang + 1);
    for (size_t k = 0; k < sizeof(linux_waits) / sizeof(*linux_waits); k++)
        if (str_eq(function, str_of(linux_waits[k].prefix)))
            return linux_waits[k].means;
    return NULL;
}

static const char *windows_wait(struct str frame) {
    for (size_t k = 0; k < sizeof(windows_waits) / sizeof(*windows_waits); k++)
        if (str_starts_nocase(frame, str_of(windows_waits[k].prefix)))
            return windows_waits[k].means;
    return NULL;
}

const char *os_frames_wait(const struct strings *frames) {
    /* "ntdll!KiFastSystemCallRet", or a helper of libc without a name, may stand before the wait.
     */
    for (uint32_t i = 0; i < frames->count && i < 2; i++) {
        struct str frame = str_of(frames->items[i]);
        const char *wait = windows_wait(frame);
        if (!wait)
            wait = linux_wait(frame);
        if (wait)
            return wait;
    }
    return NULL;
}

const char *os_frame_role(const char *frame) {
    const char *bang = strchr(frame, '!');
    return str_starts(str_of(bang ? bang + 1 : frame), STR("TppWorkerThread")) ? "os-pool" : NULL;
}

static const char *os_role(const struct strings *frames) {
    for (uint32_t i = frames->count; i-- > 0;) {
        const char *role = os_frame_role(frames->items[i]);
        if (role)
            return role;
    }
    return NULL;
}

bool os_frames_tell(struct builder *b, struct err *err) {
    uint32_t count;
    struct thread_row *threads = builder_rows(b, PART_THREADS, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct thread_row *t = &threads[i];
        const char *role = t->role ? NULL : os_role(&t->native_frames);
        const char *wait =
            t->waiting_on || t->frames.count ? NULL : os_frames_wait(&t->native_frames);
        if (role && !(t->role = builder_string(b, str_of(role), err)))
            return false;
        if (wait && !(t->waiting_on = builder_string(b, str_of(wait), err)))
            return false;
    }
    return true;
}
