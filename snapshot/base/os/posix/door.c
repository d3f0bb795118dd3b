#include "base/door.h"

#include "base/os/posix/door_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40u /* as the kernel's own */
#define DEPTH_MAX 64u

/* Files of the kernel's own: to read them may take something away, or never end. */
static bool is_of_kernel(int fd) {
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return true;
    unsigned long type = (unsigned long)fs.f_type;
    return type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC || type == DEBUGFS_MAGIC ||
           type == TRACEFS_MAGIC || type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC ||
           type == SECURITYFS_MAGIC || type == BPF_FS_MAGIC;
}

/* -- Kernels without openat2 ------------------------------------------------------------------- */

/* Where a walk is: the folders above are kept open, so that ".." needs no name. */
struct door_steps {
    int fds[DEPTH_MAX];
    uint32_t depth; /* fds[0] is the root, borrowed */
    uint32_t links;
    char rest[PATH_MAX];
};

static void steps_up(struct door_steps *w, uint32_t depth) {
    while (w->depth > depth)
        close(w->fds[--w->depth]);
}

/* A link's target in front of what is left of the path. */
static bool door_follow(struct door_steps *w, int link, const char *behind) {
    char target[PATH_MAX], joined[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
    if (n <= 0 || is_of_kernel(link) || ++w->links > LINKS_MAX)
        return false;
    target[n] = '\0';
    int length = snprintf(joined, sizeof(joined), "%s/%s", target, behind);
    if (length < 0 || (size_t)length >= sizeof(joined))
        return false;
    memcpy(w->rest, joined, (size_t)length + 1);
    if (target[0] == '/')
        steps_up(w, 1);
    return true;
}

/* One part of the path. false: there is nothing of that name. */
static bool door_step(struct door_steps *w) {
    char part[NAME_MAX + 1], behind[PATH_MAX];
    const char *from = w->rest + strspn(w->rest, "/");
    size_t length = strcspn(from, "/");
    if (length > NAME_MAX)
        return false;
    memcpy(part, from, length);
    part[length] = '\0';
    snprintf(behind, sizeof(behind), "%s", from + length);
    memcpy(w->rest, behind, strlen(behind) + 1);
    if (strcmp(part, ".") == 0 || !*part)
        return true;
    if (strcmp(part, "..") == 0) {
        steps_up(w, w->depth > 1 ? w->depth - 1 : 1);
        return true;
    }
    struct stat st;
    int fd = w->depth < DEPTH_MAX
                 ? openat(w->fds[w->depth - 1], part, O_PATH | O_NOFOLLOW | O_CLOEXEC)
                 : -1;
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && !S_ISLNK(st.st_mode)) {
        w->fds[w->depth++] = fd;
        return true;
    }
    bool ok = door_follow(w, fd, behind);
    close(fd);
    return ok;
}

int door_walk(int root, const char *path) {
    struct door_steps w = {.fds = {root}, .depth = 1};
    if (strlen(path) >= sizeof(w.rest))
        return -1;
    memcpy(w.rest, path, strlen(path) + 1);
    bool ok = true;
    while (ok && w.rest[strspn(w.rest, "/")])
        ok = door_step(&w);
    int fd = ok && w.depth > 1 ? w.fds[--w.depth] : -1;
    steps_up(&w, 1);
    return fd;
}

/* -- Opening ----------------------------------------------------------------------------------- */

static bool goes_up(const char *path) {
    for (const char *at = path; (at = strstr(at, "..")); at += 2)
        if ((at == path || at[-1] == '/') && (at[2] == '/' || !at[2]))
            return true;
    return false;
}

/* A descriptor that stands for the file, without the file having been opened. */
static int door_find(int root, enum door_links links, const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_NO_MAGICLINKS |
                                      (links == DOOR_INSIDE ? RESOLVE_IN_ROOT : 0u)};
    path += strspn(path, "/");
    if (!*path || (links == DOOR_OUTSIDE && goes_up(path)))
        return -1;
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    /* Containers of some years ago answer EPERM to calls that they do not know. */
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd;
    if (links == DOOR_INSIDE)
        return door_walk(root, path);
    return openat(root, path, O_PATH | O_CLOEXEC);
}

static bool is_ordinary(int fd, struct stat *ret_st) {
    return fstat(fd, ret_st) == 0 && S_ISREG(ret_st->st_mode) && ret_st->st_size > 0 &&
           (uint64_t)ret_st->st_size <= DOOR_MAX_BYTES && !is_of_kernel(fd);
}

/* The same file, for reading: by its descriptor, since the path may have become another one's. */
static int door_reopen(int found) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
    return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

bool door_open(const char *folder, enum door_links links, const char *path, struct file *ret_file) {
    struct stat st;
    int root = open(folder && *folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int found = root >= 0 ? door_find(root, links, path) : -1;
    int fd = found >= 0 && is_ordinary(found, &st) ? door_reopen(found) : -1;
    if (found >= 0)
        close(found);
    if (root >= 0)
        close(root);
    if (fd < 0)
        return false;
    void *p = is_ordinary(fd, &st) ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                                   : MAP_FAILED;
    if (p == MAP_FAILED) {
        close(fd);
        return false;
    }
    *ret_file = (struct file){.bytes = {p, (size_t)st.st_size}, .mapped = true, .fd = fd};
    return true;
}
