#include "base/err.h"

#include <stdio.h>
#include <string.h>

static void err_fill(struct err *err, enum err_code code, uint64_t offset, const char *fmt,
                     va_list ap) {
    if (!err)
        return;
    err->code = code;
    err->offset = offset;
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    err_fill(err, code, ERR_NO_OFFSET, fmt, ap);
    va_end(ap);
    return false;
}

bool err_at(struct err *err, enum err_code code, uint64_t offset, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    err_fill(err, code, offset, fmt, ap);
    va_end(ap);
    return false;
}

bool err_prefix(struct err *err, const char *fmt, ...) {
    if (!err)
        return false;
    /* A message that does not fit is cut at its end: the place matters more than the detail. */
    char whole[2 * sizeof(err->msg)];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(whole, sizeof(err->msg), fmt, ap);
    va_end(ap);
    size_t at = n < 0 ? 0 : (size_t)n < sizeof(err->msg) - 1 ? (size_t)n : sizeof(err->msg) - 1;
    snprintf(whole + at, sizeof(whole) - at, ": %s", err->msg);
    memcpy(err->msg, whole, sizeof(err->msg) - 1);
    err->msg[sizeof(err->msg) - 1] = '\0';
    return false;
}

bool err_nomem(struct err *err) {
    return err_set(err, ERR_NOMEM, "out of memory");
}

void err_keep(struct err *kept, const struct err *next) {
    if (kept->code == ERR_NONE && next->code != ERR_NONE)
        *kept = *next;
}

void err_keep_nomem(struct err *kept) {
    if (kept->code == ERR_NONE)
        err_nomem(kept);
}

bool err_none(const struct err *kept, struct err *err) {
    if (kept->code == ERR_NONE)
        return true;
    if (err)
        *err = *kept;
    return false;
}

int err_exit_status(enum err_code code) {
    switch (code) {
    case ERR_NONE:
        return 0;
    case ERR_USAGE:
        return 2;
    case ERR_INCONCLUSIVE:
        return 3;
    case ERR_FORMAT:
    case ERR_TRUNCATED:
    case ERR_LIMIT:
    case ERR_UNSUPPORTED:
    case ERR_IO:
        return 4;
    case ERR_NOMEM:
    case ERR_SYSTEM:
        return 5;
    }
    return 5;
}
