/* Outputs: whole or not at all. */
#include "base/file.h"

#include "base/os/os.h"
#include "base/os/windows/wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX 100u

static bool cannot_write(struct err *err) {
    return err_set(err, ERR_SYSTEM, "cannot write: %s", strerror(errno));
}

/* Links are few, and those to files are followed by the system. */
bool file_follow(const char *path, char ret_target[PATH_MAX]) {
    int length = snprintf(ret_target, PATH_MAX, "%s", path);
    return length >= 0 && length < PATH_MAX;
}

static bool identify(const char *path, struct file_place *place) {
    BY_HANDLE_FILE_INFORMATION info;
    HANDLE h = wide_open(path, FILE_READ_ATTRIBUTES, FILE_FLAG_BACKUP_SEMANTICS);
    if (h == INVALID_HANDLE_VALUE)
        return false;
    bool ok = GetFileInformationByHandle(h, &info);
    CloseHandle(h);
    place->device = ok ? info.dwVolumeSerialNumber : 0;
    place->inode = ok ? (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow : 0;
    return ok;
}

bool file_place(const char *path, struct file_place *ret_place) {
    size_t length = os_folder_length(path);
    char folder[PATH_MAX];
    *ret_place = (struct file_place){.name = ""};
    if (identify(path, ret_place))
        return true;
    snprintf(ret_place->name, sizeof(ret_place->name), "%.255s", path + length);
    for (char *c = ret_place->name; *c; c++) /* names differ by more than their case */
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    int n = snprintf(folder, sizeof(folder), "%.*s", length ? (int)length : 1, length ? path : ".");
    return n > 0 && n < PATH_MAX && identify(folder, ret_place);
}

bool file_is_special(const char *path) {
    struct os_entry entry;
    return os_look(path, &entry) && entry.kind == OS_OTHER;
}

/* -- Writing ----------------------------------------------------------------------------------- */

static bool write_through(const char *path, struct str data, struct err *err) {
    HANDLE h = wide_open(path, GENERIC_WRITE, FILE_ATTRIBUTE_NORMAL);
    int fd = h == INVALID_HANDLE_VALUE ? -1 : _open_osfhandle((intptr_t)h, _O_BINARY);
    bool ok = fd >= 0 && os_write_all(fd, data.ptr, data.len);
    if (!ok)
        cannot_write(err);
    if (fd >= 0)
        _close(fd);
    return ok;
}

/* A new file beside the target: its name in *ret_name, of malloc. */
static HANDLE create_beside(const char *target, wchar_t **ret_name) {
    char path[PATH_MAX + 64];
    HANDLE h = INVALID_HANDLE_VALUE;
    *ret_name = NULL;
    errno = EEXIST;
    for (unsigned i = 0; h == INVALID_HANDLE_VALUE && errno == EEXIST && i < NAMES_MAX; i++) {
        snprintf(path, sizeof(path), "%s.%lu-%u", target, (unsigned long)GetCurrentProcessId(), i);
        free(*ret_name);
        *ret_name = wide_path(path);
        if (!*ret_name)
            return h;
        h = CreateFileW(*ret_name, GENERIC_WRITE | DELETE, FILE_SHARE_READ, NULL, CREATE_NEW,
                        FILE_ATTRIBUTE_NORMAL, NULL);
        if (h == INVALID_HANDLE_VALUE)
            wide_failed();
    }
    return h;
}

static bool write_handle(HANDLE h, struct str data) {
    while (data.len) {
        DWORD n = 0;
        if (!WriteFile(h, data.ptr, data.len < (1u << 24) ? (DWORD)data.len : 1u << 24, &n, NULL))
            return wide_failed();
        data = str_drop(data, n);
    }
    return FlushFileBuffers(h) || wide_failed();
}

static bool replace_file(const char *target, struct str data, struct err *err) {
    wchar_t *beside, *wide = wide_path(target);
    HANDLE h = wide ? create_beside(target, &beside) : INVALID_HANDLE_VALUE;
    if (!wide || h == INVALID_HANDLE_VALUE) {
        err_set(err, ERR_SYSTEM, "cannot write beside it: %s", strerror(errno));
        if (wide)
            free(beside);
        free(wide);
        return false;
    }
    bool ok = write_handle(h, data) || cannot_write(err);
    CloseHandle(h);
    if (ok && !MoveFileExW(beside, wide, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        ok = err_set(err, ERR_SYSTEM, "cannot rename: %s", (wide_failed(), strerror(errno)));
    if (!ok)
        DeleteFileW(beside);
    free(beside);
    free(wide);
    return ok;
}

bool file_write(const char *path, struct fit fit, struct err *err) {
    struct str data = fit.left_by_fit;
    struct os_entry entry;
    char target[PATH_MAX];
    if (!path || strcmp(path, "-") == 0)
        return os_write_all(1, data.ptr, data.len) || cannot_write(err);
    bool exists = os_look(path, &entry);
    if (exists && entry.kind == OS_FOLDER)
        return err_set(err, ERR_SYSTEM, "cannot write: is a folder");
    if (exists && entry.kind == OS_OTHER)
        return write_through(path, data, err);
    errno = ENAMETOOLONG;
    return file_follow(path, target) ? replace_file(target, data, err) : cannot_write(err);
}
