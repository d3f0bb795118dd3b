#include "cmd/put_out.h"

#include "base/file.h"
#include "base/os/os.h"
#include "cmd/session.h"
#include "cmd/terminal.h"

#include <errno.h>
#include <string.h>

/* Whoever reads our output may stop reading (`| head`): that is not our failure. */
static bool write_stdout(struct fit fit, struct err *err) {
    struct str text = fit.left_by_fit;
    pager_writes();
    return os_write_all(OS_STDOUT, text.ptr, text.len) || errno == EPIPE ||
           err_set(err, ERR_SYSTEM, "standard output: cannot write: %s", strerror(errno));
}

bool is_stdout(const char *path) {
    return !path || strcmp(path, "-") == 0;
}

static bool put_fit(const char *path, struct fit fit, struct err *err) {
    if (is_stdout(path))
        return write_stdout(fit, err);
    return file_write(path, fit, err) || err_prefix(err, "%s", path);
}

bool put_out(const char *path, struct strbuf *text, enum fit_how how, struct err *err) {
    struct fit fit = fit_text(text, how, is_stdout(path));
    return strbuf_ok(text, err) && put_fit(path, fit, err);
}

bool put_bytes(const char *path, struct strbuf *bytes, struct err *err) {
    return strbuf_ok(bytes, err) && put_fit(path, fit_bytes(strbuf_str(bytes)), err);
}

int print_text(struct strbuf *text) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    return put_out(NULL, text, FIT_TEXT, &err) ? 0 : fail(&err);
}
