/* Real minidumps of one .NET 10 program at two moments, against ClrMD's answers. */
#include "base/file.h"
#include "input/input.h"
#include "memory/minidump/minidump.h"
#include "memory/pe/pe.h"
#include "memory/unpack/unpack.h"
#include "tests/support/clrmd.h"
#include "tests/support/minidump_peer.h"
#include "tests/support/shared.h"
#include "tests/support/windows_checks.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void shop_windows_read_fixture(struct snapshot *s, const char *format, int number,
                                      const char *symbols) {
    char path[SHARED_PATH_MAX];
    struct err err = {.msg = ""};
    const struct input_options options = {.symbols = symbols};
    (void)shared_path(path, format, number);
    snapshot_init(s);
    if (!input_read(path, &options, s, &err))
        fail_msg("%s", err.msg);
}

static void shop_windows_agrees(const struct snapshot *s, int number) {
    const struct clrmd_counts expected = {.types = number ? 111 : 101,
                                          .regions = 6,
                                          .finalizable = 22,
                                          .ready = number ? 11 : 5,
                                          .threads = 6,
                                          .handles = 4,
                                          .locks = 1};
    char path[SHARED_PATH_MAX];
    (void)shared_path(path, "fixtures/shop-net10-%d.clrmd.txt", number);
    clrmd_agrees(s, path, &expected);
}

/* Code was left out of the fixture, so managed stacks end, or never begin, where they reach it. */
static bool only_stacks_are_partial(const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].lowers_trust && !strstr(rows[i].text, "managed stacks could not be followed") &&
            !strstr(rows[i].text, "stacks of threads, or their code, are not in the dump"))
            return false;
    return true;
}

static void minidump_of_net10_agrees_with_clrmd(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        shop_windows_read_fixture(&s, "fixtures/shop-net10-%d.dmp.zst", i, NULL);
        assert_true(only_stacks_are_partial(&s));
        shop_windows_agrees(&s, i);
        assert_string_equal(snapshot_origin(&s)->runtime, "CoreCLR 10.0.12");
        snapshot_deinit(&s);
    }
}

/* Without the runtime's own pages: everything but the heap, and what to look for. */
static void minidump_of_a_heap_alone_says_what_is_missing(void **state) {
    (void)state;
    struct snapshot s;
    shop_windows_read_fixture(&s, "fixtures/shop-net10-heap-%d.dmp.zst", 1, NULL);
    windows_heap_is_missing(&s, "coreclr.dll 10.0.1226.42308 (6A89B72447a000)", 38);
    windows_thread_used(&s, "spinner", 4210000000, 20000000);
    windows_thread_used(&s, "waiter", 0, 0);
    snapshot_deinit(&s);
}

/* Heap or no heap: the collections in between moved objects that these threads refer to. */
static void minidump_pair_tells_who_ran(void **state) {
    (void)state;
    static const char *const formats[] = {"fixtures/shop-net10-%d.dmp.zst",
                                          "fixtures/shop-net10-heap-%d.dmp.zst"};
    static const struct expected_thread expected[] = {
        {"spinner", THREAD_RUNAWAY, 2160},       {"stuck-lock", THREAD_UNCHANGED, 0},
        {"waiter", THREAD_UNCHANGED, 0},         {".NET Finalizer", THREAD_UNCHANGED, 0},
        {".NET EventPipe", THREAD_UNCHANGED, 0},
    };
    for (size_t k = 0; k < COUNT(formats); k++) {
        struct snapshot s[2];
        for (int i = 0; i < 2; i++)
            shop_windows_read_fixture(&s[i], formats[k], i, NULL);
        windows_threads_ran(&s[0], &s[1], expected, COUNT(expected));
        snapshot_deinit(&s[0]);
        snapshot_deinit(&s[1]);
    }
}

static void minidump_memory_adds_up(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        shop_windows_read_fixture(&s, "fixtures/shop-net10-%d.dmp.zst", i, NULL);
        windows_memory_adds_up(&s);
        snapshot_deinit(&s);
    }
}

/* -- The runtime's files put together again from the full dump ----------------------------------
 */

static const char *shop_windows_name_of(const char *path) {
    const char *slash = strrchr(path, '\\');
    return slash ? slash + 1 : path;
}

/* A module as its file would be: sections at their places in the file. false: not in the dump. */
static bool write_module(struct space *s, const struct space_module *module, const char *folder) {
    struct pe pe;
    const struct peek memory = peek_of_space(s);
    if (!pe_read(&pe, &memory, module->base) || pe.section_count == 0)
        return false;
    size_t size = pe.headers_size;
    for (uint32_t i = 0; i < pe.section_count; i++) {
        size_t end = (size_t)pe.sections[i].file_offset + pe.sections[i].file_size;
        size = end > size ? end : size;
    }
    uint8_t *file = calloc(size, 1);
    assert_non_null(file);
    assert_true(space_read(s, module->base, file, pe.headers_size));
    for (uint32_t i = 0; i < pe.section_count; i++)
        for (uint32_t at = 0; at < pe.sections[i].file_size; at += 512) {
            /* Code was left out of the fixture: those pages stay empty. */
            uint32_t left = pe.sections[i].file_size - at, n = left < 512 ? left : 512;
            uint8_t *to = file + pe.sections[i].file_offset + at;
            if (!space_read(s, module->base + pe.sections[i].rva + at, to, n))
                memset(to, 0, n);
        }
    char path[1024];
    struct err err;
    snprintf(path, sizeof(path), "%s/%s", folder, shop_windows_name_of(module->path));
    bool ok = file_write(path, fit_bytes((struct str){(const char *)file, size}), &err);
    free(file);
    return ok;
}

static void write_modules(const char *folder) {
    char path[SHARED_PATH_MAX];
    struct file file;
    struct unpack_report report;
    struct err err;
    struct space s;
    struct minidump_info *info;
    (void)shared_path(path, "fixtures/shop-net10-%d.dmp.zst", 0);
    assert_true(file_open(&file, path, &err));
    assert_true(unpack_file(&file, NULL, &report, &err));
    space_init(&s);
    assert_true(minidump_open(&s, file.bytes, &info, &err));
    uint32_t written = 0;
    for (uint32_t i = 0; i < s.module_count; i++)
        written += write_module(&s, &s.modules[i], folder);
    assert_true(written >= 12);
    space_deinit(&s);
    file_close(&file);
}

static void shop_windows_remove_folder(const char *folder) {
    char command[600];
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void minidump_of_a_heap_alone_agrees_with_clrmd_given_the_files(void **state) {
    (void)state;
    char folder[] = "/tmp/shop-windows.XXXXXX";
    assert_non_null(mkdtemp(folder));
    write_modules(folder);
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        shop_windows_read_fixture(&s, "fixtures/shop-net10-heap-%d.dmp.zst", i, folder);
        shop_windows_agrees(&s, i);
        snapshot_deinit(&s);
    }
    shop_windows_remove_folder(folder);
}

/* -- Other readers of the same dump -------------------------------------------------------------
 */

static void the_shop_of_windows_is_what_others_read(void **state) {
    (void)state;
    static const struct minidump_peer *const peers[] = {&minidump_obj2yaml, &minidump_breakpad};
    char path[SHARED_PATH_MAX];
    struct file file;
    struct unpack_report report;
    struct err err;
    bool any = false;
    (void)shared_path(path, "fixtures/shop-net10-%d.dmp.zst", 1);
    assert_true(file_open(&file, path, &err));
    assert_true(unpack_file(&file, NULL, &report, &err));
    for (size_t i = 0; i < COUNT(peers); i++)
        if (minidump_peer_is_here(peers[i])) {
            minidump_peer_agrees(peers[i], file.bytes);
            any = true;
        }
    file_close(&file);
    if (!any)
        skip();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(minidump_of_net10_agrees_with_clrmd, the_store_of_windows_agrees_with_clrmd),
        LIKE(minidump_of_a_heap_alone_says_what_is_missing,
             the_heap_of_the_store_alone_says_what_is_missing),
        LIKE(minidump_pair_tells_who_ran, two_minidumps_of_the_store_tell_who_ran),
        LIKE(minidump_memory_adds_up, the_store_of_windows_agrees_with_clrmd),
        LIKE(minidump_of_a_heap_alone_agrees_with_clrmd_given_the_files,
             the_heap_of_the_store_alone_agrees_with_clrmd_given_the_files),
        LIKE(the_shop_of_windows_is_what_others_read, minidump_reads_what_obj2yaml_reads,
             minidump_reads_what_breakpad_reads),
    };
    return shared_run("fixtures", tests, COUNT(tests));
}
