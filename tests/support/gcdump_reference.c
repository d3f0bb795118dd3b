#include "tests/support/gcdump_reference.h"

#include "base/file.h"
#include "base/num.h"
#include "dotnet/gcdump_names.h"
#include "input/input.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct str next_column(struct str *line) {
    size_t tab = str_find(*line, STR("\t"), 0);
    struct str column = str_take(*line, tab);
    *line = tab == STR_NOT_FOUND ? str_drop(*line, line->len) : str_drop(*line, tab + 1);
    return column;
}

/* The lines of the reference, of one name and module added up, as names are joined. */
static void reference_read(const char *path, struct snapshot *ret_expected) {
    char tsv[600];
    struct file file;
    struct err err = {.msg = ""};
    snprintf(tsv, sizeof(tsv), "%s.tsv", path);
    if (!file_open(&file, tsv, &err))
        fail_msg("%s: %s", tsv, err.msg);
    struct str rest = {(const char *)file.bytes.data, file.bytes.size}, line;
    snapshot_init(ret_expected);
    struct builder *b = builder_new(ret_expected, &err);
    assert_non_null(b);
    while (str_next_line(&rest, &line)) {
        struct cell cell;
        if (str_starts(line, STR("#")))
            continue;
        assert_true(num_dec(next_column(&line), &cell.objects));
        assert_true(num_dec(next_column(&line), &cell.bytes));
        struct str name = gcdump_type_name(next_column(&line));
        struct str module = gcdump_file_name(next_column(&line));
        assert_true(builder_add_type(b, name, module, GEN_UNKNOWN, cell, &err));
    }
    assert_true(builder_finish(b, &err));
    builder_free(b);
    file_close(&file);
}

void gcdump_reference_check(const char *path, uint64_t objects, uint64_t bytes) {
    static const struct input_options options = {0};
    struct snapshot s, expected;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    if (!input_read(path, &options, &s, &err))
        fail_msg("%s: %s", path, err.msg);
    reference_read(path, &expected);
    SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, rows, count);
    SNAPSHOT_ROWS(&expected, PART_TYPES, struct type_row, wanted, wanted_count);
    assert_true(count > 50);
    assert_int_equal(count, wanted_count);
    for (uint32_t t = 0; t < count; t++) {
        assert_string_equal(rows[t].name, wanted[t].name);
        assert_true(str_eq(str_of(rows[t].module), str_of(wanted[t].module)));
        assert_memory_equal(rows[t].gen, wanted[t].gen, sizeof(rows[t].gen));
    }
    assert_int_equal(snapshot_totals(&s).objects, objects);
    assert_int_equal(snapshot_totals(&s).bytes, bytes);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&expected);
    snapshot_deinit(&s);
}

const struct path_row *gcdump_reference_path(const struct snapshot *s, const char *root,
                                             const char *type) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t top = i;
        while (rows[top].parent != ABSENT)
            top = rows[top].parent;
        if (strcmp(rows[top].root, root) == 0 && rows[i].type && strcmp(rows[i].type, type) == 0)
            return &rows[i];
    }
    fail_msg("no path from %s to %s", root, type);
    return NULL;
}
