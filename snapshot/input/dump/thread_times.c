/* Thread times of /proc, given as one of several files about a dump. */
#include "input/input.h"
#include "memory/threads_file.h"
#include "model/rows_threads.h"

static bool thread_times_add_thread(const struct threads_file *f, const struct thread_times *t,
                                    struct builder *b, struct err *err) {
    struct thread_row *row = builder_thread(b, t->os_id, ABSENT, err);
    if (!row)
        return false;
    uint64_t user, kernel;
    if (row->user_ns == ABSENT && row->kernel_ns == ABSENT && thread_times_cpu(t, &user, &kernel)) {
        row->user_ns = user;
        row->kernel_ns = kernel;
        row->cpu_recorded = ABSENT; /* to be seen once all files are read */
    }
    if (row->start_time_ns == ABSENT)
        row->start_time_ns = t->start_time;
    if (row->elapsed_ns == ABSENT && f->uptime_ns != UINT64_MAX && t->start_time <= f->uptime_ns)
        row->elapsed_ns = f->uptime_ns - t->start_time;
    if (row->switches == ABSENT && t->voluntary != UINT64_MAX && t->involuntary != UINT64_MAX)
        row->switches = t->voluntary + t->involuntary;
    if (row->run_delay_ns == ABSENT)
        row->run_delay_ns = t->delay_ns;
    if (!row->name && t->name && !(row->name = builder_string(b, str_of(t->name), err)))
        return false;
    return true;
}

static bool read_thread_times(struct source *source, struct builder *b, struct err *err) {
    struct threads_file f;
    struct str text = {(const char *)source->bytes.data, source->bytes.size};
    bool ok = threads_file_read(&f, text, err);
    for (uint32_t i = 0; ok && i < f.count; i++)
        ok = thread_times_add_thread(&f, &f.threads[i], b, err);
    if (ok && f.bad_lines)
        builder_warn(b, f.bad_lines,
                     "lines of the thread times are none of stat, schedstat or status");
    threads_file_close(&f);
    return ok;
}

const struct input input_thread_times = {
    .name = "thread-times",
    .summary = "/proc/PID/task/*/stat (and schedstat, status) taken with a dump",
    .may_give = PART_BIT(PART_THREADS),
    .probe = threads_file_probe,
    .read = read_thread_times,
};
