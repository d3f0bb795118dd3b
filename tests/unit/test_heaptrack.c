/* heaptrack data files. Figures of the fixtures are those of heaptrack_print 1.4.0. */
#include "input/profile/heaptrack_suppress.h"
#include "input/input.h"
#include "tests/support/logs.h"
#include "tests/support/read_bytes.h"
#include "tests/support/rows.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

extern const struct input input_heaptrack;

static bool heaptrack_read_bytes(struct bytes bytes, struct snapshot *s, struct err *err) {
    static const struct input_options options = {.no_native_stacks = true};
    snapshot_init(s);
    return input_read_bytes(bytes, "heaptrack.kiosk.1.gz", &input_heaptrack, &options, s, err);
}

static bool heaptrack_read_text(const char *text, struct snapshot *s, struct err *err) {
    return heaptrack_read_bytes((struct bytes){(const uint8_t *)text, strlen(text)}, s, err);
}

static void read_good(const char *text, struct snapshot *s) {
    struct err err = {.msg = ""};
    if (!heaptrack_read_text(text, s, &err))
        fail_msg("not read: %s", err.msg);
}

static void heaptrack_open_fixture(const char *name, struct file *file) {
    char path[128];
    struct err err;
    snprintf(path, sizeof(path), "tests/fixture/heaptrack/%s", name);
    assert_true(file_open(file, path, &err));
}

static void heaptrack_read_fixture(const char *name, struct snapshot *s) {
    struct file file;
    struct err err = {.msg = ""};
    heaptrack_open_fixture(name, &file);
    assert_true(input_heaptrack.probe(bytes_slice(file.bytes, 0, INPUT_PROBE_BYTES)));
    if (!heaptrack_read_bytes(file.bytes, s, &err))
        fail_msg("not read: %s", err.msg);
    file_close(&file);
}

/* The stack of that innermost frame; fails when there is none. */
static const struct stack_row *test_heaptrack_stack(const struct snapshot *s,
                                                    const char *innermost) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].frames.count && strcmp(rows[i].frames.items[0], innermost) == 0)
            return &rows[i];
    fail_msg("no stack of %s", innermost);
    return NULL;
}

static const struct allocation_row *heaptrack_sum(const struct snapshot *s, const char *by,
                                                  uint64_t size) {
    SNAPSHOT_ROWS(s, PART_ALLOCATIONS, struct allocation_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].by, by) == 0 && rows[i].size_each == size)
            return &rows[i];
    fail_msg("no sum by %s", by);
    return NULL;
}

static void heaptrack_sums_what_each_stack_has_left(void **state) {
    (void)state;
    struct snapshot s;
    heaptrack_read_fixture("kiosk-2.txt", &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 4);
    const struct stack_row *row = test_heaptrack_stack(&s, "kiosk!Receipt::add(Line&&)");
    assert_int_equal(row->frames.count, 3);
    assert_string_equal(row->frames.items[1], "kiosk!Menu::show(Order const&)");
    assert_string_equal(row->frames.items[2], "kiosk!main");
    assert_int_equal(row->count, 44);
    assert_int_equal(row->bytes, 3488);
    assert_int_equal(row->total_count, 44);
    assert_int_equal(row->peak_bytes, 3424);
    assert_int_equal(row->oldest_ns, 2001000000u);
    row = test_heaptrack_stack(&s, "kiosk");
    assert_int_equal(row->count, 0);
    assert_int_equal(row->total_count, 3);
    assert_int_equal(row->total_bytes, 3 * 256);
    assert_int_equal(row->peak_bytes, 2 * 256);
    assert_int_equal(row->temporary_count, 1);
    assert_int_equal(row->oldest_ns, ABSENT);
    snapshot_deinit(&s);
}

static void heaptrack_gives_the_totals_of_heaptrack_print(void **state) {
    (void)state;
    struct snapshot s;
    heaptrack_read_fixture("kiosk-2.txt", &s);
    const struct origin_row *origin = snapshot_origin(&s);
    assert_string_equal(origin->process, "kiosk");
    assert_string_equal(origin->tool, "heaptrack 1.4.0");
    assert_int_equal(origin->sampled, 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(rows_counter(&s, "heap.outstanding_bytes"), 3488);
    assert_int_equal(rows_counter(&s, "heap.peak_bytes"), 8032);
    assert_int_equal(rows_counter(&s, "heap.allocations"), 50);
    assert_int_equal(rows_counter(&s, "heap.temporary_allocations"), 3);
    assert_int_equal(rows_counter(&s, "process.recorded_ns"), 2001000000u);
    assert_int_equal(rows_counter(&s, "process.peak_rss_bytes"), 0x240 * 4096);
    assert_int_equal(heaptrack_sum(&s, "total", ABSENT)->bytes, 3488);
    assert_int_equal(heaptrack_sum(&s, "total", ABSENT)->count, 44);
    assert_int_equal(heaptrack_sum(&s, "size", 64)->count, 2);
    assert_int_equal(heaptrack_sum(&s, "size", 80)->bytes, 42 * 80);
    snapshot_deinit(&s);
}

static void heaptrack_leaves_out_what_suppressions_match(void **state) {
    (void)state;
    struct snapshot s;
    heaptrack_read_fixture("kiosk-1.txt", &s);
    const struct stack_row *row = test_heaptrack_stack(&s, "libfonts.so.2.1");
    assert_int_equal(row->bytes, 0);
    assert_int_equal(row->count, 0);
    assert_int_equal(row->peak_bytes, 4096);
    assert_true(logs_has_reason(&s, "4096 bytes in 1 allocation is left out"));
    snapshot_deinit(&s);
}

static void suppressions_match_as_in_leak_sanitizer(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"load", "fonts_load_all", true},
        {"^load", "fonts_load_all", false},
        {"^fonts", "fonts_load_all", true},
        {"all$", "fonts_load_all", true},
        {"load$", "fonts_load_all", false},
        {"fonts*all", "fonts_load_all", true},
        {"all*fonts", "fonts_load_all", false},
        {"fonts*", "fonts", true},
        {"fonts*$", "fonts_load", true},
        {"load", "", false},
        {"^", "fonts", true},
        {"*", "fonts", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (suppression_matches(str_of(cases[i].pattern), str_of(cases[i].text)) !=
            cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
}

/* Versions 1 and 2: strings without length. */
#define HEAD_2 "v 10000 2\nX ./kiosk\ns main\ns add line\ns /srv/kiosk\n"
#define FRAMES "i 10 3 1\nt 1 0\ni 20 3 2\nt 2 1\n"
#define END    "# strings: 3\n# ips: 2\n"

static void heaptrack_reads_strings_without_length(void **state) {
    (void)state;
    struct snapshot s;
    read_good(HEAD_2 FRAMES "a 8 2\n+ 0\nc 5\n" END, &s);
    assert_int_equal(test_heaptrack_stack(&s, "kiosk!add line")->bytes, 8);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    read_good("v 10200\nX ./kiosk\ns main\ns add line\ns /srv/kiosk\n" FRAMES "a 8 2\n+ 0\n" END,
              &s);
    assert_int_equal(test_heaptrack_stack(&s, "kiosk!add line")->bytes, 8);
    snapshot_deinit(&s);
}

static void heaptrack_says_an_age_only_as_far_as_it_is_known(void **state) {
    (void)state;
    struct snapshot s;
    /* All were freed in between: what is left is not older than that. */
    read_good(HEAD_2 FRAMES "a 8 2\n+ 0\n- 0\nc 3e8\n+ 0\nc 7d0\n" END, &s);
    assert_int_equal(test_heaptrack_stack(&s, "kiosk!add line")->oldest_ns, 1001000000u);
    assert_false(logs_has_reason(&s, "which of equal allocations"));
    snapshot_deinit(&s);
    read_good(HEAD_2 FRAMES "a 8 2\n+ 0\nc 3e8\n+ 0\n- 0\nc 7d0\n" END, &s);
    assert_int_equal(test_heaptrack_stack(&s, "kiosk!add line")->oldest_ns, 2001000000u);
    assert_true(logs_has_reason(&s, "which of equal allocations"));
    snapshot_deinit(&s);
}

static void heaptrack_tells_of_an_attached_recording(void **state) {
    (void)state;
    struct snapshot s;
    read_good("v 10400 2\nX ./kiosk\nA\ns main\ns add line\ns /srv/kiosk\n" FRAMES
              "a 8 2\n+ 0\n" END,
              &s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_true(logs_has_reason(&s, "was attached"));
    snapshot_deinit(&s);
}

static void heaptrack_counts_what_it_cannot_use(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
        uint64_t count;
    } cases[] = {
        {HEAD_2 FRAMES "a 8 2\n+ 0\n", "lacks its last lines", ABSENT},
        {HEAD_2 FRAMES "a 8 2\n+ 0\n+ 0", "not understood", 1},
        {HEAD_2 FRAMES "a 8 2\n+ 0\n+ 1\n- 2\n" END, "not understood", 2},
        {HEAD_2 FRAMES "a 8 2\n+ 0\n+ X\n+0\nq 1\n" END, "not understood", 3},
        {HEAD_2 FRAMES "a 8 2\n+ 0\n"
                       "# strings: 4\n# ips: 2\n",
         "not understood", 1},
        {HEAD_2 FRAMES "a 8 2\n+ 0\n- 0\n- 0\n" END, "what was not allocated", 1},
        {HEAD_2 FRAMES "a 8 9\n+ 0\n" END, "does not exist", 1},
        {HEAD_2 FRAMES "t 2 3\na 8 2\n+ 0\n" END, "does not exist", 1},
        {HEAD_2 FRAMES "i 30 9 2\n"
                       "# strings: 3\n# ips: 3\n",
         "does not exist", 1},
        {HEAD_2 FRAMES "c 9\nc 5\n" END, "go back", 1},
        {HEAD_2 "S leek:main\n" FRAMES END, "suppressions", 1},
        {HEAD_2 FRAMES "a 11112222333344445 2\n" END, "not understood", 1},
        {HEAD_2 FRAMES "a f111222233334444 2\n" END, "not understood", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        bool found;
        read_good(cases[i].text, &s);
        uint64_t count = logs_reason(&s, cases[i].reason, &found);
        if (!found || count != cases[i].count || snapshot_trust(&s) != TRUST_PARTIAL)
            fail_msg("case %zu: %s: %llu", i, found ? "found" : "not found",
                     (unsigned long long)count);
        snapshot_deinit(&s);
    }
}

static void heaptrack_refuses_what_it_cannot_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum err_code code;
        const char *says;
    } cases[] = {
        {"v 10400 3\nx 6 /bin/a\nX ./a\nI 1000 1\nm 1 -\n", ERR_UNSUPPORTED, "raw recording"},
        {"v 10400 2\nX ./a\nt 7f00 0\n+ 10 1 55aa\n", ERR_UNSUPPORTED, "raw recording"},
        {"v 10400 4\nX ./a\n", ERR_UNSUPPORTED, "known are 1 to 3"},
        {"v 10000\nX ./a\n", ERR_UNSUPPORTED, "before 1.0"},
        {HEAD_2 "X ./b\n", ERR_FORMAT, "two processes"},
        {"X ./b\n", ERR_FORMAT, "no version"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        if (heaptrack_read_text(cases[i].text, &s, &err) || err.code != cases[i].code ||
            !strstr(err.msg, cases[i].says))
            fail_msg("case %zu: %s", i, err.msg);
        snapshot_deinit(&s);
    }
}

static void heaptrack_is_told_by_its_first_lines(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"v 10400 3\nX ./kiosk\n", true},   {"v 10200\nX ./kiosk\n", true},
        {"v 10400 3\nx 3 /a\n", true},      {"v 10400 3\n", true},
        {"v 1 3\nX ./kiosk\n", false},      {"v 10400 3 and more\nX ./kiosk\n", false},
        {"v 10400 3\nHello\n", false},      {"version 10400 3\n", false},
        {"v 10400 zz\nX ./kiosk\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str text = str_of(cases[i].text);
        if (input_heaptrack.probe((struct bytes){(const uint8_t *)text.ptr, text.len}) !=
            cases[i].is)
            fail_msg("%s", cases[i].text);
    }
}

/* A stack deeper than is kept, and a file of which all stacks together would be too large. */
static void heaptrack_cuts_stacks_that_are_too_deep(void **state) {
    (void)state;
    struct strbuf text;
    struct snapshot s;
    bool found;
    strbuf_init(&text);
    strbuf_adds(&text, "v 10400 2\nX ./kiosk\ns f\ni 10 0 1\nt 1 0\n");
    for (unsigned i = 1; i < 5000; i++)
        strbuf_addf(&text, "t 1 %x\n", i);
    for (unsigned i = 1; i <= 5000; i++)
        strbuf_addf(&text, "a 8 %x\n+ %x\n", i, i - 1);
    strbuf_adds(&text, "# strings: 1\n# ips: 1\n");
    read_good(strbuf_cstr(&text), &s);
    assert_true(logs_reason(&s, "deep stacks were cut", &found) > 3000 && found);
    assert_int_equal(heaptrack_sum(&s, "total", ABSENT)->bytes, 5000 * 8);
    SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += rows[i].bytes;
    assert_int_equal(bytes, 5000 * 8);
    snapshot_deinit(&s);
    strbuf_deinit(&text);
}

static void heaptrack_prefixes_are_refused_or_partial(void **state) {
    (void)state;
    struct file file;
    heaptrack_open_fixture("kiosk-1.txt", &file);
    for (size_t size = 0; size < file.bytes.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        struct snapshot s;
        struct err err = {.msg = ""};
        assert_non_null(copy);
        memcpy(copy, file.bytes.data, size);
        bool whole = size + 1 >= file.bytes.size; /* but for the last line end */
        if (heaptrack_read_bytes((struct bytes){copy, size}, &s, &err))
            assert_true(whole || snapshot_trust(&s) != TRUST_EXACT);
        else
            assert_true(err.code != ERR_NONE && err.msg[0]);
        snapshot_deinit(&s);
        free(copy);
    }
    file_close(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heaptrack_sums_what_each_stack_has_left),
        cmocka_unit_test(heaptrack_gives_the_totals_of_heaptrack_print),
        cmocka_unit_test(heaptrack_leaves_out_what_suppressions_match),
        cmocka_unit_test(suppressions_match_as_in_leak_sanitizer),
        cmocka_unit_test(heaptrack_reads_strings_without_length),
        cmocka_unit_test(heaptrack_says_an_age_only_as_far_as_it_is_known),
        cmocka_unit_test(heaptrack_tells_of_an_attached_recording),
        cmocka_unit_test(heaptrack_counts_what_it_cannot_use),
        cmocka_unit_test(heaptrack_refuses_what_it_cannot_read),
        cmocka_unit_test(heaptrack_is_told_by_its_first_lines),
        cmocka_unit_test(heaptrack_cuts_stacks_that_are_too_deep),
        cmocka_unit_test(heaptrack_prefixes_are_refused_or_partial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
