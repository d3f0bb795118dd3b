#include "input/log/linux/native_frame.h"

#include "base/chars.h"
#include "base/hash.h"
#include "model/rows_threads.h"

#define SYMBOL_SEED UINT64_C(0x73796d62)

/* -- Names ------------------------------------------------------------------------------------- */

/* "pthread_cond_wait@@GLIBC_2.3.2", "sleep@plt" without what is behind. */
static struct str without_version(struct str function) {
    size_t at = str_find(function, STR("@"), 0);
    return at == STR_NOT_FOUND || at == 0 ? function : str_take(function, at);
}

/* Sources of the C library, where a debugger has no module to name. */
static bool is_library_source(struct str source) {
    static const struct str folders[] = {
        STR_INIT("../sysdeps/"), STR_INIT("./nptl/"), STR_INIT("../nptl/"), STR_INIT("./csu/"),
        STR_INIT("../csu/"),     STR_INIT("./io/"),   STR_INIT("./misc/"),  STR_INIT("./socket/"),
        STR_INIT("./posix/"),    STR_INIT("./time/")};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        if (str_starts(source, folders[i]))
            return true;
    return false;
}

struct str native_frame_name(struct builder *b, const struct native_frame *frame, struct err *err) {
    struct strbuf out;
    strbuf_init(&out);
    struct str function = without_version(frame->function);
    if (frame->module.len)
        strbuf_add(&out, str_file_name(frame->module));
    else if (is_library_source(frame->source))
        strbuf_adds(&out, "libc.so.6");
    if (out.len)
        strbuf_addc(&out, '!');
    if (!function.len || str_eq(function, STR("??")))
        strbuf_adds(&out, "<no symbol>");
    else
        strbuf_add(&out, function);
    const char *copy = strbuf_ok(&out, err) ? builder_string(b, strbuf_str(&out), err) : NULL;
    strbuf_deinit(&out);
    return copy ? str_of(copy) : (struct str){NULL, 0};
}

bool native_take_number(struct str *text, uint64_t *ret_number) {
    struct str s = *text;
    if (str_starts(s, STR("* ")))
        s = str_trim(str_drop(s, 2));
    bool lldb = str_starts(s, STR("frame #"));
    s = str_drop(s, lldb ? 7 : 1);
    size_t n = 0;
    while (n < s.len && n < 8 && char_is_digit(s.ptr[n]))
        n++;
    if ((!lldb && !str_starts(*text, STR("#"))) || !num_dec(str_take(s, n), ret_number))
        return false;
    s = str_drop(s, n);
    if (lldb ? !str_starts(s, STR(":")) : !(s.len && (str_first(s) == ' ' || str_first(s) == '\t')))
        return false;
    *text = str_trim(str_drop(s, 1));
    return true;
}

void native_skip_address(struct str *text) {
    struct str rest = *text, first = str_next_field(&rest);
    if (!str_starts(first, STR("0x")) || !str_is_hex(str_drop(first, 2)))
        return;
    rest = str_trim(rest);
    *text = str_starts(rest, STR("in ")) ? str_trim(str_drop(rest, 3)) : rest;
}

/* -- Waits ------------------------------------------------------------------------------------- */

/* "__GI___lll_lock_wait" is lll_lock_wait, "__nanosleep_nocancel" is nanosleep. */
static struct str native_plain_name(struct str function) {
    struct str s = without_version(function);
    while (str_first(s) == '_')
        s = str_drop(s, 1);
    if (str_starts(s, STR("GI_")))
        s = str_drop(s, 3);
    if (str_starts(s, STR("libc_")))
        s = str_drop(s, 5);
    while (str_first(s) == '_')
        s = str_drop(s, 1);
    if (str_ends(s, STR("_nocancel")))
        s = str_take(s, s.len - 9);
    return str_ends(s, STR("64")) ? str_take(s, s.len - 2) : s;
}

#define MUTEX "mutex"

static const struct {
    struct str function;
    const char *means; /* NULL: on the way to a wait */
} waits[] = {
    {STR_INIT("lll_lock_wait"), MUTEX},
    {STR_INIT("lll_lock_wait_private"), MUTEX},
    {STR_INIT("lll_mutex_lock_optimized"), MUTEX},
    {STR_INIT("lll_timedlock_wait"), MUTEX},
    {STR_INIT("pthread_mutex_lock"), MUTEX},
    {STR_INIT("pthread_mutex_lock_full"), MUTEX},
    {STR_INIT("pthread_mutex_timedlock"), MUTEX},
    {STR_INIT("pthread_mutex_firstfit_lock_wait"), MUTEX},
    {STR_INIT("pthread_mutex_firstfit_lock_slow"), MUTEX},
    {STR_INIT("psynch_mutexwait"), MUTEX},
    {STR_INIT("pthread_rwlock_rdlock"), "rwlock"},
    {STR_INIT("pthread_rwlock_wrlock"), "rwlock"},
    {STR_INIT("pthread_rwlock_rdlock_full"), "rwlock"},
    {STR_INIT("pthread_rwlock_wrlock_full"), "rwlock"},
    {STR_INIT("pthread_spin_lock"), "spin lock"},
    {STR_INIT("pthread_cond_wait"), "condition variable"},
    {STR_INIT("pthread_cond_wait_common"), "condition variable"},
    {STR_INIT("pthread_cond_timedwait"), "condition variable"},
    {STR_INIT("pthread_cond_clockwait"), "condition variable"},
    {STR_INIT("psynch_cvwait"), "condition variable"},
    {STR_INIT("sem_wait"), "semaphore"},
    {STR_INIT("new_sem_wait"), "semaphore"},
    {STR_INIT("new_sem_wait_slow"), "semaphore"},
    {STR_INIT("sem_timedwait"), "semaphore"},
    {STR_INIT("do_futex_wait.constprop.0"), "semaphore"},
    {STR_INIT("semaphore_wait_trap"), "semaphore"},
    {STR_INIT("pthread_join"), "thread"},
    {STR_INIT("pthread_clockjoin_ex"), "thread"},
    {STR_INIT("pthread_timedjoin_ex"), "thread"},
    {STR_INIT("ulock_wait"), "unfair lock"},
    {STR_INIT("workq_kernreturn"), "work"},
    {STR_INIT("mach_msg_trap"), "mach message"},
    {STR_INIT("mach_msg2_trap"), "mach message"},
    {STR_INIT("poll"), "poll"},
    {STR_INIT("ppoll"), "poll"},
    {STR_INIT("select"), "select"},
    {STR_INIT("pselect"), "select"},
    {STR_INIT("epoll_wait"), "epoll_wait"},
    {STR_INIT("epoll_pwait"), "epoll_wait"},
    {STR_INIT("kevent"), "kevent"},
    {STR_INIT("accept"), "accept"},
    {STR_INIT("accept4"), "accept"},
    {STR_INIT("connect"), "connect"},
    {STR_INIT("recv"), "recv"},
    {STR_INIT("recvfrom"), "recv"},
    {STR_INIT("recvmsg"), "recvmsg"},
    {STR_INIT("read"), "read"},
    {STR_INIT("readv"), "read"},
    {STR_INIT("write"), "write"},
    {STR_INIT("fsync"), "fsync"},
    {STR_INIT("nanosleep"), "sleep"},
    {STR_INIT("clock_nanosleep"), "sleep"},
    {STR_INIT("usleep"), "sleep"},
    {STR_INIT("sleep"), "sleep"},
    {STR_INIT("waitpid"), "process"},
    {STR_INIT("wait4"), "process"},
    {STR_INIT("waitid"), "process"},
    {STR_INIT("sigwait"), "signal"},
    {STR_INIT("sigwaitinfo"), "signal"},
    {STR_INIT("sigtimedwait"), "signal"},
    {STR_INIT("sigsuspend"), "signal"},
    {STR_INIT("pause"), "signal"},
    {STR_INIT("io_getevents"), "I/O"},
    {STR_INIT("futex_wait"), NULL},
    {STR_INIT("futex_wait_cancelable"), NULL},
    {STR_INIT("futex_abstimed_wait"), NULL},
    {STR_INIT("futex_abstimed_wait_common"), NULL},
    {STR_INIT("futex_abstimed_wait_cancelable"), NULL},
    {STR_INIT("futex_reltimed_wait_cancelable"), NULL},
    {STR_INIT("kernel_vsyscall"), NULL},
    {STR_INIT("syscall_cancel"), NULL},
    {STR_INIT("syscall_cancel_arch"), NULL},
    {STR_INIT("internal_syscall_cancel"), NULL},
    {STR_INIT("internal_syscall"), NULL},
    {STR_INIT("??"), NULL},
};

/* "mutex=0x55d1c0 <lower>", "futex=futex@entry=0x55d1c0" among the arguments. */
static void find_mutex(struct native_wait *wait, struct str arguments) {
    static const struct str names[] = {STR_INIT("mutex="), STR_INIT("futex="), STR_INIT("futexp=")};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && wait->address == ABSENT; i++) {
        size_t at = str_find(arguments, names[i], 0);
        struct str rest = str_drop(arguments, at == STR_NOT_FOUND ? arguments.len : at);
        rest = str_drop(rest, names[i].len);
        size_t entry = str_find(str_take(rest, 32), STR("@entry="), 0);
        if (entry != STR_NOT_FOUND)
            rest = str_drop(rest, entry + 7);
        size_t end = 0;
        while (end < rest.len && (char_is_hex(rest.ptr[end]) || rest.ptr[end] == 'x'))
            end++;
        uint64_t address;
        if (!scan_address(str_take(rest, end), &address) || address == 0)
            continue;
        wait->address = address;
        rest = str_drop(rest, end);
        size_t close = str_find(rest, STR(">"), 0);
        if (str_starts(rest, STR(" <")) && close != STR_NOT_FOUND)
            wait->symbol = str_drop(str_take(rest, close), 2);
    }
}

void native_wait_add(struct native_wait *wait, const struct native_frame *frame) {
    struct str name = native_plain_name(frame->function);
    if (wait->decided)
        return;
    for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        if (!str_eq(name, waits[i].function))
            continue;
        if (!wait->means)
            wait->means = waits[i].means;
        if (wait->means && str_eq(str_of(wait->means), STR(MUTEX)) && wait->address == ABSENT)
            find_mutex(wait, frame->arguments);
        return;
    }
    wait->decided = true;
}

/* -- Mutexes ----------------------------------------------------------------------------------- */

static const char *type_of(struct builder *b, struct str symbol, struct err *err) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_adds(&out, "pthread_mutex_t");
    if (symbol.len) {
        strbuf_addc(&out, ' ');
        strbuf_add(&out, symbol);
    }
    const char *copy = strbuf_ok(&out, err) ? builder_string(b, strbuf_str(&out), err) : NULL;
    strbuf_deinit(&out);
    return copy;
}

/* By its name, of one that was told of without its address. */
static struct lock_row *mutex_named(struct builder *b, const char *type) {
    struct str name = str_of(type);
    struct lock_row *row =
        builder_find(b, PART_LOCKS, key_with(SYMBOL_SEED, key_of_bytes(name.ptr, name.len)));
    return row && row->object_type && str_eq(str_of(row->object_type), name) ? row : NULL;
}

struct lock_row *native_mutex(struct builder *b, uint64_t address, struct str symbol,
                              struct err *err) {
    const char *type = type_of(b, symbol, err);
    struct lock_row *row = type && symbol.len ? mutex_named(b, type) : NULL;
    if (!type)
        return NULL;
    if (row && (address == ABSENT || row->address == address))
        return row;
    if (row && row->address == ABSENT) {
        row->address = address;
        return thread_dump_index_lock(b, row, err) ? row : NULL;
    }
    if (address != ABSENT) {
        row = thread_dump_lock(b, address, str_of(type), err);
    } else {
        row = builder_row(b, PART_LOCKS, err);
        if (row) {
            row->object_type = type;
            row->held = 1;
        }
    }
    uint32_t count;
    const struct lock_row *rows = builder_rows(b, PART_LOCKS, &count);
    if (!row || !symbol.len || row != &rows[count - 1])
        return row;
    struct str name = str_of(type);
    uint64_t key = key_with(SYMBOL_SEED, key_of_bytes(name.ptr, name.len));
    return builder_index(b, PART_LOCKS, key, err) ? row : NULL;
}

static bool native_wait_store(struct builder *b, struct thread_row *row,
                              const struct native_wait *wait, struct err *err) {
    if (!wait->means)
        return true;
    if (!row->waiting_on && !(row->waiting_on = builder_string(b, str_of(wait->means), err)))
        return false;
    if (wait->address == ABSENT || !str_eq(str_of(wait->means), STR(MUTEX)))
        return true;
    if (row->waits_for == ABSENT)
        row->waits_for = wait->address;
    return native_mutex(b, wait->address, wait->symbol, err) != NULL;
}

bool native_stack_store(struct thread_dump *d, struct thread_row *row,
                        const struct native_wait *wait, struct err *err) {
    if (d->count && row->native_frames.count == 2 &&
        str_eq(str_of(row->native_frames.items[1]), STR(FRAME_CUT)))
        row->native_frames = (struct strings){NULL, 0};
    return thread_dump_store(d, &row->native_frames, err) &&
           native_wait_store(d->t->b, row, wait, err);
}

bool native_place_store(struct builder *b, struct thread_row *row, const struct native_frame *frame,
                        const struct native_wait *wait, struct err *err) {
    struct str both[2] = {native_frame_name(b, frame, err), STR(FRAME_CUT)};
    return both[0].ptr && native_wait_store(b, row, wait, err) &&
           (row->native_frames.count || builder_strings(b, both, 2, &row->native_frames, err));
}
