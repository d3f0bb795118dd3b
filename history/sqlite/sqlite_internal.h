/* What the files of the SQLite body share. */
#ifndef DUMPDIFF_HISTORY_SQLITE_INTERNAL_H
#define DUMPDIFF_HISTORY_SQLITE_INTERNAL_H

#include "history/database.h"
#include "history/sqlite/sqlite_api.h"

struct sqlite_store {
    struct sqlite_api api;
    sqlite3 *db;
    uint32_t rounds_left; /* of work that SQLite may do; 0: it was stopped */
};

static inline struct sqlite_store *sqlite_of(const struct history *h) {
    return h->store;
}

/* Its functions. */
static inline const struct sqlite_api *sqlite(const struct history *h) {
    return &sqlite_of(h)->api;
}

/*
 * Prepares a statement, to be finalized by the caller. Errors: ERR_SYSTEM, ERR_FORMAT (the file is
 * damaged), in the words of the database.
 */
bool sqlite_prepare(struct history *h, const char *sql, sqlite3_stmt **ret_stmt,
                    struct err *err) MUST_CHECK;
/* Runs statements that bind nothing and answer nothing. Errors: those of sqlite_failed. */
bool sqlite_sql(struct history *h, const char *sql, struct err *err) MUST_CHECK;
/* The number in the first column of the first row. Errors: those of sqlite_failed. */
bool sqlite_ask_number(struct history *h, const char *sql, int64_t *ret_value,
                       struct err *err) MUST_CHECK;
/*
 * Is this a history of our version, with our tables and nothing else? Made or brought up to date
 * where the mode allows it. Errors: ERR_FORMAT, ERR_UNSUPPORTED, those of sqlite_failed.
 */
bool sqlite_schema_check(struct history *h, enum history_mode mode, struct err *err) MUST_CHECK;
/* Still, in a transaction that writes? Errors: ERR_UNSUPPORTED, those of sqlite_failed. */
bool sqlite_schema_stays(struct history *h, struct err *err) MUST_CHECK;
/* The error of the database as ours; always false. Errors: ERR_SYSTEM, ERR_FORMAT (damaged). */
bool sqlite_failed(struct history *h, struct err *err);
/* BEGIN IMMEDIATE or a look at all, and their end. Errors: those of sqlite_failed. */
bool sqlite_begin(struct history *h, bool writes, struct err *err) MUST_CHECK;
bool sqlite_end(struct history *h, bool ok, struct err *err) MUST_CHECK;
/* The file: opening it so that nothing but our own statements runs. Errors: of history_open(). */
bool sqlite_open_file(struct history *h, const char *path, enum history_mode mode,
                      struct err *err) MUST_CHECK;

/* Rows of the first version, which packed them, as rows of `value`. Errors: ERR_FORMAT (they are
 * damaged), those of sqlite_failed. */
bool sqlite_unpack(struct history *h, struct err *err) MUST_CHECK;

/*
 * -- The first version: blobs of changes, spread over shards by type (shard.c) --
 * column values + 1 of the metrics shard, shard + SHARDS, ...; 0: absent.
 */
#define SHARDS 16u

struct shard_state {
    uint64_t *cells; /* [slot * HISTORY_COLUMNS + column] */
    uint32_t slots;
};

/* Nothing is in it. false: out of memory. */
bool shard_init(struct shard_state *s, uint32_t slots);
void shard_deinit(struct shard_state *s);
/* Applies a change. Errors: ERR_FORMAT (it does not fit). */
bool shard_apply(struct shard_state *s, struct bytes rows, struct err *err) MUST_CHECK;

#endif
