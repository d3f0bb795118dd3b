#include "cmd/session.h"

#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int fail(const struct err *err) {
    if (err->offset == ERR_NO_OFFSET)
        fprintf(stderr, "dumpdiff: %s\n", err->msg);
    else
        fprintf(stderr, "dumpdiff: %s (at 0x%" PRIx64 ")\n", err->msg, err->offset);
    return err_exit_status(err->code);
}

/* Whoever reads our output may stop reading (`| head`): that is not our failure. */
static bool write_stdout(struct str text, struct err *err) {
    while (text.len) {
        ssize_t n = write(STDOUT_FILENO, text.ptr, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE)
            return true;
        if (n < 0)
            return err_set(err, ERR_SYSTEM, "standard output: cannot write: %s", strerror(errno));
        text = str_drop(text, (size_t)n);
    }
    return true;
}

int print_text(const struct strbuf *text) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    if (text->failed)
        err_nomem(&err);
    else if (write_stdout(strbuf_str(text), &err))
        return 0;
    return fail(&err);
}

/* -- Names ------------------------------------------------------------------------------------- */

/*
 * "logs/a.txt+logs/b.txt" -> "a.txt+b.txt", "before/" -> "before", "-" -> "standard input". With
 * `folder` the first file keeps the folder it lies in: "logs/a.txt+b.txt".
 */
static void short_name(struct strbuf *out, const char *argument, bool folder) {
    if (strcmp(argument, "-") == 0) {
        strbuf_adds(out, "standard input");
        return;
    }
    struct stat st;
    bool whole = stat(argument, &st) == 0; /* a '+' in the name of one file separates nothing */
    struct str rest = str_of(argument);
    for (unsigned left = folder ? 2 : 1; rest.len; left = 1) {
        size_t plus = whole ? STR_NOT_FOUND : str_find(rest, STR("+"), 0);
        struct str part = plus == STR_NOT_FOUND ? rest : str_take(rest, plus);
        rest = str_drop(rest, plus == STR_NOT_FOUND ? rest.len : plus + 1);
        while (part.len > 1 && part.ptr[part.len - 1] == '/')
            part.len--;
        for (size_t i = part.len; i-- > 0 && part.len > 1;)
            if (part.ptr[i] == '/' && --left == 0) {
                part = str_drop(part, i + 1);
                break;
            }
        if (part.len && out->len)
            strbuf_addc(out, '+');
        strbuf_add(out, part);
    }
}

static bool name_is_unique(const struct session *s, uint32_t i) {
    for (uint32_t k = 0; k < s->count; k++)
        if (k != i && str_eq(strbuf_str(&s->name_texts[i]), strbuf_str(&s->name_texts[k])))
            return false;
    return true;
}

static bool make_names(struct session *s, struct err *err) {
    bool clash = false;
    for (uint32_t i = 0; i < s->count; i++) {
        strbuf_init(&s->name_texts[i]);
        const char *label = snapshot_origin(&s->snapshots[i])->label;
        if (label && *label)
            strbuf_adds(&s->name_texts[i], label);
        else
            short_name(&s->name_texts[i], s->options->arguments[i], false);
    }
    /* before/log.txt and after/log.txt: without folders both are log.txt. */
    for (uint32_t i = 0; i < s->count && !clash; i++)
        clash = !name_is_unique(s, i);
    for (uint32_t i = 0; i < s->count && clash; i++) {
        strbuf_clear(&s->name_texts[i]);
        short_name(&s->name_texts[i], s->options->arguments[i], true);
    }
    for (uint32_t i = s->count; i-- > 1;)
        if (!name_is_unique(s, i))
            strbuf_addf(&s->name_texts[i], " (%u)", i + 1);
    for (uint32_t i = 0; i < s->count; i++) {
        s->names[i] = strbuf_cstr(&s->name_texts[i]);
        if (s->name_texts[i].failed)
            return err_nomem(err);
    }
    return true;
}

/* -- Reading ----------------------------------------------------------------------------------- */

static bool read_limits(struct session *s, struct err *err) {
    const struct options *o = s->options;
    limits_init(&s->limits);
    if (o->config && !config_read(o->config, &s->limits, err))
        return false;
    for (uint32_t i = 0; i < o->limit_count; i++) {
        struct strbuf key;
        strbuf_init(&key);
        const char *equals = strchr(o->limits[i], '=');
        strbuf_add(&key, (struct str){o->limits[i], (size_t)(equals - o->limits[i])});
        bool ok = key.failed ? err_nomem(err)
                             : limits_set(&s->limits, strbuf_cstr(&key), equals + 1, err);
        strbuf_deinit(&key);
        if (!ok)
            return err->code == ERR_USAGE ? err_prefix(err, "--limit") : false;
    }
    return true;
}

static bool allocate(struct session *s, uint32_t count, struct err *err) {
    s->snapshots = calloc(count, sizeof(*s->snapshots));
    s->pointers = calloc(count, sizeof(*s->pointers));
    s->names = calloc(count, sizeof(*s->names));
    s->name_texts = calloc(count, sizeof(*s->name_texts));
    return (s->snapshots && s->pointers && s->names && s->name_texts) || err_nomem(err);
}

static bool check_counts(const struct options *o, struct err *err) {
    if (o->label_count > o->argument_count)
        return err_set(err, ERR_USAGE, "--label: %u labels for %u dumps", o->label_count,
                       o->argument_count);
    if (o->threads_file_count && o->threads_file_count != o->argument_count)
        return err_set(err, ERR_USAGE, "--threads: %u files for %u dumps: one each is wanted",
                       o->threads_file_count, o->argument_count);
    uint32_t from_stdin = 0;
    for (uint32_t i = 0; i < o->argument_count; i++)
        from_stdin += strcmp(o->arguments[i], "-") == 0;
    if (from_stdin > 1)
        return err_set(err, ERR_USAGE, "only one dump can come from standard input");
    return true;
}

bool session_read(struct session *s, const struct options *o, struct err *err) {
    *s = (struct session){.options = o};
    if (!check_counts(o, err) || !read_limits(s, err) || !allocate(s, o->argument_count, err))
        return false;
    for (uint32_t i = 0; i < o->output_count; i++)
        if (o->outputs[i].path && !session_check_output(o, o->outputs[i].path, err))
            return false;
    for (uint32_t i = 0; i < o->argument_count; i++) {
        struct input_options input = {
            .symbols = o->symbols,
            .sysroot = o->sysroot,
            .threads_file = i < o->threads_file_count ? o->threads_files[i] : NULL,
            .label = i < o->label_count ? o->labels[i] : NULL,
            .no_paths = o->no_paths,
        };
        snapshot_init(&s->snapshots[i]);
        s->pointers[i] = &s->snapshots[i];
        s->count = i + 1;
        if (!input_read(o->arguments[i], &input, &s->snapshots[i], err))
            return false;
    }
    return make_names(s, err);
}

void session_deinit(struct session *s) {
    if (s->has_series) {
        findings_deinit(&s->findings);
        series_deinit(&s->series);
    }
    for (uint32_t i = 0; i < s->count; i++) {
        snapshot_deinit(&s->snapshots[i]);
        strbuf_deinit(&s->name_texts[i]);
    }
    free(s->snapshots);
    free(s->pointers);
    free(s->names);
    free(s->name_texts);
    *s = (struct session){.count = 0};
}

bool session_judge(struct session *s, struct err *err) {
    struct series_options so;
    series_options_init(&so);
    so.exact_names = s->options->exact_names;
    limits_apply(&s->limits, &so);
    if (!series_init(&s->series, s->pointers, s->count, &so, err))
        return false;
    findings_init(&s->findings);
    s->has_series = true;
    if (s->series.not_comparable && !s->options->force)
        return err_set(err, ERR_INCONCLUSIVE, "cannot be compared: %s (--force compares anyway)",
                       s->series.not_comparable);
    return rules_run(&s->series, &s->limits, &s->findings, err);
}

/* -- Writing ----------------------------------------------------------------------------------- */

static bool same_file(const struct stat *a, const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == a->st_dev && st.st_ino == a->st_ino;
}

/* Is the file one of those that an argument stands for? */
static bool is_input(const struct stat *out, const char *out_path, const char *argument) {
    struct stat st;
    if (strcmp(argument, "-") == 0)
        return false;
    if (stat(argument, &st) == 0 && !S_ISDIR(st.st_mode))
        return same_file(out, argument);
    char folder[PATH_MAX];
    const char *slash = strrchr(out_path, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - out_path) : 1,
             slash ? out_path : ".");
    if (stat(argument, &st) == 0)
        return same_file(&st, *folder ? folder : "/");
    for (const char *rest = argument; *rest;) {
        char part[PATH_MAX];
        size_t length = strcspn(rest, "+");
        snprintf(part, sizeof(part), "%.*s", length < PATH_MAX ? (int)length : PATH_MAX - 1, rest);
        if (same_file(out, part))
            return true;
        rest += length + (rest[length] == '+');
    }
    return false;
}

bool session_check_output(const struct options *o, const char *path, struct err *err) {
    struct stat st;
    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return true;
    for (uint32_t i = 0; i < o->argument_count; i++)
        if (is_input(&st, path, o->arguments[i]))
            return err_set(err, ERR_USAGE, "%s: is an input and will not be overwritten", path);
    return true;
}

static const char *format_of(const struct output *output) {
    static const struct {
        const char *ending, *format;
    } endings[] = {{".json", "json"}, {".md", "markdown"}, {".markdown", "markdown"},
                   {".csv", "csv"},   {".html", "html"},   {".htm", "html"},
                   {".txt", "text"}};
    if (output->format)
        return output->format;
    for (size_t i = 0; output->path && i < sizeof(endings) / sizeof(*endings); i++)
        if (str_ends(str_of(output->path), str_of(endings[i].ending)))
            return endings[i].format;
    return "text";
}

static bool to_stdout(const struct output *output) {
    return !output->path || strcmp(output->path, "-") == 0;
}

/* Colour and width are the terminal's, so only where the report goes to one. */
static void terminal_options(struct report_options *r, const struct options *o, bool on_stdout) {
    struct winsize size;
    const char *no_color = getenv("NO_COLOR");
    bool terminal = on_stdout && isatty(STDOUT_FILENO);
    if (o->color == COLOR_ALWAYS)
        r->color = true;
    else if (o->color == COLOR_AUTO)
        r->color = terminal && !(no_color && *no_color);
    if (!r->width && terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60)
        r->width = size.ws_col;
}

static bool write_one(struct session *s, bool is_diff, const struct output *output,
                      struct err *err) {
    const struct report *report = report_find(format_of(output));
    struct report_options r = s->options->report;
    struct strbuf text;
    r.names = s->names;
    terminal_options(&r, s->options, to_stdout(output));
    strbuf_init(&text);
    bool ok = (is_diff ? report->diff : report->show)(&s->series, &s->findings, &r, &text, err);
    if (ok && to_stdout(output))
        ok = write_stdout(strbuf_str(&text), err);
    else if (ok)
        ok =
            file_write(output->path, strbuf_str(&text), err) || err_prefix(err, "%s", output->path);
    strbuf_deinit(&text);
    return ok;
}

bool session_report(struct session *s, bool is_diff, struct err *err) {
    static const struct output text = {NULL, NULL};
    const struct output *outputs = s->options->outputs;
    uint32_t count = s->options->output_count, on_stdout = 0;
    if (count == 0)
        return write_one(s, is_diff, &text, err);
    for (uint32_t i = 0; i < count; i++) {
        on_stdout += to_stdout(&outputs[i]);
        for (uint32_t k = 0; k < i; k++)
            if (!to_stdout(&outputs[i]) && !to_stdout(&outputs[k]) &&
                strcmp(outputs[i].path, outputs[k].path) == 0)
                return err_set(err, ERR_USAGE, "%s: two reports for one file", outputs[i].path);
    }
    if (on_stdout > 1)
        return err_set(err, ERR_USAGE, "%u reports for standard output: give each but one an -o",
                       on_stdout);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < count; i++)
            if (to_stdout(&outputs[i]) == (pass == 1) && !write_one(s, is_diff, &outputs[i], err))
                return false;
    return true;
}
