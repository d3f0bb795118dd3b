/* Which store it is, and what all of them are asked through. */
#include "history/database.h"

#include "base/civil.h"
#include <stdlib.h>

bool history_is_server(const char *path) {
    return str_starts(str_of(path), STR("postgresql://")) ||
           str_starts(str_of(path), STR("postgres://"));
}

/*
 * What is said of a database in messages: "postgresql://host/name", without user, password and
 * options, any of which may be a secret.
 */
static const char *front_shown(struct history *h, const char *path) {
    struct str rest = str_of(path);
    if (!history_is_server(path))
        return arena_copy(&h->arena, path, rest.len);
    size_t slashes = str_find(rest, STR("://"), 0) + 3;
    struct str scheme = str_take(rest, slashes);
    rest = str_drop(rest, slashes);
    size_t question = str_find(rest, STR("?"), 0);
    rest = question == STR_NOT_FOUND ? rest : str_take(rest, question);
    rest = str_behind_last(rest, '@');
    struct strbuf shown;
    strbuf_init(&shown);
    strbuf_add_clean(&shown, scheme);
    strbuf_add_clean(&shown, rest);
    const char *kept = arena_copy(&h->arena, strbuf_cstr(&shown), shown.len);
    strbuf_deinit(&shown);
    return kept;
}

bool history_open(struct history *h, const char *path, enum history_mode mode, struct err *err) {
    *h = (struct history){.body = history_is_server(path) ? &postgres_body : &sqlite_body};
    arena_init(&h->arena);
    h->types = calloc(1, sizeof(*h->types));
    const char *shown = front_shown(h, path);
    if (!h->types || !shown)
        return err_nomem(err);
    if (!h->body->open(h, path, mode, err))
        return err_prefix(err, "%s", shown);
    h->path = shown;
    return true;
}

void history_close(struct history *h) {
    if (h->body)
        h->body->close(h);
    if (h->types)
        types_forget(h->types);
    free(h->types);
    arena_deinit(&h->arena);
    *h = (struct history){.body = NULL};
}

bool history_make_roles(struct history *h, struct err *err) {
    if (!h->body->make_roles)
        return err_set(err, ERR_USAGE, "%s: a file has no roles: its rights are the system's",
                       h->path);
    return store_begin(h, true, err) && store_end(h, h->body->make_roles(h, err), err);
}

bool store_begin(struct history *h, bool writes, struct err *err) {
    h->again = false;
    return h->body->begin(h, writes, err);
}

bool store_begin_adding(struct history *h, uint64_t instance, struct err *err) {
    h->again = false;
    return h->body->begin_adding(h, instance, err);
}

bool store_end(struct history *h, bool ok, struct err *err) {
    return h->body->end(h, ok, err);
}

bool store_run(struct history *h, const char *sql, const struct store_param *params, uint32_t count,
               uint64_t *ret_changed, struct err *err) {
    return h->body->run(h, sql, params, count, ret_changed, err);
}

bool store_select(struct history *h, const char *sql, const struct store_param *params,
                  uint32_t count, bool many, struct store_rows *rows, struct err *err) {
    *rows = (struct store_rows){.h = h};
    return h->body->select(h, sql, params, count, many, rows, err);
}

bool store_next(struct store_rows *rows, bool *ok, struct err *err) {
    bool more = false;
    if (!*ok || !rows->answer)
        return false;
    *ok = rows->h->body->next(rows, &more, err);
    return *ok && more;
}

void store_done(struct store_rows *rows) {
    if (rows->answer)
        rows->h->body->done(rows);
}

uint64_t store_number_of(const struct store_rows *rows, int column) {
    return rows->h->body->number(rows, column);
}

const char *store_text_of(const struct store_rows *rows, int column) {
    struct str text = rows->h->body->text(rows, column);
    /* Made by others, or told by options: shown as names of dumps are. */
    return text.ptr ? arena_copy_clean(&rows->h->arena, text) : NULL;
}

struct str store_blob_of(struct store_rows *rows, int column) {
    return rows->h->body->blob(rows, column);
}

bool store_ask(struct history *h, const char *sql, const struct store_param *params, uint32_t count,
               uint64_t *ret_number, struct err *err) {
    struct store_rows rows;
    bool ok = store_select(h, sql, params, count, false, &rows, err);
    *ret_number = ABSENT;
    if (store_next(&rows, &ok, err))
        *ret_number = store_number_of(&rows, 0);
    store_done(&rows);
    return ok;
}

const char *store_name(struct history *h, const char *name) {
    struct str s = str_of(name);
    if (s.len <= STORE_NAME_BYTES && str_is_clean(s))
        return name;
    const char *clean = arena_copy_clean(&h->arena, s);
    if (!clean || strlen(clean) <= STORE_NAME_BYTES)
        return clean;
    struct strbuf cut;
    struct str kept = str_take(str_of(clean), STORE_NAME_BYTES - 24);
    kept.len = str_utf8_valid(kept);
    strbuf_init(&cut);
    strbuf_add(&cut, kept);
    strbuf_addf(&cut, "...#%016llx", (unsigned long long)hash_bytes(clean, strlen(clean)));
    const char *named =
        strbuf_failed(&cut) ? NULL : arena_copy(&h->arena, strbuf_cstr(&cut), cut.len);
    strbuf_deinit(&cut);
    return named;
}

uint32_t store_month(uint32_t day) {
    struct civil date = civil_of_day(day);
    return (date.year - 1970) * 12 + date.month - 1;
}
