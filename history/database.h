/*
 * The inner front of the history: what its files ask of a database. There are two bodies, SQLite
 * (sqlite/) and PostgreSQL (postgres/), with the same tables and the same statements: parameters
 * are written $1, $2, ... in the order in which they first stand there.
 */
#ifndef DUMPDIFF_HISTORY_DATABASE_H
#define DUMPDIFF_HISTORY_DATABASE_H

#include "base/bytes.h"
#include "base/hash.h"
#include "history/history.h"

/* Longer names are kept as their beginning and a hash: an index of PostgreSQL takes 2,700 bytes. */
#define STORE_NAME_BYTES 1000u

enum store_kind { STORE_NULL, STORE_NUMBER, STORE_TEXT, STORE_BLOB };

/* Of a statement. Texts and blobs are borrowed for the call. */
struct store_param {
    enum store_kind kind;
    uint64_t number; /* at most INT64_MAX */
    struct str bytes;
};

static inline struct store_param store_number(uint64_t number) { /* ABSENT: NULL */
    return (struct store_param){number == ABSENT ? STORE_NULL : STORE_NUMBER,
                                number > INT64_MAX ? INT64_MAX : number,
                                {NULL, 0}};
}
static inline struct store_param store_text(const char *text) { /* NULL: NULL */
    return (struct store_param){text ? STORE_TEXT : STORE_NULL, 0, str_of(text)};
}
static inline struct store_param store_blob(struct str bytes) {
    return (struct store_param){STORE_BLOB, 0, bytes};
}

/* One row of the table `value`: figures of a type in a snapshot, where they changed. */
struct store_value {
    uint64_t type, run, snapshot;
    uint32_t day; /* [days since 1970] of capture, that PostgreSQL's months go by */
    uint64_t cells[HISTORY_COLUMNS]; /* ABSENT: not known */
};

/* Rows of an answer, one at a time. */
struct store_rows {
    struct history *h;
    void *answer; /* of the body; NULL: there is none */
    uint64_t at;  /* rows that were read */
};

/*
 * A database. Errors of all: ERR_SYSTEM, ERR_FORMAT (damaged), ERR_NOMEM, in its words; where it
 * may go well the next time (another writer was in the way), h->again is set.
 */
struct store_body {
    const char *name;
    /* Errors: those of history_open(). On error close() is called, too. */
    bool (*open)(struct history *h, const char *where, enum history_mode mode, struct err *err);
    void (*close)(struct history *h);
    /* One look at all, or one change of it; end(false) undoes, stays false and keeps its error. */
    bool (*begin)(struct history *h, bool writes, struct err *err);
    bool (*end)(struct history *h, bool ok, struct err *err);
    /*
     * begin() and lock() at once, and is it still of our version? Another program may have brought
     * it up to date since it was opened. On error nothing is begun. Errors: ERR_UNSUPPORTED, too.
     */
    bool (*begin_adding)(struct history *h, uint64_t instance, struct err *err);
    /* Nobody else adds to that instance until the end. Errors: as above. */
    bool (*lock)(struct history *h, uint64_t instance, struct err *err);
    /* A statement without answer; ret_changed: rows, may be NULL. */
    bool (*run)(struct history *h, const char *sql, const struct store_param *params,
                uint32_t count, uint64_t *ret_changed, struct err *err);
    /* many: the answer may be larger than memory. rows end with done(), whatever came of it. */
    bool (*select)(struct history *h, const char *sql, const struct store_param *params,
                   uint32_t count, bool many, struct store_rows *rows, struct err *err);
    bool (*next)(struct store_rows *rows, bool *ret_more, struct err *err);
    void (*done)(struct store_rows *rows);
    uint64_t (*number)(const struct store_rows *rows, int column); /* NULL: ABSENT */
    /* Lent until the next row; ptr NULL: NULL, or out of memory. Of blobs: blob(). */
    struct str (*text)(const struct store_rows *rows, int column);
    struct str (*blob)(struct store_rows *rows, int column);
    /* Rows of `value`, of one snapshot, as fast as the body can; prepare_day() was asked. */
    bool (*put)(struct history *h, const struct store_value *rows, uint32_t count, struct err *err);
    /*
     * Rows of `value` go: all of a run; or those before snapshot `first`, which from then on says
     * itself what they said of it. first: ABSENT: all
     */
    bool (*let_go)(struct history *h, uint64_t run, uint64_t first, struct err *err);
    /* Is there room for rows of that day? Outside of begin() and end(). */
    bool (*prepare_day)(struct history *h, uint32_t day, struct err *err);
    /* Lets go of the rows of all months before that day, which begins one; monthly bodies. */
    bool (*drop_before)(struct history *h, uint32_t day, struct err *err);
    /* NULL: there are none. */
    bool (*make_roles)(struct history *h, struct err *err);
    /*
     * Selects that together answer with all rows of type $1: snapshot, then the columns; where that
     * is faster than asking `value`, which knows the run as well. NULL at the end, or all NULL.
     */
    const char *rows_of_type[3];
    bool monthly; /* what is before a month can go: a run says all of itself once a month */
};
extern const struct store_body sqlite_body, postgres_body;

/* The same, of the history's body. Errors: as above. */
bool store_begin(struct history *h, bool writes, struct err *err) MUST_CHECK;
bool store_begin_adding(struct history *h, uint64_t instance, struct err *err) MUST_CHECK;
bool store_end(struct history *h, bool ok, struct err *err) MUST_CHECK;
bool store_run(struct history *h, const char *sql, const struct store_param *params, uint32_t count,
               uint64_t *ret_changed, struct err *err) MUST_CHECK;
bool store_select(struct history *h, const char *sql, const struct store_param *params,
                  uint32_t count, bool many, struct store_rows *rows, struct err *err) MUST_CHECK;
/* false: an error, or the rows are at their end, which *ok tells. Errors: as above. */
bool store_next(struct store_rows *rows, bool *ok, struct err *err) MUST_CHECK;
void store_done(struct store_rows *rows);
uint64_t store_number_of(const struct store_rows *rows, int column);
/* Cleaned, in the history's arena. NULL: NULL, or out of memory. */
const char *store_text_of(const struct store_rows *rows, int column);
/* Lent until the next row. */
struct str store_blob_of(struct store_rows *rows, int column);
/* The first column of the first row; ABSENT: there is none. Errors: as above. */
bool store_ask(struct history *h, const char *sql, const struct store_param *params, uint32_t count,
               uint64_t *ret_number, struct err *err) MUST_CHECK;

#define STORE_COUNT(params) ((uint32_t)(sizeof(params) / sizeof(*(params))))

/*
 * A name as it is kept: clean, and a long one cut. Borrowed, or of the history's arena; NULL: out
 * of memory.
 */
const char *store_name(struct history *h, const char *name);

/* [months since 1970] of a day since 1970. */
uint32_t store_month(uint32_t day);

/* -- Names to numbers (types.c) ---------------------------------------------------------------- */

/* The numbers of types and values of one program, as far as this process has seen them. */
struct type_cache {
    uint64_t program;
    struct strmap numbers; /* (kind, name) to number */
    struct arena arena;
    bool begun;
};

/* What is kept of one type or value. */
struct kept {
    enum history_kind kind;
    const char *name;                /* as it is kept */
    uint64_t hash;                   /* strmap_hash() of types_key() and the name */
    uint64_t type;                   /* its number, filled in by types_number() */
    uint64_t cells[HISTORY_COLUMNS]; /* ABSENT: not known */
};

/* What names of a kind are keyed with. */
static inline struct str types_key(uint64_t kind) {
    return kind == HISTORY_TYPE ? STR("t") : STR("v");
}
void types_forget(struct type_cache *c);
/* Numbers for all rows, of new ones in a transaction of its own. Errors: those of the body. */
bool types_number(struct history *h, uint64_t program, struct kept *rows, uint32_t count,
                  struct err *err) MUST_CHECK;

/* -- What a run says last (state.c) ------------------------------------------------------------ */

struct state_row {
    uint64_t type;
    enum history_kind kind;
    bool gone;                       /* of a change: the run says nothing of it any more */
    uint64_t cells[HISTORY_COLUMNS]; /* ABSENT: not known */
};

struct state {
    struct state_row *rows; /* by type, each once */
    uint32_t count, capacity;
};

/* Appends the rows: the distance to the type before with the kind in its lowest bit, then each cell
 * and one, as LEB128. */
void state_put(struct strbuf *out, const struct state *s);
/* What state_put() wrote. Errors: ERR_FORMAT (it is none), ERR_NOMEM. */
bool state_take(struct state *s, struct str bytes, struct err *err) MUST_CHECK;
/*
 * The same of rows that changed, among them those that are gone: two bits below the distance, gone
 * and kind, and no cells of what is gone.
 */
void state_put_change(struct strbuf *out, const struct state *changed);
/* Changes s as a state_put_change() says. Errors: those of state_take(). */
bool state_take_change(struct state *s, struct str bytes, struct err *err) MUST_CHECK;
void state_deinit(struct state *s);

#endif
