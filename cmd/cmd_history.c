/* `dumpdiff history`: snapshots across releases in one file. */
#include "cmd/history_cmd.h"

#include "base/num.h"
#include "cmd/confine.h"
#include "cmd/plan.h"
#include "cmd/put_out.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct command command_history;

#define DEFAULT_DB "dumpdiff-history.db"
#define TOP_ROWS   20u

bool history_choose(struct run *r, const char *release, struct err *err) {
    const struct history_filter filter = {.program = r->o->program,
                                          .release = release,
                                          .environment = r->o->environment,
                                          .instance = r->o->instance,
                                          .since_ns = r->o->since_ns};
    return history_entries(&r->h, &filter, &r->entries, &r->count, err);
}

bool history_one_program(const struct run *r, struct err *err) {
    for (uint32_t i = 1; i < r->count; i++)
        if (strcmp(r->entries[i].key.program, r->entries[0].key.program) != 0)
            return err_set(err, ERR_USAGE,
                           "there are several programs, %s and %s: choose by "
                           "--program",
                           r->entries[0].key.program, r->entries[i].key.program);
    return r->count || err_set(err, ERR_USAGE, "there is no such snapshot in the history");
}

/* -- Writing ----------------------------------------------------------------------------------- */

static bool format_of(const struct options *o, bool lines, enum sheet_format *ret_format,
                      struct err *err) {
    return options_sheet_format(o, &command_history, lines, ret_format, err);
}

bool history_print(struct run *r, const struct sheet *s, const char *title, struct err *err) {
    enum sheet_format format;
    return format_of(r->o, false, &format, err) &&
           sheet_write(s, format, title, &r->o->report, &r->out, err);
}

/* -- The database ------------------------------------------------------------------------------ */

static const char *cmd_history_db(const struct options *o) {
    const char *given = o->db ? o->db : getenv("DUMPDIFF_DB");
    return given && *given ? given : DEFAULT_DB;
}

bool history_open_for(struct run *r, enum history_mode mode, struct err *err) {
    return history_open(&r->h, cmd_history_db(r->o), mode, err); /* of watch, too */
}

/* -- list and show ----------------------------------------------------------------------------- */

/* The first columns of rows that are about one snapshot. */
static void fill_entry(struct sheet_cell *cells, const struct history_entry *entry) {
    cells[0].number = entry->id;
    cells[1].text = entry->key.program;
    cells[2].text = name_or_null(entry->key.release);
    cells[3].text = name_or_null(entry->key.environment);
    cells[4].text = name_or_null(entry->key.instance);
    cells[5].text = entry->label;
    cells[6].number = entry->captured_at_ns;
}

static bool cmd_history_list(struct run *r, struct err *err) {
    static const struct sheet_column columns[] = {
        {"id", "number", SHEET_COUNT},        {"program", "program", SHEET_TEXT},
        {"release", "release", SHEET_TEXT},   {"environment", "environment", SHEET_TEXT},
        {"instance", "instance", SHEET_TEXT}, {"label", "label", SHEET_TEXT},
        {"captured_at", "taken", SHEET_TIME}, {"trust", "trust", SHEET_TEXT},
        {"objects", "objects", SHEET_COUNT},  {"heap_bytes", "heap", SHEET_BYTES},
        {"runtime", "runtime", SHEET_TEXT}};
    struct sheet s;
    if (!history_choose(r, r->o->release, err))
        return false;
    sheet_init(&s, columns, 11);
    for (uint32_t i = 0; i < r->count; i++) {
        const struct history_entry *e = &r->entries[i];
        struct sheet_cell *cells = sheet_row(&s);
        if (!cells)
            break;
        fill_entry(cells, e);
        cells[7].text = trust_names[e->trust <= TRUST_UNUSABLE ? e->trust : TRUST_UNUSABLE];
        cells[8].number = e->objects;
        cells[9].number = e->bytes;
        cells[10].text = e->runtime;
    }
    bool ok = history_print(r, &s, NULL, err);
    sheet_deinit(&s);
    return ok;
}

static bool show_row(void *context, const struct history_values *v, struct err *err) {
    struct sheet *s = context;
    (void)err;
    if (v->kind != HISTORY_TYPE || v->columns[HISTORY_BYTES][0] == 0 ||
        v->columns[HISTORY_BYTES][0] == ABSENT)
        return true;
    struct sheet_cell *cells = sheet_row(s);
    if (cells) {
        cells[0].number = v->columns[HISTORY_OBJECTS][0];
        cells[1].number = v->columns[HISTORY_BYTES][0];
        cells[2].number = v->columns[HISTORY_LIVE_OBJECTS][0];
        cells[3].number = v->columns[HISTORY_LIVE_BYTES][0];
        cells[4].text = sheet_copy(s, v->name);
    }
    return true;
}

static int cmp_bytes(const void *x, const void *y) {
    const struct sheet_cell *a = x, *b = y;
    if (a[1].number != b[1].number)
        return a[1].number > b[1].number ? -1 : 1;
    return strcmp(a[4].text, b[4].text);
}

uint32_t history_top(const struct run *r) {
    const struct options *o = r->o;
    enum sheet_format format;
    struct err ignored = {.msg = ""}; /* an unknown format is refused where it is written */
    if (!format_of(o, false, &format, &ignored))
        return TOP_ROWS;
    if (o->report.all || (o->report.top == TOP_DEFAULT && format != SHEET_AS_TEXT))
        return TOP_ALL;
    return o->report.top == TOP_DEFAULT ? TOP_ROWS : o->report.top;
}

void history_cut(const struct run *r, struct sheet *s) {
    uint32_t top = history_top(r);
    if (s->row_count > top) {
        s->others = s->row_count - top;
        s->row_count = top;
    }
}

static bool cmd_history_show(struct run *r, struct err *err) {
    static const struct sheet_column columns[] = {{"objects", "objects", SHEET_COUNT},
                                                  {"bytes", "bytes", SHEET_BYTES},
                                                  {"live_objects", "live", SHEET_COUNT},
                                                  {"live_bytes", "live bytes", SHEET_BYTES},
                                                  {"name", "type", SHEET_TEXT}};
    uint64_t id;
    struct sheet s;
    if (r->o->argument_count != 1 || !num_dec(str_of(r->o->arguments[0]), &id))
        return err_set(err, ERR_USAGE,
                       "history show wants the number of a snapshot (`dumpdiff "
                       "history list`)");
    if (!history_choose(r, r->o->release, err))
        return false;
    uint32_t at = 0;
    while (at < r->count && r->entries[at].id != id)
        at++;
    if (at == r->count)
        return err_set(err, ERR_USAGE, "no snapshot has the number %llu", (unsigned long long)id);
    sheet_init(&s, columns, 5);
    bool ok = history_each(&r->h, &r->entries[at], 1, show_row, &s, err);
    if (ok && s.row_count)
        qsort(s.cells, s.row_count, 5 * sizeof(*s.cells), cmp_bytes);
    history_cut(r, &s);
    ok = ok && history_print(r, &s, NULL, err);
    sheet_deinit(&s);
    return ok;
}

/* -- export ------------------------------------------------------------------------------------ */

struct exporter {
    struct run *r;
    enum sheet_format format;
    bool begun;
};

static const struct sheet_column export_columns[] = {
    {"snapshot", "number", SHEET_COUNT},   {"program", "program", SHEET_TEXT},
    {"release", "release", SHEET_TEXT},    {"environment", "environment", SHEET_TEXT},
    {"instance", "instance", SHEET_TEXT},  {"label", "label", SHEET_TEXT},
    {"captured_at", "taken", SHEET_TIME},  {"kind", "kind", SHEET_TEXT},
    {"name", "name", SHEET_TEXT},          {"objects", "objects", SHEET_COUNT},
    {"bytes", "bytes", SHEET_BYTES},       {"mature_bytes", "mature", SHEET_BYTES},
    {"live_objects", "live", SHEET_COUNT}, {"live_bytes", "live bytes", SHEET_BYTES}};
#define EXPORT_COLUMNS 14

/* What goes to standard output leaves at once: an export may be large. */
static bool flush_export(struct exporter *e, const struct sheet *s, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    bool ok = sheet_write(s, e->format, NULL, &e->r->o->report, &text, err);
    struct str rows = strbuf_str(&text);
    if (ok && e->format == SHEET_AS_CSV && e->begun)
        rows = str_drop(rows, str_find(rows, STR("\n"), 0) + 1);
    if (ok)
        strbuf_add(&e->r->out, rows);
    e->begun = true;
    strbuf_deinit(&text);
    return ok && strbuf_ok(&e->r->out, err);
}

static bool export_one(void *context, const struct history_values *v, struct err *err) {
    struct exporter *e = context;
    struct sheet s;
    sheet_init(&s, export_columns, EXPORT_COLUMNS);
    for (uint32_t i = 0; i < e->r->count; i++) {
        const struct history_entry *entry = &e->r->entries[i];
        if (v->columns[HISTORY_BYTES][i] == ABSENT && v->columns[HISTORY_OBJECTS][i] == ABSENT)
            continue;
        struct sheet_cell *cells = sheet_row(&s);
        if (!cells)
            break;
        fill_entry(cells, entry);
        cells[7].text = v->kind == HISTORY_TYPE ? "type" : "value";
        cells[8].text = v->name;
        for (int c = 0; c < HISTORY_COLUMNS; c++)
            cells[9 + c].number = v->columns[c][i];
    }
    bool ok = flush_export(e, &s, err);
    sheet_deinit(&s);
    if (ok && e->r->out.len > (1u << 20) && e->r->o->output_count == 0) {
        ok = put_out(NULL, &e->r->out, FIT_TEXT, err);
        strbuf_clear(&e->r->out);
    }
    return ok;
}

static bool export(struct run *r, struct err *err) {
    struct exporter e = {.r = r};
    struct sheet empty;
    if (r->o->output_count && strcmp(output_format(r->o, &r->o->outputs[0]), "openmetrics") == 0)
        return history_report(r, err);
    if (!format_of(r->o, true, &e.format, err) || !history_choose(r, r->o->release, err))
        return false;
    if (e.format == SHEET_AS_TEXT)
        return err_set(err, ERR_USAGE, "history export writes csv, or json with one object a line");
    sheet_init(&empty, export_columns, EXPORT_COLUMNS);
    bool ok = flush_export(&e, &empty, err) &&
              history_each(&r->h, r->entries, r->count, export_one, &e, err);
    sheet_deinit(&empty);
    return ok;
}

/* -- rename and prune -------------------------------------------------------------------------- */

static bool rename_type(struct run *r, struct err *err) {
    if (r->o->argument_count != 2)
        return err_set(err, ERR_USAGE, "history rename wants the old name and the new one");
    if (!history_choose(r, r->o->release, err) || !history_one_program(r, err) ||
        !history_rename(&r->h, r->entries[0].key.program, r->o->arguments[0], r->o->arguments[1],
                        err))
        return false;
    strbuf_addf(&r->out, "%s is read as %s in all snapshots of %s\n", r->o->arguments[0],
                r->o->arguments[1], r->entries[0].key.program);
    return true;
}

static bool cmd_history_prune(struct run *r, struct err *err) {
    const struct history_filter filter = {.program = r->o->program,
                                          .release = r->o->release,
                                          .environment = r->o->environment,
                                          .instance = r->o->instance};
    uint64_t removed;
    if (r->o->older_ns) {
        if (r->o->keep || filter.program || filter.release || filter.environment || filter.instance)
            return err_set(err, ERR_USAGE, "history prune --older is of all: no other choice");
        if (!history_prune_before(&r->h, r->o->older_ns, &removed, err))
            return false;
        strbuf_addf(&r->out, "%llu snapshot%s removed\n", (unsigned long long)removed,
                    plural(removed));
        return true;
    }
    if (r->o->keep == 0)
        return err_set(err, ERR_USAGE, "history prune wants --keep N, or --older TIME");
    if (!history_prune(&r->h, &filter, r->o->keep, &removed, err))
        return false;
    strbuf_addf(&r->out, "%llu snapshot%s removed, the newest %llu of each release kept\n",
                (unsigned long long)removed, removed == 1 ? "" : "s",
                (unsigned long long)r->o->keep);
    return true;
}

/* -- The command ------------------------------------------------------------------------------- */

struct action {
    const char *name;
    bool (*run)(struct run *, struct err *);
    enum history_mode mode; /* HISTORY_CREATE: opens the history itself, when it needs it */
    bool reports;           /* has formats of its own, and no sheet */
};

static const struct action actions[] = {
    {"init", history_init, HISTORY_CREATE, false},
    {"add", history_add_all, HISTORY_CREATE, false},
    {"push", history_push, HISTORY_CREATE, false},
    {"list", cmd_history_list, HISTORY_READ, false},
    {"show", cmd_history_show, HISTORY_READ, false},
    {"trend", history_trend, HISTORY_READ, false},
    {"compare", history_compare, HISTORY_READ, false},
    {"report", history_report, HISTORY_READ, true},
    {"rename", rename_type, HISTORY_WRITE, false},
    {"prune", cmd_history_prune, HISTORY_WRITE, false},
    {"export", export, HISTORY_READ, true},
};

static const struct action *find_action(const struct options *o, struct err *err) {
    const char *names[sizeof(actions) / sizeof(*actions)];
    uint32_t count = sizeof(actions) / sizeof(*actions);
    for (uint32_t i = 0; i < count; i++) {
        names[i] = actions[i].name;
        if (o->argument_count && strcmp(o->arguments[0], actions[i].name) == 0)
            return &actions[i];
    }
    const char *near = o->argument_count ? nearest_name(o->arguments[0], names, count) : NULL;
    if (near)
        err_set(err, ERR_USAGE, "history cannot %s: did you mean %s?", o->arguments[0], near);
    else
        err_set(err, ERR_USAGE,
                "history wants to be told what: init, add, push, list, show, trend, compare, "
                "report, rename, prune or export");
    return NULL;
}

/* With a spool a server need not be there: what is added waits. */
static bool open_server(struct run *r, const struct action *action, struct err *err) {
    if (history_open_for(r, action->mode, err))
        return true;
    if (!r->o->spool || action->run != history_add_all || err->code == ERR_NOMEM)
        return false;
    history_close(&r->h);
    say("note: kept in %s until it can be delivered: %s", r->o->spool, err->msg);
    *err = (struct err){.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    return true;
}

static int cmd_history_run(int argc, char **argv) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct options o;
    if (!options_parse(&o, &command_history, argc, argv, &err))
        return fail(&err);
    if (o.help)
        return print_help(&command_history);
    const struct action *action = find_action(&o, &err);
    if (!action)
        return fail(&err);
    o.db = cmd_history_db(&o);
    o.argument_count--;
    memmove(&o.arguments[0], &o.arguments[1], o.argument_count * sizeof(o.arguments[0]));
    if (is_stdout(options_path(&o)))
        session_terminal(&o, &o.report);
    o.report.color = false; /* a sheet has none */
    struct run r = {.o = &o};
    enum sheet_format format; /* told before anything is opened */
    strbuf_init(&r.out);
    bool server = history_is_server(o.db);
    const char *file = server ? NULL : o.db;
    bool ok =
        (action->reports || format_of(&o, false, &format, &err)) && plan_check(&o, file, &err);
    /* A server is gone to before the lock, which lets nobody make a connection. */
    ok = ok && (!server || open_server(&r, action, &err));
    if (ok)
        confine(&o, file, history_socket(&r.h));
    ok = ok &&
         (r.h.body || action->mode == HISTORY_CREATE || history_open_for(&r, action->mode, &err)) &&
         action->run(&r, &err) && put_out(options_path(&o), &r.out, FIT_TEXT, &err);
    history_close(&r.h);
    int status = ok ? 0 : fail(&err);
    strbuf_deinit(&r.out);
    return status;
}

const struct command command_history = {
    "history",
    "init|add|list|trend|compare|report|... [options] ...",
    "keep snapshots across releases and instances, and follow types through them",
    "Keeps what counts of snapshots in one SQLite file, or in PostgreSQL (--db postgresql://...), "
    "by\n"
    "program, release, environment and instance (a pod, a host); a restart begins a new line:\n"
    "\n"
    "  init                 make the database, or bring it up to date (--roles: with roles)\n"
    "  add DUMP|SNAP ...    keep snapshots; one that is there already is not added again\n"
    "                       (a folder of .snap files: each of them; -: standard input); --spool\n"
    "                       DIR keeps what cannot be delivered, and push delivers it later\n"
    "  list                 which there are\n"
    "  show NUMBER          types of one snapshot\n"
    "  trend TYPE           one type (or value: `heap` figures have names like\n"
    "                       finalizer.finalizer.ready) in all snapshots, and whether it rises;\n"
    "                       of several instances how many rise, median and worst slope\n"
    "  compare A B          slopes of all types in release A against those in release B; of\n"
    "                       several instances by Mann and Whitney's test of ranks\n"
    "  report               what grows beyond chance: type, release, instances, holder\n"
    "  rename OLD NEW       read OLD as NEW from now on: a type was renamed between releases\n"
    "  prune --keep N       remove all but the newest N of each instance and release; or what is\n"
    "                       --older than so long\n"
    "  export               all rows as CSV, or with --format json one JSON object a line;\n"
    "                       --format openmetrics: what `report` says, for Prometheus\n"
    "\n"
    "Names that compilers made are kept without their numbers, so that builds can be compared;\n"
    "types of one name are added up. Any number of processes may add at once.\n"
    "\n"
    "Exit status: 0 done; 2 wrong command line, or nothing is called that; 3 a snapshot cannot be\n"
    "trusted, or a release has too few; 4 a dump or the database cannot be read; 5 no memory or "
    "disk.",
    COMMAND_HISTORY,
    cmd_history_run,
};
