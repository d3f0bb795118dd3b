/* What the files of the history share. */
#ifndef DUMPDIFF_HISTORY_STORE_H
#define DUMPDIFF_HISTORY_STORE_H

#include "base/bytes.h"
#include "history/history.h"

#include <sqlite3.h>

/* A statement to bind values to. */
bool history_prepare(struct history *h, const char *sql, sqlite3_stmt **ret_stmt,
                     struct err *err) MUST_CHECK;
/* The error of the database as ours. */
bool history_failed(struct history *h, struct err *err);
/* Steps to the end; ERR_SYSTEM unless that is where it ends. */
bool history_done(struct history *h, sqlite3_stmt *stmt, struct err *err) MUST_CHECK;
/* BEGIN IMMEDIATE, then COMMIT or ROLLBACK: keeps the error of what went wrong before. */
bool history_begin(struct history *h, struct err *err) MUST_CHECK;
bool history_end(struct history *h, bool ok, struct err *err) MUST_CHECK;
void history_bind_text(sqlite3_stmt *stmt, int at, const char *text);
void history_bind_number(sqlite3_stmt *stmt, int at, uint64_t number); /* ABSENT: NULL */
uint64_t history_number(sqlite3_stmt *stmt, int column);               /* NULL: ABSENT */
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

bool shard_init(struct shard_state *s, uint32_t slots);
void shard_deinit(struct shard_state *s);
/* Appends what leads from `from` (NULL: nothing) to `to`; both have the same slots. */
void shard_put(struct strbuf *out, const struct shard_state *from, const struct shard_state *to);
/* Applies what shard_put wrote. ERR_FORMAT when it does not fit. */
bool shard_apply(struct shard_state *s, struct bytes rows, struct err *err) MUST_CHECK;

#endif
