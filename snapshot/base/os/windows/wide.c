#include "base/os/windows/wide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_MAX 240 /* of MAX_PATH some is for names that are appended */

wchar_t *wide_of(const char *text) {
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    wchar_t *wide = units > 0 ? malloc((size_t)units * sizeof(*wide)) : NULL;
    errno = units > 0 ? ENOMEM : EILSEQ;
    if (wide)
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, units);
    return wide;
}

/* "C:\a\b" of "a/b", as the long form wants it: absolute, with backslashes alone. */
static wchar_t *wide_long(const wchar_t *path) {
    DWORD units = GetFullPathNameW(path, 0, NULL, NULL);
    wchar_t *whole = calloc((size_t)units + 8, sizeof(*whole));
    errno = ENOMEM;
    if (!whole)
        return NULL;
    GetFullPathNameW(path, units, whole + 8, NULL);
    bool share = whole[8] == L'\\' && whole[9] == L'\\';
    const wchar_t *prefix = share ? L"\\\\?\\UNC" : L"\\\\?\\";
    wchar_t *from = whole + 8 + (share ? 1 : 0);
    size_t prefix_units = wcslen(prefix), rest = wcslen(from) + 1;
    memcpy(whole, prefix, prefix_units * sizeof(*whole));
    memmove(whole + prefix_units, from, rest * sizeof(*whole));
    return whole;
}

wchar_t *wide_path(const char *path) {
    wchar_t *wide = wide_of(path);
    if (!wide || wcslen(wide) < SHORT_MAX || wcsncmp(wide, L"\\\\?\\", 4) == 0 ||
        wcsncmp(wide, L"\\\\.\\", 4) == 0)
        return wide;
    wchar_t *whole = wide_long(wide);
    free(wide);
    return whole;
}

char *wide_to_utf8(const wchar_t *text) {
    int bytes = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *utf8 = bytes > 0 ? malloc((size_t)bytes) : NULL;
    if (utf8)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, bytes, NULL, NULL);
    return utf8;
}

bool wide_failed(void) {
    static const struct {
        DWORD code;
        int number;
    } known[] = {
        {ERROR_FILE_NOT_FOUND, ENOENT},   {ERROR_PATH_NOT_FOUND, ENOENT},
        {ERROR_INVALID_NAME, ENOENT},     {ERROR_BAD_NETPATH, ENOENT},
        {ERROR_BAD_NET_NAME, ENOENT},     {ERROR_INVALID_DRIVE, ENOENT},
        {ERROR_ACCESS_DENIED, EACCES},    {ERROR_SHARING_VIOLATION, EACCES},
        {ERROR_LOCK_VIOLATION, EACCES},   {ERROR_WRITE_PROTECT, EROFS},
        {ERROR_DIRECTORY, ENOTDIR},       {ERROR_DISK_FULL, ENOSPC},
        {ERROR_HANDLE_DISK_FULL, ENOSPC}, {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
        {ERROR_OUTOFMEMORY, ENOMEM},      {ERROR_ALREADY_EXISTS, EEXIST},
        {ERROR_FILE_EXISTS, EEXIST},      {ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG},
        {ERROR_BROKEN_PIPE, EPIPE},       {ERROR_NO_DATA, EPIPE},
    };
    DWORD code = GetLastError();
    errno = EIO;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].code == code)
            errno = known[i].number;
    return false;
}

HANDLE wide_open(const char *path, DWORD access, DWORD flags) {
    wchar_t *wide = wide_path(path);
    if (!wide)
        return INVALID_HANDLE_VALUE;
    HANDLE h = CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                           NULL, OPEN_EXISTING, flags, NULL);
    if (h == INVALID_HANDLE_VALUE)
        wide_failed();
    free(wide);
    return h;
}
