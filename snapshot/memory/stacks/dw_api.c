#include "memory/stacks/dw_api.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBDW_SONAME "libdw.so.1"

bool dw_api_load(struct dw_api *api) {
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define DW_ENTRY(function) {#function, offsetof(struct dw_api, function)},
        DW_FUNCTIONS(DW_ENTRY)
#undef DW_ENTRY
    };
    *api = (struct dw_api){.library = dlopen(LIBDW_SONAME, RTLD_LAZY | RTLD_LOCAL)};
    for (size_t i = 0; api->library && i < sizeof(functions) / sizeof(*functions); i++) {
        void *address = dlsym(api->library, functions[i].name);
        if (!address)
            return false;
        memcpy((char *)api + functions[i].offset, &address, sizeof(address));
    }
    return api->library != NULL;
}
