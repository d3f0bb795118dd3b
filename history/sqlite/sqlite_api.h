/*
 * SQLite, loaded when the first history in a file is opened: linked the usual way it takes a third
 * of what starting the program does, and most runs open none.
 */
#ifndef DUMPDIFF_HISTORY_SQLITE_API_H
#define DUMPDIFF_HISTORY_SQLITE_API_H

#include "base/err.h"

#include <sqlite3.h>

/* The functions in use, without the "sqlite3_" of their names; the types are those of SQLite's own
 * header. */
#define SQLITE_FUNCTIONS(X) \
    X(bind_blob64) \
    X(bind_int64) \
    X(bind_null) \
    X(bind_parameter_index) \
    X(bind_text64) \
    X(busy_timeout) \
    X(changes) \
    X(close) \
    X(column_blob) \
    X(column_bytes) \
    X(column_int64) \
    X(column_text) \
    X(column_type) \
    X(db_config) \
    X(errcode) \
    X(errmsg) \
    X(exec) \
    X(finalize) \
    X(limit) \
    X(open_v2) \
    X(prepare_v2) \
    X(progress_handler) \
    X(reset) \
    X(step)

struct sqlite_api {
#define SQLITE_MEMBER(function) __typeof__(&sqlite3_##function) function;
    SQLITE_FUNCTIONS(SQLITE_MEMBER)
#undef SQLITE_MEMBER
};

/*
 * Loads the library; it stays, since it keeps things of its own from one file to the next.
 * Errors: ERR_SYSTEM (it is not installed, or lacks a function).
 */
bool sqlite_api_load(struct sqlite_api *api, struct err *err) MUST_CHECK;

#endif
