#include "cmd/apart.h"

#include "base/file.h"
#include "base/pages.h"
#include "input/argument.h"
#include "input/learn_input.h"
#include "memory/unpack/unpack.h"
#include "model/answers_wire.h"
#include "model/snapfile.h"

#include <inttypes.h>
#include <string.h>

/* What reading takes beside what holds the objects, whatever --max-memory says. */
#define MEMORY_BASE ((uint64_t)1 << 30)

/* -- The process ------------------------------------------------------------------------------- */

/* bounded: it may stand still for so long only. */
static bool apart_tell(enum forked_end end, const char *what, bool bounded, struct err *err) {
    switch (end) {
    case FORKED_DONE:
        return true;
    case FORKED_SHRUNK:
        return err_set(err, ERR_IO, "%.120s: became shorter while it was read, or its disk failed",
                       what);
    case FORKED_KILLED:
        return err_set(err, ERR_NOMEM,
                       "%.120s: the process that reads it was killed, as if memory were short",
                       what);
    case FORKED_STOPPED:
        if (bounded)
            return err_set(err, ERR_LIMIT,
                           "stood still as long as it may (--max-stop), and goes on");
        return err_set(err, ERR_LIMIT, "%.120s: comes to more than can be kept of it", what);
    case FORKED_NONE:
        return err_set(err, ERR_SYSTEM, "%.120s: no process can be started to read it", what);
    case FORKED_DIED:
        break;
    }
    return err_set(
        err, ERR_LIMIT,
        "%.120s: the process that reads it crashed: a mistake of dumpdiff, please report "
        "it (SECURITY.md)",
        what);
}

static struct forked_job bounded_job(forked_work *work, void *context, uint64_t max_memory) {
    uint64_t memory = max_memory ? max_memory : pages_available() / 2;
    memory = memory < UINT64_MAX / 4 ? memory * 2 + MEMORY_BASE : 0;
    return (struct forked_job){.work = work,
                               .context = context,
                               .child = SANDBOX_READER,
                               .output_max = memory ? memory : SIZE_MAX,
                               .memory_max = memory};
}

bool apart_run(forked_work *work, void *context, const char *what, uint64_t max_memory,
               struct strbuf *out, struct err *err) {
    const struct forked_job job = bounded_job(work, context, max_memory);
    return apart_tell(forked_run(&job, out), what, false, err) && strbuf_ok(out, err);
}

/* -- What it hands over ------------------------------------------------------------------------ */

/* An error, or none, in front of all else. What went well may have failed at first. */
static void put_err(struct strbuf *out, bool ok, const struct err *err) {
    struct str text = str_of(err->msg);
    strbuf_add_varint(out, ok ? ERR_NONE : (uint64_t)err->code);
    if (ok)
        return;
    strbuf_add_varint(out, err->offset + 1); /* ERR_NO_OFFSET is 0 */
    strbuf_add_varint(out, text.len);
    strbuf_add(out, text);
}

/* true: there was none. */
static bool get_err(struct reader *r, struct err *err) {
    uint64_t code = reader_varint(r);
    if (code == ERR_NONE && !r->failed)
        return true;
    uint64_t offset = reader_varint(r) - 1;
    struct bytes text = reader_bytes(r, reader_varint(r));
    if (r->failed || code > ERR_SYSTEM)
        return err_set(err, ERR_FORMAT, "the process that reads it gave no whole answer");
    return err_at(err, (enum err_code)code, offset, "%.*s",
                  (int)(text.size < 255 ? text.size : 255), (const char *)text.data);
}

static void put_text(struct strbuf *out, const struct strbuf *text) {
    strbuf_add_varint(out, text->len);
    strbuf_add(out, strbuf_str(text));
}

/* -- A dump ------------------------------------------------------------------------------------ */

static bool read_apart(const struct apart *a, const struct input_options *options,
                       struct snapshot *snapshot, struct err *err) {
    return a->argument ? input_read(a->argument, options, snapshot, err)
                       : input_read_process(a->pid, options, snapshot, err);
}

/* Answers of its own: those of the caller are filled from what is handed over, wherever this runs.
 */
static bool read_and_answer(const struct apart_reading *r, struct answers *answers,
                            struct snapshot *snapshot, struct err *err) {
    struct input_options options = *r->options;
    if (options.answers) {
        answers_init(answers, &options.answers->question);
        options.answers = answers;
    }
    return read_apart(r->apart, &options, snapshot, err);
}

/* A process that ends frees nothing: that would take longer than ending. */
static void read_and_tell(void *context, int fd) {
    const struct apart_reading *r = context;
    struct answers answers;
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct strbuf out, body;
    struct snapshot snapshot;
    strbuf_init(&out);
    strbuf_init(&body);
    snapshot_init(&snapshot);
    bool ok =
        read_and_answer(r, &answers, &snapshot, &err) && snapfile_encode(&snapshot, &body, &err);
    put_err(&out, ok, &err);
    if (ok)
        put_text(&out, &body);
    else
        strbuf_add_varint(&out, r->apart->series && input_is_of_no_kind(r->apart->argument));
    if (ok && r->options->answers && !answers_encode(&answers, &out, &err)) {
        strbuf_clear(&out);
        put_err(&out, false, &err);
    }
    if (!strbuf_ok(&out, &err)) {
        strbuf_deinit(&out);
        put_err(&out, false, &err);
    }
    forked_write(fd, strbuf_str(&out));
    if (forked_ends())
        return;
    if (r->options->answers)
        answers_deinit(&answers);
    snapshot_deinit(&snapshot);
    strbuf_deinit(&body);
    strbuf_deinit(&out);
}

/* By the size of files: half of a plain dump, and of a packed one what it comes to, in memory. */
#define NEEDS_AT_LEAST ((uint64_t)64 << 20)
#define NEEDS_OF       2u
#define PACKED_TIMES   40u

/*
 * 0: a snapshot, which is what the other process would hand over, or text, as nobody packs it.
 * [bytes] of what reading others may take.
 */
static uint64_t file_needs(const char *path) {
    struct file file;
    if (strcmp(path, "-") == 0 || file_is_special(path) || !file_open(&file, path, NULL))
        return NEEDS_AT_LEAST;
    struct bytes head = bytes_slice(file.bytes, 0, INPUT_PROBE_BYTES);
    bool packed = unpack_probe(head);
    bool is_here =
        file.mapped && (snapfile_probe(head) || (!memchr(head.data, '\0', head.size) && !packed));
    uint64_t size = file.bytes.size / NEEDS_OF;
    file_close(&file);
    return is_here ? 0 : NEEDS_AT_LEAST + (packed ? size * PACKED_TIMES : size);
}

/* Nothing of it has to be read apart: starting a process takes longer than reading most logs. */
uint64_t apart_needs(const struct apart *a) {
    struct argument_files files = {.paths = NULL};
    uint64_t needs = 0;
    bool plain = a->argument && argument_files(&files, a->argument, NULL) && files.count;
    for (size_t i = 0; plain && i < files.count; i++)
        needs += file_needs(files.paths[i]);
    argument_files_free(&files);
    return plain ? needs : NEEDS_AT_LEAST;
}

static const char *apart_what(const struct apart *a) {
    return a->argument ? a->argument : "it";
}

static bool apart_take(struct apart *a, const struct input_options *options, struct bytes answer,
                       struct snapshot *snapshot, struct err *err) {
    struct reader r;
    reader_init(&r, answer, 0);
    if (!get_err(&r, err)) {
        a->of_no_kind = reader_varint(&r) == 1 && !r.failed;
        return false;
    }
    struct bytes file = reader_bytes(&r, reader_varint(&r));
    bool ok = reader_ok(&r, "snapshot", err) && snapfile_decode(file, snapshot, err) &&
              (!options->answers || answers_decode(options->answers, &r, err));
    if (!ok && err->code != ERR_NOMEM) {
        err->code = ERR_FORMAT;
        err_prefix(err, "%.100s: what the process that reads it said", apart_what(a));
    }
    return ok;
}

bool apart_read_here(struct apart *a, const struct input_options *options,
                     struct snapshot *snapshot, struct err *err) {
    return read_apart(a, options, snapshot, err) ||
           (a->of_no_kind = a->series && input_is_of_no_kind(a->argument), false);
}

struct forked_job apart_job(struct apart_reading *reading) {
    return bounded_job(read_and_tell, reading, reading->options->max_memory);
}

bool apart_taken(const struct apart_reading *reading, enum forked_end ended,
                 const struct strbuf *out, struct snapshot *snapshot, struct err *err) {
    struct apart *a = reading->apart;
    bool bounded = !a->argument && reading->options->stop_max_ns;
    return apart_tell(ended, apart_what(a), bounded, err) && strbuf_ok(out, err) &&
           apart_take(a, reading->options,
                      (struct bytes){(const uint8_t *)strbuf_cstr(out), out->len}, snapshot, err);
}

bool apart_read(struct apart *a, const struct input_options *options, struct snapshot *snapshot,
                struct err *err) {
    if (apart_needs(a) == 0)
        return apart_read_here(a, options, snapshot, err);
    struct apart_reading reading = {a, options};
    const struct forked_job job = apart_job(&reading);
    struct strbuf out;
    strbuf_init(&out);
    bool ok = apart_taken(&reading, forked_run(&job, &out), &out, snapshot, err);
    strbuf_deinit(&out);
    return ok;
}

/* -- A runtime that is learnt ------------------------------------------------------------------ */

static void learn_and_tell(void *context, int fd) {
    const struct options *o = context;
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct strbuf out, texts[3];
    strbuf_init(&out);
    for (int i = 0; i < 3; i++)
        strbuf_init(&texts[i]);
    bool ok = input_learn(o->arguments[0], o->arguments + 1, o->argument_count - 1, &texts[0],
                          &texts[1], &texts[2], &err) &&
              strbuf_ok(&texts[0], &err) && strbuf_ok(&texts[1], &err) &&
              strbuf_ok(&texts[2], &err);
    put_err(&out, ok, &err);
    for (int i = 0; i < 3; i++)
        put_text(&out, &texts[i]);
    forked_write(fd, strbuf_str(&out));
    for (int i = 0; i < 3 && !forked_ends(); i++)
        strbuf_deinit(&texts[i]);
    if (!forked_ends())
        strbuf_deinit(&out);
}

bool apart_learn(const struct options *o, struct strbuf *json, struct strbuf *told,
                 struct strbuf *name, struct err *err) {
    struct strbuf *const texts[] = {json, told, name};
    struct strbuf out;
    struct options copy = *o; /* work takes what it may change */
    strbuf_init(&out);
    bool ok = apart_run(learn_and_tell, &copy, o->arguments[0], 0, &out, err);
    struct reader r;
    reader_init(&r, (struct bytes){(const uint8_t *)strbuf_cstr(&out), out.len}, 0);
    ok = ok && get_err(&r, err);
    for (int i = 0; i < 3; i++) {
        struct bytes text = reader_bytes(&r, reader_varint(&r));
        if (!r.failed)
            strbuf_add(texts[i], (struct str){(const char *)text.data, text.size});
    }
    strbuf_deinit(&out);
    return ok;
}
