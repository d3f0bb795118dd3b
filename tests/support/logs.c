#include "tests/support/logs.h"

#include "tests/support/read_bytes.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURES "tests/fixture/transcripts/"

bool logs_read_bytes(const void *data, size_t size, struct snapshot *s, struct err *err) {
    static const struct input_options options = {0};
    snapshot_init(s);
    *err = (struct err){.msg = ""};
    return input_read_bytes((struct bytes){data, size}, "log.txt", &input_transcript, &options, s,
                            err);
}

void logs_read_text(const char *text, struct snapshot *s) {
    struct err err;
    if (!logs_read_bytes(text, strlen(text), s, &err))
        fail_msg("%s", err.msg);
}

void logs_open_fixture(struct file *file, const char *name) {
    char path[512];
    struct err err = {.msg = ""};
    snprintf(path, sizeof(path), FIXTURES "%s", name);
    if (!file_open(file, path, &err))
        fail_msg("%s: %s", path, err.msg);
}

void logs_read_fixture(const char *name, struct snapshot *s) {
    struct file file;
    struct err err;
    logs_open_fixture(&file, name);
    if (!logs_read_bytes(file.bytes.data, file.bytes.size, s, &err))
        fail_msg("%s: %s", name, err.msg);
    file_close(&file);
}

int logs_each_fixture(void (*visit)(const char *name, struct str text, void *context),
                      void *context) {
    DIR *folder = opendir(FIXTURES);
    int logs = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct file file;
        if (!str_ends(str_of(entry->d_name), STR(".txt")))
            continue;
        logs_open_fixture(&file, entry->d_name);
        visit(entry->d_name, (struct str){(const char *)file.bytes.data, file.bytes.size}, context);
        file_close(&file);
        logs++;
    }
    closedir(folder);
    return logs;
}

const struct type_row *logs_type(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no type %s", name);
    return NULL;
}

/* Its count; ABSENT also when there is no such reason. */
uint64_t logs_reason(const struct snapshot *s, const char *part, bool *ret_found) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    *ret_found = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!strstr(rows[i].text, part))
            continue;
        *ret_found = true;
        return rows[i].count;
    }
    return ABSENT;
}

bool logs_has_reason(const struct snapshot *s, const char *part) {
    bool found;
    logs_reason(s, part, &found);
    return found;
}

uint64_t logs_counter(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_COUNTERS, struct counter_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return ABSENT;
}
