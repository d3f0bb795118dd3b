/* PostgreSQL as a store of histories. */
#include "history/postgres/postgres_internal.h"

#include "base/civil.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

#define CURSOR_ROWS     20000u
#define MONTH_MAX       20 /* "cell_2026_11" */
#define STATEMENT_BYTES 1000u
#define COPY_BYTES      ((size_t)256 << 10)

/* -- Errors ------------------------------------------------------------------------------------ */

/* The server's error as ours, and h->again; always false. result: NULL: of the connection. */
static bool postgres_failed(struct history *h, const struct pg_result *result, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    const char *state = result ? s->api.PQresultErrorField(result, LIBPQ_DIAG_SQLSTATE) : NULL;
    const char *text = result ? s->api.PQresultErrorMessage(result) : NULL;
    if (!text || !*text)
        text = s->api.PQerrorMessage(s->connection);
    /* Serialization failures, deadlocks, locks that were not to be had. */
    h->again = state && (strncmp(state, "40", 2) == 0 || strcmp(state, "55P03") == 0);
    if (state && strcmp(state, "42P01") == 0 && s->month) { /* a month was dropped meanwhile */
        s->month = 0;
        h->again = true;
    }
    struct str line = str_of(text), rest = line;
    if (str_next_line(&rest, &line) && str_starts(line, STR("ERROR:")))
        line = str_trim(str_drop(line, 6));
    struct strbuf clean;
    strbuf_init(&clean);
    strbuf_add_clean(&clean, line);
    bool lost = h->path && s->api.PQstatus(s->connection) != LIBPQ_CONNECTION_OK;
    err_set(err, ERR_SYSTEM, "%s%.180s", lost ? "the server is gone: " : "", strbuf_cstr(&clean));
    strbuf_deinit(&clean);
    return h->path ? err_prefix(err, "%s", h->path) : false; /* history_open() adds it itself */
}

static bool postgres_took(struct history *h, struct pg_result *result, int wanted,
                          struct err *err) {
    struct postgres_store *s = postgres_of(h);
    bool ok = s->api.PQresultStatus(result) == wanted;
    if (!ok && s->api.PQresultStatus(result) == LIBPQ_TUPLES_OK && wanted == LIBPQ_COMMAND_OK)
        ok = true; /* of a function that is called for what it does */
    if (!ok)
        postgres_failed(h, result, err);
    s->api.PQclear(result);
    return ok;
}

bool postgres_sql(struct history *h, const char *sql, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    return postgres_took(h, s->api.PQexec(s->connection, sql), LIBPQ_COMMAND_OK, err);
}

/* -- Opening ----------------------------------------------------------------------------------- */

/*
 * What others may have put into a search path is not ours to run, and what waits for a lock that
 * nobody gives back does not wait for ever.
 */
static const char session_sql[] =
    "SET search_path = dumpdiff, pg_temp; SET client_min_messages = error;"
    "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '10min';"
    "SET application_name = 'dumpdiff'; SET standard_conforming_strings = on; SET jit = off";

static bool postgres_open(struct history *h, const char *where, enum history_mode mode,
                          struct err *err) {
    struct postgres_store *s = calloc(1, sizeof(*s));
    h->store = s;
    if (!s)
        return err_nomem(err);
    if (!libpq_api_load(&s->api, err))
        return false;
    s->connection = s->api.PQconnectdb(where);
    if (!s->connection)
        return err_nomem(err);
    if (s->api.PQstatus(s->connection) != LIBPQ_CONNECTION_OK) {
        postgres_failed(h, NULL, err);
        err->code = ERR_IO;
        return false;
    }
    if (s->api.PQsetClientEncoding(s->connection, "UTF8") != 0)
        return postgres_failed(h, NULL, err);
    return postgres_sql(h, session_sql, err) &&
           (mode != HISTORY_READ ||
            postgres_sql(h, "SET default_transaction_read_only = on; SET work_mem = '64MB'",
                         err)) &&
           postgres_schema_check(h, mode, err);
}

static void postgres_close(struct history *h) {
    struct postgres_store *s = postgres_of(h);
    if (s && s->connection)
        s->api.PQfinish(s->connection);
    if (s)
        libpq_api_unload(&s->api);
    for (uint32_t i = 0; s && i < STATEMENTS; i++)
        free(s->statements[i].sql);
    free(s);
    h->store = NULL;
}

/* -- Statements -------------------------------------------------------------------------------- */

static bool postgres_begin(struct history *h, bool writes, struct err *err) {
    if (!postgres_sql(h, writes ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err))
        return false;
    postgres_of(h)->depth = 1;
    return true;
}

static bool postgres_end(struct history *h, bool ok, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    s->depth = 0;
    if (ok)
        return postgres_sql(h, "COMMIT", err);
    s->api.PQclear(s->api.PQexec(s->connection, "ROLLBACK"));
    return false;
}

/* Parameters as libpq wants them: texts with a NUL behind, blobs with their length. */
struct postgres_params {
    const char **values;
    int *lengths, *formats;
    struct strbuf text;
};

static void postgres_params_deinit(struct postgres_params *p) {
    free(p->values);
    free(p->lengths);
    free(p->formats);
    strbuf_deinit(&p->text);
}

static bool postgres_params_init(struct postgres_params *p, const struct store_param *params,
                                 uint32_t count) {
    *p = (struct postgres_params){calloc((size_t)count + 1, sizeof(*p->values)),
                                  calloc((size_t)count + 1, sizeof(*p->lengths)),
                                  calloc((size_t)count + 1, sizeof(*p->formats)),
                                  {0}};
    size_t *places = calloc((size_t)count + 1, sizeof(*places));
    strbuf_init(&p->text);
    bool ok = p->values && p->lengths && p->formats && places;
    for (uint32_t i = 0; ok && i < count; i++) {
        places[i] = p->text.len;
        if (params[i].kind == STORE_NUMBER)
            strbuf_addf(&p->text, "%llu", (unsigned long long)params[i].number);
        else
            strbuf_add(&p->text, params[i].bytes);
        p->lengths[i] = (int)(p->text.len - places[i]);
        p->formats[i] = params[i].kind == STORE_BLOB;
        strbuf_addc(&p->text, '\0');
    }
    ok = ok && !strbuf_failed(&p->text);
    for (uint32_t i = 0; ok && i < count; i++)
        p->values[i] = params[i].kind == STORE_NULL ? NULL : p->text.ptr + places[i];
    free(places);
    return ok;
}

/*
 * Which statement of ours that was prepared it is; NULL: none. What is asked a second time is
 * likely to be asked again: it is understood and planned once.
 */
static const char *postgres_prepared(struct postgres_store *s, const char *sql, uint32_t count) {
    struct postgres_statement *known = s->statements;
    uint32_t i = 0;
    while (i < STATEMENTS && known[i].sql && strcmp(known[i].sql, sql) != 0)
        i++;
    if (i == STATEMENTS || strlen(sql) > STATEMENT_BYTES)
        return NULL;
    if (!known[i].sql) {
        known[i].sql = strdup(sql);
        return NULL;
    }
    if (!known[i].name[0]) {
        char name[sizeof(known[i].name)];
        snprintf(name, sizeof(name), "s%u", i);
        struct pg_result *result = s->api.PQprepare(s->connection, name, sql, (int)count, NULL);
        bool ok = s->api.PQresultStatus(result) == LIBPQ_COMMAND_OK;
        s->api.PQclear(result);
        if (!ok)
            return NULL;
        memcpy(known[i].name, name, sizeof(name));
    }
    return known[i].name;
}

/* Answers are in binary: see postgres_number(). */
static struct pg_result *postgres_exec(struct history *h, const char *sql,
                                       const struct store_param *params, uint32_t count) {
    struct postgres_store *s = postgres_of(h);
    struct postgres_params p;
    struct pg_result *result = NULL;
    if (postgres_params_init(&p, params, count)) {
        const char *name = postgres_prepared(s, sql, count);
        result = name ? s->api.PQexecPrepared(s->connection, name, (int)count, p.values, p.lengths,
                                              p.formats, 1)
                      : s->api.PQexecParams(s->connection, sql, (int)count, NULL, p.values,
                                            p.lengths, p.formats, 1);
    }
    postgres_params_deinit(&p);
    return result;
}

static bool postgres_run(struct history *h, const char *sql, const struct store_param *params,
                         uint32_t count, uint64_t *ret_changed, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    struct pg_result *result = postgres_exec(h, sql, params, count);
    if (ret_changed && !num_dec(str_of(s->api.PQcmdTuples(result)), ret_changed))
        *ret_changed = 0;
    return postgres_took(h, result, LIBPQ_COMMAND_OK, err);
}

/* -- Answers ----------------------------------------------------------------------------------- */

struct postgres_answer {
    struct pg_result *result;
    int row, rows;   /* row: the current one, -1: none yet */
    char cursor[24]; /* "": all rows are here */
};

static bool postgres_fetch(struct history *h, struct postgres_answer *a, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    char sql[64];
    snprintf(sql, sizeof(sql), "FETCH %u FROM %s", CURSOR_ROWS, a->cursor);
    s->api.PQclear(a->result);
    a->result = s->api.PQexecParams(s->connection, sql, 0, NULL, NULL, NULL, NULL, 1);
    a->row = -1;
    if (s->api.PQresultStatus(a->result) != LIBPQ_TUPLES_OK)
        return postgres_failed(h, a->result, err);
    a->rows = s->api.PQntuples(a->result);
    return true;
}

/* In a transaction a large answer comes in pieces. */
static bool postgres_declare(struct history *h, const char *sql, const struct store_param *params,
                             uint32_t count, struct postgres_answer *a, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    snprintf(a->cursor, sizeof(a->cursor), "rows%u", postgres_of(h)->cursors++);
    strbuf_addf(&text, "DECLARE %s NO SCROLL CURSOR FOR ", a->cursor);
    strbuf_adds(&text, sql);
    bool ok = strbuf_ok(&text, err) &&
              postgres_run(h, strbuf_cstr(&text), params, count, NULL, err) &&
              postgres_fetch(h, a, err);
    strbuf_deinit(&text);
    return ok;
}

static void postgres_done(struct store_rows *rows) {
    struct postgres_answer *a = rows->answer;
    postgres_of(rows->h)->api.PQclear(a->result);
    free(a);
    rows->answer = NULL;
}

static bool postgres_select(struct history *h, const char *sql, const struct store_param *params,
                            uint32_t count, bool many, struct store_rows *rows, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    struct postgres_answer *a = calloc(1, sizeof(*a));
    if (!a)
        return err_nomem(err);
    a->row = -1;
    bool ok;
    if (many && s->depth) {
        ok = postgres_declare(h, sql, params, count, a, err);
    } else {
        a->result = postgres_exec(h, sql, params, count);
        ok = s->api.PQresultStatus(a->result) == LIBPQ_TUPLES_OK ||
             postgres_failed(h, a->result, err);
        a->rows = ok ? s->api.PQntuples(a->result) : 0;
    }
    rows->answer = a;
    if (!ok)
        postgres_done(rows);
    return ok;
}

static bool postgres_next(struct store_rows *rows, bool *ret_more, struct err *err) {
    struct postgres_answer *a = rows->answer;
    if (a->cursor[0] && a->row + 1 == a->rows && a->rows == (int)CURSOR_ROWS &&
        !postgres_fetch(rows->h, a, err))
        return false;
    *ret_more = ++a->row < a->rows;
    return true;
}

static struct str postgres_text(const struct store_rows *rows, int column) {
    const struct postgres_answer *a = rows->answer;
    const struct libpq_api *api = &postgres_of(rows->h)->api;
    if (api->PQgetisnull(a->result, a->row, column))
        return (struct str){NULL, 0};
    return (struct str){api->PQgetvalue(a->result, a->row, column),
                        (size_t)api->PQgetlength(a->result, a->row, column)};
}

/* What is no number of ours (negative, of another type) is not known: others may write to the
 * tables. */
static uint64_t postgres_number(const struct store_rows *rows, int column) {
    static const struct {
        unsigned type;
        size_t size;
    } types[] = {{LIBPQ_INT8, 8}, {LIBPQ_INT4, 4}, {LIBPQ_INT2, 2}};
    const struct postgres_answer *a = rows->answer;
    struct str bytes = postgres_text(rows, column);
    unsigned type = postgres_of(rows->h)->api.PQftype(a->result, column);
    for (size_t i = 0; bytes.ptr && i < sizeof(types) / sizeof(*types); i++) {
        if (types[i].type != type || types[i].size != bytes.len || str_first(bytes) & 0x80)
            continue;
        uint64_t value = 0;
        for (size_t b = 0; b < bytes.len; b++)
            value = value << 8 | (unsigned char)bytes.ptr[b];
        return value;
    }
    return ABSENT;
}

static struct str postgres_blob(struct store_rows *rows, int column) {
    return postgres_text(rows, column);
}

/* -- Adding ------------------------------------------------------------------------------------ */

static bool postgres_lock(struct history *h, uint64_t instance, struct err *err) {
    const struct store_param of[] = {store_number(instance)};
    return postgres_run(h, "SELECT pg_advisory_xact_lock(1684106352, CAST($1 AS integer))", of, 1,
                        NULL, err);
}

/* One message, of numbers of our own. */
static bool postgres_begin_adding(struct history *h, uint64_t instance, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    char sql[160];
    uint64_t version = 0;
    snprintf(sql, sizeof(sql),
             "BEGIN; SELECT pg_advisory_xact_lock(1684106352, %llu);"
             " SELECT version FROM dumpdiff.version",
             (unsigned long long)(instance & INT32_MAX));
    struct pg_result *result = s->api.PQexec(s->connection, sql);
    bool ok = s->api.PQresultStatus(result) == LIBPQ_TUPLES_OK || postgres_failed(h, result, err);
    ok = ok && ((s->api.PQntuples(result) == 1 &&
                 num_dec(str_of(s->api.PQgetvalue(result, 0, 0)), &version)) ||
                err_set(err, ERR_FORMAT, "%s: its version is damaged", h->path));
    s->api.PQclear(result);
    ok = ok && postgres_version_stays(h, version, err);
    s->depth = ok;
    return ok || postgres_end(h, false, err);
}

/* "cell_2026_11": of our own numbers alone, and so is text of a statement. */
static void postgres_month_table(const struct postgres_store *s, char ret_name[MONTH_MAX]) {
    struct civil date = civil_of_day(s->day);
    if (s->in_cell)
        snprintf(ret_name, MONTH_MAX, "cell");
    else
        snprintf(ret_name, MONTH_MAX, "cell_%04u_%02u", date.year % 10000, date.month);
}

/* Of a row of `cell`: see CELL_OF in postgres_schema.c. false: it does not fit, and is wide. */
static bool postgres_cells(const struct store_value *row, uint64_t limit,
                           struct store_param of[HISTORY_COLUMNS]) {
    bool fits = true;
    for (int c = 0; c < HISTORY_COLUMNS; c++) {
        fits = fits && (row->cells[c] == ABSENT || row->cells[c] <= limit);
        of[c] = store_number(row->cells[c]);
    }
    struct store_param *mature = &of[HISTORY_MATURE];
    if (row->cells[HISTORY_MATURE] == row->cells[HISTORY_BYTES])
        mature->kind = STORE_NULL;
    else if (mature->kind == STORE_NULL)
        *mature = store_text("-1");
    return fits;
}

/* printf() takes several times as long, a snapshot has hundreds of rows. */
static void postgres_add_number(struct strbuf *text, uint64_t number) {
    char digits[20];
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    strbuf_add(text, (struct str){digits + at, sizeof(digits) - at});
}

static void postgres_copy_row(struct strbuf *text, const struct store_value *row,
                              const struct store_param of[HISTORY_COLUMNS]) {
    postgres_add_number(text, row->type);
    strbuf_addc(text, '\t');
    postgres_add_number(text, row->snapshot);
    for (int c = 0; c < HISTORY_COLUMNS; c++) {
        strbuf_addc(text, '\t');
        if (of[c].kind == STORE_NUMBER)
            postgres_add_number(text, of[c].number);
        else
            strbuf_adds(text, of[c].kind == STORE_NULL ? "\\N" : "-1");
    }
    strbuf_addc(text, '\n');
}

static bool postgres_copy_flush(struct history *h, struct strbuf *text, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    if (!strbuf_ok(text, err))
        return false;
    bool ok = text->len == 0 ||
              s->api.PQputCopyData(s->connection, text->ptr, (int)text->len) == 1 ||
              postgres_failed(h, NULL, err);
    strbuf_clear(text);
    return ok;
}

#define CELL_COLUMNS "(type, snapshot, objects, bytes, mature_bytes, live_objects, live_bytes)"

/* Of those that have figures above the limit, or of all others. */
static bool postgres_copy(struct history *h, const char *table, const struct store_value *rows,
                          uint32_t count, bool wide, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    struct strbuf text;
    char sql[160];
    snprintf(sql, sizeof(sql), "COPY %s" CELL_COLUMNS " FROM STDIN", table);
    if (!postgres_took(h, s->api.PQexec(s->connection, sql), LIBPQ_COPY_IN, err))
        return false;
    strbuf_init(&text);
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++) {
        struct store_param of[HISTORY_COLUMNS];
        if (postgres_cells(&rows[i], INT32_MAX, of) == wide)
            continue;
        postgres_copy_row(&text, &rows[i], of);
        ok = text.len < COPY_BYTES || postgres_copy_flush(h, &text, err);
    }
    ok = ok && postgres_copy_flush(h, &text, err);
    strbuf_deinit(&text);
    if (s->api.PQputCopyEnd(s->connection, ok ? NULL : "given up") != 1)
        ok = ok && postgres_failed(h, NULL, err);
    for (struct pg_result *end; (end = s->api.PQgetResult(s->connection));) {
        if (ok && s->api.PQresultStatus(end) != LIBPQ_COMMAND_OK)
            ok = postgres_failed(h, end, err);
        s->api.PQclear(end);
    }
    return ok;
}

static bool postgres_put(struct history *h, const struct store_value *rows, uint32_t count,
                         struct err *err) {
    char month[MONTH_MAX];
    uint32_t wide = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct store_param of[HISTORY_COLUMNS];
        wide += !postgres_cells(&rows[i], INT32_MAX, of);
    }
    postgres_month_table(postgres_of(h), month);
    return (wide == count || postgres_copy(h, month, rows, count, false, err)) &&
           (wide == 0 || postgres_copy(h, "cell_wide", rows, count, true, err));
}

static bool postgres_let_go(struct history *h, uint64_t run, uint64_t first, struct err *err) {
    static const char *const all[] = {
        "DELETE FROM cell c USING snapshot s WHERE s.id = c.snapshot AND s.run = $1",
        "DELETE FROM cell_wide c USING snapshot s WHERE s.id = c.snapshot AND s.run = $1"};
    const struct store_param of[] = {store_number(run), store_number(first)};
    if (first != ABSENT)
        return postgres_run(h, "SELECT let_go($1, $2)", of, 2, NULL, err);
    return postgres_run(h, all[0], of, 1, NULL, err) && postgres_run(h, all[1], of, 1, NULL, err);
}

/* A table a month is there for two hundred years: see prepare_month() of the schema. */
static bool postgres_prepare_day(struct history *h, uint32_t day, struct err *err) {
    struct postgres_store *s = postgres_of(h);
    char date[CIVIL_MAX];
    bool in_cell = day < civil_day(2000, 1, 1) || day >= civil_day(2200, 1, 1);
    if (!in_cell && (s->in_cell || s->month != store_month(day) + 1)) {
        civil_print(day, date);
        const struct store_param of[] = {store_text(date)};
        if (!postgres_run(h, "SELECT prepare_month(CAST(CAST($1 AS text) AS date))", of, 1, NULL,
                          err))
            return false;
    }
    s->in_cell = in_cell;
    s->day = day;
    s->month = store_month(day) + 1;
    return true;
}

static bool postgres_drop_before(struct history *h, uint32_t day, struct err *err) {
    char date[CIVIL_MAX];
    civil_print(day, date);
    const struct store_param of[] = {store_text(date)};
    return postgres_run(h, "SELECT drop_months(CAST(CAST($1 AS text) AS date))", of, 1, NULL, err);
}

int history_socket(const struct history *h) {
    if (h->body != &postgres_body || !h->store || !postgres_of(h)->connection)
        return -1;
    return postgres_of(h)->api.PQsocket(postgres_of(h)->connection);
}

/* Without runs, which whoever asks knows, a server joins and sorts nothing. See VALUE_OF_CELL. */
#define ROWS_OF_TYPE(table) \
    "SELECT snapshot, objects, bytes, CASE WHEN mature_bytes IS NULL THEN bytes" \
    " WHEN mature_bytes >= 0 THEN mature_bytes END, live_objects, live_bytes FROM " table \
    " WHERE type = $1"

const struct store_body postgres_body = {
    .name = "PostgreSQL",
    .open = postgres_open,
    .close = postgres_close,
    .begin = postgres_begin,
    .begin_adding = postgres_begin_adding,
    .end = postgres_end,
    .lock = postgres_lock,
    .run = postgres_run,
    .select = postgres_select,
    .next = postgres_next,
    .done = postgres_done,
    .number = postgres_number,
    .text = postgres_text,
    .blob = postgres_blob,
    .put = postgres_put,
    .let_go = postgres_let_go,
    .prepare_day = postgres_prepare_day,
    .drop_before = postgres_drop_before,
    .make_roles = postgres_make_roles,
    .rows_of_type = {ROWS_OF_TYPE("cell"), ROWS_OF_TYPE("cell_wide"), NULL},
    .monthly = true,
};
