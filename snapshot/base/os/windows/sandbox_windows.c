/* There is none: `dumpdiff --version` and SECURITY.md say so. */
#include "base/sandbox.h"

void sandbox_init(struct sandbox *s, bool paths) {
    (void)paths;
    *s = (struct sandbox){.ruleset = -1, .readers = -1};
}

void sandbox_allow_read(struct sandbox *s, const char *path) {
    (void)s;
    (void)path;
}

void sandbox_allow_write(struct sandbox *s, const char *path) {
    (void)s;
    (void)path;
}

void sandbox_allow_temporary(struct sandbox *s, const char *path) {
    (void)s;
    (void)path;
}

bool sandbox_enter(struct sandbox *s, uint32_t uses, struct err *err) {
    (void)s;
    (void)uses;
    (void)err;
    return true;
}

bool sandbox_enter_child(enum sandbox_child child) {
    (void)child;
    return true;
}

void sandbox_keep_from_children(int fd) {
    (void)fd;
}

bool sandbox_lacks_paths(const struct sandbox *s) {
    (void)s;
    return false;
}

void sandbox_describe(struct strbuf *out) {
    strbuf_adds(out, "none on Windows (dumps are read by this process, with all of its rights)");
}
