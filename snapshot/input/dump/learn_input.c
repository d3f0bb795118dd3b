#include "input/learn_input.h"

#include "base/file.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/builder.h"
#include "model/snapshot.h"
#include "dotnet/learn.h"
#include "memory/elf/elf.h"
#include "memory/minidump/minidump.h"
#include "memory/unpack/unpack.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 16u

/* -- What SOS printed -------------------------------------------------------------------------- */

static uint32_t learn_tokens(struct str line, struct str tokens[TOKENS_MAX]) {
    uint32_t count = 0;
    for (struct str rest = str_trim(line); rest.len && count < TOKENS_MAX; rest = str_trim(rest))
        tokens[count++] = str_next_field(&rest);
    return count;
}

/* "4,236" */
static bool learn_number(struct str text, uint64_t *ret_number) {
    char digits[32];
    size_t length = 0;
    for (size_t i = 0; i < text.len && length < sizeof(digits); i++)
        if (text.ptr[i] != ',')
            digits[length++] = text.ptr[i];
    return num_dec((struct str){digits, length}, ret_number);
}

/* "0 1 3a1b 000055D0 2020020 Preemptive 0:0 000055D0 0 Ukn": counted from the GC mode on. */
static bool learn_thread_line(struct learn_said *said, struct str line, struct err *err) {
    struct str t[TOKENS_MAX];
    uint32_t count = learn_tokens(line, t), at = 4;
    struct learn_thread thread = {.pointer = 0};
    while (at < count && !str_eq(t[at], STR("Preemptive")) && !str_eq(t[at], STR("Cooperative")))
        at++;
    if (at + 1 >= count || !num_dec(t[at - 4], &thread.managed_id) ||
        !num_hex(t[at - 3], &thread.os_id) || !num_hex(t[at - 2], &thread.address) ||
        !num_hex(t[at - 1], &thread.state))
        return true;
    thread.cooperative = str_eq(t[at], STR("Cooperative"));
    size_t colon = str_find(t[at + 1], STR(":"), 0);
    if (colon != STR_NOT_FOUND && (!num_hex(str_take(t[at + 1], colon), &thread.pointer) ||
                                   !num_hex(str_drop(t[at + 1], colon + 1), &thread.limit)))
        thread.pointer = thread.limit = 0;
    if (!VEC_ROOM(said->threads, said->thread_count, said->thread_capacity, err))
        return false;
    said->threads[said->thread_count++] = thread;
    return true;
}

/* "7f843eede510 1 24 System.String" */
static bool learn_type_line(struct learn_said *said, struct str line, struct err *err) {
    struct str rest = str_trim(line), mt = str_next_field(&rest);
    struct learn_type type = {.mt = 0};
    rest = str_trim(rest);
    struct str objects = str_next_field(&rest);
    rest = str_trim(rest);
    struct str bytes = str_next_field(&rest);
    type.name = str_trim(rest);
    if (mt.len < 8 || !num_hex(mt, &type.mt) || !learn_number(objects, &type.objects) ||
        !learn_number(bytes, &type.bytes) || !type.name.len)
        return true;
    if (!VEC_ROOM(said->types, said->type_count, said->type_capacity, err))
        return false;
    said->types[said->type_count++] = type;
    return true;
}

static bool learn_text(struct learn_said *said, struct str text, struct err *err) {
    enum { NOTHING, THREADS, TYPES } in = NOTHING;
    struct str line;
    bool ok = true;
    while (ok && str_next_line(&text, &line)) {
        bool said_threads = said->thread_count > 0, said_types = said->type_count > 0;
        if (str_contains(line, STR("ThreadOBJ")))
            in = said_threads ? NOTHING : THREADS;
        else if (str_contains(line, STR("TotalSize")))
            in = said_types ? NOTHING : TYPES;
        else if (!str_trim(line).len || str_starts(line, STR("Total ")))
            in = NOTHING;
        else if (in == THREADS)
            ok = learn_thread_line(said, line, err);
        else if (in == TYPES)
            ok = learn_type_line(said, line, err);
    }
    return ok;
}

/* -- The dump ---------------------------------------------------------------------------------- */

static bool learn_open(struct space *s, struct bytes bytes, struct err *err) {
    struct bytes head = bytes_slice(bytes, 0, 4096);
    struct minidump_info *info;
    uint64_t cut;
    if (minidump_probe(head))
        return minidump_open(s, bytes, &info, err);
    return elf_core_open(s, bytes, &cut, err);
}

static bool learn_dump(const char *path, const struct learn_said *said, struct strbuf *json,
                       struct strbuf *told, struct strbuf *name, struct err *err) {
    struct file file;
    struct unpack_report report;
    struct space space;
    struct snapshot snapshot;
    const char *build = NULL;
    if (!file_open(&file, path, err))
        return false;
    if (!unpack_file(&file, NULL, &report, err) || !learn_open(&space, file.bytes, err)) {
        file_close(&file);
        return false;
    }
    snapshot_init(&snapshot);
    struct builder *b = builder_new(&snapshot, err);
    bool ok = b && dotnet_learn(&space, b, said, json, told, &build, err);
    if (build)
        strbuf_adds(name, build);
    builder_free(b);
    snapshot_deinit(&snapshot);
    space_deinit(&space);
    file_close(&file);
    return ok;
}

bool input_learn(const char *dump, const char *const *transcripts, uint32_t count,
                 struct strbuf *json, struct strbuf *told, struct strbuf *name, struct err *err) {
    struct learn_said said = {.thread_count = 0};
    struct file *files = calloc((size_t)count + 1, sizeof(*files));
    uint32_t open = 0;
    bool ok = files || err_nomem(err);
    for (; ok && open < count; open += ok) {
        ok = file_open(&files[open], transcripts[open], err);
        if (ok &&
            !learn_text(&said,
                        (struct str){(const char *)files[open].bytes.data, files[open].bytes.size},
                        err)) {
            file_close(&files[open]);
            ok = false;
        }
    }
    ok = ok && learn_dump(dump, &said, json, told, name, err);
    for (uint32_t i = 0; i < open; i++)
        file_close(&files[i]);
    free(files);
    free(said.threads);
    free(said.types);
    return ok;
}
