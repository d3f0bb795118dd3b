/*
 * libarchive, loaded when the first packed input comes. Linked the usual way it and the fifteen
 * libraries that it brings along would be loaded on every start, which takes longer than reading
 * an ordinary transcript does.
 */
#ifndef DUMPDIFF_MEMORY_UNPACK_ARCHIVE_API_H
#define DUMPDIFF_MEMORY_UNPACK_ARCHIVE_API_H

#include "base/bytes.h"

#include <archive.h>
#include <archive_entry.h>

/* The functions in use; the types are those of libarchive's own headers. */
#define ARCHIVE_FUNCTIONS(X) \
    X(archive_entry_filetype) \
    X(archive_entry_is_encrypted) \
    X(archive_entry_pathname) \
    X(archive_error_string) \
    X(archive_filter_bytes) \
    X(archive_filter_count) \
    X(archive_format) \
    X(archive_read_data_block) \
    X(archive_read_free) \
    X(archive_read_new) \
    X(archive_read_next_header) \
    X(archive_read_open_memory) \
    X(archive_read_support_filter_bzip2) \
    X(archive_read_support_filter_gzip) \
    X(archive_read_support_filter_lz4) \
    X(archive_read_support_filter_xz) \
    X(archive_read_support_filter_zstd) \
    X(archive_read_support_format_raw) \
    X(archive_read_support_format_tar) \
    X(archive_read_support_format_zip)

struct archive_api {
    void *library;
#define ARCHIVE_MEMBER(function) __typeof__(&function) function;
    ARCHIVE_FUNCTIONS(ARCHIVE_MEMBER)
#undef ARCHIVE_MEMBER
};

/*
 * Loads the library that the headers belong to.
 * Errors: ERR_SYSTEM (it is not installed, or lacks a function).
 */
bool archive_api_load(struct archive_api *api, struct err *err) MUST_CHECK;
/*
 * Opens packed bytes with the filters and formats that we know; *ret_archive is the caller's to
 * free, also on error (NULL: none). Only what is built into libarchive: where a library was left
 * out it would start programs instead (and says so by a warning).
 *
 * only_raw  what is compressed is no archive
 *
 * Errors: ERR_NOMEM, ERR_SYSTEM (it lacks a decompressor), ERR_FORMAT.
 */
bool archive_api_open(const struct archive_api *api, struct bytes in, bool only_raw,
                      struct archive **ret_archive, struct err *err) MUST_CHECK;
/* What libarchive says of the last failure; never NULL. */
const char *archive_api_reason(const struct archive_api *api, struct archive *archive);
void archive_api_unload(struct archive_api *api); /* zeroed or loaded */

#endif
