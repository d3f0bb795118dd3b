/* What /proc says of a process: mappings, thread times, names. */
#include "base/hash.h"
#include "memory/live/live_impl.h"

#include "base/num.h"
#include "base/vec.h"
#include "memory/threads_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool live_file(pid_t pid, const char *name, struct strbuf *ret_text) {
    char path[96], block[16384];
    if (pid)
        snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    else
        snprintf(path, sizeof(path), "/proc/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n;
    while ((n = read(fd, block, sizeof(block))) > 0)
        strbuf_add(ret_text, (struct str){block, (size_t)n});
    close(fd);
    return n == 0 && !strbuf_failed(ret_text);
}

struct str live_first_line(const struct strbuf *text) {
    struct str rest = strbuf_str(text), line;
    return str_next_line(&rest, &line) ? str_trim(line) : STR("");
}

struct str live_status(struct str text, struct str key) {
    for (struct str line; str_next_line(&text, &line);)
        if (str_starts(line, key) && line.len > key.len && line.ptr[key.len] == ':')
            return str_trim(str_drop(line, key.len + 1));
    return STR("");
}

/* -- Mappings ---------------------------------------------------------------------------------- */

struct maps {
    struct space *space;
    uint32_t mapping_capacity;
    struct err *err;
};

/* "7f00-7f10 r-xp 00001000 08:01 1234   /path with blanks (deleted)" */
static bool parse_mapping(struct str line, struct space_mapping *ret, struct str *ret_path) {
    struct str range = str_next_field(&line);
    size_t dash = str_find(range, STR("-"), 0);
    if (dash == STR_NOT_FOUND || !num_hex(str_take(range, dash), &ret->start) ||
        !num_hex(str_drop(range, dash + 1), &ret->end))
        return false;
    struct str perms = str_next_field(&line), offset = str_next_field(&line);
    if (perms.len != 4 || !num_hex(offset, &ret->file_offset))
        return false;
    ret->flags = (str_first(perms) == 'r' ? MAP_READ : 0) | (perms.ptr[1] == 'w' ? MAP_WRITE : 0) |
                 (perms.ptr[2] == 'x' ? MAP_EXEC : 0);
    str_next_field(&line); /* device */
    str_next_field(&line); /* inode */
    struct str path = str_trim(line);
    if (str_ends(path, STR(" (deleted)")))
        path.len -= 10;
    *ret_path = path;
    return true;
}

static bool live_proc_add_mapping(struct maps *m, struct space_mapping mapping, struct str path) {
    struct space *s = m->space;
    if (!VEC_ROOM_IN(&s->arena, s->mappings, s->mapping_count, m->mapping_capacity, m->err))
        return false;
    const char *before = s->mapping_count ? s->mappings[s->mapping_count - 1].file : NULL;
    if (before && str_eq(str_of(before), path))
        mapping.file = before;
    else if (path.len && !(mapping.file = arena_copy(&s->arena, path.ptr, path.len)))
        return err_nomem(m->err);
    s->mappings[s->mapping_count++] = mapping;
    return true;
}

/* Reading a device may do anything, and the kernel's own pages hold nothing of the process. */
static bool worth_reading(const struct space_mapping *m) {
    if (!(m->flags & MAP_READ))
        return false;
    if (!m->file)
        return true;
    struct str file = str_of(m->file);
    if (str_starts(file, STR("[v")))
        return str_eq(file, STR("[vdso]"));
    return !str_starts(file, STR("/dev/")) || str_starts(file, STR("/dev/shm/")) ||
           str_starts(file, STR("/dev/zero"));
}

static bool list_ranges(struct space *s, struct err *err) {
    s->ranges = arena_array(&s->arena, s->mapping_count, sizeof(*s->ranges));
    if (!s->ranges)
        return err_nomem(err);
    s->range_capacity = s->mapping_count;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct space_mapping *m = &s->mappings[i];
        if (worth_reading(m))
            s->ranges[s->range_count++] = (struct space_range){m->start, m->end, NULL, m->flags};
    }
    return true;
}

bool live_read_maps(struct space *s, struct live *l, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    bool ok = live_file(l->pid, "smaps", &text);
    if (!ok && !strbuf_failed(&text)) {
        strbuf_clear(&text);
        ok = live_file(l->pid, "maps", &text);
    }
    if (!ok && strbuf_ok(&text, err))
        err_set(err, ERR_IO, "cannot read the mappings of process %ld", (long)l->pid);
    struct maps m = {.space = s, .err = err};
    struct str rest = strbuf_str(&text);
    for (struct str line; ok && str_next_line(&rest, &line);) {
        struct space_mapping mapping = {0};
        struct str path;
        uint64_t kib;
        if (parse_mapping(line, &mapping, &path))
            ok = live_proc_add_mapping(&m, mapping, path);
        else if (s->mapping_count && str_starts(line, STR("Rss:")) &&
                 num_dec(str_trim(str_take(str_drop(line, 4), line.len - 4 - 3)), &kib))
            s->mappings[s->mapping_count - 1].resident_bytes = kib * 1024;
    }
    strbuf_deinit(&text);
    return ok && list_ranges(s, err);
}

/* -- Threads ----------------------------------------------------------------------------------- */

/* The thread's number where it lives itself: the last one of NSpid. */
static uint64_t inner_id(struct str status, uint64_t outer) {
    struct str ids = live_status(status, STR("NSpid"));
    uint64_t id = outer;
    for (struct str field; (field = str_next_field(&ids)).len;)
        if (!num_dec(field, &id))
            return outer;
    return id;
}

static uint64_t boot_time_ns(void) {
    struct strbuf text;
    strbuf_init(&text);
    uint64_t seconds = 0;
    bool ok = live_file(0, "stat", &text);
    struct str rest = strbuf_str(&text);
    for (struct str line; ok && seconds == 0 && str_next_line(&rest, &line);)
        if (str_starts(line, STR("btime ")) && !num_dec(str_trim(str_drop(line, 6)), &seconds))
            seconds = 0;
    strbuf_deinit(&text);
    return seconds ? seconds * UINT64_C(1000000000) : UINT64_MAX;
}

bool live_read_times(struct space *s, struct live *l, struct err *err) {
    static const char *const files[] = {"stat", "schedstat", "status"};
    struct strbuf text;
    strbuf_init(&text);
    uint64_t *inner = arena_array(&s->arena, s->thread_count, sizeof(*inner));
    if (!inner)
        return err_nomem(err);
    for (uint32_t i = 0; i < s->thread_count; i++) {
        long tid = (long)s->threads[i].os_id;
        size_t status = 0;
        for (size_t k = 0; k < sizeof(files) / sizeof(*files); k++) {
            char name[64];
            snprintf(name, sizeof(name), "task/%ld/%s", tid, files[k]);
            status = text.len;
            strbuf_addf(&text, "==> /proc/%ld/%s <==\n", (long)l->pid, name);
            if (!live_file(l->pid, name, &text))
                strbuf_addc(&text, '\n'); /* it ended: whatever is known of it stays */
        }
        inner[i] = inner_id(str_drop(strbuf_str(&text), status), (uint64_t)tid);
    }
    if (!live_file(0, "uptime", &text))
        strbuf_addc(&text, '\n');
    struct threads_file times;
    uint32_t matched = 0;
    bool ok = strbuf_ok(&text, err);
    if (ok) {
        struct err why;
        bool read = threads_file_read(&times, strbuf_str(&text), &why);
        ok = !read || threads_file_apply(&times, s, &matched, err);
        uint64_t boot = boot_time_ns();
        uint32_t leader = u64map_get(&times.by_os_id, (uint64_t)l->pid);
        if (read && leader < times.count && boot != UINT64_MAX)
            l->process_start_ns = num_add(boot, times.threads[leader].start_time);
        threads_file_close(&times);
    }
    if (ok && matched < s->thread_count)
        space_warn(s, s->thread_count - matched, "threads whose times /proc does not tell");
    for (uint32_t i = 0; i < s->thread_count; i++)
        s->threads[i].os_id = inner[i];
    strbuf_deinit(&text);
    return ok;
}
