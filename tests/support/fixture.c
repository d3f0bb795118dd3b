#include "tests/support/fixture.h"

#include "base/file.h"
#include "input/log/transcript.h"
#include "tests/support/read_bytes.h"
#include "tests/support/rows.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct input_options no_options = {0};

static void fixture_open_fixture(const char *name, struct file *file) {
    char path[512];
    struct err err = {.msg = ""};
    snprintf(path, sizeof(path), "tests/fixture/transcripts/%s", name);
    if (!file_open(file, path, &err)) {
        fprintf(stderr, "%s: %s (run from the top folder)\n", path, err.msg);
        abort();
    }
}

void fixture_read(const char *name, struct snapshot *snapshot) {
    struct file file;
    struct err err = {.msg = ""};
    fixture_open_fixture(name, &file);
    snapshot_init(snapshot);
    if (!input_read_bytes(file.bytes, name, &input_transcript, &no_options, snapshot, &err)) {
        fprintf(stderr, "%s: %s\n", name, err.msg);
        abort();
    }
    file_close(&file);
}

bool fixture_read_text(const char *text, struct snapshot *snapshot, struct err *err) {
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    snapshot_init(snapshot);
    return input_read_bytes(bytes, "text", &input_transcript, &no_options, snapshot, err);
}

void fixture_must_read_text(const char *text, struct snapshot *snapshot) {
    struct err err = {.msg = ""};
    if (!fixture_read_text(text, snapshot, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        abort();
    }
}

void fixture_reasons(const struct fixture_bad *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct snapshot s;
        fixture_must_read_text(cases[i].text, &s);
        if (rows_reasons(&s, cases[i].reason) != 1 || snapshot_trust(&s) != TRUST_PARTIAL) {
            fprintf(stderr, "case %zu: not partial for the reason \"%s\"\n", i, cases[i].reason);
            abort();
        }
        snapshot_deinit(&s);
    }
}

static void fixture_read_prefix(const char *name, struct bytes whole, size_t size) {
    struct snapshot s;
    struct err err = {.msg = ""};
    uint8_t *cut = malloc(size ? size : 1);
    if (!cut)
        abort();
    memcpy(cut, whole.data, size);
    snapshot_init(&s);
    if (!input_read_bytes((struct bytes){cut, size}, name, &input_transcript, &no_options, &s,
                          &err) &&
        (err.code == ERR_NONE || !err.msg[0])) {
        fprintf(stderr, "%s: refused at %zu bytes without a message\n", name, size);
        abort();
    }
    snapshot_deinit(&s);
    free(cut);
}

void fixture_read_prefixes(const char *name) {
    struct file file;
    fixture_open_fixture(name, &file);
    for (size_t size = 0; size < file.bytes.size; size++)
        fixture_read_prefix(name, file.bytes, size);
    file_close(&file);
}
