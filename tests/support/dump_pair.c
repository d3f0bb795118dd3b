#include "tests/support/dump_pair.h"

#include "base/file.h"
#include "input/input.h"
#include "memory/elf/elf.h"
#include "memory/unpack/unpack.h"
#include "tests/support/rows.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void dump_pair_read(const struct dump_pair *pair, int which, struct snapshot *ret_snapshot) {
    const struct input_options options = {.symbols = *pair->symbols ? pair->symbols : NULL};
    struct err err = {.msg = ""};
    snapshot_init(ret_snapshot);
    if (!input_read(pair->dump[which], &options, ret_snapshot, &err))
        fail_msg("%s: %s", pair->dump[which], err.msg);
}

static struct str dump_pair_answer(const struct dump_pair *pair, int which, struct file *file) {
    struct err err = {.msg = ""};
    if (!file_open(file, pair->answer[which], &err))
        fail_msg("%s: %s", pair->answer[which], err.msg);
    return (struct str){(const char *)file->bytes.data, file->bytes.size};
}

static void trust_is_as_expected(const struct dump_pair *pair, const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; pair->partial && i < count; i++)
        if (rows[i].lowers_trust && !strstr(rows[i].text, pair->partial))
            fail_msg("%s", rows[i].text);
    assert_int_equal(snapshot_trust(s), pair->partial ? TRUST_PARTIAL : TRUST_EXACT);
}

void dump_pair_heaps_agree(const struct dump_pair *pair) {
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        dump_pair_read(pair, i, &s);
        clrmd_agrees(&s, pair->answer[i], &pair->counts[i]);
        trust_is_as_expected(pair, &s);
        assert_string_equal(snapshot_origin(&s)->runtime, pair->runtime);
        assert_string_equal(snapshot_origin(&s)->gc_mode, pair->gc_mode);
        snapshot_deinit(&s);
    }
}

void dump_pair_stacks_agree(const struct dump_pair *pair) {
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        struct file answer;
        uint32_t frames;
        dump_pair_read(pair, i, &s);
        assert_int_equal(clrmd_compare_stacks(&s, dump_pair_answer(pair, i, &answer), &frames),
                         pair->beyond[i]);
        assert_int_equal(frames, pair->frames[i]);
        file_close(&answer);
        snapshot_deinit(&s);
    }
}

void dump_pair_spaces_agree(const struct dump_pair *pair) {
    for (int i = 0; i < 2; i++) {
        struct file core, answer;
        struct unpack_report report;
        struct err err = {.msg = ""};
        struct space s;
        uint64_t cut;
        uint32_t threads, modules;
        if (!file_open(&core, pair->dump[i], &err) || !unpack_file(&core, NULL, &report, &err) ||
            !elf_core_open(&s, core.bytes, &cut, &err))
            fail_msg("%s: %s", pair->dump[i], err.msg);
        assert_int_equal(cut, 0);
        assert_int_equal(s.warning_count, 0);
        assert_string_equal(s.process, pair->process);
        assert_string_equal(s.tool, "createdump");
        assert_int_equal(s.pid, pair->pid);
        assert_int_equal(s.thread_count, pair->threads);
        struct str text = dump_pair_answer(pair, i, &answer);
        assert_int_equal(clrmd_compare_space(&s, text, &threads, &modules), 0);
        assert_int_equal(threads, pair->counts[i].threads);
        assert_int_equal(modules, pair->modules);
        space_deinit(&s);
        file_close(&core);
        file_close(&answer);
    }
}

void dump_pair_finalizer_is_stuck(const struct dump_pair *pair) {
    for (int i = 0; i < 2; i++) {
        struct snapshot s;
        dump_pair_read(pair, i, &s);
        const struct finalizer_row *f = snapshot_row(&s, PART_FINALIZER);
        const struct thread_row *spinner = rows_managed_thread(&s, pair->spinner);
        assert_non_null(f);
        assert_int_equal(f->ready, pair->counts[i].ready);
        assert_int_equal(f->thread_os_id, pair->finalizer_os_id);
        assert_int_equal(f->blocked, 1);
        assert_string_equal(f->running, pair->running);
        assert_string_equal(rows_thread(&s, pair->finalizer_os_id)->role, "finalizer");
        assert_string_equal(spinner->name, pair->spinner_name);
        assert_string_equal(spinner->gc_mode, pair->spinner_modes[i]);
        snapshot_deinit(&s);
    }
}

void dump_pair_lock_names_its_owner(const struct dump_pair *pair) {
    struct snapshot s;
    dump_pair_read(pair, 1, &s);
    SNAPSHOT_ROWS(&s, PART_LOCKS, struct lock_row, rows, count);
    const struct thread_row *holder = rows_managed_thread(&s, pair->holder);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].object_type, pair->lock);
    assert_int_equal(rows[0].owner_managed_id, pair->holder);
    assert_int_equal(rows[0].owner_os_id, pair->holder_os_id);
    assert_int_equal(rows[0].waiters, 1);
    assert_string_equal(holder->name, pair->holder_name);
    assert_int_equal(holder->lock_count, 1);
    snapshot_deinit(&s);
}
