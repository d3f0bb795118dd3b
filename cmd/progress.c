#include "cmd/progress.h"

#include "base/os/os.h"
#include "base/str.h"

#include <string.h>

#define NAME_SHOWN 240

/*
 * The only state of the program outside of its structures: a signal handler cannot be handed any.
 * The name is complete before the timer is set, and not touched while it runs.
 */
static char message[NAME_SHOWN + 4];
static atomic_bool said;
static enum progress_mode mode_of;
static const struct meter *meter;
static uint64_t done_before;
static unsigned work_before;

/* -- The line, of calls that a handler may make ------------------------------------------------ */

struct line {
    char *at, *end;
};

static void line_text(struct line *l, const char *text) {
    while (*text && l->at < l->end)
        *l->at++ = *text++;
}

static void line_number(struct line *l, uint64_t n) {
    char digits[24], *p = digits + sizeof(digits) - 1;
    *p = '\0';
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    line_text(l, p);
}

/* As human_bytes(), which a handler may not call. */
static void line_bytes(struct line *l, uint64_t bytes) {
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    unsigned unit = 0;
    uint64_t tenths = 0;
    while (bytes >= 1024 && unit < 4) {
        tenths = bytes % 1024 * 10 / 1024;
        bytes /= 1024;
        unit++;
    }
    line_number(l, bytes);
    if (unit && bytes < 100) {
        line_text(l, ".");
        line_number(l, tenths);
    }
    line_text(l, units[unit]);
}

static const char *const works[METER_WORKS] = {[METER_READING] = "",
                                               [METER_UNPACKING] = "unpacking",
                                               [METER_WALKING] = "heap",
                                               [METER_HOLDERS] = "who holds what"};

static void line_json(struct line *l, const char *name, enum meter_work work, uint64_t done,
                      uint64_t total, uint64_t rate) {
    static const char *const names[METER_WORKS] = {"reading", "unpacking", "heap", "holders"};
    line_text(l, "{\"reading\":\"");
    line_text(l, name);
    line_text(l, "\",\"work\":\"");
    line_text(l, names[work]);
    line_text(l, "\",\"bytes\":");
    line_number(l, done);
    line_text(l, ",\"of\":");
    if (total)
        line_number(l, total);
    else
        line_text(l, "null");
    line_text(l, ",\"bytes_a_second\":");
    line_number(l, rate);
    line_text(l, "}\n");
}

static void line_plain(struct line *l, const char *name, enum meter_work work, uint64_t done,
                       uint64_t total, uint64_t rate) {
    line_text(l, "dumpdiff: reading ");
    line_text(l, name);
    line_text(l, *works[work] ? ": " : " ...");
    line_text(l, works[work]);
    if (!done)
        return;
    line_text(l, " ");
    line_bytes(l, done);
    if (total) {
        line_text(l, " of ");
        line_bytes(l, total);
        line_text(l, ", ");
        line_number(l, total < done               ? 100
                       : total > UINT64_MAX / 100 ? done / (total / 100)
                                                  : done * 100 / total);
        line_text(l, " %");
    }
    line_text(l, ", ");
    line_bytes(l, rate);
    line_text(l, "/s");
}

size_t progress_line(char line[PROGRESS_MAX], const char *name, enum meter_work work, uint64_t done,
                     uint64_t total, uint64_t before, enum progress_mode mode) {
    struct line l = {line, line + PROGRESS_MAX};
    uint64_t rate = done > before ? done - before : 0;
    if (work >= METER_WORKS) /* another process wrote it */
        work = METER_READING;
    (mode == PROGRESS_JSON ? line_json : line_plain)(&l, name, work, done, total, rate);
    return (size_t)(l.at - line);
}

/* -- Said each second -------------------------------------------------------------------------- */

static void progress_say(void) {
    static const char begin[] = "\r\033[K";
    char line[PROGRESS_MAX];
    uint64_t done = 0, total = 0;
    unsigned work = METER_READING;
    if (meter) {
        work = atomic_load_explicit(&meter->work, memory_order_relaxed);
        done = atomic_load_explicit(&meter->done, memory_order_relaxed);
        total = atomic_load_explicit(&meter->total, memory_order_relaxed);
    }
    if (work != work_before)
        done_before = 0;
    size_t length = progress_line(line, message, work, done, total, done_before, mode_of);
    done_before = done;
    work_before = work;
    if (said && mode_of != PROGRESS_JSON && !os_write_all(OS_STDERR, begin, sizeof(begin) - 1))
        return;
    said = os_write_all(OS_STDERR, line, length);
}

/* Of JSON what has to be escaped; the name is clean otherwise. */
static void progress_name(const char *what, enum progress_mode mode) {
    struct strbuf name;
    char *to = message, *end = message + NAME_SHOWN;
    strbuf_init(&name);
    strbuf_add_clean(&name, str_of(what));
    struct str shown = str_take(strbuf_str(&name), NAME_SHOWN / 2);
    shown.len = str_utf8_valid(shown);
    for (size_t i = 0; i < shown.len && to + 2 < end; i++) {
        if (mode == PROGRESS_JSON && (shown.ptr[i] == '"' || shown.ptr[i] == '\\'))
            *to++ = '\\';
        *to++ = shown.ptr[i];
    }
    *to = '\0';
    strbuf_deinit(&name);
}

void progress_begin(const char *what, enum progress_mode mode, const struct meter *counted) {
    if (mode == PROGRESS_NEVER || (mode == PROGRESS_AUTO && !os_is_terminal(OS_STDERR)))
        return;
    progress_end();
    progress_name(what, mode);
    mode_of = mode;
    meter = counted;
    done_before = 0;
    work_before = METER_READING;
    os_each_second(progress_say);
}

void progress_end(void) {
    static const char wipe[] = "\r\033[K";
    os_each_second(NULL);
    if (said && mode_of != PROGRESS_JSON && !os_write_all(OS_STDERR, wipe, sizeof(wipe) - 1))
        message[0] = '\0'; /* the terminal went away: nothing to wipe */
    said = false;
}
