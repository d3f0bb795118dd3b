#include "cmd/complete.h"
#include "cmd/confine.h"
#include "cmd/explained.h"
#include "cmd/processes.h"

#include "diff/gate/gate_report.h"
#include "diff/report/csv.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is begun, and what stands before it in the same word ("--limit="). */
struct completion {
    const char *const *words;
    uint32_t count;
    const struct command *command;
    struct str begun, before;
    struct strbuf *out;
};

static void offer(const struct completion *c, const char *word, const char *after,
                  const char *meaning) {
    if (!str_starts(str_of(word), c->begun))
        return;
    strbuf_add(c->out, c->before);
    strbuf_add_clean(c->out, str_of(word));
    strbuf_addf(c->out, "%s\t", after);
    strbuf_add_clean(c->out, str_of(meaning));
    strbuf_addc(c->out, '\n');
}

/* -- Values ------------------------------------------------------------------------------------ */

static void complete_limits(const struct completion *c) {
    for (size_t i = 0; limit_descs[i].key; i++)
        offer(c, limit_descs[i].key, "=", limit_descs[i].meaning);
}

static void complete_pids(const struct completion *c) {
    struct processes all;
    struct err err;
    if (processes_find(&all, &err))
        for (uint32_t i = 0; i < all.count; i++) {
            char pid[24];
            snprintf(pid, sizeof(pid), "%" PRIu64, all.items[i].pid);
            offer(c, pid, "", all.items[i].program ? all.items[i].program : ".NET");
        }
    processes_deinit(&all);
}

static void complete_types_of(const struct completion *c, const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_TYPES, struct type_row, types, count);
    for (uint32_t i = 0; i < count; i++)
        if (!i || strcmp(types[i].name, types[i - 1].name) != 0)
            offer(c, types[i].name, "", "");
}

static void complete_types_in(const struct completion *c, struct options *o) {
    for (uint32_t i = 1; i + 1 < c->count && o->argument_count < ARGUMENTS_MAX; i++)
        if (str_ends(str_of(c->words[i]), STR(".snap")))
            o->arguments[o->argument_count++] = c->words[i];
    if (!o->argument_count)
        return;
    confine(o, NULL, -1);
    for (uint32_t i = 0; i < o->argument_count; i++) {
        const struct input_options input = {.no_paths = true};
        struct snapshot snapshot;
        struct err err;
        snapshot_init(&snapshot);
        if (input_read(o->arguments[i], &input, &snapshot, &err))
            complete_types_of(c, &snapshot);
        snapshot_deinit(&snapshot);
    }
}

static void complete_types(const struct completion *c) {
    struct options *o = calloc(1, sizeof(*o));
    if (o) {
        o->pid = ABSENT;
        complete_types_in(c, o);
    }
    free(o);
}

static void complete_texts(const struct completion *c, const char *const *texts) {
    for (; *texts; texts++)
        offer(c, *texts, "", "");
}

static void complete_value(const struct completion *c, enum value_kind kind) {
    static const char *const sheets[] = {"text", "json", "csv", NULL};
    static const char *const sorts[] = {"bytes-delta", "objects-delta", "bytes",
                                        "objects",     "name",          NULL};
    static const char *const colors[] = {"auto", "always", "never", NULL};
    static const char *const progresses[] = {"auto", "json", "never", NULL};
    switch (kind) {
    case VALUE_NONE:
    case VALUE_TEXT:
    case VALUE_NUMBER:
        break;
    case VALUE_FILE:
        strbuf_adds(c->out, ":files\n");
        break;
    case VALUE_DIR:
        strbuf_adds(c->out, ":folders\n");
        break;
    case VALUE_REPORT:
        for (size_t i = 0; reports[i]; i++)
            offer(c, reports[i]->name, "", reports[i]->summary);
        break;
    case VALUE_GATE_REPORT:
        for (size_t i = 0; gate_reports[i].name; i++)
            offer(c, gate_reports[i].name, "", gate_reports[i].summary);
        break;
    case VALUE_TABLE:
        for (size_t i = 0; csv_tables[i].name; i++)
            offer(c, csv_tables[i].name, "", csv_tables[i].summary);
        break;
    case VALUE_SHEET:
        complete_texts(c, sheets);
        break;
    case VALUE_SORT:
        complete_texts(c, c->command->bit == COMMAND_SHOW ? sorts + 2 : sorts);
        break;
    case VALUE_COLOR:
        complete_texts(c, colors);
        break;
    case VALUE_PROGRESS:
        complete_texts(c, progresses);
        break;
    case VALUE_LIMIT:
        complete_limits(c);
        break;
    case VALUE_PID:
        complete_pids(c);
        break;
    case VALUE_TYPE:
        complete_types(c);
        break;
    }
}

/* -- What is no option ------------------------------------------------------------------------- */

static void complete_commands(const struct completion *c) {
    for (size_t i = 0; commands[i]; i++)
        offer(c, commands[i]->name, "", commands[i]->summary);
}

/* "add|list|show [options] ...": what stands first there, where it is words to choose from. */
static void complete_choices(const struct completion *c) {
    struct str rest = str_of(c->command->arguments);
    rest = str_take(rest, strcspn(rest.ptr, " "));
    while (rest.len) {
        size_t bar = str_find(rest, STR("|"), 0);
        struct str one = bar == STR_NOT_FOUND ? rest : str_take(rest, bar);
        char word[32];
        snprintf(word, sizeof(word), "%.*s", (int)one.len, one.ptr);
        offer(c, word, "", "");
        rest = str_drop(rest, bar == STR_NOT_FOUND ? rest.len : bar + 1);
    }
}

/* A word may be that of a rule and of a cause: it is offered once. */
static bool was_explained(size_t before, const char *name) {
    const char *summary;
    for (size_t i = 0; i < before; i++)
        if (strcmp(explained_name(i, &summary), name) == 0)
            return true;
    return false;
}

static void complete_argument(const struct completion *c) {
    uint32_t bit = c->command->bit;
    bool first = c->count == 2;
    if (bit == COMMAND_EXPLAIN) {
        const char *name, *summary;
        for (size_t i = 0; (name = explained_name(i, &summary)); i++)
            if (!was_explained(i, name))
                offer(c, name, "", summary);
    } else if (bit == COMMAND_MAN) {
        complete_commands(c);
    } else if (bit == COMMAND_WATCH) {
        complete_pids(c);
    } else if (bit & (COMMAND_LIST | COMMAND_COMPLETION)) {
        if (first)
            complete_choices(c);
    } else if (bit == COMMAND_HISTORY && first) {
        complete_choices(c);
    } else if (bit != COMMAND_PS) {
        strbuf_adds(c->out, ":files\n");
    }
}

static void complete_options(const struct completion *c) {
    for (size_t i = 0; option_descs[i].name; i++) {
        char word[64];
        struct strbuf help;
        if (!(option_descs[i].commands & c->command->bit))
            continue;
        snprintf(word, sizeof(word), "--%s", option_descs[i].name);
        strbuf_init(&help);
        option_help(&option_descs[i], c->command, &help);
        offer(c, word, "", strbuf_cstr(&help));
        strbuf_deinit(&help);
    }
}

/* The option of this command that a word is, if it takes a value. */
static const struct option_desc *takes_value(const struct completion *c, struct str word) {
    bool is_long = str_starts(word, STR("--"));
    if (!is_long && (word.len != 2 || str_first(word) != '-'))
        return NULL;
    for (size_t i = 0; option_descs[i].name; i++) {
        const struct option_desc *d = &option_descs[i];
        bool it = is_long ? str_eq(str_of(d->name), str_drop(word, 2)) : d->letter == word.ptr[1];
        if (it && d->value && (d->commands & c->command->bit))
            return d;
    }
    return NULL;
}

void complete_words(const char *const *words, uint32_t count, struct strbuf *out) {
    struct completion c = {.words = words, .count = count, .out = out};
    const struct option_desc *option = NULL;
    c.begun = str_of(words[count - 1]);
    c.before = str_take(c.begun, 0);
    if (count == 1) {
        complete_commands(&c);
        offer(&c, "--help", "", "what there is");
        offer(&c, "--version", "", "which version this is, and what locks it in");
        return;
    }
    c.command = command_find(words[0]);
    if (!c.command)
        return;
    size_t equals = str_find(c.begun, STR("="), 0);
    if (str_starts(c.begun, STR("--")) && equals != STR_NOT_FOUND) {
        option = takes_value(&c, str_take(c.begun, equals));
        c.before = str_take(c.begun, equals + 1);
        c.begun = str_drop(c.begun, equals + 1);
    } else if (count > 2) {
        option = takes_value(&c, str_of(words[count - 2]));
    }
    if (option)
        complete_value(&c, option->kind);
    else if (str_starts(c.begun, STR("-")))
        complete_options(&c);
    else
        complete_argument(&c);
}
