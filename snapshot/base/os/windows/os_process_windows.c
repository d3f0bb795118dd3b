#include "base/os/os.h"

#include "base/os/windows/wide.h"

#include <errno.h>
#include <shellapi.h>
#include <signal.h>
#include <stdlib.h>

#define BLOCK_MOST 16384u /* consoles refuse more than 32 KiB or so */

/* What the system calls back for cannot be handed over. */
static struct {
    void (*tick)(void), (*interrupt)(void);
    HANDLE timer;
} handlers;

/* A closed standard descriptor would be given to the next file that is opened. */
static bool fill_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++) {
        if (_get_osfhandle(fd) < 0 && _open("NUL", _O_RDONLY) != fd)
            return false;
        _setmode(fd, _O_BINARY);
    }
    return true;
}

/* Text is UTF-8 and colours are sequences, which consoles since Windows 10 understand if told. */
static void set_up_console(void) {
    bool any = false;
    for (int fd = 1; fd < 3; fd++) {
        HANDLE h = (HANDLE)_get_osfhandle(fd);
        DWORD mode;
        if (!GetConsoleMode(h, &mode))
            continue;
        any = true;
        (void)SetConsoleMode(h, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
    if (any)
        (void)SetConsoleOutputCP(CP_UTF8);
}

/* As they were typed: those of main() went through the code page. They last as long as we. */
static bool take_arguments(int *argc, char ***argv) {
    int count = 0;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    char **utf8 = wide ? calloc((size_t)count + 1, sizeof(*utf8)) : NULL;
    bool ok = utf8;
    for (int i = 0; ok && i < count; i++)
        ok = (utf8[i] = wide_to_utf8(wide[i]));
    if (wide)
        LocalFree(wide);
    if (ok) {
        *argc = count;
        *argv = utf8;
    }
    return ok;
}

bool os_begin(int *argc, char ***argv) {
    set_up_console();
    return fill_standard_descriptors() && take_arguments(argc, argv);
}

bool os_is_terminal(int fd) {
    DWORD mode;
    return GetConsoleMode((HANDLE)_get_osfhandle(fd), &mode);
}

static void CALLBACK on_timer(void *context, BOOLEAN fired) {
    (void)context;
    (void)fired;
    handlers.tick();
}

void os_each_second(void (*tick)(void)) {
    if (handlers.timer) /* waits for a tick that is under way */
        (void)DeleteTimerQueueTimer(NULL, handlers.timer, INVALID_HANDLE_VALUE);
    handlers.timer = NULL;
    handlers.tick = tick;
    if (tick && !CreateTimerQueueTimer(&handlers.timer, NULL, on_timer, NULL, 1000, 1000, 0))
        handlers.timer = NULL;
}

bool os_write_all(int fd, const char *text, size_t size) {
    while (size) {
        int n = _write(fd, text, size < BLOCK_MOST ? (unsigned)size : BLOCK_MOST);
        if (n < 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

static void on_interrupt(int number) {
    signal(number, on_interrupt); /* it was taken off */
    handlers.interrupt();
}

/* Who closes the console, logs off or shuts down asks politely: the system waits for the handler.
 */
static BOOL WINAPI on_request(DWORD kind) {
    if (kind != CTRL_BREAK_EVENT && kind != CTRL_CLOSE_EVENT && kind != CTRL_LOGOFF_EVENT &&
        kind != CTRL_SHUTDOWN_EVENT)
        return FALSE;
    handlers.interrupt();
    return TRUE;
}

void os_on_interrupt(void (*interrupt)(void), bool requests) {
    handlers.interrupt = interrupt;
    signal(SIGINT, on_interrupt);
    if (requests)
        (void)SetConsoleCtrlHandler(on_request, TRUE);
}

uint64_t os_process_number(void) {
    return GetCurrentProcessId();
}
