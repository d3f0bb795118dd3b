/* What leaves the program: reports, messages, the exit status. */
#include "base/os/os.h"
#include "cmd/put_out.h"
#include "cmd/session.h"
#include "cmd/terminal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Whatever names a message quotes (of files, threads, budgets): it stays one line of text. */
static void put_stderr(struct fit fit) {
    /* Not by stdio: that of Windows keeps it back where standard error is no console. */
    (void)!os_write_all(OS_STDERR, fit.left_by_fit.ptr, fit.left_by_fit.len);
}

void say(const char *format, ...) {
    char line[2048] = "dumpdiff: ";
    size_t prefix = strlen(line);
    struct strbuf out;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + prefix, sizeof(line) - prefix, format, arguments);
    va_end(arguments);
    strbuf_init(&out);
    put_stderr(fit_line(&out, str_of(line)));
    strbuf_deinit(&out);
}

int fail(const struct err *err) {
    if (err->offset == ERR_NO_OFFSET)
        say("%s", err->msg);
    else
        say("%s (at 0x%" PRIx64 ")", err->msg, err->offset);
    return err_exit_status(err->code);
}

/* Colour, width and alphabet are the terminal's, so only where the report goes to one. */
static void terminal_options(struct report_options *r, const struct options *o, bool on_stdout) {
    bool terminal = on_stdout && terminal_on_stdout();
    r->color =
        o->color == COLOR_ALWAYS || (o->color == COLOR_AUTO && on_stdout && terminal_color());
    r->ascii = terminal && !terminal_utf8();
    if (!r->width && terminal && terminal_width() >= 60)
        r->width = terminal_width();
}

void session_terminal(const struct options *o, struct report_options *r) {
    terminal_options(r, o, true);
}

bool session_color(const struct options *o) {
    struct report_options r = {.color = false};
    terminal_options(&r, o, true);
    return r.color;
}

static bool write_one(struct session *s, bool is_diff, const struct output *output,
                      struct err *err) {
    const struct report *report = report_find(output_format(s->options, output));
    struct report_options r = s->options->report;
    struct strbuf text;
    if (report->binary && is_stdout(output->path) && terminal_on_stdout())
        return err_set(err, ERR_USAGE, "--format %s is not for terminals: give it an -o FILE",
                       report->name);
    if (report->needs && !(report->needs & s->series.parts_any))
        return err_set(err, ERR_USAGE, "--format %s: no %sstacks are in %s", report->name,
                       report->needs & PART_BIT(PART_THREADS) ? "" : "allocation ",
                       s->count > 1 ? "these dumps" : "this dump");
    r.names = s->names;
    r.unfenced = s->unfenced;
    r.causes = s->has_causes ? &s->causes : NULL;
    r.answers = s->has_answers ? &s->answers : NULL;
    terminal_options(&r, s->options, is_stdout(output->path));
    strbuf_init(&text);
    bool ok = (is_diff ? report->diff : report->show)(&s->series, &s->findings, &r, &text, err);
    if (ok)
        ok = report->binary ? put_bytes(output->path, &text, err)
                            : put_out(output->path, &text, r.color ? FIT_COLOR : FIT_TEXT, err);
    strbuf_deinit(&text);
    return ok;
}

bool session_report(struct session *s, bool is_diff, struct err *err) {
    static const struct output text = {NULL, NULL};
    const struct output *outputs = s->options->outputs;
    uint32_t count = s->options->output_count, on_stdout = 0;
    if (count == 0)
        return write_one(s, is_diff, &text, err);
    for (uint32_t i = 0; i < count; i++)
        on_stdout += is_stdout(outputs[i].path);
    if (on_stdout > 1)
        return err_set(err, ERR_USAGE, "%u reports for standard output: give each but one an -o",
                       on_stdout);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < count; i++)
            if (is_stdout(outputs[i].path) == (pass == 1) &&
                !write_one(s, is_diff, &outputs[i], err))
                return false;
    return true;
}

bool session_has_hits(const struct session *s) {
    for (uint32_t i = 0; i < s->findings.count; i++)
        if (s->findings.items[i].status == STATUS_HIT &&
            s->findings.items[i].severity < SEVERITY_INFO)
            return true;
    return false;
}

int command_says(const struct command *command, int argc, char **argv, command_words *words) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct options o;
    struct strbuf out;
    if (!options_parse(&o, command, argc, argv, &err))
        return fail(&err);
    if (o.help)
        return print_help(command);
    strbuf_init(&out);
    int status = words(&o, &out, &err) ? print_text(&out) : fail(&err);
    strbuf_deinit(&out);
    return status;
}

int print_help(const struct command *command) {
    struct strbuf help;
    strbuf_init(&help);
    options_help(command, &help);
    int status = print_text(&help);
    strbuf_deinit(&help);
    return status;
}
