#include "base/os/os.h"

#include "base/os/windows/wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <winioctl.h>

#define NAMES_MAX  100u
#define BLOCK_MOST (64u << 20)
#define READ_MOST  (1u << 20)

/* It goes with its last handle, whatever becomes of us. */
static HANDLE create_unnamed(const char *path) {
    wchar_t *wide = wide_path(path);
    HANDLE h = INVALID_HANDLE_VALUE;
    if (wide)
        h = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE | DELETE, FILE_SHARE_READ, NULL,
                        CREATE_NEW, FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    if (wide && h == INVALID_HANDLE_VALUE)
        wide_failed();
    free(wide);
    return h;
}

int os_temporary_file(const char *folder) {
    char path[4096];
    HANDLE h = INVALID_HANDLE_VALUE;
    errno = EEXIST;
    for (unsigned i = 0; h == INVALID_HANDLE_VALUE && errno == EEXIST && i < NAMES_MAX; i++) {
        int n = snprintf(path, sizeof(path), "%s/dumpdiff-%lu-%u.tmp", folder,
                         (unsigned long)GetCurrentProcessId(), i);
        if (n < 0 || (size_t)n >= sizeof(path)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        h = create_unnamed(path);
    }
    if (h == INVALID_HANDLE_VALUE)
        return -1;
    DWORD n;
    /* Pages that are not written take no room; where the disk knows no such, they do. */
    (void)DeviceIoControl(h, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &n, NULL);
    int fd = _open_osfhandle((intptr_t)h, _O_BINARY | _O_RDWR);
    if (fd < 0)
        CloseHandle(h);
    return fd;
}

void os_close(int fd) {
    _close(fd);
}

/* The variable is set for every user; this is for who has unset it. */
const char *os_temporary_folder(unsigned number) {
    return number == 0 ? "C:/Windows/Temp" : number == 1 ? "." : NULL;
}

const char *os_memory_folder(void) {
    return NULL;
}

const char *os_temporary_variable(void) {
    return "TEMP";
}

bool os_room(int fd, uint64_t *ret_bytes, bool *ret_memory) {
    wchar_t path[4096];
    ULARGE_INTEGER free_bytes;
    DWORD units = GetFinalPathNameByHandleW((HANDLE)_get_osfhandle(fd), path, 4096, 0);
    while (units && units < 4096 && path[units - 1] != L'\\')
        units--;
    if (!units || units >= 4096)
        return false;
    path[units] = L'\0';
    if (!GetDiskFreeSpaceExW(path, &free_bytes, NULL, NULL))
        return false;
    *ret_bytes = free_bytes.QuadPart;
    *ret_memory = false;
    return true;
}

bool os_set_size(int fd, uint64_t bytes) {
    HANDLE h = (HANDLE)_get_osfhandle(fd);
    LARGE_INTEGER end = {.QuadPart = (LONGLONG)bytes};
    errno = EFBIG;
    return bytes <= INT64_MAX &&
           ((SetFilePointerEx(h, end, NULL, FILE_BEGIN) && SetEndOfFile(h)) || wide_failed());
}

ptrdiff_t os_read(int fd, void *to, size_t size) {
    return _read(fd, to, size < READ_MOST ? (unsigned)size : READ_MOST);
}

bool os_write_at(int fd, const void *data, size_t size, uint64_t at) {
    HANDLE h = (HANDLE)_get_osfhandle(fd);
    const char *from = data;
    while (size) {
        OVERLAPPED place = {.Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32)};
        DWORD n = 0;
        if (!WriteFile(h, from, size < BLOCK_MOST ? (DWORD)size : BLOCK_MOST, &n, &place))
            return wide_failed();
        from += n;
        size -= n;
        at += n;
    }
    return true;
}

size_t os_read_at(int fd, void *to, size_t size, uint64_t at) {
    HANDLE h = (HANDLE)_get_osfhandle(fd);
    size_t done = 0;
    while (done < size) {
        OVERLAPPED place = {.Offset = (DWORD)(at + done), .OffsetHigh = (DWORD)((at + done) >> 32)};
        DWORD n = 0, left = size - done < BLOCK_MOST ? (DWORD)(size - done) : BLOCK_MOST;
        if (!ReadFile(h, (char *)to + done, left, &n, &place) || !n)
            break;
        done += n;
    }
    return done;
}

const uint8_t *os_map(int fd, size_t size) {
    HANDLE mapping =
        CreateFileMappingW((HANDLE)_get_osfhandle(fd), NULL, PAGE_READONLY, 0, 0, NULL);
    const uint8_t *p = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, size) : NULL;
    if (!p)
        wide_failed();
    if (mapping)
        CloseHandle(mapping); /* the view keeps it */
    return p;
}
