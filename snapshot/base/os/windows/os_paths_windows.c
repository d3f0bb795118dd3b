#include "base/os/os.h"

#include "base/os/windows/wide.h"

#include <stdlib.h>
#include <string.h>

bool os_look(const char *path, struct os_entry *ret_entry) {
    BY_HANDLE_FILE_INFORMATION info = {.dwFileAttributes = 0};
    HANDLE h = wide_open(path, FILE_READ_ATTRIBUTES, FILE_FLAG_BACKUP_SEMANTICS);
    if (h == INVALID_HANDLE_VALUE)
        return false;
    bool disk = GetFileType(h) == FILE_TYPE_DISK && GetFileInformationByHandle(h, &info);
    CloseHandle(h);
    bool folder = info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY;
    ret_entry->kind = !disk ? OS_OTHER : folder ? OS_FOLDER : OS_FILE;
    ret_entry->bytes = disk && !folder ? (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow : 0;
    return true;
}

/* Asked by opening it: what its list of rights allows shows nowhere else. */
static bool opens(const char *path, DWORD access) {
    HANDLE h = wide_open(path, access, FILE_FLAG_BACKUP_SEMANTICS);
    if (h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
    return h != INVALID_HANDLE_VALUE;
}

bool os_may_read(const char *path) {
    return opens(path, GENERIC_READ);
}

/* FILE_WRITE_DATA of a folder is FILE_ADD_FILE. */
bool os_may_write(const char *path) {
    return opens(path, FILE_WRITE_DATA);
}

bool os_is_separator(char c) {
    return c == '/' || c == '\\';
}

size_t os_folder_length(const char *path) {
    size_t length = strlen(path);
    while (length && !os_is_separator(path[length - 1]) && !(length == 2 && path[1] == ':'))
        length--;
    return length;
}

bool os_is_absolute(const char *path) {
    return os_is_separator(path[0]) || (path[0] && path[1] == ':');
}

static bool list_name(const wchar_t *wide, os_each_name *each, void *context) {
    if (wcscmp(wide, L".") == 0 || wcscmp(wide, L"..") == 0)
        return true;
    char *name = wide_to_utf8(wide);
    bool ok = name && each(context, name);
    free(name);
    return ok;
}

bool os_list_folder(const char *path, os_each_name *each, void *context) {
    size_t length = strlen(path);
    char *pattern = malloc(length + 3);
    if (!pattern)
        return false;
    memcpy(pattern, path, length);
    memcpy(pattern + length, "\\*", 3);
    wchar_t *wide = wide_path(pattern);
    free(pattern);
    WIN32_FIND_DATAW entry;
    HANDLE h = wide ? FindFirstFileW(wide, &entry) : INVALID_HANDLE_VALUE;
    bool ok = h != INVALID_HANDLE_VALUE;
    if (wide && !ok)
        wide_failed();
    free(wide);
    if (!ok)
        return false;
    do
        ok = list_name(entry.cFileName, each, context);
    while (ok && FindNextFileW(h, &entry));
    FindClose(h);
    return ok;
}

bool os_remove(const char *path) {
    wchar_t *wide = wide_path(path);
    bool ok = wide && (DeleteFileW(wide) || wide_failed());
    free(wide);
    return ok;
}

bool os_rename(const char *from, const char *to) {
    wchar_t *wide_from = wide_path(from), *wide_to = wide_path(to);
    bool ok =
        wide_from && wide_to &&
        (MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ||
         wide_failed());
    free(wide_from);
    free(wide_to);
    return ok;
}

/* Names are kept by the journal of the file system, and os_rename() waits for it. */
bool os_sync_folder(const char *path) {
    (void)path;
    return true;
}
