/* What the files of the history share. */
#ifndef DUMPDIFF_HISTORY_STORE_H
#define DUMPDIFF_HISTORY_STORE_H

#include "base/bytes.h"
#include "history/history.h"

#include <sqlite3.h>

/*
 * Prepares a statement, to be finalized by the caller. Errors: ERR_SYSTEM, ERR_FORMAT (the file is
 * damaged), in the words of the database.
 */
bool history_prepare(struct history *h, const char *sql, sqlite3_stmt **ret_stmt,
                     struct err *err) MUST_CHECK;
/* Runs statements that bind nothing and answer nothing. Errors: those of history_failed. */
bool history_sql(struct history *h, const char *sql, struct err *err) MUST_CHECK;
/* The number in the first column of the first row. Errors: those of history_failed. */
bool history_ask_number(struct history *h, const char *sql, int64_t *ret_value,
                        struct err *err) MUST_CHECK;
/*
 * Is this a history of our version, with our tables and nothing else? Made or brought up to date
 * where the mode allows it. Errors: ERR_FORMAT, ERR_UNSUPPORTED, those of history_failed.
 */
bool history_schema_check(struct history *h, enum history_mode mode, struct err *err) MUST_CHECK;
/* The error of the database as ours; always false. Errors: ERR_SYSTEM, ERR_FORMAT (damaged). */
bool history_failed(struct history *h, struct err *err);
/* Steps once, and resets: for what gives no rows. Errors: those of history_failed. */
bool history_done(struct history *h, sqlite3_stmt *stmt, struct err *err) MUST_CHECK;
/*
 * BEGIN IMMEDIATE, then COMMIT or ROLLBACK (ok = false, which stays false and keeps the error of
 * what went wrong before). Errors: those of history_failed.
 */
bool history_begin(struct history *h, struct err *err) MUST_CHECK;
bool history_end(struct history *h, bool ok, struct err *err) MUST_CHECK;
void history_bind_text(sqlite3_stmt *stmt, int at, const char *text);
void history_bind_number(sqlite3_stmt *stmt, int at, uint64_t number); /* ABSENT: NULL */
uint64_t history_number(sqlite3_stmt *stmt, int column);               /* NULL: ABSENT */
/* Copied into the history's arena. NULL: out of memory. */
const char *history_text(struct history *h, sqlite3_stmt *stmt, int column);

/*
 * The rows of one shard: column values + 1 of the metrics shard, shard + HISTORY_SHARDS, ...;
 * 0: absent.
 */
struct shard_state {
    uint64_t *cells; /* [slot * HISTORY_COLUMNS + column] */
    uint32_t slots;
};

static inline uint32_t shard_of(uint64_t metric) {
    return (uint32_t)(metric % HISTORY_SHARDS);
}
static inline uint32_t history_slot_of(uint64_t metric) {
    return (uint32_t)(metric / HISTORY_SHARDS);
}

/* The difference that shard_put wrote as `written`, sign in the lowest bit. */
static inline uint64_t shard_delta(uint64_t written) {
    return (written >> 1) ^ ((uint64_t)0 - (written & 1));
}

/* Nothing is in it. false: out of memory. */
bool shard_init(struct shard_state *s, uint32_t slots);
void shard_deinit(struct shard_state *s);
/* Appends what leads from `from` (NULL: nothing) to `to`; both have the same slots. */
void shard_put(struct strbuf *out, const struct shard_state *from, const struct shard_state *to);
/* Applies what shard_put wrote. Errors: ERR_FORMAT (it does not fit). */
bool shard_apply(struct shard_state *s, struct bytes rows, struct err *err) MUST_CHECK;

#endif
