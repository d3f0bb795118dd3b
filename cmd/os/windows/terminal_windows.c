#include "cmd/terminal.h"

#include "base/os/os.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

bool terminal_on_stdout(void) {
    return os_is_terminal(1);
}

uint32_t terminal_width(void) {
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info))
        return 0;
    return (uint32_t)(info.srWindow.Right - info.srWindow.Left + 1);
}

/* Is the variable set to something, but for "0" where that says no? */
static bool is_set(const char *name, bool zero_too) {
    const char *value = getenv(name);
    return value && *value && (zero_too || strcmp(value, "0") != 0);
}

bool terminal_color(void) {
    const char *plain = getenv("CLICOLOR"), *term = getenv("TERM");
    if (is_set("NO_COLOR", true))
        return false;
    if (is_set("CLICOLOR_FORCE", false))
        return true;
    return terminal_on_stdout() && !(term && strcmp(term, "dumb") == 0) &&
           !(plain && strcmp(plain, "0") == 0);
}

/* os_begin() has told the console so; one that does not take it shows question marks. */
bool terminal_utf8(void) {
    return GetConsoleOutputCP() == CP_UTF8;
}

/* None: consoles keep what went by, and `more` knows neither UTF-8 nor colours. */
void pager_begin(void) {
}

void pager_writes(void) {
}

void pager_end(void) {
}
