#include "tests/support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool shared_path(char ret_path[SHARED_PATH_MAX], const char *format, ...) {
    const char *shared = getenv("DUMPDIFF_SHARED");
    int n = snprintf(ret_path, SHARED_PATH_MAX, "%s/", shared && *shared ? shared : "../shared");
    if (n < 0 || n >= SHARED_PATH_MAX)
        return false;
    va_list args;
    va_start(args, format);
    int rest = vsnprintf(ret_path + n, SHARED_PATH_MAX - (size_t)n, format, args);
    va_end(args);
    return rest > 0 && n + rest < SHARED_PATH_MAX && access(ret_path, R_OK) == 0;
}

int shared_run(const char *folder, const struct CMUnitTest *tests, size_t count) {
    char path[SHARED_PATH_MAX];
    if (shared_path(path, "%s", folder))
        return _cmocka_run_group_tests("real", tests, count, NULL, NULL) ? 1 : 0;
    printf("[ LEFT OUT ] %zu test(s): there is no %s\n", count, path);
    return 0;
}
