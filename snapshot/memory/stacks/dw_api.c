#include "memory/stacks/dw_api.h"

#include "base/late.h"

#define LIBDW_SONAME "libdw.so.1"
LATE_NOTE(LIBDW_SONAME, "recommended", "native stacks and symbols");

bool dw_api_load(struct dw_api *api) {
    static const struct late_function functions[] = {
#define DW_ENTRY(function) LATE_FUNCTION(struct dw_api, function),
        DW_FUNCTIONS(DW_ENTRY)
#undef DW_ENTRY
    };
    *api = (struct dw_api){0};
    api->library = late_load(LIBDW_SONAME, "unwinding", functions,
                             sizeof(functions) / sizeof(*functions), api, NULL);
    return api->library != NULL;
}
