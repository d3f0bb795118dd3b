#include "cmd/session.h"

#include "base/os/os.h"
#include "base/pages.h"
#include "cmd/abreast.h"
#include "cmd/confine.h"
#include "cmd/inputs.h"
#include "cmd/plan.h"
#include "cmd/progress.h"
#include "cmd/shrunk.h"
#include "model/answers.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Names ------------------------------------------------------------------------------------- */

/*
 * "logs/a.txt+logs/b.txt" -> "a.txt+b.txt", "before/" -> "before", "-" -> "standard input". With
 * `folder` the first file keeps the folder it lies in: "logs/a.txt+b.txt".
 */
static void session_short_name(struct strbuf *out, const char *argument, bool folder) {
    if (strcmp(argument, "-") == 0) {
        strbuf_adds(out, "standard input");
        return;
    }
    bool whole = os_is_there(argument); /* a '+' in the name of one file separates nothing */
    struct str rest = str_of(argument);
    for (unsigned left = folder ? 2 : 1; rest.len; left = 1) {
        size_t plus = whole ? STR_NOT_FOUND : str_find(rest, STR("+"), 0);
        struct str part = plus == STR_NOT_FOUND ? rest : str_take(rest, plus);
        rest = str_drop(rest, plus == STR_NOT_FOUND ? rest.len : plus + 1);
        while (part.len > 1 && os_is_separator(str_last(part)))
            part.len--;
        for (size_t i = part.len; i-- > 0 && part.len > 1;)
            if (os_is_separator(part.ptr[i]) && --left == 0) {
                part = str_drop(part, i + 1);
                break;
            }
        if (part.len && out->len)
            strbuf_addc(out, '+');
        strbuf_add_clean(out, part);
    }
}

static bool name_is_unique(const struct session *s, uint32_t i) {
    for (uint32_t k = 0; k < s->count; k++)
        if (k != i && str_eq(strbuf_str(&s->name_texts[i]), strbuf_str(&s->name_texts[k])))
            return false;
    return true;
}

/* The argument of a snapshot: the only one may stand for several. */
static const char *argument_of(const struct session *s, uint32_t i) {
    return s->options->arguments[s->numbers[i]];
}

/* "log.txt" -> "log.txt@3" */
static void name_moment(struct session *s, uint32_t i) {
    if (s->count + s->passed_over > s->options->argument_count && s->pid == ABSENT)
        strbuf_addf(&s->name_texts[i], "@%" PRIu64, snapshot_origin(&s->snapshots[i])->moment + 1);
}

static bool make_names(struct session *s, struct err *err) {
    bool clash = false;
    for (uint32_t i = 0; i < s->count; i++) {
        strbuf_init(&s->name_texts[i]);
        const char *label = snapshot_origin(&s->snapshots[i])->label;
        if (label && *label)
            strbuf_add_clean(&s->name_texts[i], str_of(label));
        else if (s->pid != ABSENT)
            strbuf_addf(&s->name_texts[i], "process %" PRIu64, s->pid);
        else
            session_short_name(&s->name_texts[i], argument_of(s, i), false);
        name_moment(s, i);
    }
    /* before/log.txt and after/log.txt: without folders both are log.txt. */
    for (uint32_t i = 0; i < s->count && !clash && s->pid == ABSENT; i++)
        clash = !name_is_unique(s, i);
    for (uint32_t i = 0; i < s->count && clash; i++) {
        strbuf_clear(&s->name_texts[i]);
        session_short_name(&s->name_texts[i], argument_of(s, i), true);
        name_moment(s, i);
    }
    for (uint32_t i = s->count; i-- > 1;)
        if (!name_is_unique(s, i))
            strbuf_addf(&s->name_texts[i], " (%u)", i + 1);
    for (uint32_t i = 0; i < s->count; i++) {
        s->names[i] = strbuf_cstr(&s->name_texts[i]);
        if (!strbuf_ok(&s->name_texts[i], err))
            return false;
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
        bool ok =
            strbuf_ok(&key, err) && limits_set(&s->limits, strbuf_cstr(&key), equals + 1, err);
        strbuf_deinit(&key);
        if (!ok)
            return err->code == ERR_USAGE ? err_prefix(err, "--limit") : false;
    }
    return true;
}

static bool session_allocate(struct session *s, uint32_t count, struct err *err) {
    s->snapshots = calloc(count, sizeof(*s->snapshots));
    s->pointers = calloc(count, sizeof(*s->pointers));
    s->names = calloc(count, sizeof(*s->names));
    s->name_texts = calloc(count, sizeof(*s->name_texts));
    s->numbers = calloc(count, sizeof(*s->numbers));
    return (s->snapshots && s->pointers && s->names && s->name_texts && s->numbers) ||
           err_nomem(err);
}

static bool check_counts(const struct options *o, struct err *err) {
    uint32_t dumps = o->argument_count + (o->pid != ABSENT);
    if (o->label_count > dumps)
        return err_set(err, ERR_USAGE, "--label: %u labels for %u dumps", o->label_count, dumps);
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

static bool session_begin(struct session *s, const struct options *o, uint32_t count,
                          struct err *err) {
    *s = (struct session){.options = o, .pid = o->pid};
    answers_init(&s->answers, &o->question);
    s->has_answers = question_any(&o->question);
    if (!check_counts(o, err) || !read_limits(s, err) || !session_allocate(s, count, err))
        return false;
    if (!plan_check(o, NULL, err))
        return false;
    if (o->command != COMMAND_HISTORY) /* which has done so, with its file */
        s->unfenced = confine(o, NULL, -1);
    return true;
}

/* How a dump is read: the number-th argument (moment 0: its last), or the process. */
static struct input_options session_input(struct session *s, uint32_t number, uint64_t moment) {
    const struct options *o = s->options;
    return (struct input_options){
        .symbols = o->symbols,
        .sysroot = o->sysroot,
        .threads_file = number < o->threads_file_count ? o->threads_files[number] : NULL,
        .label = number < o->label_count ? o->labels[number] : NULL,
        .no_paths = o->no_paths,
        .max_memory = o->max_memory ? o->max_memory : pages_available() / 2,
        .places = o->command != COMMAND_SHOW,
        .moment = moment,
        .stop_max_ns = o->stop_max_ns,
        .contents = o->question.contents && !s->has_answers,
        .answers = s->has_answers ? &s->answers : NULL,
    };
}

/* Room for the next snapshot, which is of that argument. */
static struct snapshot *next_snapshot(struct session *s, uint32_t number) {
    uint32_t i = s->count++;
    s->numbers[i] = number;
    snapshot_init(&s->snapshots[i]);
    s->pointers[i] = &s->snapshots[i];
    return &s->snapshots[i];
}

static bool session_read_process(struct session *s, struct err *err) {
    const struct input_options input = session_input(s, 0, 0);
    struct snapshot *snapshot = next_snapshot(s, 0);
    struct apart process = {.pid = s->pid};
    return apart_read(&process, &input, snapshot, err) ||
           err_prefix(err, "process %" PRIu64, s->pid);
}

/*
 * A folder of dumps has notes and scripts in it, too. What some input would take but cannot read is
 * a dump, and an error: it may be the very one that matters.
 */
static bool pass_argument_over(struct session *s, bool no_kind, struct err *err) {
    if (!s->options->series || (err->code != ERR_FORMAT && err->code != ERR_UNSUPPORTED) ||
        !no_kind)
        return false;
    say("note: passed over: %s", err->msg);
    snapshot_deinit(&s->snapshots[--s->count]);
    s->passed_over++;
    *err = (struct err){.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    return true;
}

/* Arguments or moments that are read side by side. */
struct session_reading {
    struct abreast abreast;
    struct abreast_one *ones;
    struct strbuf *paths; /* without the moments that are named */
    uint32_t *numbers;    /* of their arguments */
};

/* One of them, of that argument; moment 0: the last, or the one that is named. */
static bool plan_reading(struct session *s, struct session_reading *r, uint32_t i, uint32_t number,
                         uint64_t moment, struct err *err) {
    struct str path;
    uint64_t named = inputs_moment(s->options->arguments[number], &path);
    strbuf_add(&r->paths[i], path);
    r->numbers[i] = number;
    r->ones[i].options = session_input(s, number, named ? named : moment);
    r->ones[i].apart =
        (struct apart){.argument = strbuf_cstr(&r->paths[i]), .series = s->options->series != NULL};
    return strbuf_ok(&r->paths[i], err);
}

static bool take_reading(struct session *s, struct session_reading *r, uint32_t i,
                         struct err *err) {
    const char *argument = s->options->arguments[r->numbers[i]];
    struct snapshot *snapshot = next_snapshot(s, r->numbers[i]);
    abreast_begin(&r->abreast, i);
    progress_begin(argument, s->options->progress, r->ones[i].meter);
    shrunk_reading(argument);
    bool ok = abreast_take(&r->abreast, i, snapshot, err);
    shrunk_reading(NULL);
    progress_end();
    return ok || pass_argument_over(s, r->ones[i].apart.of_no_kind, err);
}

static void free_reading(struct session_reading *r, uint32_t count) {
    for (uint32_t i = 0; r->paths && i < count; i++)
        strbuf_deinit(&r->paths[i]);
    free(r->ones);
    free(r->paths);
    free(r->numbers);
}

/* Each argument, or (moments 1 or more) of the only one so many moments out of those. */
static bool read_abreast(struct session *s, uint32_t count, uint64_t moments, struct err *err) {
    struct session_reading r = {.ones = calloc(count, sizeof(*r.ones)),
                                .paths = calloc(count, sizeof(*r.paths)),
                                .numbers = calloc(count, sizeof(*r.numbers))};
    bool ok = (r.ones && r.paths && r.numbers) || err_nomem(err);
    for (uint32_t i = 0; ok && i < count; i++) {
        strbuf_init(&r.paths[i]);
        ok = plan_reading(s, &r, i, moments ? 0 : i,
                          moments ? 1 + i * (moments - 1) / (count - 1) : 0, err);
    }
    if (ok) {
        abreast_init(&r.abreast, r.ones, count, session_input(s, 0, 0).max_memory, 0);
        for (uint32_t i = 0; ok && i < count; i++)
            ok = take_reading(s, &r, i, err);
        abreast_deinit(&r.abreast);
    }
    free_reading(&r, count);
    return ok;
}

static bool session_read_all(struct session *s, const struct options *o, struct err *err) {
    uint32_t count = o->pid == ABSENT ? o->argument_count : 1;
    if (!session_begin(s, o, count, err) ||
        !(o->pid == ABSENT ? read_abreast(s, count, 0, err) : session_read_process(s, err)))
        return false;
    if (s->count == 0)
        return err_set(err, ERR_FORMAT, "%s: no file of the folder is a dump", o->series);
    return !s->has_answers || answers_from_snapshot(&s->answers, &s->snapshots[0], err);
}

bool session_read(struct session *s, const struct options *o, struct err *err) {
    return session_read_all(s, o, err) && make_names(s, err);
}

static void free_snapshots(struct session *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        snapshot_deinit(&s->snapshots[i]);
        strbuf_deinit(&s->name_texts[i]);
    }
    s->count = 0;
    free(s->snapshots);
    free(s->pointers);
    free(s->names);
    free(s->name_texts);
    free(s->numbers);
}

/* The only argument once more, moment by moment. */
static bool read_moments(struct session *s, uint64_t moments, struct err *err) {
    const char *argument = s->options->arguments[0];
    uint32_t count = moments < MOMENTS_MAX ? (uint32_t)moments : MOMENTS_MAX;
    if (strcmp(argument, "-") == 0)
        return err_set(err, ERR_USAGE,
                       "standard input tells of several moments: give it as a file, which can be "
                       "read for each");
    if (count < moments)
        say("%s: tells of %" PRIu64 " moments: %u, evenly spaced, are compared", argument, moments,
            count);
    free_snapshots(s);
    return session_allocate(s, count, err) && read_abreast(s, count, moments, err);
}

bool session_read_series(struct session *s, const struct options *o, struct err *err) {
    struct str path;
    if (!session_read_all(s, o, err))
        return false;
    uint64_t moments = snapshot_origin(&s->snapshots[0])->moments;
    if (o->argument_count == 1 && o->pid == ABSENT && moments != ABSENT && moments > 1 &&
        !inputs_moment(o->arguments[0], &path) && !read_moments(s, moments, err))
        return false;
    return make_names(s, err);
}

bool session_watch(struct session *s, const struct options *o, session_pause *pause,
                   struct err *err) {
    if (!session_begin(s, o, o->watch_count, err))
        return false;
    while (s->count < o->watch_count) {
        if (s->count && !pause(o->watch_every_ns))
            break;
        if (session_read_process(s, err))
            continue;
        /* A process that ended has said what it had to say, if it was seen twice. */
        snapshot_deinit(&s->snapshots[--s->count]);
        if (s->count < 2)
            return false;
        err->code = ERR_NONE;
        break;
    }
    if (s->count < 2)
        return err_set(err, ERR_INCONCLUSIVE, "stopped after %u snapshot%s: nothing to compare",
                       s->count, s->count == 1 ? "" : "s");
    return make_names(s, err);
}

void session_deinit(struct session *s) {
    if (s->has_series) {
        if (s->has_causes)
            causes_deinit(&s->causes);
        findings_deinit(&s->findings);
        series_deinit(&s->series);
    }
    if (s->has_answers)
        answers_deinit(&s->answers);
    free_snapshots(s);
    *s = (struct session){.count = 0};
}

/*
 * Orders the snapshots by when they were taken; where one does not say, they stay as their names
 * are. That is said: it is a guess.
 */
static void session_sort(struct session *s) {
    for (uint32_t i = 0; i < s->count; i++)
        if (snapshot_origin(s->pointers[i])->captured_at_ns == ABSENT) {
            say("note: %s does not say when it was taken: the %u dumps are in the "
                "order of their names",
                s->names[i], s->count);
            return;
        }
    /* A thousand at most, and nearly always in order. */
    for (uint32_t i = 1; i < s->count; i++) {
        const struct snapshot *snapshot = s->pointers[i];
        const char *name = s->names[i];
        uint64_t taken = snapshot_origin(snapshot)->captured_at_ns;
        uint32_t at = i;
        for (; at > 0 && snapshot_origin(s->pointers[at - 1])->captured_at_ns > taken; at--) {
            s->pointers[at] = s->pointers[at - 1];
            s->names[at] = s->names[at - 1];
        }
        s->pointers[at] = snapshot;
        s->names[at] = name;
    }
}

static bool session_line_up(struct session *s, struct err *err) {
    struct series_options so;
    series_options_init(&so);
    so.exact_names = s->options->exact_names;
    so.full_paths = s->options->report.full_paths;
    so.per = s->options->report.per;
    limits_apply(&s->limits, &so);
    if (s->options->series)
        session_sort(s);
    so.new_file = s->count ? s->names[s->count - 1] : NULL;
    if (!series_init(&s->series, s->pointers, s->count, &so, err))
        return false;
    findings_init(&s->findings);
    s->has_series = true;
    return true;
}

static bool session_find_causes(struct session *s, struct err *err) {
    if (!rules_run(&s->series, &s->limits, &s->findings, err))
        return false;
    s->has_causes = true;
    return causes_find(&s->causes, &s->series, &s->limits, &s->findings, err);
}

bool session_explain(struct session *s, bool causes, struct err *err) {
    return session_line_up(s, err) && (!causes || session_find_causes(s, err));
}

bool session_judge(struct session *s, struct err *err) {
    if (!session_line_up(s, err))
        return false;
    if (s->series.not_comparable && !s->options->force)
        return err_set(err, ERR_INCONCLUSIVE, "cannot be compared: %s (--force compares anyway)",
                       s->series.not_comparable);
    return session_find_causes(s, err);
}
