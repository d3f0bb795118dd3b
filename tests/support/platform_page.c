#include "tests/support/platform_page.h"

#include "base/file.h"
#include "input/input.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PAGE "doc/platforms.md"

enum {
    CELL_SYSTEM,
    CELL_PROCESSOR,
    CELL_LIBRARY,
    CELL_VERSION,
    CELL_KIND,
    CELL_READ,
    CELL_DUMP,
    CELLS
};

/* "| a | b |": false where the line is no row of that table. */
static bool platform_page_cells(struct str line, struct str cells[CELLS]) {
    uint32_t count = 0;
    if (!str_starts(line, STR("| ")))
        return false;
    line = str_drop(line, 1);
    while (line.len && count < CELLS) {
        size_t bar = str_find(line, STR("|"), 0);
        if (bar == STR_NOT_FOUND)
            return false;
        cells[count++] = str_trim(str_take(line, bar));
        line = str_drop(line, bar + 1);
    }
    return count == CELLS && str_starts(cells[CELL_DUMP], STR("`"));
}

static void platform_page_row_agrees(const char *path, const struct str cells[CELLS]) {
    static const struct input_options options = {.sysroot = "/nowhere"};
    struct snapshot s;
    struct err err = {.msg = ""};
    char runtime[64];
    snapshot_init(&s);
    if (!input_read(path, &options, &s, &err))
        fail_msg("%s: %s", path, err.msg);
    const struct origin_row *origin = snapshot_origin(&s);
    bool windows = strcmp(origin->format, "minidump") == 0;
    assert_true(str_eq(cells[CELL_SYSTEM], windows ? STR("Windows") : STR("Linux")));
    assert_true(str_eq(cells[CELL_PROCESSOR], str_of(origin->arch)));
    snprintf(runtime, sizeof(runtime), "CoreCLR %.*s", (int)cells[CELL_VERSION].len,
             cells[CELL_VERSION].ptr);
    assert_string_equal(origin->runtime, runtime);
    bool exact = str_eq(cells[CELL_READ], STR("exact"));
    if (!exact)
        assert_true(str_starts(cells[CELL_READ], STR("partial: ")));
    if ((snapshot_trust(&s) == TRUST_EXACT) != exact)
        fail_msg("%s: the page says %.*s", path, (int)cells[CELL_READ].len, cells[CELL_READ].ptr);
    snapshot_deinit(&s);
}

uint32_t platform_page_agrees(bool (*path_of)(char ret_path[PLATFORM_PATH_MAX], const char *dump)) {
    struct file page;
    struct err err = {.msg = ""};
    uint32_t rows = 0;
    if (!file_open(&page, PAGE, &err))
        fail_msg("%s", err.msg);
    struct str text = {(const char *)page.bytes.data, page.bytes.size}, line, cells[CELLS];
    while (str_next_line(&text, &line)) {
        char dump[PLATFORM_PATH_MAX], path[PLATFORM_PATH_MAX];
        if (!platform_page_cells(line, cells))
            continue;
        struct str name = str_take(str_drop(cells[CELL_DUMP], 1), cells[CELL_DUMP].len - 2);
        snprintf(dump, sizeof(dump), "%.*s", (int)name.len, name.ptr);
        if (!path_of(path, dump))
            continue;
        platform_page_row_agrees(path, cells);
        rows++;
    }
    file_close(&page);
    return rows;
}
