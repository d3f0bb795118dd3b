#include "memory/unpack/archive_api.h"

#include "base/late.h"

/* The Makefile asks the library that pkg-config finds for its name. */
#ifndef LIBARCHIVE_SONAME
#define LIBARCHIVE_SONAME "libarchive.so.13"
#endif
LATE_NOTE(LIBARCHIVE_SONAME, "required", "packed dumps");

bool archive_api_load(struct archive_api *api, struct err *err) {
    static const struct late_function functions[] = {
#define ARCHIVE_ENTRY(function) LATE_FUNCTION(struct archive_api, function),
        ARCHIVE_FUNCTIONS(ARCHIVE_ENTRY)
#undef ARCHIVE_ENTRY
    };
    *api = (struct archive_api){0};
    api->library = late_load(LIBARCHIVE_SONAME, "unpacking", functions,
                             sizeof(functions) / sizeof(*functions), api, err);
    return api->library != NULL;
}

void archive_api_unload(struct archive_api *api) {
    late_unload(api->library);
    *api = (struct archive_api){0};
}
