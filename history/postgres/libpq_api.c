#include "history/postgres/libpq_api.h"

#include "base/late.h"

#ifdef LINKED_STATICALLY

/* It would bring TLS, Kerberos and LDAP along, each with files and plug-ins of its own. */
bool libpq_api_load(struct libpq_api *api, struct err *err) {
    *api = (struct libpq_api){0};
    return err_set(err, ERR_UNSUPPORTED, "this build is static and has no PostgreSQL in it");
}

#else

#define LIBPQ_SONAME                       "libpq.so.5"
LATE_NOTE(LIBPQ_SONAME, "suggested", "histories in PostgreSQL");

bool libpq_api_load(struct libpq_api *api, struct err *err) {
    static const struct late_function functions[] = {
#define LIBPQ_ENTRY(type, name, arguments) {#name, offsetof(struct libpq_api, name), NULL},
        LIBPQ_FUNCTIONS(LIBPQ_ENTRY)
#undef LIBPQ_ENTRY
    };
    *api = (struct libpq_api){0};
    api->library = late_load(LIBPQ_SONAME, "a history in PostgreSQL", functions,
                             sizeof(functions) / sizeof(*functions), api, err);
    return api->library != NULL;
}

#endif

void libpq_api_unload(struct libpq_api *api) {
    late_unload(api->library);
    *api = (struct libpq_api){0};
}
