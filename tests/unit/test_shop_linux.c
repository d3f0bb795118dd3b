/* Real Linux heap dumps of one .NET 10 program at two moments, against ClrMD's answers (../shared).
 */
#include "base/file.h"
#include "input/input.h"
#include "tests/support/clrmd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void shop_linux_fixture_path(char path[512], const char *format, int number) {
    const char *shared = getenv("DUMPDIFF_SHARED");
    int n = snprintf(path, 512, "%s/fixtures/", shared ? shared : "../shared");
    snprintf(path + n, 512 - (size_t)n, format, number);
}

static bool shop_linux_there(void) {
    char path[512];
    shop_linux_fixture_path(path, "shop-linux-%d.core.zst", 0);
    if (access(path, R_OK) == 0)
        return true;
    print_message("skipped: %s is not there (set DUMPDIFF_SHARED)\n", path);
    return false;
}

static void shop_linux_read_fixture(struct snapshot *s, int number) {
    char path[512];
    struct err err = {.msg = ""};
    const struct input_options options = {0};
    shop_linux_fixture_path(path, "shop-linux-%d.core.zst", number);
    snapshot_init(s);
    if (!input_read(path, &options, s, &err))
        fail_msg("%s", err.msg);
}

static void open_answer(struct file *answer, int number) {
    char path[512];
    struct err err = {.msg = ""};
    shop_linux_fixture_path(path, "shop-linux-%d.clrmd.txt", number);
    assert_true(file_open(answer, path, &err));
}

static struct str shop_linux_text_of(const struct file *f) {
    return (struct str){(const char *)f->bytes.data, f->bytes.size};
}

static void heap_dump_agrees_with_clrmd(void **state) {
    (void)state;
    if (!shop_linux_there())
        skip();
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        struct file answer;
        struct clrmd_counts counts;
        shop_linux_read_fixture(&s, i);
        open_answer(&answer, i);
        assert_int_equal(clrmd_compare(&s, shop_linux_text_of(&answer), &counts), 0);
        assert_int_equal(counts.types, i ? 119 : 108);
        assert_int_equal(counts.regions, 6);
        assert_int_equal(counts.ready, i ? 199 : 99);
        assert_int_equal(counts.finalizable, 23);
        assert_int_equal(counts.threads, 6);
        assert_int_equal(counts.handles, 4);
        assert_int_equal(counts.locks, 1);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        assert_string_equal(snapshot_origin(&s)->runtime, "CoreCLR 10.0.12");
        assert_string_equal(snapshot_origin(&s)->gc_mode, "workstation");
        file_close(&answer);
        snapshot_deinit(&s);
    }
}

static const struct thread_row *shop_linux_thread_of(const struct snapshot *s,
                                                     uint64_t managed_id) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].managed_id == managed_id)
            return &rows[i];
    fail_msg("no thread with managed id %llu", (unsigned long long)managed_id);
    return NULL;
}

/* "  FR sp ip ManagedMethod  SIGNATURE MODULE": the signature; false: another kind of line. */
static bool method_in(struct str line, struct str *ret_signature) {
    size_t at = str_find(line, STR(" ManagedMethod  "), 0);
    if (!str_starts(line, STR("  FR ")) || at == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(line, at + 16);
    size_t module = str_find(rest, STR(" /"), 0);
    *ret_signature = str_take(rest, module == STR_NOT_FOUND ? rest.len : module);
    return true;
}

static uint32_t compare_frames(const struct snapshot *s, struct str answer) {
    const struct thread_row *thread = NULL;
    uint32_t compared = 0, frame = 0;
    struct str line, signature;
    while (str_next_line(&answer, &line)) {
        if (str_starts(line, STR("THR\tm"))) {
            if (thread)
                assert_int_equal(frame, thread->frames.count);
            thread = shop_linux_thread_of(s, (uint64_t)strtoull(line.ptr + 5, NULL, 10));
            frame = 0;
        } else if (thread && method_in(line, &signature)) {
            assert_true(frame < thread->frames.count);
            const char *ours = thread->frames.items[frame++];
            if (!str_eq(str_of(ours), signature))
                fail_msg("thread %llu frame %u: %s, not %.*s",
                         (unsigned long long)thread->managed_id, frame - 1, ours,
                         (int)signature.len, signature.ptr);
            compared++;
        }
    }
    return compared;
}

static void managed_stacks_agree_with_clrmd(void **state) {
    (void)state;
    if (!shop_linux_there())
        skip();
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        struct file answer;
        shop_linux_read_fixture(&s, i);
        open_answer(&answer, i);
        assert_int_equal(compare_frames(&s, shop_linux_text_of(&answer)), 16);
        file_close(&answer);
        snapshot_deinit(&s);
    }
}

static void the_finalizer_is_stuck_in_its_handle(void **state) {
    (void)state;
    if (!shop_linux_there())
        skip();
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        shop_linux_read_fixture(&s, i);
        const struct finalizer_row *f = snapshot_row(&s, PART_FINALIZER);
        assert_non_null(f);
        assert_int_equal(f->ready, i ? 199 : 99);
        assert_int_equal(f->thread_os_id, 31926);
        assert_int_equal(f->blocked, 1);
        assert_string_equal(f->running, "Shop.Caching.Handle.Finalize");
        assert_string_equal(shop_linux_thread_of(&s, 2)->role, "finalizer");
        assert_string_equal(shop_linux_thread_of(&s, 4)->name, "spinner");
        assert_string_equal(shop_linux_thread_of(&s, 4)->gc_mode, "cooperative");
        snapshot_deinit(&s);
    }
}

static void the_lock_names_its_owner(void **state) {
    (void)state;
    if (!shop_linux_there())
        skip();
    struct snapshot s;
    shop_linux_read_fixture(&s, 1);
    SNAPSHOT_ROWS(&s, PART_LOCKS, struct lock_row, rows, count);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].object_type, "Shop.Caching.LeakyCache<System.String, "
                                             "Shop.Caching.CacheEntry>");
    assert_int_equal(rows[0].owner_managed_id, 5);
    assert_int_equal(rows[0].owner_os_id, 31930);
    assert_int_equal(rows[0].waiters, 1);
    assert_string_equal(shop_linux_thread_of(&s, 5)->name, "stuck-lock");
    assert_int_equal(shop_linux_thread_of(&s, 5)->lock_count, 1);
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_dump_agrees_with_clrmd),
        cmocka_unit_test(managed_stacks_agree_with_clrmd),
        cmocka_unit_test(the_finalizer_is_stuck_in_its_handle),
        cmocka_unit_test(the_lock_names_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
