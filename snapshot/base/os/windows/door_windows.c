/*
 * Paths that a dump names. Without a folder of the user's nothing is opened: such a path is one of
 * another machine, or a share, which would be told who we are.
 */
#include "base/door.h"

#include "base/os/os.h"
#include "base/os/windows/wide.h"

#include <stdio.h>
#include <stdlib.h>

/* Has it a drive, a stream, or goes it up? */
static bool leads_away(const char *path) {
    for (const char *c = path; *c; c++) {
        bool begins = c == path || os_is_separator(c[-1]);
        if (*c == ':' || (begins && c[0] == '.' && c[1] == '.' && (!c[2] || os_is_separator(c[2]))))
            return true;
    }
    return false;
}

static wchar_t *final_path(HANDLE h) {
    DWORD units = GetFinalPathNameByHandleW(h, NULL, 0, 0);
    wchar_t *path = units ? calloc((size_t)units + 1, sizeof(*path)) : NULL;
    if (path && !GetFinalPathNameByHandleW(h, path, units + 1, 0)) {
        free(path);
        return NULL;
    }
    return path;
}

/* Is what was opened below the folder, wherever links led? */
static bool is_inside(HANDLE file, const char *folder) {
    HANDLE h = wide_open(folder, FILE_READ_ATTRIBUTES, FILE_FLAG_BACKUP_SEMANTICS);
    if (h == INVALID_HANDLE_VALUE)
        return false;
    wchar_t *root = final_path(h), *path = final_path(file);
    size_t length = root ? wcslen(root) : 0;
    while (length && root[length - 1] == L'\\')
        length--;
    bool inside = length && path && wcsncmp(path, root, length) == 0 && path[length] == L'\\';
    CloseHandle(h);
    free(root);
    free(path);
    return inside;
}

static bool is_wanted(HANDLE h, const char *folder, enum door_links links) {
    BY_HANDLE_FILE_INFORMATION info;
    if (GetFileType(h) != FILE_TYPE_DISK || !GetFileInformationByHandle(h, &info) ||
        (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY))
        return false;
    uint64_t size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    return size && size <= DOOR_MAX_BYTES && (links == DOOR_OUTSIDE || is_inside(h, folder));
}

bool door_open(const char *folder, enum door_links links, const char *path, struct file *ret_file) {
    char joined[4096];
    if (!folder || !*folder || leads_away(path))
        return false;
    int n = snprintf(joined, sizeof(joined), "%s/%s", folder, path);
    if (n < 0 || (size_t)n >= sizeof(joined))
        return false;
    HANDLE h = wide_open(joined, GENERIC_READ, FILE_ATTRIBUTE_NORMAL);
    if (h == INVALID_HANDLE_VALUE)
        return false;
    int fd = is_wanted(h, folder, links) ? _open_osfhandle((intptr_t)h, _O_BINARY | _O_RDONLY) : -1;
    LARGE_INTEGER size;
    const uint8_t *data =
        fd >= 0 && GetFileSizeEx(h, &size) ? os_map(fd, (size_t)size.QuadPart) : NULL;
    if (data)
        *ret_file = (struct file){.bytes = {data, (size_t)size.QuadPart}, .mapped = true, .fd = fd};
    else if (fd >= 0)
        _close(fd);
    else
        CloseHandle(h);
    return data;
}
