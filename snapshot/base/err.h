/*
 * Errors: what a fallible function fills in when it returns false.
 *
 * The function that meets the problem says what was expected and what was found; each caller on the
 * way out prefixes where it was ("segment 3: note 2: ..."). Nothing below cmd/ prints or exits.
 */
#ifndef DUMPDIFF_BASE_ERR_H
#define DUMPDIFF_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK          __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, a) __attribute__((format(printf, fmt, a)))

enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,        /* the command line or a configuration file is wrong: exit 2 */
    ERR_INCONCLUSIVE, /* cannot be trusted or compared: exit 3 */
    ERR_FORMAT,       /* input is not what it should be: exit 4 */
    ERR_TRUNCATED,    /* input ends too early: exit 4 */
    ERR_LIMIT,        /* input asks for more than we allow: exit 4 */
    ERR_UNSUPPORTED,  /* well-formed, but not for us: exit 4 */
    ERR_IO,           /* cannot open or read an input: exit 4 */
    ERR_NOMEM,        /* out of memory: exit 5 */
    ERR_SYSTEM,       /* disk full, cannot write, no permission: exit 5 */
};

struct err {
    enum err_code code;
    uint64_t offset; /* [bytes] place in the input; ERR_NO_OFFSET when there is none */
    char msg[256];   /* one line, no newline, no program name */
};

#define ERR_NO_OFFSET UINT64_MAX

/* Fills err; a NULL err is allowed. Always returns false, so that `return err_set(...)` reads well.
 */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with the place in the input. The offset is printed by whoever prints the message. */
bool err_at(struct err *err, enum err_code code, uint64_t offset, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Puts "context: " before the message. Always returns false. */
bool err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Out of memory, the one message. Always returns false. */
bool err_nomem(struct err *err);

/*
 * Sticky errors: what goes on after a failure (a text that is added to, a table that is filled)
 * keeps the first error in a `struct err` of its own, which begins as {.code = ERR_NONE}, and tells
 * it once.
 */

/* Keeps `next` unless an error is kept already, or `next` is none. */
void err_keep(struct err *kept, const struct err *next);

/* As err_keep, for lack of memory. */
void err_keep_nomem(struct err *kept);

/* true: no error was kept. false: it is now in err, as everywhere. Errors: the one that was kept.
 */
bool err_none(const struct err *kept, struct err *err) MUST_CHECK;

/* Exit status that DESIGN.md gives to an error code: 2, 3, 4 or 5; 0 for ERR_NONE. */
int err_exit_status(enum err_code code);

#endif
