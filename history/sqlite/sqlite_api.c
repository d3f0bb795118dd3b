#include "history/sqlite/sqlite_api.h"

#include "base/late.h"

#define SQLITE_SONAME "libsqlite3.so.0"
LATE_NOTE(SQLITE_SONAME, "required", "histories in files");

bool sqlite_api_load(struct sqlite_api *api, struct err *err) {
    static const struct late_function functions[] = {
#define SQLITE_ENTRY(function) \
    {"sqlite3_" #function, offsetof(struct sqlite_api, function), LATE_ADDRESS(sqlite3_##function)},
        SQLITE_FUNCTIONS(SQLITE_ENTRY)
#undef SQLITE_ENTRY
    };
    *api = (struct sqlite_api){0};
    return late_load(SQLITE_SONAME, "a history in a file", functions,
                     sizeof(functions) / sizeof(*functions), api, err) != NULL;
}
