/* What the files of `dumpdiff history` share. */
#ifndef DUMPDIFF_CMD_HISTORY_CMD_H
#define DUMPDIFF_CMD_HISTORY_CMD_H

#include "cmd/session.h"
#include "diff/report/sheet.h"
#include "history/history.h"

/* One run: the open file, and what is to be printed. */
struct run {
    const struct options *o; /* arguments without the action */
    struct history h;
    struct history_entry *entries; /* that the options choose */
    uint32_t count;
    struct strbuf out;
};

/*
 * Reads the snapshots that the options and `release` (NULL: any) take. Errors: ERR_USAGE (there is
 * none), and those of history_entries.
 */
bool history_choose(struct run *r, const char *release, struct err *err) MUST_CHECK;
/*
 * Two programs in one line of values would tell nothing. Errors: ERR_USAGE (they are of several).
 */
bool history_one_program(const struct run *r, struct err *err) MUST_CHECK;
/* Rows asked for by --top and --all, or as many as the format has by default. */
uint32_t history_top(const struct run *r);
/* Cuts to these, and says so. */
void history_cut(const struct run *r, struct sheet *s);
/* Writes the sheet in the format asked for. Errors: ERR_USAGE (format), ERR_SYSTEM, ERR_NOMEM. */
bool history_print(struct run *r, const struct sheet *s, const char *title,
                   struct err *err) MUST_CHECK;

/* NULL where there is nothing to be said. */
static inline const char *name_or_null(const char *text) {
    return text && *text ? text : NULL;
}

/* Opens or connects to what --db says. Errors: those of history_open(). */
bool history_open_for(struct run *r, enum history_mode mode, struct err *err) MUST_CHECK;
/*
 * Adds one snapshot with what is found in it, and says so. requests: 0: not said. Errors:
 * ERR_INCONCLUSIVE (it cannot be trusted), those of history_add().
 */
bool history_add_snapshot(struct run *r, const struct snapshot *snapshot, const char *name,
                          const struct history_key *key, uint64_t requests,
                          struct err *err) MUST_CHECK;
/* Errors: ERR_USAGE, those of session_read() and history_add(). */
bool history_add_all(struct run *r, struct err *err) MUST_CHECK;

/* Makes what --db says where it is not there, or brings it up to date. Errors: those of
 * history_open() and history_make_roles(). */
bool history_init(struct run *r, struct err *err) MUST_CHECK;

/* The actions of these names. Errors: ERR_USAGE, ERR_INCONCLUSIVE, those of history_each. */
bool history_trend(struct run *r, struct err *err) MUST_CHECK;
bool history_compare(struct run *r, struct err *err) MUST_CHECK;
bool history_push(struct run *r, struct err *err) MUST_CHECK;
bool history_report(struct run *r, struct err *err) MUST_CHECK;

#endif
