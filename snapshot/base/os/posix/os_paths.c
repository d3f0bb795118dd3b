#include "base/os/os.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool os_look(const char *path, struct os_entry *ret_entry) {
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    ret_entry->kind = S_ISREG(st.st_mode) ? OS_FILE : S_ISDIR(st.st_mode) ? OS_FOLDER : OS_OTHER;
    ret_entry->bytes = ret_entry->kind == OS_FILE ? (uint64_t)st.st_size : 0;
    return true;
}

bool os_may_read(const char *path) {
    return access(path, R_OK) == 0;
}

bool os_may_write(const char *path) {
    return access(path, W_OK) == 0;
}

bool os_is_separator(char c) {
    return c == '/';
}

size_t os_folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

bool os_is_absolute(const char *path) {
    return path[0] == '/';
}

bool os_list_folder(const char *path, os_each_name *each, void *context) {
    DIR *dir = opendir(path);
    bool ok = dir;
    for (const struct dirent *entry; ok && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = each(context, entry->d_name);
    if (dir)
        closedir(dir);
    return ok;
}

bool os_remove(const char *path) {
    return unlink(path) == 0;
}

bool os_rename(const char *from, const char *to) {
    return rename(from, to) == 0;
}

bool os_sync_folder(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}
