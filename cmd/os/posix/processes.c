#include "cmd/processes.h"

#include "base/chars.h"
#include "base/file.h"
#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "model/parts.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SOCKET_PREFIX "dotnet-diagnostic-"

/* A text of /proc; false: it is gone, or not for us. */
static bool proc_open(uint64_t pid, const char *name, struct file *f, struct str *ret_text) {
    char path[64];
    struct err err;
    snprintf(path, sizeof(path), "/proc/%" PRIu64 "/%s", pid, name);
    if (!file_open(f, path, &err))
        return false;
    *ret_text = (struct str){(const char *)f->bytes.data, f->bytes.size};
    return true;
}

static const char *proc_keep(struct processes *p, struct str text) {
    return text.len ? arena_copy_clean(&p->arena, text) : NULL;
}

/* -- Which there are --------------------------------------------------------------------------- */

/* "7f00-7f10 r-xp ...": mapped to be run, not to be read as a file of a dump is. */
static bool is_executable(struct str line) {
    size_t blank = str_find(line, STR(" "), 0);
    return blank != STR_NOT_FOUND && line.len > blank + 3 && line.ptr[blank + 3] == 'x';
}

/*
 * "/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.11/libcoreclr.so" -> "8.0.11"; NULL where the
 * folder has no such name: the runtime came with the program. Has it one at all?
 */
static bool has_runtime(struct processes *p, uint64_t pid, const char **ret_version) {
    struct file f;
    struct str rest, line;
    bool found = false;
    *ret_version = NULL;
    if (!proc_open(pid, "maps", &f, &rest))
        return false;
    while (!found && str_next_line(&rest, &line)) {
        size_t at = str_find(line, STR("/libcoreclr.so"), 0);
        if (at == STR_NOT_FOUND || !is_executable(line))
            continue;
        struct str folder = str_behind_last(str_take(line, at), '/');
        found = true;
        if (char_is_digit(str_first(folder)) && str_contains(folder, STR(".")))
            *ret_version = proc_keep(p, folder);
    }
    file_close(&f);
    return found;
}

/* The numbers in names of sockets of a folder, added to those that are known. */
static bool sockets_of(struct processes *p, const char *folder, struct err *err) {
    DIR *dir = opendir(folder);
    bool ok = true;
    for (const struct dirent *entry; ok && dir && (entry = readdir(dir));) {
        struct str name = str_of(entry->d_name);
        if (!str_starts(name, STR(SOCKET_PREFIX)) || !str_ends(name, STR("-socket")))
            continue;
        name = str_drop(name, sizeof(SOCKET_PREFIX) - 1);
        size_t dash = str_find(name, STR("-"), 0);
        uint64_t number;
        if (dash == STR_NOT_FOUND || !num_dec(str_take(name, dash), &number))
            continue;
        ok = VEC_ROOM_IN(&p->arena, p->sockets, p->socket_count, p->socket_capacity, err);
        if (ok)
            p->sockets[p->socket_count++] = number;
    }
    if (dir)
        closedir(dir);
    return ok;
}

/* Folders are read once, and not for each process: most of a machine are not of .NET. */
static bool find_sockets(struct processes *p, struct err *err) {
    const char *temporary = getenv("TMPDIR");
    return sockets_of(p, "/tmp", err) &&
           (!temporary || !*temporary || sockets_of(p, temporary, err));
}

static bool has_socket(const struct processes *p, uint64_t pid) {
    for (uint32_t i = 0; i < p->socket_count; i++)
        if (p->sockets[i] == pid)
            return true;
    return false;
}

/* -- What they are ----------------------------------------------------------------------------- */

/* `dotnet exec --x y.dll a`: y.dll; an executable of its own: that. */
static const char *proc_program(struct processes *p, uint64_t pid) {
    struct file f;
    struct str rest;
    if (!proc_open(pid, "cmdline", &f, &rest))
        return NULL;
    struct str program = {NULL, 0};
    for (bool first = true; rest.len; first = false) {
        size_t length = strnlen(rest.ptr, rest.len);
        struct str word = str_behind_last(str_take(rest, length), '/');
        rest = str_drop(rest, length + (length < rest.len));
        if (first)
            program = word;
        bool host = str_eq(program, STR("dotnet"));
        if (!first && !host)
            break;
        if (!first && str_ends(word, STR(".dll"))) {
            program = str_take(word, word.len - 4);
            break;
        }
    }
    const char *kept = proc_keep(p, program);
    file_close(&f);
    return kept;
}

/* "VmRSS:    1234 kB" */
static uint64_t status_kib(struct str text, struct str key) {
    struct str line;
    uint64_t kib;
    while (str_next_line(&text, &line)) {
        if (!str_starts(line, key))
            continue;
        line = str_trim(str_drop(line, key.len));
        size_t blank = str_find(line, STR(" "), 0);
        if (num_dec(blank == STR_NOT_FOUND ? line : str_take(line, blank), &kib) &&
            kib < ABSENT >> 10)
            return kib << 10;
    }
    return ABSENT;
}

/* "Uid:	1000	1000 ...": the first is who it runs for. */
static const char *proc_user(struct processes *p, struct str status) {
    struct str line, uid = {NULL, 0};
    struct file f;
    struct err err;
    while (!uid.len && str_next_line(&status, &line))
        if (str_starts(line, STR("Uid:"))) {
            uid = str_trim(str_drop(line, 4));
            size_t end = 0;
            while (end < uid.len && uid.ptr[end] != '\t' && uid.ptr[end] != ' ')
                end++;
            uid = str_take(uid, end);
        }
    const char *user = proc_keep(p, uid);
    if (!uid.len || !file_open(&f, "/etc/passwd", &err))
        return user;
    /* name:password:uid:... */
    struct str rest = {(const char *)f.bytes.data, f.bytes.size};
    while (str_next_line(&rest, &line)) {
        size_t name = str_find(line, STR(":"), 0);
        size_t second = name == STR_NOT_FOUND ? name : str_find(line, STR(":"), name + 1);
        struct str number = second == STR_NOT_FOUND ? STR("") : str_drop(line, second + 1);
        if (str_starts(number, uid) && number.len > uid.len && number.ptr[uid.len] == ':') {
            user = proc_keep(p, str_take(line, name));
            break;
        }
    }
    file_close(&f);
    return user;
}

/* The 22nd word of stat, in ticks since the machine started, against how long it runs. */
static uint64_t proc_age_ns(uint64_t pid) {
    struct file f, up;
    struct str text, rest;
    struct err err;
    uint64_t ticks = 0, seconds = 0, hz = (uint64_t)sysconf(_SC_CLK_TCK);
    if (!proc_open(pid, "stat", &f, &text))
        return ABSENT;
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ')') /* the name in brackets may hold anything */
        at--;
    rest = str_drop(text, at);
    for (int word = 3; word <= 22 && rest.len; word++) {
        rest = str_trim(rest);
        size_t blank = str_find(rest, STR(" "), 0);
        struct str one = blank == STR_NOT_FOUND ? rest : str_take(rest, blank);
        if (word == 22 && !num_dec(one, &ticks))
            ticks = 0;
        rest = str_drop(rest, one.len);
    }
    file_close(&f);
    if (!ticks || !hz || !file_open(&up, "/proc/uptime", &err))
        return ABSENT;
    text = (struct str){(const char *)up.bytes.data, up.bytes.size};
    size_t dot = str_find(text, STR("."), 0);
    bool ok = dot != STR_NOT_FOUND && num_dec(str_take(text, dot), &seconds);
    file_close(&up);
    return ok && seconds >= ticks / hz ? (seconds - ticks / hz) * UINT64_C(1000000000) : ABSENT;
}

static bool add_process(struct processes *p, uint64_t pid, struct err *err) {
    const char *version;
    bool runtime = has_runtime(p, pid, &version);
    struct file f;
    struct str status;
    if ((!runtime && !has_socket(p, pid)) || !proc_open(pid, "status", &f, &status))
        return true;
    bool ok = VEC_ROOM_IN(&p->arena, p->items, p->count, p->capacity, err);
    if (ok)
        p->items[p->count++] = (struct process){
            .pid = pid,
            .program = proc_program(p, pid),
            .runtime = version,
            .user = proc_user(p, status),
            .age_ns = proc_age_ns(pid),
            .resident_bytes = status_kib(status, STR("VmRSS:")),
            .anonymous_bytes = status_kib(status, STR("RssAnon:")),
        };
    file_close(&f);
    return ok;
}

static int cmp_processes(const void *x, const void *y) {
    const struct process *a = x, *b = y;
    return order_u64(a->pid, b->pid);
}

bool processes_find(struct processes *p, struct err *err) {
    *p = (struct processes){.count = 0};
    arena_init(&p->arena);
    DIR *dir = opendir("/proc");
    bool ok = (dir || err_set(err, ERR_IO, "/proc: cannot be read")) && find_sockets(p, err);
    for (const struct dirent *entry; ok && dir && (entry = readdir(dir));) {
        uint64_t pid;
        if (num_dec(str_of(entry->d_name), &pid))
            ok = add_process(p, pid, err);
    }
    if (dir)
        closedir(dir);
    if (ok && p->count)
        qsort(p->items, p->count, sizeof(*p->items), cmp_processes);
    return ok;
}

void processes_deinit(struct processes *p) {
    arena_deinit(&p->arena);
    *p = (struct processes){.count = 0};
}
