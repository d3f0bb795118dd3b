#include "dotnet/version.h"

#include "base/chars.h"

#include <stdio.h>
#include <string.h>

#define TEXT      "@(#)Version "
#define SCAN_STEP 16u /* the text is a large array, and aligned so */

/*
 * "10.0.12" out of the file version 10.0.1226.42308: the third number is the patch and two digits
 * of the year. .NET Core 3.1 and older counted otherwise.
 */
static const char *version_from_file(struct clr *clr, const char *file_version) {
    unsigned major, minor, build;
    char text[40];
    if (!file_version || sscanf(file_version, "%u.%u.%u.", &major, &minor, &build) != 3 ||
        major < 5 || major > 99)
        return NULL;
    int n = snprintf(text, sizeof(text), "%u.%u.%u", major, minor, build / 100);
    return arena_copy(&clr->arena, text, (size_t)n);
}

/* "10.0.12" out of ".../Microsoft.NETCore.App/10.0.12/libcoreclr.so". */
static const char *version_from_path(struct clr *clr, const char *path) {
    const char *end = path;
    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            end = p;
    const char *start = end;
    while (start > path && start[-1] != '/' && start[-1] != '\\')
        start--;
    bool digits = char_is_digit(*start) && memchr(start, '.', (size_t)(end - start));
    return digits ? arena_copy(&clr->arena, start, (size_t)(end - start)) : NULL;
}

/* "@(#)Version 10.0.1226.42308 @Commit: ..." among the variables of an ELF runtime. */
static const char *version_from_text(struct clr *clr) {
    const struct space *s = clr->space;
    const size_t length = sizeof(TEXT) - 1;
    for (uint32_t i = 0; i < s->range_count; i++) {
        const struct space_range *range = &s->ranges[i];
        if (range->end <= clr->image->base || range->start >= clr->image->end ||
            !(range->flags & MAP_WRITE))
            continue;
        for (uint64_t at = range->start; at + 64 <= range->end; at += SCAN_STEP) {
            char text[48];
            if (!clr_read(clr, at, text, sizeof(text)))
                break;
            if (memcmp(text, TEXT, length) == 0) {
                text[sizeof(text) - 1] = 0;
                return version_from_file(clr, text + length);
            }
        }
    }
    return NULL;
}

const char *version_of(struct clr *clr) {
    const char *version = clr->image->path ? version_from_path(clr, clr->image->path) : NULL;
    if (!version)
        version = version_from_file(clr, clr->image->version);
    return version || clr->windows ? version : version_from_text(clr);
}

const char *version_of_offsets(struct clr *clr) {
    const char *space = clr->table ? strchr(clr->table->name, ' ') : NULL;
    return space ? space + 1 : NULL;
}
