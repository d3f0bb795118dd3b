/*
 * libpq, loaded when the first history in PostgreSQL is opened: the program starts without it. Its
 * functions are declared here as its own header does, so that building takes no package; a unit
 * test holds the two together.
 *
 * Source: PostgreSQL, libpq-fe.h (the same since version 9).
 */
#ifndef DUMPDIFF_HISTORY_LIBPQ_API_H
#define DUMPDIFF_HISTORY_LIBPQ_API_H

#include "base/err.h"

#include <stddef.h>

struct pg_conn;
struct pg_result;

enum libpq_status { LIBPQ_CONNECTION_OK = 0 };
enum libpq_result {
    LIBPQ_COMMAND_OK = 1,
    LIBPQ_TUPLES_OK = 2,
    LIBPQ_COPY_IN = 4,
};
/* Of PQftype(), in an answer in binary: whole numbers, most significant byte first. Source:
 * PostgreSQL, pg_type.dat. */
enum libpq_type { LIBPQ_INT8 = 20, LIBPQ_INT2 = 21, LIBPQ_INT4 = 23 };
/* Of PQresultErrorField(): SQLSTATE. */
#define LIBPQ_DIAG_SQLSTATE 'C'

#define LIBPQ_FUNCTIONS(X) \
    X(struct pg_conn *, PQconnectdb, (const char *)) \
    X(void, PQfinish, (struct pg_conn *)) \
    X(int, PQstatus, (const struct pg_conn *)) \
    X(int, PQsocket, (const struct pg_conn *)) \
    X(char *, PQerrorMessage, (const struct pg_conn *)) \
    X(struct pg_result *, PQexec, (struct pg_conn *, const char *)) \
    X(struct pg_result *, PQexecParams, \
      (struct pg_conn *, const char *, int, const unsigned *, const char *const *, const int *, \
       const int *, int)) \
    X(struct pg_result *, PQprepare, \
      (struct pg_conn *, const char *, const char *, int, const unsigned *)) \
    X(struct pg_result *, PQexecPrepared, \
      (struct pg_conn *, const char *, int, const char *const *, const int *, const int *, int)) \
    X(int, PQresultStatus, (const struct pg_result *)) \
    X(char *, PQresultErrorField, (const struct pg_result *, int)) \
    X(char *, PQresultErrorMessage, (const struct pg_result *)) \
    X(int, PQntuples, (const struct pg_result *)) \
    X(unsigned, PQftype, (const struct pg_result *, int)) \
    X(int, PQgetisnull, (const struct pg_result *, int, int)) \
    X(char *, PQgetvalue, (const struct pg_result *, int, int)) \
    X(int, PQgetlength, (const struct pg_result *, int, int)) \
    X(char *, PQcmdTuples, (struct pg_result *)) \
    X(void, PQclear, (struct pg_result *)) \
    X(int, PQputCopyData, (struct pg_conn *, const char *, int)) \
    X(int, PQputCopyEnd, (struct pg_conn *, const char *)) \
    X(struct pg_result *, PQgetResult, (struct pg_conn *)) \
    X(int, PQsetClientEncoding, (struct pg_conn *, const char *))

struct libpq_api {
    void *library;
#define LIBPQ_MEMBER(type, name, arguments) type(*name) arguments;
    LIBPQ_FUNCTIONS(LIBPQ_MEMBER)
#undef LIBPQ_MEMBER
};

/*
 * Errors: ERR_SYSTEM (it is not installed, or lacks a function), ERR_UNSUPPORTED (the static build
 * has no place for it).
 */
bool libpq_api_load(struct libpq_api *api, struct err *err) MUST_CHECK;
void libpq_api_unload(struct libpq_api *api); /* zeroed or loaded */

#endif
