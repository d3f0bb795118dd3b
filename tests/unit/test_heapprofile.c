/* Sampling heap profiles of V8: a tree of calls becomes stacks. */
#include "tests/support/read_bytes.h"

#include "base/file.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"
#include "model/stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct input input_heapprofile;

static bool heapprofile_bytes(struct bytes bytes, struct snapshot *s, struct err *err) {
    static const struct input_options options = {0};
    snapshot_init(s);
    return input_read_bytes(bytes, "shop.heapprofile", &input_heapprofile, &options, s, err);
}

static void open_heapprofile(struct file *file) {
    struct err err;
    assert_true(file_open(file, "tests/fixture/heapprofile/shop.heapprofile", &err));
    assert_true(input_heapprofile.probe(bytes_slice(file->bytes, 0, INPUT_PROBE_BYTES)));
}

static void calls_become_stacks_with_what_each_has_allocated_itself(void **state) {
    (void)state;
    static const struct {
        const char *innermost, *place;
        uint64_t bytes;
        uint32_t frames;
    } expected[] = {{"market.js!login", "/srv/shop/market.js:12", 65600, 3},
                    {"market.js!Session", "/srv/shop/market.js:4", 32800, 4},
                    {"market.js!watch", "/srv/shop/market.js:18", 16400, 3},
                    {"market.js!serve", "/srv/shop/market.js:40", 4128, 2},
                    {"node:events!emit", "node:events:466", 2064, 2}};
    struct file file;
    struct snapshot s;
    struct err err = {.msg = ""};
    open_heapprofile(&file);
    assert_true(heapprofile_bytes(file.bytes, &s, &err));
    SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, sizeof(expected) / sizeof(*expected));
    for (size_t i = 0; i < count; i++) {
        uint32_t k = 0;
        while (k < count && strcmp(rows[k].frames.items[0], expected[i].innermost) != 0)
            k++;
        if (k == count)
            fail_msg("no stack of %s", expected[i].innermost);
        assert_int_equal(rows[k].bytes, expected[i].bytes);
        assert_int_equal(rows[k].frames.count, expected[i].frames);
        assert_string_equal(rows[k].places.items[0], expected[i].place);
        assert_true(rows[k].count == ABSENT); /* the tree does not say how many */
    }
    assert_int_equal(snapshot_origin(&s)->sampled, 1);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    file_close(&file);
}

static void every_prefix_of_a_heap_profile_is_refused_or_warned_about(void **state) {
    (void)state;
    struct file file;
    open_heapprofile(&file);
    for (size_t size = 1; size < file.bytes.size; size++) {
        uint8_t *copy = malloc(size);
        struct snapshot s;
        struct err err = {.msg = ""};
        assert_non_null(copy);
        memcpy(copy, file.bytes.data, size);
        if (!heapprofile_bytes((struct bytes){copy, size}, &s, &err))
            assert_true(err.msg[0] != 0);
        else if (snapshot_trust(&s) == TRUST_EXACT)
            fail_msg("%zu bytes pass for the whole", size);
        snapshot_deinit(&s);
        free(copy);
    }
    file_close(&file);
}

/* Calls in calls in calls: no recursion of ours follows them. */
static void calls_that_are_nested_too_deep_are_refused(void **state) {
    (void)state;
    static const char begin[] =
        "{\"callFrame\":{\"functionName\":\"f\"},\"selfSize\":1,\"children\":[";
    struct strbuf text;
    struct snapshot s;
    struct err err = {.msg = ""};
    strbuf_init(&text);
    strbuf_adds(&text, "{\"head\":");
    for (unsigned i = 0; i <= STACK_FRAMES_MAX; i++)
        strbuf_adds(&text, begin);
    assert_false(heapprofile_bytes((struct bytes){(const uint8_t *)text.ptr, text.len}, &s, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    snapshot_deinit(&s);
    strbuf_deinit(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_become_stacks_with_what_each_has_allocated_itself),
        cmocka_unit_test(every_prefix_of_a_heap_profile_is_refused_or_warned_about),
        cmocka_unit_test(calls_that_are_nested_too_deep_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
