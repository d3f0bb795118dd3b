#include "cmd/confine.h"

#include "base/file.h"
#include "base/sandbox.h"
#include "cmd/reads.h"
#include "cmd/session.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the C library and we ask of the machine. */
static const char *const of_the_machine[] = {
    "/dev/null",
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/meminfo",
    "/sys/fs/cgroup",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
};

/* Libraries that are loaded when the first packed input or native stack comes. */
static const char *const of_libraries[] = {"/usr", "/lib", "/lib32", "/lib64", "/nix", "/gnu"};

/* Without --sysroot a dump's modules may lie anywhere, but no module lies here. */
static const char *const of_nobody[] = {"boot", "dev", "etc", "proc", "run", "sys"};

/* The folder that a path lies in, as it is written. */
static void folder_of(const char *path, char ret_folder[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(ret_folder, PATH_MAX, ".");
    else
        snprintf(ret_folder, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static void allow_list(struct sandbox *s, const char *const *paths, size_t count) {
    for (size_t i = 0; i < count; i++)
        sandbox_allow_read(s, paths[i]);
}

/* A folder, or a file with what lies beside it. */
static bool confine_visit(void *context, const char *path, enum read_kind kind, struct err *err) {
    char folder[PATH_MAX];
    struct stat st;
    (void)err;
    sandbox_allow_read(context, path);
    if (kind == READ_TREE || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return true;
    folder_of(path, folder);
    sandbox_allow_read(context, folder);
    return true;
}

/* Anything of the machine that may be a module. */
static void allow_modules(struct sandbox *s) {
    DIR *root = opendir("/");
    const struct dirent *entry;
    while (root && (entry = readdir(root))) {
        char path[NAME_MAX + 2];
        bool nobody = entry->d_name[0] == '.';
        for (size_t i = 0; i < sizeof(of_nobody) / sizeof(*of_nobody) && !nobody; i++)
            nobody = strcmp(entry->d_name, of_nobody[i]) == 0;
        snprintf(path, sizeof(path), "/%s", entry->d_name);
        if (!nobody)
            sandbox_allow_read(s, path);
    }
    if (root)
        closedir(root);
}

/* LD_LIBRARY_PATH: libraries of a machine of its own kind. */
static void allow_libraries(struct sandbox *s) {
    const char *own = getenv("LD_LIBRARY_PATH");
    allow_list(s, of_libraries, sizeof(of_libraries) / sizeof(*of_libraries));
    while (own && *own) {
        char folder[PATH_MAX];
        size_t length = strcspn(own, ":");
        snprintf(folder, sizeof(folder), "%.*s", (int)(length < PATH_MAX ? length : 0), own);
        sandbox_allow_read(s, folder);
        own += length + (own[length] == ':');
    }
}

static bool allow_reads(struct sandbox *s, const struct options *o, const char *db,
                        struct err *err) {
    allow_list(s, of_the_machine, sizeof(of_the_machine) / sizeof(*of_the_machine));
    allow_libraries(s);
    if (!o->sysroot)
        allow_modules(s);
    return reads_each(o, db, confine_visit, s, err);
}

/* Below the folder of the file, where links lead; a device or pipe by itself. */
static void allow_output(struct sandbox *s, const char *path) {
    char folder[PATH_MAX], target[PATH_MAX];
    if (!path || strcmp(path, "-") == 0)
        return;
    if (file_is_special(path)) {
        sandbox_allow_write(s, path);
    } else if (file_follow(path, target)) {
        folder_of(target, folder);
        sandbox_allow_write(s, folder);
    }
}

static uint32_t allow_writes(struct sandbox *s, const struct options *o, const char *db) {
    uint32_t uses = 0;
    const char *temporary = getenv("TMPDIR");
    sandbox_allow_temporary(s, temporary && *temporary ? temporary : "/var/tmp");
    if (!temporary || !*temporary)
        sandbox_allow_temporary(s, "/tmp");
    sandbox_allow_temporary(s, "/dev/shm"); /* what is unpacked, as far as memory may be taken */
    for (uint32_t i = 0; i < o->output_count; i++) {
        allow_output(s, o->outputs[i].path);
        uses |= SANDBOX_OUTPUTS;
    }
    if (o->spool) {
        sandbox_allow_write(s, o->spool);
        uses |= SANDBOX_OUTPUTS;
    }
    if (o->update) {
        allow_output(s, o->budget);
        uses |= SANDBOX_OUTPUTS;
    }
    if (db) {
        allow_output(s, db);
        uses |= SANDBOX_DATABASE;
    }
    return uses;
}

/* Its calls go through our filter, and it needs more than we do. */
static bool under_valgrind(void) {
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "/vgpreload_");
}

/* DUMPDIFF_NO_SANDBOX is --no-sandbox for machines on which none is to be had. */
static bool unwanted(const struct options *o) {
    const char *no = getenv("DUMPDIFF_NO_SANDBOX");
    return o->no_sandbox || (no && *no) || under_valgrind();
}

const char *confine(const struct options *o, const char *db, int server) {
    struct sandbox s;
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    bool process = o->pid != ABSENT;
    if (unwanted(o))
        return NULL;
    sandbox_init(&s, !process);
    bool ok = allow_reads(&s, o, db, &err);
    uint32_t uses = allow_writes(&s, o, db) | (process ? SANDBOX_PROCESS : 0u) |
                    (server >= 0 ? SANDBOX_SERVER : 0u);
    if (server >= 0)
        sandbox_keep_from_children(server);
    if (!ok || !sandbox_enter(&s, uses, &err))
        say("note: no whole sandbox: %s (--no-sandbox: none is tried)", err.msg);
    return sandbox_lacks_paths(&s) ? "this kernel has no Landlock: which files the reader of the "
                                     "dumps may open was not fenced, its calls were"
                                   : NULL;
}

void confine_ps(const struct options *o) {
    struct sandbox s;
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    if (unwanted(o))
        return;
    sandbox_init(&s, false);
    if (!sandbox_enter(&s, o->output_count ? SANDBOX_OUTPUTS : 0u, &err))
        say("note: no whole sandbox: %s (--no-sandbox: none is tried)", err.msg);
}
