#include "dotnet/program.h"

#include "model/rows_origin.h"

/* Executables that run any assembly; an app's own host is named after it. */
static const char *const hosts[] = {"dotnet",         "dotnet.exe",  "w3wp.exe",
                                    "iisexpress.exe", "corerun.exe", "corerun"};

static bool is_host(const char *process) {
    for (size_t i = 0; process && i < sizeof(hosts) / sizeof(*hosts); i++)
        if (str_eq_nocase(str_of(process), str_of(hosts[i])))
            return true;
    return false;
}

static struct str without_suffix(struct str name) {
    static const struct str suffixes[] = {{".dll", 4}, {".exe", 4}};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
        if (name.len > suffixes[i].len &&
            str_eq_nocase(str_drop(name, name.len - suffixes[i].len), suffixes[i]))
            return str_take(name, name.len - suffixes[i].len);
    return name;
}

/*
 * The runtime keeps assemblies in the order in which they were loaded: its own base library, then
 * what it was started with (AppDomain::SetRootAssembly), before startup hooks and all references.
 */
static struct str entry_assembly(const struct modules *m) {
    if (m->loaded_count < 2 ||
        !str_eq(str_of(m->loaded[0]->file_name), STR("System.Private.CoreLib.dll")))
        return STR("");
    return without_suffix(str_of(m->loaded[1]->file_name));
}

bool program_report(struct modules *m, struct err *err) {
    struct origin_row *origin = builder_single(m->clr->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    struct str entry = entry_assembly(m);
    if (!is_host(origin->process) || !entry.len)
        return true;
    origin->process = builder_string(m->clr->b, entry, err);
    return origin->process != NULL;
}
