/*
 * Semaphores that nobody can enter, and the async methods that wait for it: no thread hangs, but
 * the program does.
 */
#include "diff/causes/causes_internal.h"

#include "diff/names/names.h"
#include "diff/names/path_text.h"
#include "model/known_names.h"

#include <string.h>

/* [count] of waiters that a busy program has no more of. */
#define SEMAPHORE_WAITERS_LEAST 100u

/* Waiters of the same method, of all semaphores of a dump; ABSENT: the dump does not tell. */
static uint64_t semaphore_waiters(const struct snapshot *snapshot, const char *method) {
    uint64_t sum = 0;
    SNAPSHOT_ROWS(snapshot, PART_CALLBACKS, struct callback_row, rows, count);
    if (!snapshot_has(snapshot, PART_CALLBACKS))
        return ABSENT;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].kind && strcmp(rows[i].kind, CALLBACK_SEMAPHORE) == 0 &&
            strcmp(rows[i].method ? rows[i].method : "", method) == 0)
            sum += rows[i].objects;
    return sum;
}

/* Their number does not fall from dump to dump: where it does, somebody releases. */
static bool semaphore_stands(const struct series *s, const char *method, bool *ret_grew) {
    uint64_t before = semaphore_waiters(s->snapshots[0], method);
    *ret_grew = false;
    for (uint32_t i = 1; i < s->count; i++) {
        uint64_t now = semaphore_waiters(s->snapshots[i], method);
        if (now == ABSENT || before == ABSENT || now < before)
            return false;
        *ret_grew = *ret_grew || now > before;
        before = now;
    }
    return true;
}

/* "async Shop.Desk.ServeAsync", without namespaces; what waits when that is not known. */
static const char *semaphore_method(struct findings *f, const char *method) {
    struct strbuf brief, text;
    if (!*method)
        return "async methods";
    strbuf_init(&brief);
    strbuf_init(&text);
    struct str machine = name_machine(method);
    strbuf_add(&text, machine);
    path_short_type(strbuf_cstr(&text), &brief);
    strbuf_clear(&text);
    pretty_type(strbuf_cstr(&brief), true, &text);
    findings_fail(f, &brief.err);
    strbuf_deinit(&brief);
    return findings_take(f, &text);
}

static void tell_semaphore(struct diagnosis *d, const struct callback_row *row, bool grew) {
    struct findings *f = &d->c->texts;
    struct cause *cause = cause_add(d, CAUSE_BLOCKED, grew ? SEVERITY_CRITICAL : SEVERITY_WARNING);
    if (!cause)
        return;
    const char *method = semaphore_method(f, row->method ? row->method : "");
    uint64_t before = semaphore_waiters(d->s->snapshots[0], row->method ? row->method : "");
    const char *was = d->s->count > 1 ? findings_text(f, ", %s before", say_count(f, before)) : "";
    cause->subject = CAUSE_SEMAPHORE;
    cause->summary = findings_text(
        f, "%s calls of %s wait for one SemaphoreSlim that nobody can enter (its count is 0)%s.",
        say_count(f, row->objects), method, was);
    cause->next = findings_text(
        f,
        "Find who entered the semaphore and does not release it: Release belongs into a finally "
        "behind the WaitAsync of %s; a time-out there tells who it is.",
        method);
    cause->weight = row->objects;
}

bool causes_of_semaphores(struct diagnosis *d, struct err *err) {
    SNAPSHOT_ROWS(series_new(d->s), PART_CALLBACKS, struct callback_row, rows, count);
    (void)err;
    for (uint32_t i = 0; i < count; i++) {
        bool grew = false;
        if (!rows[i].kind || strcmp(rows[i].kind, CALLBACK_SEMAPHORE) != 0 ||
            rows[i].objects < SEMAPHORE_WAITERS_LEAST ||
            !semaphore_stands(d->s, rows[i].method ? rows[i].method : "", &grew))
            continue;
        tell_semaphore(d, &rows[i], grew);
    }
    return true;
}
