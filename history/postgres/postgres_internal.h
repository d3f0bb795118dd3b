/* What the files of the PostgreSQL body share. */
#ifndef DUMPDIFF_HISTORY_POSTGRES_INTERNAL_H
#define DUMPDIFF_HISTORY_POSTGRES_INTERNAL_H

#include "history/postgres/libpq_api.h"
#include "history/database.h"

#define STATEMENTS 24u

struct postgres_statement {
    char *sql;    /* NULL: none */
    char name[8]; /* "": asked once, and not prepared */
};

struct postgres_store {
    struct libpq_api api;
    struct pg_conn *connection;
    uint32_t cursors; /* that were opened, for their names */
    uint32_t depth;   /* 1: in a transaction */
    uint32_t month;   /* that there is a table for; 0: not asked yet */
    uint32_t day;     /* that rows which are put are of */
    bool in_cell;     /* that day has no month of its own */
    struct postgres_statement statements[STATEMENTS];
};

static inline struct postgres_store *postgres_of(const struct history *h) {
    return h->store;
}

/* Runs statements without parameters and answers. Errors: ERR_SYSTEM, ERR_NOMEM, as the server
 * says; sets h->again. */
bool postgres_sql(struct history *h, const char *sql, struct err *err) MUST_CHECK;
/*
 * Is the schema there, and ours? Made or brought up to date where the mode allows it, by one at a
 * time. Errors: ERR_FORMAT, ERR_UNSUPPORTED, those of postgres_sql().
 */
bool postgres_schema_check(struct history *h, enum history_mode mode, struct err *err) MUST_CHECK;
/* Is that the version that we know? Errors: ERR_UNSUPPORTED. */
bool postgres_version_stays(struct history *h, uint64_t version, struct err *err) MUST_CHECK;
/* As history_make_roles(). Errors: those of postgres_sql(). */
bool postgres_make_roles(struct history *h, struct err *err) MUST_CHECK;

#endif
