/* Outputs: whole or not at all, and whatever ends us on the way leaves nothing behind. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40u /* as the kernel's own */
#define NAMES_MAX 100u

static bool cannot_write(struct err *err) {
    return err_set(err, ERR_SYSTEM, "cannot write: %s", strerror(errno));
}

static bool write_fd(int fd, struct str data, struct err *err) {
    while (data.len) {
        ssize_t n = write(fd, data.ptr, data.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot_write(err);
        data = str_drop(data, (size_t)n);
    }
    return true;
}

/* For targets that cannot be replaced: /dev/stdout, a FIFO. */
static bool write_through(const char *path, struct str data, struct err *err) {
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return cannot_write(err);
    bool ok = write_fd(fd, data, err);
    if (close(fd) != 0 && ok)
        ok = cannot_write(err);
    return ok;
}

/* -- Places ------------------------------------------------------------------------------------ */

/* [bytes] of path up to and with its last '/'. */
static int folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash + 1 - path) : 0;
}

/* Follows links in the last part of a path, also to what is not there: a link is kept, its file
 * replaced or made. */
static bool file_target(const char *path, char ret_target[PATH_MAX], struct err *err) {
    char link[PATH_MAX], joined[2 * PATH_MAX];
    int length = snprintf(ret_target, PATH_MAX, "%s", path);
    for (unsigned i = 0; i < LINKS_MAX && length >= 0 && length < PATH_MAX; i++) {
        ssize_t n = readlink(ret_target, link, sizeof(link) - 1);
        if (n < 0)
            return true;
        link[n] = '\0';
        length = snprintf(joined, sizeof(joined), "%.*s%s",
                          link[0] == '/' ? 0 : folder_length(ret_target), ret_target, link);
        if (length >= 0 && length < PATH_MAX)
            memcpy(ret_target, joined, (size_t)length + 1);
    }
    errno = ELOOP;
    return cannot_write(err);
}

bool file_follow(const char *path, char ret_target[PATH_MAX]) {
    return file_target(path, ret_target, NULL);
}

bool file_place(const char *path, struct file_place *ret_place) {
    char target[PATH_MAX], folder[PATH_MAX];
    struct stat st;
    *ret_place = (struct file_place){.name = ""};
    if (!file_target(path, target, NULL))
        return false;
    if (stat(target, &st) != 0) {
        snprintf(folder, sizeof(folder), "%.*s", folder_length(target), target);
        snprintf(ret_place->name, sizeof(ret_place->name), "%.255s",
                 target + folder_length(target));
        if (stat(*folder ? folder : ".", &st) != 0)
            return false;
    }
    ret_place->device = st.st_dev;
    ret_place->inode = st.st_ino;
    return true;
}

bool file_is_special(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* -- Writing ----------------------------------------------------------------------------------- */

/* A file that is being written. */
struct unfinished {
    const char *target;
    int fd;
    char name[PATH_MAX + 16]; /* "": it has none yet, and goes when we do */
};

/* One without a name, where the file system knows such; else one beside the target. */
static bool unfinished_open(struct unfinished *u, struct err *err) {
    char folder[PATH_MAX];
    int length = folder_length(u->target);
    snprintf(folder, sizeof(folder), "%.*s", length ? length : 1, length ? u->target : ".");
    u->name[0] = '\0';
    /* It gets its name through /proc, which a chroot may lack. */
    u->fd = access("/proc/self/fd", X_OK) == 0
                ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)
                : -1;
    if (u->fd < 0) {
        snprintf(u->name, sizeof(u->name), "%s.XXXXXX", u->target);
        u->fd = mkostemp(u->name, O_CLOEXEC);
    }
    return u->fd >= 0 || err_set(err, ERR_SYSTEM, "cannot write beside it: %s", strerror(errno));
}

/* Gives the file a name beside the target, which rename() then takes away. */
static bool unfinished_name(struct unfinished *u, struct err *err) {
    char from[64];
    snprintf(from, sizeof(from), "/proc/self/fd/%d", u->fd);
    if (linkat(AT_FDCWD, from, AT_FDCWD, u->target, AT_SYMLINK_FOLLOW) == 0)
        return true;
    for (unsigned i = 0; errno == EEXIST && i < NAMES_MAX; i++) {
        snprintf(u->name, sizeof(u->name), "%s.%ld-%u", u->target, (long)getpid(), i);
        if (linkat(AT_FDCWD, from, AT_FDCWD, u->name, AT_SYMLINK_FOLLOW) == 0)
            return true;
    }
    u->name[0] = '\0';
    return cannot_write(err);
}

static bool unfinished_finish(struct unfinished *u, struct err *err) {
    if (!*u->name && !unfinished_name(u, err))
        return false;
    return !*u->name || rename(u->name, u->target) == 0 ||
           err_set(err, ERR_SYSTEM, "cannot rename: %s", strerror(errno));
}

/* The old file's rights, but nothing that lets others act as its owner. */
static mode_t unfinished_mode(const struct stat *old) {
    mode_t mask = umask(0);
    umask(mask);
    return old ? old->st_mode & 0777 : 0666 & ~mask;
}

/* While a name is on the disk that nobody asked for, who asks us to end has to wait. */
static void hold_signals(sigset_t *old) {
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    sigaddset(&some, SIGINT);
    sigaddset(&some, SIGHUP);
    sigprocmask(SIG_BLOCK, &some, old);
}

static bool replace_file(const char *target, const struct stat *old, struct str data,
                         struct err *err) {
    struct unfinished u = {.target = target};
    sigset_t signals;
    hold_signals(&signals);
    bool ok = unfinished_open(&u, err);
    bool held = *u.name;
    if (!held)
        sigprocmask(SIG_SETMASK, &signals, NULL);
    if (ok) {
        ok = write_fd(u.fd, data, err);
        if (ok && (fchmod(u.fd, unfinished_mode(old)) != 0 || fsync(u.fd) != 0))
            ok = cannot_write(err);
        if (!held)
            hold_signals(&signals);
        ok = ok && unfinished_finish(&u, err);
        if (!ok && *u.name)
            unlink(u.name);
        if (close(u.fd) != 0 && ok)
            ok = cannot_write(err);
    }
    sigprocmask(SIG_SETMASK, &signals, NULL);
    return ok;
}

bool file_write(const char *path, struct fit fit, struct err *err) {
    struct str data = fit.left_by_fit;
    if (!path || strcmp(path, "-") == 0)
        return write_fd(STDOUT_FILENO, data, err);
    struct stat st;
    char target[PATH_MAX];
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return err_set(err, ERR_SYSTEM, "cannot write: is a folder");
    if (exists && !S_ISREG(st.st_mode))
        return write_through(path, data, err);
    return file_target(path, target, err) && replace_file(target, exists ? &st : NULL, data, err);
}
