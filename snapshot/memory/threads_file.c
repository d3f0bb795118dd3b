#include "memory/threads_file.h"

#include "base/chars.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/snapshot.h"

#include <string.h>

#define TICK_NS     UINT64_C(10000000) /* USER_HZ is 100 on every architecture we know */
#define THREADS_MAX 4194304u           /* the kernel's own limit (PID_MAX_LIMIT) */
#define NONE        UINT32_MAX
#define FIELDS_MAX  22u

/* Numbers of fields behind the comm, as in proc(5) less 3. */
#define FIELD_STATE   0u
#define FIELD_UTIME   11u
#define FIELD_STIME   12u
#define FIELD_THREADS 17u
#define FIELD_START   19u

struct reading {
    struct threads_file *file;
    uint32_t current; /* thread that lines without an id belong to; NONE */
    uint64_t stat_lines;
    uint64_t process_threads; /* as the last stat line says */
    struct err *err;
    bool failed;
};

/* The thread of that id, added when it is new; makes it the current one. */
static struct thread_times *select_thread(struct reading *r, uint64_t os_id) {
    struct threads_file *f = r->file;
    uint32_t i = u64map_get(&f->by_os_id, os_id);
    if (i == STRMAP_NONE) {
        if (f->count == THREADS_MAX) {
            r->failed = !err_set(r->err, ERR_LIMIT, "more than %u threads", THREADS_MAX);
            return NULL;
        }
        if (!VEC_ROOM_IN(&f->arena, f->threads, f->count, f->capacity, r->err)) {
            r->failed = true;
            return NULL;
        }
        if (!u64map_put(&f->by_os_id, os_id, f->count)) {
            r->failed = !err_nomem(r->err);
            return NULL;
        }
        i = f->count++;
        f->threads[i] = (struct thread_times){
            .os_id = os_id,
            .user_ns = UINT64_MAX,
            .kernel_ns = UINT64_MAX,
            .run_ns = UINT64_MAX,
            .delay_ns = UINT64_MAX,
            .start_time = UINT64_MAX,
            .voluntary = UINT64_MAX,
            .involuntary = UINT64_MAX,
        };
    }
    r->current = i;
    return &f->threads[i];
}

static uint64_t threads_file_ticks_ns(uint64_t ticks) {
    return ticks < UINT64_MAX / TICK_NS ? ticks * TICK_NS : UINT64_MAX - 1;
}

/* -- Lines ------------------------------------------------------------------------------------- */

struct stat_line {
    uint64_t os_id;
    struct str comm;
    struct str fields[FIELDS_MAX];
};

/* "31929 (spinner) R 31916 ...": the comm may hold blanks and parentheses, so it ends at the last
 * one. */
static bool split_stat(struct str line, struct stat_line *ret) {
    size_t open = str_find(line, STR(" ("), 0);
    if (open == STR_NOT_FOUND || !num_dec(str_take(line, open), &ret->os_id))
        return false;
    const char *close = memrchr(line.ptr, ')', line.len);
    size_t end = close ? (size_t)(close - line.ptr) : 0;
    if (end < open + 2)
        return false;
    ret->comm = str_take(str_drop(line, open + 2), end - open - 2);
    struct str rest = str_drop(line, end + 1);
    for (size_t i = 0; i < FIELDS_MAX; i++)
        ret->fields[i] = str_next_field(&rest);
    struct str state = ret->fields[FIELD_STATE];
    uint64_t number;
    return state.len == 1 && str_first(state) >= 'A' && str_first(state) <= 'z' &&
           num_dec(ret->fields[FIELD_UTIME], &number) &&
           num_dec(ret->fields[FIELD_STIME], &number) && num_dec(ret->fields[FIELD_START], &number);
}

static bool read_stat(struct reading *r, struct str line) {
    struct stat_line stat;
    if (!split_stat(line, &stat))
        return false;
    struct thread_times *t = select_thread(r, stat.os_id);
    if (!t)
        return true;
    uint64_t user, kernel, start;
    if (!num_dec(stat.fields[FIELD_UTIME], &user) || !num_dec(stat.fields[FIELD_STIME], &kernel) ||
        !num_dec(stat.fields[FIELD_START], &start))
        return false;
    if (!num_dec(stat.fields[FIELD_THREADS], &r->process_threads))
        r->process_threads = 0;
    r->stat_lines++;
    t->has_stat = true;
    t->state = str_first(stat.fields[FIELD_STATE]);
    t->user_ns = threads_file_ticks_ns(user);
    t->kernel_ns = threads_file_ticks_ns(kernel);
    t->start_time = threads_file_ticks_ns(start);
    t->name = arena_copy(&r->file->arena, stat.comm.ptr, stat.comm.len);
    if (!t->name)
        r->failed = !err_nomem(r->err);
    return true;
}

/* schedstat: time on the CPU and waiting for it [ns], time slices. */
static bool read_schedstat(struct reading *r, struct str line) {
    uint64_t numbers[3];
    for (size_t i = 0; i < 3; i++)
        if (!num_dec(str_next_field(&line), &numbers[i]))
            return false;
    if (str_trim(line).len || r->current == NONE)
        return false;
    r->file->threads[r->current].run_ns = numbers[0] < UINT64_MAX ? numbers[0] : UINT64_MAX - 1;
    r->file->threads[r->current].delay_ns = numbers[1];
    return true;
}

/* uptime: seconds since boot and idle seconds, both with two decimals. */
static bool read_uptime(struct reading *r, struct str line) {
    struct str up = str_next_field(&line), idle = str_next_field(&line);
    uint64_t ns, other;
    if (!str_contains(up, STR(".")) || !num_scaled(up, UINT64_C(1000000000), &ns) ||
        !num_scaled(idle, 1, &other) || str_trim(line).len)
        return false;
    r->file->uptime_ns = ns;
    return true;
}

/* "Key:\tvalue" of status; most keys say nothing that we need. */
static bool read_status(struct reading *r, struct str line) {
    size_t colon = str_find(line, STR(":"), 0);
    if (colon == STR_NOT_FOUND || colon == 0)
        return false;
    struct str key = str_take(line, colon), value = str_trim(str_drop(line, colon + 1));
    for (size_t i = 0; i < key.len; i++)
        if (!char_is_word(key.ptr[i]))
            return false;
    uint64_t number;
    if (!num_dec(value, &number))
        return true;
    if (str_eq(key, STR("Pid")))
        select_thread(r, number);
    else if (r->current != NONE && str_eq(key, STR("voluntary_ctxt_switches")))
        r->file->threads[r->current].voluntary = number;
    else if (r->current != NONE && str_eq(key, STR("nonvoluntary_ctxt_switches")))
        r->file->threads[r->current].involuntary = number;
    return true;
}

/* The thread that a path like /proc/1/task/2/stat is about. */
static bool select_by_path(struct reading *r, struct str path) {
    struct str rest;
    size_t at = str_find(path, STR("task/"), 0);
    if (at != STR_NOT_FOUND)
        rest = str_drop(path, at + 5);
    else if (str_starts(path, STR("/proc/")))
        rest = str_drop(path, 6);
    else
        return false;
    size_t digits = 0;
    while (digits < rest.len && char_is_digit(rest.ptr[digits]))
        digits++;
    uint64_t os_id;
    if (!num_dec(str_take(rest, digits), &os_id))
        return false;
    select_thread(r, os_id);
    return true;
}

static bool threads_file_read_line(struct reading *r, struct str line) {
    line = str_trim(line);
    if (line.len == 0)
        return true;
    if (str_starts(line, STR("==> ")) && str_ends(line, STR(" <=="))) {
        struct str path = str_take(str_drop(line, 4), line.len - 8);
        return select_by_path(r, path) || str_ends(path, STR("uptime"));
    }
    if (str_starts(line, STR("/proc/"))) {
        size_t colon = str_find(line, STR(":"), 0);
        if (colon == STR_NOT_FOUND)
            return false;
        if (!select_by_path(r, str_take(line, colon)) &&
            !str_ends(str_take(line, colon), STR("uptime")))
            return false;
        line = str_trim(str_drop(line, colon + 1));
    }
    return read_stat(r, line) || read_schedstat(r, line) || read_uptime(r, line) ||
           read_status(r, line);
}

/* -- The file ---------------------------------------------------------------------------------- */

/* "/proc/uptime:90250.11 170022.45", or the two numbers alone. */
static bool is_uptime(struct str line) {
    struct reading nowhere = {.file = &(struct threads_file){.uptime_ns = 0}};
    if (str_starts(line, STR("/proc/uptime:")))
        return true;
    return read_uptime(&nowhere, line);
}

bool threads_file_probe(struct bytes head) {
    struct str rest = {(const char *)head.data, head.size}, line;
    if (!str_next_line(&rest, &line))
        return false;
    if (is_uptime(line) && !str_next_line(&rest, &line))
        return false;
    if (str_starts(line, STR("==> ")))
        return str_contains(line, STR("/task/"));
    if (str_starts(line, STR("/proc/")))
        return str_contains(line, STR("/task/")) && str_contains(line, STR(":"));
    struct stat_line stat;
    return split_stat(str_trim(line), &stat);
}

bool threads_file_read(struct threads_file *f, struct str text, struct err *err) {
    *f = (struct threads_file){.uptime_ns = UINT64_MAX};
    arena_init(&f->arena);
    u64map_init(&f->by_os_id);
    struct reading r = {.file = f, .current = NONE, .err = err};
    for (struct str line; !r.failed && str_next_line(&text, &line);)
        f->bad_lines += !threads_file_read_line(&r, line);
    if (r.failed)
        return false;
    uint32_t useful = 0;
    for (uint32_t i = 0; i < f->count; i++)
        useful += f->threads[i].has_stat || f->threads[i].run_ns != UINT64_MAX ||
                  f->threads[i].voluntary != UINT64_MAX;
    if (useful == 0)
        return err_set(err, ERR_FORMAT,
                       "holds no line of /proc/PID/task/*/stat, schedstat or status");
    if (r.stat_lines == 1 && f->count == 1 && r.process_threads > 1)
        return err_set(err, ERR_FORMAT,
                       "holds one line for a process of %llu threads: take /proc/PID/task/*/stat",
                       (unsigned long long)r.process_threads);
    return true;
}

void threads_file_close(struct threads_file *f) {
    u64map_deinit(&f->by_os_id);
    arena_deinit(&f->arena);
    *f = (struct threads_file){0};
}

bool thread_times_cpu(const struct thread_times *t, uint64_t *ret_user_ns,
                      uint64_t *ret_kernel_ns) {
    if (t->run_ns == UINT64_MAX) {
        *ret_user_ns = t->user_ns;
        *ret_kernel_ns = t->kernel_ns;
        return t->has_stat;
    }
    /* The sum to the nanosecond; what of it was kernel time is known to a tick. */
    uint64_t kernel = t->has_stat ? t->kernel_ns : 0;
    if (kernel > t->run_ns)
        kernel = t->run_ns;
    *ret_kernel_ns = kernel;
    *ret_user_ns = t->run_ns - kernel;
    return true;
}

bool threads_file_apply(const struct threads_file *f, struct space *s, uint32_t *ret_matched,
                        struct err *err) {
    uint32_t matched = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct space_thread *t = &s->threads[i];
        uint32_t number = u64map_get(&f->by_os_id, t->os_id);
        if (number == STRMAP_NONE)
            continue;
        matched++;
        const struct thread_times *times = &f->threads[number];
        if (t->user_ns == UINT64_MAX && t->kernel_ns == UINT64_MAX)
            thread_times_cpu(times, &t->user_ns, &t->kernel_ns);
        if (t->start_time == UINT64_MAX)
            t->start_time = times->start_time;
        if (t->elapsed_ns == UINT64_MAX && f->uptime_ns != UINT64_MAX &&
            times->start_time <= f->uptime_ns)
            t->elapsed_ns = f->uptime_ns - times->start_time;
        if (t->switches == UINT64_MAX && times->voluntary != UINT64_MAX &&
            times->involuntary != UINT64_MAX)
            t->switches = num_add(times->voluntary, times->involuntary);
        if (t->run_delay_ns == UINT64_MAX)
            t->run_delay_ns = times->delay_ns;
        if (!t->name && times->name &&
            !(t->name = arena_copy(&s->arena, times->name, strlen(times->name))))
            return err_nomem(err);
    }
    *ret_matched = matched;
    return true;
}
