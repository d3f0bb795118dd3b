#include "memory/unpack/archive_api.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* The Makefile asks the library that pkg-config finds for its name. */
#ifndef LIBARCHIVE_SONAME
#define LIBARCHIVE_SONAME "libarchive.so.13"
#endif

bool archive_api_load(struct archive_api *api, struct err *err) {
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define ARCHIVE_ENTRY(function) {#function, offsetof(struct archive_api, function)},
        ARCHIVE_FUNCTIONS(ARCHIVE_ENTRY)
#undef ARCHIVE_ENTRY
    };
    *api = (struct archive_api){.library = dlopen(LIBARCHIVE_SONAME, RTLD_LAZY | RTLD_LOCAL)};
    if (!api->library)
        return err_set(err, ERR_SYSTEM, "unpacking needs libarchive: %s", dlerror());
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        void *address = dlsym(api->library, functions[i].name);
        if (!address) {
            archive_api_unload(api);
            return err_set(err, ERR_SYSTEM, "%s lacks %s", LIBARCHIVE_SONAME, functions[i].name);
        }
        /* POSIX gives functions the size of data pointers, C has no cast from one to the other. */
        memcpy((char *)api + functions[i].offset, &address, sizeof(address));
    }
    return true;
}

void archive_api_unload(struct archive_api *api) {
    if (api->library)
        dlclose(api->library);
    *api = (struct archive_api){0};
}
