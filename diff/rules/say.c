/* Figures in sentences, and other small things that rules share. */
#include "diff/rules/rules.h"

#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <stdio.h>
#include <string.h>

const char *say_bytes(struct findings *f, uint64_t bytes) {
    char text[HUMAN_MAX];
    return findings_text(f, "%s", human_bytes(bytes, text));
}

const char *say_count(struct findings *f, uint64_t count) {
    char text[HUMAN_MAX];
    return findings_text(f, "%s", human_count(count, text));
}

const char *say_delta(struct findings *f, int64_t bytes) {
    char text[HUMAN_MAX];
    uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
    return findings_text(f, "%c%s", bytes < 0 ? '-' : '+', human_bytes(size, text));
}

const char *say_seconds(struct findings *f, uint64_t ns) {
    uint64_t ms = ns / 1000000;
    if (ms >= 100000)
        return findings_text(f, "%s s", say_count(f, ms / 1000));
    return findings_text(f, "%u.%03u s", (unsigned)(ms / 1000), (unsigned)(ms % 1000));
}

const char *say_thread(struct findings *f, const struct series *s,
                       const struct series_thread *thread) {
    struct strbuf label;
    strbuf_init(&label);
    strbuf_adds(&label, "thread ");
    series_thread_label(s, thread, &label);
    return findings_take(f, &label);
}

uint64_t rule_max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

uint64_t rule_percent(uint64_t value, double percent) {
    return value == ABSENT ? 0 : (uint64_t)((double)value * percent / 100.0);
}

/* Raw dumps, and what was kept of them, answer questions; what a debugger printed does not. */
static bool may_be_asked(const struct snapshot *snapshot) {
    static const char *const formats[] = {"elf-core", "minidump", "live"};
    const char *format = snapshot_origin(snapshot)->format;
    for (size_t i = 0; format && i < sizeof(formats) / sizeof(*formats); i++)
        if (strcmp(format, formats[i]) == 0)
            return true;
    return false;
}

const char *say_command(struct findings *f, const struct series *s, const char *ask,
                        const char *what) {
    const char *file = s->options.new_file;
    if (!may_be_asked(series_new(s)))
        return NULL;
    /* What would end the quotes is left to whoever types it. */
    const char *quoted = what && !strchr(what, '\'') ? findings_text(f, " '%s'", what) : "";
    if (what && !*quoted)
        return NULL;
    return findings_text(f, "`dumpdiff show %s%s %s`", ask, quoted,
                         file && !strpbrk(file, "'`\"$ ") ? file : "DUMP");
}

const char *say_advice(struct findings *f, const struct series *s, enum advice advice,
                       const char *what) {
    const char *text = runtime_advice(snapshot_origin(series_new(s))->runtime, advice);
    const char *command = advice == ADVICE_STACK || advice == ADVICE_EXCEPTION
                              ? say_command(f, s, "--all", NULL)
                              : NULL;
    if (command)
        return advice == ADVICE_STACK
                   ? findings_text(f, "Look at its stack, which %s lists.", command)
                   : findings_text(f,
                                   "Look at the stack of such a thread, which %s lists; the "
                                   "exception may have been handled.",
                                   command);
    bool holders = advice == ADVICE_HOLDERS || advice == ADVICE_HOLDERS_OF_SOME;
    const char *path = holders && what ? say_command(f, s, "--path", what) : NULL;
    if (path)
        return findings_text(f, "See what holds them: %s", path);
    const char *place = what ? strstr(text, "%s") : NULL;
    if (!place)
        return text;
    return findings_text(f, "%.*s%s%s", (int)(place - text), text, what, place + 2);
}
