/* Real minidumps of one .NET 10 program at two moments, against ClrMD's answers. */
#include "base/file.h"
#include "diff/series/series.h"
#include "input/input.h"
#include "memory/minidump/minidump.h"
#include "memory/pe/pe.h"
#include "memory/unpack/unpack.h"
#include "tests/support/clrmd.h"
#include "tests/support/minidump_peer.h"
#include "tests/support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void shop_windows_compare(const struct snapshot *s, int number,
                                 struct clrmd_counts *ret_counts) {
    char path[SHARED_PATH_MAX];
    struct file answer;
    struct err err;
    (void)shared_path(path, "fixtures/shop-net10-%d.clrmd.txt", number);
    assert_true(file_open(&answer, path, &err));
    struct str text = {(const char *)answer.bytes.data, answer.bytes.size};
    assert_int_equal(clrmd_compare(s, text, ret_counts), 0);
    file_close(&answer);
}

static void assert_all_compared(const struct clrmd_counts *counts, int number) {
    assert_int_equal(counts->types, number ? 111 : 101);
    assert_int_equal(counts->regions, 6);
    assert_int_equal(counts->ready, number ? 11 : 5);
    assert_int_equal(counts->finalizable, 22);
    assert_int_equal(counts->threads, 6);
    assert_int_equal(counts->handles, 4);
    assert_int_equal(counts->locks, 1);
}

/* Code was left out of the fixture, so managed stacks end where they reach it. */
static bool only_stacks_are_partial(const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].lowers_trust && !strstr(rows[i].text, "managed stacks could not be followed"))
            return false;
    return true;
}

static void minidump_of_net10_agrees_with_clrmd(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        struct clrmd_counts counts;
        shop_windows_read_fixture(&s, "fixtures/shop-net10-%d.dmp.zst", i, NULL);
        assert_true(only_stacks_are_partial(&s));
        shop_windows_compare(&s, i, &counts);
        assert_all_compared(&counts, i);
        assert_string_equal(snapshot_origin(&s)->runtime, "CoreCLR 10.0.12");
        snapshot_deinit(&s);
    }
}

static const struct thread_row *thread_named(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].name && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no thread %s", name);
    return NULL;
}

static uint64_t shop_windows_memory(const struct snapshot *s, enum memory_by by, const char *key) {
    SNAPSHOT_ROWS(s, PART_MEMORY_MAP, struct memory_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].by == by && strcmp(rows[i].key, key) == 0)
            return rows[i].bytes;
    return ABSENT;
}

/* Without the runtime's own pages: everything but the heap, and what to look for. */
static void minidump_of_a_heap_alone_says_what_is_missing(void **state) {
    (void)state;
    struct snapshot s;
    shop_windows_read_fixture(&s, "fixtures/shop-net10-heap-%d.dmp.zst", 1, NULL);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    assert_false(snapshot_has(&s, PART_TYPES));
    SNAPSHOT_ROWS(&s, PART_REASONS, struct reason_row, reasons, reason_count);
    bool named = false;
    for (uint32_t i = 0; i < reason_count; i++)
        named = named || strstr(reasons[i].text, "coreclr.dll 10.0.1226.42308 (6A89B72447a000)");
    assert_true(named);
    SNAPSHOT_ROWS(&s, PART_MODULES, struct module_row, modules, module_count);
    (void)modules;
    assert_int_equal(module_count, 38);
    const struct thread_row *spinner = thread_named(&s, "spinner");
    assert_int_equal(spinner->os_id, 0xd8);
    assert_true(spinner->user_ns == 4210000000u && spinner->kernel_ns == 20000000);
    assert_true(thread_named(&s, "waiter")->user_ns == 0);
    assert_true(shop_windows_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT") > 0);
    assert_true(shop_windows_memory(&s, MEMORY_BY_USAGE, "stack") > 0);
    assert_true(shop_windows_memory(&s, MEMORY_LARGEST, "Free") > (uint64_t)1 << 40);
    snapshot_deinit(&s);
}

struct expected_thread {
    const char *name;
    enum thread_state state;
    uint64_t cpu_ms;
};

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
    for (size_t k = 0; k < sizeof(formats) / sizeof(*formats); k++) {
        struct snapshot snapshots[2];
        const struct snapshot *all[2] = {&snapshots[0], &snapshots[1]};
        struct series series;
        struct series_options options;
        struct err err;
        for (int i = 0; i < 2; i++)
            shop_windows_read_fixture(&snapshots[i], formats[k], i, NULL);
        series_options_init(&options);
        assert_true(series_init(&series, all, 2, &options, &err));
        for (size_t e = 0; e < sizeof(expected) / sizeof(*expected); e++) {
            const struct series_thread *found = NULL;
            for (uint32_t i = 0; i < series.thread_count; i++)
                if (series.threads[i].name && strcmp(series.threads[i].name, expected[e].name) == 0)
                    found = &series.threads[i];
            assert_non_null(found);
            assert_string_equal(thread_state_names[found->state],
                                thread_state_names[expected[e].state]);
            assert_int_equal(found->cpu_delta_ns / 1000000, expected[e].cpu_ms);
        }
        series_deinit(&series);
        snapshot_deinit(&snapshots[0]);
        snapshot_deinit(&snapshots[1]);
    }
}

/* Sums over the map must be the same however it is cut up. */
static void minidump_memory_adds_up(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        uint64_t sums[MEMORY_BY_BASE + 1] = {0};
        shop_windows_read_fixture(&s, "fixtures/shop-net10-%d.dmp.zst", i, NULL);
        SNAPSHOT_ROWS(&s, PART_MEMORY_MAP, struct memory_row, rows, count);
        for (uint32_t r = 0; r < count; r++)
            sums[rows[r].by] += rows[r].bytes;
        uint64_t commit = shop_windows_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT");
        assert_int_equal(sums[MEMORY_BY_USAGE], commit);
        assert_int_equal(sums[MEMORY_BY_PROTECT], commit);
        assert_int_equal(sums[MEMORY_BY_TYPE],
                         commit + shop_windows_memory(&s, MEMORY_BY_STATE, "MEM_RESERVE"));
        assert_true(sums[MEMORY_BY_BASE] > 0 && sums[MEMORY_BY_BASE] < commit);
        /* Regions, and what is committed around them. */
        uint64_t heap = shop_windows_memory(&s, MEMORY_BY_USAGE, "gc-heap");
        const struct gc_row *gc = snapshot_row(&s, PART_GC);
        assert_true(heap >= gc->committed_bytes && heap - gc->committed_bytes < 65536);
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
    bool ok = file_write(path, (struct str){(const char *)file, size}, &err);
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
        struct clrmd_counts counts;
        shop_windows_read_fixture(&s, "fixtures/shop-net10-heap-%d.dmp.zst", i, folder);
        shop_windows_compare(&s, i, &counts);
        assert_all_compared(&counts, i);
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
    for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++)
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
        cmocka_unit_test(minidump_of_net10_agrees_with_clrmd),
        cmocka_unit_test(minidump_of_a_heap_alone_says_what_is_missing),
        cmocka_unit_test(minidump_pair_tells_who_ran),
        cmocka_unit_test(minidump_memory_adds_up),
        cmocka_unit_test(minidump_of_a_heap_alone_agrees_with_clrmd_given_the_files),
        cmocka_unit_test(the_shop_of_windows_is_what_others_read),
    };
    return shared_run("fixtures", tests, sizeof(tests) / sizeof(*tests));
}
