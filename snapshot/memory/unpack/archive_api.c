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

const char *archive_api_reason(const struct archive_api *api, struct archive *archive) {
    const char *text = api->archive_error_string(archive);
    return text && *text ? text : "damaged";
}

bool archive_api_open(const struct archive_api *api, struct bytes in, bool only_raw,
                      struct archive **ret_archive, struct err *err) {
    struct archive *a = *ret_archive = api->archive_read_new();
    if (!a)
        return err_nomem(err);
    int (*const filters[])(struct archive *) = {
        api->archive_read_support_filter_zstd,  api->archive_read_support_filter_gzip,
        api->archive_read_support_filter_xz,    api->archive_read_support_filter_lz4,
        api->archive_read_support_filter_bzip2,
    };
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
        if (filters[i](a) != ARCHIVE_OK)
            return err_set(err, ERR_SYSTEM, "libarchive lacks a decompressor: %s",
                           archive_api_reason(api, a));
    if (!only_raw) {
        api->archive_read_support_format_tar(a);
        api->archive_read_support_format_zip(a);
    }
    api->archive_read_support_format_raw(a);
    if (api->archive_read_open_memory(a, in.data, in.size) != ARCHIVE_OK)
        return err_set(err, ERR_FORMAT, "cannot unpack: %s", archive_api_reason(api, a));
    return true;
}

void archive_api_unload(struct archive_api *api) {
    late_unload(api->library);
    *api = (struct archive_api){0};
}
