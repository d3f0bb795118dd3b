/*
 * The causes alone, as JSON of 4 KiB at most: for programs that pass on what is wrong, and with
 * what to ask next as commands. What does not fit is counted, never half there.
 */
#include "diff/report/doc_parts.h"
#include "diff/report/json_value.h"
#include "model/snapshot.h"

#include <string.h>

#define BRIEF_JSON_MOST 4096u
/* [bytes] for what is no cause: dumps, trust, commands. */
#define BRIEF_JSON_REST 1100u
#define BRIEF_JSON_TEXT 500u /* [bytes] of one sentence, before it is escaped */
#define BRIEF_JSON_NAME 100u /* [bytes] of the name of a dump */

/* The beginning of a text, which says where it was cut. */
static cJSON *brief_json_text(struct json *j, const char *text, size_t most) {
    if (!text || strlen(text) <= most)
        return json_text(text);
    struct strbuf cut;
    struct str shown = str_take(str_of(text), most);
    shown.len = str_utf8_valid(shown);
    strbuf_init(&cut);
    strbuf_add(&cut, shown);
    strbuf_adds(&cut, "\xe2\x80\xa6");
    cJSON *value = json_text(strbuf_cstr(&cut));
    json_fail(j, &cut.err);
    strbuf_deinit(&cut);
    return value;
}

static cJSON *brief_json_item(struct json *j, const char *kind, enum severity severity,
                              const char *subject, const char *summary, const char *next,
                              const char *held_by) {
    cJSON *item = cJSON_CreateObject();
    struct strbuf command;
    strbuf_init(&command);
    strbuf_addf(&command, "dumpdiff explain %s", kind);
    json_add(j, item, "kind", json_text(kind));
    json_add(j, item, "severity", json_text(severity_names[severity]));
    json_add(j, item, "subject", brief_json_text(j, subject, BRIEF_JSON_NAME));
    json_add(j, item, "summary", brief_json_text(j, summary, BRIEF_JSON_TEXT));
    json_add(j, item, "held_by", brief_json_text(j, held_by, BRIEF_JSON_TEXT));
    json_add(j, item, "next", brief_json_text(j, next, BRIEF_JSON_TEXT));
    json_add(j, item, "explain", json_text(strbuf_cstr(&command)));
    json_fail(j, &command.err);
    strbuf_deinit(&command);
    return item;
}

/* Writes an item where there is room for it; frees it. */
static bool brief_json_take(struct json *j, cJSON *item, size_t begin) {
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    bool fits =
        !text || j->out->len - begin + strlen(text) + 8 <= BRIEF_JSON_MOST - BRIEF_JSON_REST;
    cJSON_free(text);
    if (fits)
        json_array_put(j, item);
    else
        cJSON_Delete(item);
    return fits;
}

static uint32_t brief_json_causes(const struct doc_context *c, struct json *j, size_t begin) {
    const struct causes *causes = c->o->causes;
    for (uint32_t i = 0; i < causes->count; i++) {
        const struct cause *cause = &causes->items[i];
        cJSON *item = brief_json_item(j, cause_kind_names[cause->kind], cause->severity,
                                      cause->subject, cause->summary, cause->next, cause->held_by);
        json_add(j, item, "bytes_delta", json_delta(cause->bytes_delta));
        if (!brief_json_take(j, item, begin))
            return causes->count - i;
    }
    return 0;
}

/* Of one dump there may be findings alone. */
static uint32_t brief_json_findings(const struct doc_context *c, struct json *j, size_t begin) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < c->f->count; i++) {
        const struct finding *finding = &c->f->items[i];
        if (finding->status != STATUS_HIT || finding->severity == SEVERITY_INFO)
            continue;
        left += left || !brief_json_take(j,
                                         brief_json_item(j, finding->rule->id, finding->severity,
                                                         finding->subject, finding->summary,
                                                         finding->next, NULL),
                                         begin);
    }
    return left;
}

static const char *brief_json_trust(const struct series *s) {
    enum trust_grade worst = TRUST_EXACT;
    for (uint32_t i = 0; i < s->count; i++)
        if (snapshot_trust(s->snapshots[i]) > worst)
            worst = snapshot_trust(s->snapshots[i]);
    return trust_names[worst];
}

/* The whole report, as a list of words that no shell has to take apart; null: names are too long.
 */
static cJSON *brief_json_command(struct json *j, const struct doc_context *c) {
    const char *first = c->o->names[0], *last = c->o->names[c->s->count - 1];
    bool diff = c->s->count > 1;
    if (strlen(first) + strlen(last) > 2 * (size_t)BRIEF_JSON_NAME)
        return cJSON_CreateNull();
    cJSON *list = cJSON_CreateArray();
    json_append(j, list, json_text("dumpdiff"));
    json_append(j, list, json_text(diff ? "diff" : "show"));
    json_append(j, list, json_text("--all"));
    json_append(j, list, json_text(first));
    if (diff)
        json_append(j, list, json_text(last));
    return list;
}

static bool brief_json(const struct series *s, const struct findings *f,
                       const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    const struct doc_context c = {&d, s, f, o};
    bool causes = o->causes && (s->count > 1 || o->causes->count);
    size_t begin = out->len;
    struct strbuf verdict;
    struct name_filter filter;
    struct json j;
    if (!name_filter_init(&filter, o, err)) /* there are no tables, but a wrong one is told */
        return false;
    name_filter_deinit(&filter);
    doc_init(&d);
    strbuf_init(&verdict);
    doc_verdict_text(&c, &verdict);
    json_begin(&j, out);
    json_put(&j, "schema", json_text("dumpdiff.brief/1"));
    json_put(&j, "base", brief_json_text(&j, o->names[0], BRIEF_JSON_NAME));
    json_put(&j, "new",
             s->count > 1 ? brief_json_text(&j, o->names[s->count - 1], BRIEF_JSON_NAME)
                          : cJSON_CreateNull());
    json_put(&j, "dumps", json_number(s->count));
    json_put(&j, "verdict", brief_json_text(&j, strbuf_cstr(&verdict), BRIEF_JSON_TEXT));
    json_array_begin(&j, "causes");
    uint32_t left = causes ? brief_json_causes(&c, &j, begin) : brief_json_findings(&c, &j, begin);
    json_array_end(&j);
    json_put(&j, "others", json_number(left));
    json_put(&j, "trust", json_text(brief_json_trust(s)));
    json_put(&j, "whole", brief_json_command(&j, &c));
    json_end(&j);
    json_fail(&j, &verdict.err);
    strbuf_deinit(&verdict);
    bool ok = err_none(&d.err, err) && json_ok(&j, err);
    doc_deinit(&d);
    return ok;
}

extern const struct report report_brief_json;
const struct report report_brief_json = {
    .name = "brief-json",
    .summary = "the same for programs: the causes alone, in 4 KiB of JSON",
    .show = brief_json,
    .diff = brief_json};
