#include "base/late.h"

#include <string.h>

#ifdef LINKED_STATICALLY

static char whole_program; /* stands for every library */

static void *open_library(const char *soname) {
    (void)soname;
    return &whole_program;
}

static const char *why_not(void) {
    return NULL;
}

static late_address *find(void *library, const struct late_function *function) {
    (void)library;
    return function->address;
}

void late_unload(void *library) {
    (void)library;
}

#else

#include <dlfcn.h>

static void *open_library(const char *soname) {
    return dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
}

static const char *why_not(void) {
    return dlerror();
}

static late_address *find(void *library, const struct late_function *function) {
    /* POSIX gives functions the size of data pointers, C has no cast from one to the other. */
    void *symbol = dlsym(library, function->name);
    late_address *address;
    memcpy(&address, &symbol, sizeof(address));
    return address;
}

void late_unload(void *library) {
    if (library)
        dlclose(library);
}

#endif

void *late_load(const char *soname, const char *purpose, const struct late_function *functions,
                size_t count, void *api, struct err *err) {
    void *library = open_library(soname);
    if (!library) {
        err_set(err, ERR_SYSTEM, "%s needs %s: %s", purpose, soname, why_not());
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        late_address *address = find(library, &functions[i]);
        if (!address) {
            late_unload(library);
            err_set(err, ERR_SYSTEM, "%s lacks %s", soname, functions[i].name);
            return NULL;
        }
        memcpy((char *)api + functions[i].offset, &address, sizeof(address));
    }
    return library;
}
