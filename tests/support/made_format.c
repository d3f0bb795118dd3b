#include "tests/support/made_format.h"

#include "tests/support/read_bytes.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void bytes_free(struct bytes bytes) {
    free((void *)(uintptr_t)bytes.data);
}

bool made_read_bytes(const struct made_format *f, struct bytes bytes, struct snapshot *s,
                     struct err *err) {
    static const struct input_options options = {0};
    char path[128];
    snprintf(path, sizeof(path), "mill.%s", f->ending);
    snapshot_init(s);
    return input_read_bytes(bytes, path, f->input, &options, s, err);
}

void made_read_spec(const struct made_format *f, const char *spec, struct snapshot *s) {
    struct err err = {.msg = ""};
    struct bytes file = f->make(spec);
    if (!made_read_bytes(f, file, s, &err))
        fail_msg("%s", err.msg);
    bytes_free(file);
}

void made_refuse_spec(const struct made_format *f, const char *spec, enum err_code code,
                      const char *message) {
    struct err err = {.msg = ""};
    struct bytes file = f->make(spec);
    struct snapshot s;
    assert_false(made_read_bytes(f, file, &s, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, message))
        fail_msg("'%s' is not in '%s'", message, err.msg);
    snapshot_deinit(&s);
    bytes_free(file);
}

struct bytes made_fixture(const struct made_format *f, const char *name) {
    struct file text;
    struct err err;
    char path[256];
    snprintf(path, sizeof(path), "tests/fixture/%s/%s.txt", f->name, name);
    if (!file_open(&text, path, &err))
        fail_msg("%s: %s", path, err.msg);
    char *spec = calloc(text.bytes.size + 1, 1);
    assert_non_null(spec);
    memcpy(spec, text.bytes.data, text.bytes.size);
    struct bytes made = f->make(spec);
    free(spec);
    file_close(&text);
    return made;
}

void made_read_fixture(const struct made_format *f, const char *name, struct snapshot *s) {
    struct err err = {.msg = ""};
    struct bytes file = made_fixture(f, name);
    if (!made_read_bytes(f, file, s, &err))
        fail_msg("%s: %s", name, err.msg);
    bytes_free(file);
}

/* Was it read? */
static bool made_format_read_prefix(const struct made_format *f, const char *name,
                                    struct bytes whole, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    struct snapshot s;
    struct err err = {.msg = ""};
    assert_non_null(copy);
    memcpy(copy, whole.data, size);
    bool read = made_read_bytes(f, (struct bytes){copy, size}, &s, &err);
    if (!read)
        assert_true(err.msg[0] != 0);
    else if (snapshot_trust(&s) == TRUST_EXACT)
        fail_msg("%s: %zu bytes pass for the whole", name, size);
    snapshot_deinit(&s);
    free(copy);
    return read;
}

void made_prefixes_are_told(const struct made_format *f, const char *const *names, size_t count,
                            size_t one_in) {
    for (size_t i = 0; i < count; i++) {
        struct bytes file = made_fixture(f, names[i]);
        size_t read = 0;
        for (size_t size = 0; size < file.size; size++)
            read += made_format_read_prefix(f, names[i], file, size);
        assert_true(read > file.size / one_in);
        bytes_free(file);
    }
}

void made_corpus_is_that(const struct made_format *f, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct file kept;
        struct err err;
        char path[256];
        struct bytes made = made_fixture(f, names[i]);
        snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/%s.%s", f->name, names[i], f->ending);
        if (getenv("UPDATE_FIXTURES"))
            assert_true(file_write(
                path, fit_bytes((struct str){(const char *)made.data, made.size}), &err));
        assert_true(file_open(&kept, path, &err));
        assert_int_equal(kept.bytes.size, made.size);
        assert_memory_equal(kept.bytes.data, made.data, made.size);
        file_close(&kept);
        bytes_free(made);
    }
}
