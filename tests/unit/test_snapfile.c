#include "model/builder.h"
#include "model/snapfile.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void snapfile_build(struct snapshot *s) {
    struct err err;
    snapshot_init(s);
    struct builder *b = builder_new(s, &err);
    assert_non_null(b);
    assert_true(
        builder_add_type(b, STR("System.String"), STR(""), GEN_2, (struct cell){3, 100}, &err));
    assert_true(builder_add_type(b, STR("A"), STR("a.dll"), GEN_0, (struct cell){1, 24}, &err));
    assert_true(
        builder_add_type(b, STR("System.String"), STR(""), GEN_0, (struct cell){1, 30}, &err));
    struct thread_row *t = builder_thread(b, 0x13c2, 2, &err);
    assert_non_null(t);
    t->name = "spinner";
    t->user_ns = 0;
    static const struct str frames[] = {{"A.B()", 5}, {"P.Main()", 8}};
    assert_true(builder_strings(b, frames, 2, &t->frames, &err));
    builder_present(b, PART_LOCKS);
    builder_warn(b, 7, "rows left out");
    assert_true(builder_finish(b, &err));
    builder_free(b);
}

static void a_snapshot_survives_the_file(void **state) {
    (void)state;
    struct snapshot s, back;
    struct err err;
    struct strbuf file;
    snapfile_build(&s);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    snapshot_init(&back);
    assert_true(snapfile_decode((struct bytes){(uint8_t *)file.ptr, file.len}, &back, &err));
    SNAPSHOT_ROWS(&back, PART_TYPES, struct type_row, types, count);
    assert_int_equal(count, 2);
    assert_string_equal(types[0].name, "A");
    assert_string_equal(types[0].module, "a.dll");
    assert_null(types[1].module);
    assert_int_equal(types[1].gen[GEN_2].bytes, 100);
    assert_int_equal(types[1].gen[GEN_0].objects, 1);
    assert_int_equal(snapshot_totals(&back).bytes, 154);
    assert_true(types[0].live_objects == ABSENT);
    SNAPSHOT_ROWS(&back, PART_THREADS, struct thread_row, threads, thread_count);
    assert_int_equal(thread_count, 1);
    assert_int_equal(threads[0].user_ns, 0);
    assert_true(threads[0].kernel_ns == ABSENT);
    assert_int_equal(threads[0].frames.count, 2);
    assert_string_equal(threads[0].frames.items[1], "P.Main()");
    assert_true(snapshot_has(&back, PART_LOCKS));
    assert_false(snapshot_has(&back, PART_HANDLES));
    assert_int_equal(snapshot_trust(&back), TRUST_PARTIAL);
    snapshot_deinit(&back);
    snapshot_deinit(&s);
    strbuf_deinit(&file);
}

static void rows_that_say_nothing_survive_the_file(void **state) {
    (void)state;
    struct snapshot s, back;
    struct err err;
    struct strbuf file;
    snapshot_init(&s);
    snapshot_init(&back);
    strbuf_init(&file);
    struct builder *b = builder_new(&s, &err);
    assert_non_null(b);
    assert_non_null(builder_single(b, PART_FINALIZER, &err));
    assert_non_null(builder_row(b, PART_LOCKS, &err));
    assert_non_null(builder_row(b, PART_LOCKS, &err));
    assert_true(builder_finish(b, &err));
    builder_free(b);
    assert_true(snapfile_encode(&s, &file, &err));
    assert_true(snapfile_decode((struct bytes){(uint8_t *)file.ptr, file.len}, &back, &err));
    assert_int_equal(back.tables[PART_FINALIZER].count, 1);
    assert_int_equal(back.tables[PART_LOCKS].count, 2);
    const struct finalizer_row *finalizer = snapshot_row(&back, PART_FINALIZER);
    assert_true(finalizer->ready == ABSENT);
    snapshot_deinit(&back);
    snapshot_deinit(&s);
    strbuf_deinit(&file);
}

static void every_prefix_of_a_file_is_refused(void **state) {
    (void)state;
    struct snapshot s;
    struct err err;
    struct strbuf file;
    snapfile_build(&s);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    /* The file ends with up to seven bytes of padding, which nothing needs. */
    for (size_t n = 0; n + 8 <= file.len; n++) {
        uint8_t *cut = malloc(n ? n : 1);
        struct snapshot back;
        memcpy(cut, file.ptr, n);
        snapshot_init(&back);
        assert_false(snapfile_decode((struct bytes){cut, n}, &back, &err));
        snapshot_deinit(&back);
        free(cut);
    }
    snapshot_deinit(&s);
    strbuf_deinit(&file);
}

static void a_flipped_bit_is_refused_or_changes_only_what_is_not_covered(void **state) {
    (void)state;
    struct snapshot s;
    struct err err;
    struct strbuf file;
    snapfile_build(&s);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    size_t accepted = 0;
    for (size_t i = 0; i < file.len; i++) {
        struct snapshot back;
        file.ptr[i] ^= 0x10;
        snapshot_init(&back);
        accepted += snapfile_decode((struct bytes){(uint8_t *)file.ptr, file.len}, &back, &err);
        snapshot_deinit(&back);
        file.ptr[i] ^= 0x10;
    }
    /* Only padding between sections may be touched unseen. */
    assert_true(accepted < 8 * 6);
    snapshot_deinit(&s);
    strbuf_deinit(&file);
}

static void a_version_from_the_future_is_named(void **state) {
    (void)state;
    struct snapshot s, back;
    struct err err;
    struct strbuf file;
    snapfile_build(&s);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    file.ptr[8] = 2;
    snapshot_init(&back);
    assert_false(snapfile_decode((struct bytes){(uint8_t *)file.ptr, file.len}, &back, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "version 2"));
    snapshot_deinit(&back);
    snapshot_deinit(&s);
    strbuf_deinit(&file);
}

static void the_same_snapshot_gives_the_same_bytes(void **state) {
    (void)state;
    struct snapshot a, b;
    struct err err;
    struct strbuf first, second;
    snapfile_build(&a);
    snapfile_build(&b);
    strbuf_init(&first);
    strbuf_init(&second);
    assert_true(snapfile_encode(&a, &first, &err));
    assert_true(snapfile_encode(&b, &second, &err));
    assert_true(str_eq(strbuf_str(&first), strbuf_str(&second)));
    strbuf_deinit(&first);
    strbuf_deinit(&second);
    snapshot_deinit(&a);
    snapshot_deinit(&b);
}

static void names_that_speak_to_the_terminal_are_refused(void **state) {
    (void)state;
    static char *const names[] = {"\x1b[31mred", "a\nb", "a\x7f", "\xc3", "\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct snapshot s, back;
        struct err err;
        struct strbuf file;
        snapfile_build(&s);
        ((struct thread_row *)s.tables[PART_THREADS].rows)->name = names[i];
        strbuf_init(&file);
        assert_true(snapfile_encode(&s, &file, &err));
        snapshot_init(&back);
        assert_false(snapfile_decode((struct bytes){(uint8_t *)file.ptr, file.len}, &back, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_non_null(strstr(err.msg, "control characters"));
        snapshot_deinit(&back);
        snapshot_deinit(&s);
        strbuf_deinit(&file);
    }
}

static void a_path_before_its_parent_is_refused(void **state) {
    (void)state;
    struct snapshot s, back;
    struct err err;
    struct strbuf file;
    snapshot_init(&s);
    struct builder *b = builder_new(&s, &err);
    assert_non_null(b);
    struct path_row *row = builder_row(b, PART_PATHS, &err);
    assert_non_null(row);
    row->parent = 0;
    assert_true(builder_finish(b, &err));
    builder_free(b);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    snapshot_init(&back);
    assert_false(snapfile_decode((struct bytes){(uint8_t *)file.ptr, file.len}, &back, &err));
    assert_non_null(strstr(err.msg, "row 0 comes before its parent"));
    snapshot_deinit(&back);
    snapshot_deinit(&s);
    strbuf_deinit(&file);
}

static void a_place_whose_holder_is_not_there_is_refused(void **state) {
    (void)state;
    struct snapshot s, back;
    struct err err;
    struct strbuf file;
    snapshot_init(&s);
    struct builder *b = builder_new(&s, &err);
    assert_non_null(b);
    struct path_row *row = builder_row(b, PART_PLACES, &err);
    assert_non_null(row);
    row->other_holder = 1;
    assert_true(builder_finish(b, &err));
    builder_free(b);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    snapshot_init(&back);
    assert_false(snapfile_decode((struct bytes){(uint8_t *)file.ptr, file.len}, &back, &err));
    assert_non_null(strstr(err.msg, "row 0 has a holder that is not there"));
    snapshot_deinit(&back);
    snapshot_deinit(&s);
    strbuf_deinit(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_speak_to_the_terminal_are_refused),
        cmocka_unit_test(a_path_before_its_parent_is_refused),
        cmocka_unit_test(a_place_whose_holder_is_not_there_is_refused),
        cmocka_unit_test(a_snapshot_survives_the_file),
        cmocka_unit_test(rows_that_say_nothing_survive_the_file),
        cmocka_unit_test(every_prefix_of_a_file_is_refused),
        cmocka_unit_test(a_flipped_bit_is_refused_or_changes_only_what_is_not_covered),
        cmocka_unit_test(a_version_from_the_future_is_named),
        cmocka_unit_test(the_same_snapshot_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
