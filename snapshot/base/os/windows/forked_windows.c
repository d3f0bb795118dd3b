/*
 * The system forks no processes, so the work is done in this one: a crash of a reader ends the run,
 * with a message of cmd/shrunk.h's, and what it holds is not limited. SECURITY.md says so.
 */
#include "base/forked.h"

/* Where the work writes, which knows a descriptor alone. */
static struct answer {
    struct strbuf *out;
    size_t left; /* [bytes] */
    bool stopped;
} answer;

enum forked_end forked_run(const struct forked_job *job, struct strbuf *out) {
    const struct answer before = answer; /* of a reader, which asks for workers */
    answer = (struct answer){.out = out, .left = job->output_max};
    job->work(job->context, -1);
    bool stopped = answer.stopped || strbuf_failed(out);
    answer = before;
    return stopped ? FORKED_STOPPED : FORKED_DONE;
}

/* It is done when it is waited for, by whoever has said then what is read, in case it crashes. */
void forked_begin(struct forked_task *tasks, size_t count, size_t which) {
    (void)count;
    tasks[which].runs = true;
}

enum forked_end forked_wait(struct forked_task *tasks, size_t count, size_t which) {
    struct forked_task *t = &tasks[which];
    (void)count;
    if (t->runs)
        t->end = forked_run(&t->job, t->out);
    t->runs = false;
    return t->end;
}

void forked_stop(struct forked_task *tasks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (tasks[i].runs)
            tasks[i].end = FORKED_STOPPED;
        tasks[i].runs = false;
    }
}

bool forked_ends(void) {
    return false;
}

void forked_write(int fd, struct str text) {
    (void)fd;
    answer.stopped |= text.len > answer.left;
    if (answer.stopped)
        return;
    answer.left -= text.len;
    strbuf_add(answer.out, text);
}
