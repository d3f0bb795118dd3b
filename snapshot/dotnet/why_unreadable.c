#include "dotnet/why_unreadable.h"

#include "dotnet/table_fit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_DESCRIBED 9u /* major version: the first to carry a contract descriptor */

/* Of Linux and macOS, of Unity and of Mono itself on Windows. */
static bool is_mono(const char *name) {
    static const char *const begins[] = {"libmono",      "libcoreclr-mono.so", "mono-2.0",
                                         "monosgen-2.0", "mono.dll",           "mono-sgen"};
    for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
        if (strncasecmp(name, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

void why_not_there(const struct clr *clr, struct strbuf *why) {
    if (clr->space->module_count == 0) {
        strbuf_adds(why, "the dump does not say which files were loaded: no runtime can be found");
        return;
    }
    for (uint32_t i = 0; i < clr->space->module_count; i++) {
        const char *path = clr->space->modules[i].path;
        const char *name = path ? str_file_name(str_of(path)).ptr : "";
        if (is_mono(name)) {
            strbuf_addf(why, "the process runs Mono (%s), which is not read", name);
            return;
        }
        if (strcasecmp(name, "clr.dll") == 0) {
            const char *version = clr->space->modules[i].version;
            strbuf_addf(
                why,
                "the process runs .NET Framework (clr.dll%s%s), whose heap is not read from "
                "dumps; join what SOS printed of it: DUMP+SOS.txt",
                version ? " " : "", version ? version : "");
            return;
        }
    }
    strbuf_adds(why, "no CoreCLR in this process: not .NET, or compiled ahead of time (NativeAOT)");
}

/* "coreclr.dll 10.0.1226.42308 (6A89B72447a000)": what to look for on another machine. */
static void write_image(const struct clr *clr, struct strbuf *why) {
    const struct space_module *image = clr->image;
    strbuf_adds(why, str_file_name(str_of(image->path)).ptr);
    const char *version = image->version ? image->version : clr->version;
    if (version)
        strbuf_addf(why, " %s", version);
    if (image->timestamp || image->image_size)
        strbuf_addf(why, " (%08X%x)", image->timestamp, image->image_size);
}

void why_unreadable(const struct clr *clr, struct strbuf *why) {
    unsigned major = clr->image->version ? (unsigned)strtoul(clr->image->version, NULL, 10) : 0;
    write_image(clr, why);
    if (!clr->windows)
        strbuf_adds(why, ": no tables of the garbage collector found (a dump that is cut, or "
                         "of a version that is not known?)");
    else if (major && major < 9)
        strbuf_adds(why, ": .NET 8 and older do not describe themselves, so the managed heap is "
                         "not read; join what SOS printed of it: DUMP+SOS.txt");
    else
        strbuf_adds(why, ": its read-only pages are not in the dump; with that very file in the "
                         "folder of --symbols the managed heap can be read");
}

/* What was tried, so that whoever has such a dump can tell what would help. */
void why_no_offsets(const struct clr *clr, struct strbuf *why) {
    uint32_t tried = 0;
    write_image(clr, why);
    if (clr->misfit) {
        strbuf_adds(why, ": what it says of itself (contract descriptor) does not fit this dump: "
                         "its threads or its basic types are not where it says");
        return;
    }
    strbuf_adds(why, " has no contract descriptor in the dump, and no offsets known to us fit");
    for (uint32_t i = 0; i < builtin_table_count; i++)
        if (table_fit(clr, &builtin_tables[i]))
            strbuf_addf(why, "%s%s", tried++ ? ", " : " (tried: ", builtin_tables[i].name);
    strbuf_adds(why, tried ? ")" : " (none is of such a build)");
    if (clr->version && strtoul(clr->version, NULL, 10) < FIRST_DESCRIBED)
        strbuf_adds(why, "; `dumpdiff learn` makes them from what SOS prints of such a dump");
    else
        strbuf_adds(why, "; with the same file under --symbols or --sysroot it can be read");
}
