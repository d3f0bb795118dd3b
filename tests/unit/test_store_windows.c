/* The demo's dumps once more, as Windows has them (mk_windows.h), against ClrMD's answers. */
#include "input/input.h"
#include "tests/support/mk_windows.h"
#include "tests/support/read_bytes.h"
#include "tests/support/store.h"
#include "tests/support/windows_checks.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const times[] = {"demo/dumps/before.core.threads",
                                    "demo/dumps/after.core.threads"};

static void store_read(struct snapshot *s, int which, enum mk_windows_kind kind,
                       const char *symbols) {
    const struct input_options options = {.symbols = symbols};
    struct err err = {.msg = ""};
    struct bytes dump = mk_windows_dump(store.dump[which], times[which], kind);
    snapshot_init(s);
    if (!input_read_bytes(dump, "store.dmp", NULL, &options, s, &err))
        fail_msg("%s", err.msg);
    free((void *)(uintptr_t)dump.data);
}

static void the_store_of_windows_agrees_with_clrmd(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        store_read(&s, i, MK_WINDOWS_WHOLE, NULL);
        clrmd_agrees(&s, store.answer[i], &store.counts[i]);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        assert_string_equal(snapshot_origin(&s)->format, "minidump");
        assert_string_equal(snapshot_origin(&s)->runtime, store.runtime);
        windows_memory_adds_up(&s);
        snapshot_deinit(&s);
    }
}

static void the_heap_of_the_store_alone_says_what_is_missing(void **state) {
    (void)state;
    struct snapshot s;
    store_read(&s, 1, MK_WINDOWS_HEAP, NULL);
    windows_heap_is_missing(&s, "coreclr.dll 10.0.1226.42308 (6A89B72471f398)", 9);
    windows_thread_used(&s, "report-spinner", 4650000000, 10000000);
    windows_thread_used(&s, "ledger-waiter", 0, 0);
    snapshot_deinit(&s);
}

/* Heap or no heap: the collections in between moved objects that these threads refer to. */
static void two_minidumps_of_the_store_tell_who_ran(void **state) {
    (void)state;
    static const struct expected_thread expected[] = {
        {"report-spinner", THREAD_RUNAWAY, 4090}, {"ledger-holder", THREAD_UNCHANGED, 0},
        {"ledger-waiter", THREAD_UNCHANGED, 0},   {".NET Finalizer", THREAD_UNCHANGED, 0},
        {".NET EventPipe", THREAD_UNCHANGED, 0},
    };
    static const enum mk_windows_kind kinds[] = {MK_WINDOWS_WHOLE, MK_WINDOWS_HEAP};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct snapshot s[2];
        for (int i = 0; i < 2; i++)
            store_read(&s[i], i, kinds[k], NULL);
        windows_threads_ran(&s[0], &s[1], expected, COUNT(expected));
        snapshot_deinit(&s[0]);
        snapshot_deinit(&s[1]);
    }
}

static void the_heap_of_the_store_alone_agrees_with_clrmd_given_the_files(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        char folder[] = "/tmp/store-windows.XXXXXX", command[64];
        struct snapshot s;
        assert_non_null(mkdtemp(folder));
        assert_int_equal(mk_windows_files(store.dump[i], folder), 7);
        store_read(&s, i, MK_WINDOWS_HEAP, folder);
        clrmd_agrees(&s, store.answer[i], &store.counts[i]);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
        snprintf(command, sizeof(command), "rm -r '%s'", folder);
        assert_int_equal(system(command), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_of_windows_agrees_with_clrmd),
        cmocka_unit_test(the_heap_of_the_store_alone_says_what_is_missing),
        cmocka_unit_test(two_minidumps_of_the_store_tell_who_ran),
        cmocka_unit_test(the_heap_of_the_store_alone_agrees_with_clrmd_given_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
