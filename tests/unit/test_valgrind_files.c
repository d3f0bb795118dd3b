/* What valgrind's tools write for programs: DHAT's JSON, memcheck's XML. */
#include "tests/support/read_bytes.h"
#include "tests/support/rows.h"

#include "base/file.h"
#include "model/known_names.h"
#include "model/rows_stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct input input_dhat, input_memcheck_xml;

static const struct {
    const struct input *input;
    const char *path;
} files[] = {
    {&input_dhat, "tests/fixture/dhat/till.json"},
    {&input_memcheck_xml, "tests/fixture/memcheck-xml/till.xml"},
};

static bool valgrind_read(const struct input *input, struct bytes bytes, struct snapshot *s,
                          struct err *err) {
    static const struct input_options options = {0};
    snapshot_init(s);
    return input_read_bytes(bytes, "file", input, &options, s, err);
}

static void valgrind_fixture(size_t which, struct snapshot *s) {
    struct file file;
    struct err err = {.msg = ""};
    assert_true(file_open(&file, files[which].path, &err));
    assert_true(files[which].input->probe(bytes_slice(file.bytes, 0, INPUT_PROBE_BYTES)));
    if (!valgrind_read(files[which].input, file.bytes, s, &err))
        fail_msg("%s: %s", files[which].path, err.msg);
    file_close(&file);
}

static const struct stack_row *valgrind_stack(const struct snapshot *s, const char *frame) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < rows[i].frames.count; k++)
            if (strcmp(rows[i].frames.items[k], frame) == 0)
                return &rows[i];
    fail_msg("no stack with %s", frame);
    return NULL;
}

static void dhat_tells_what_is_left_what_was_and_what_ever_came(void **state) {
    (void)state;
    struct snapshot s;
    valgrind_fixture(0, &s);
    const struct stack_row *row = valgrind_stack(&s, "basket_add");
    assert_int_equal(row->bytes, 29250);
    assert_int_equal(row->count, 25);
    assert_int_equal(row->total_bytes, 34350);
    assert_int_equal(row->peak_bytes, 34350);
    assert_int_equal(row->frames.count, 4);
    assert_string_equal(row->frames.items[1], "line_new");
    assert_int_equal(valgrind_stack(&s, "Pair<int, \"x\">::open()")->bytes, 224);
    assert_int_equal(rows_counter(&s, COUNTER_HEAP_OUTSTANDING), 29474);
    assert_int_equal(rows_counter(&s, COUNTER_HEAP_PEAK), 39350);
    assert_int_equal(rows_counter(&s, COUNTER_HEAP_ALLOCATIONS), 47);
    assert_string_equal(snapshot_origin(&s)->process, "till");
    assert_int_equal(snapshot_origin(&s)->pid, 4711);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void memcheck_xml_says_what_its_text_does(void **state) {
    (void)state;
    struct snapshot s;
    valgrind_fixture(1, &s);
    const struct stack_row *row = valgrind_stack(&s, "receipt_open");
    assert_int_equal(row->bytes, 2100); /* the rest has a row of its own */
    assert_int_equal(row->indirect_bytes, 224);
    assert_int_equal(row->count, 7);
    assert_string_equal(row->loss, STACK_LOST);
    assert_string_equal(row->frames.items[2], "main");
    assert_string_equal(valgrind_stack(&s, "Pair<int, char>::open()")->loss, STACK_LOST_WITH);
    SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 3); /* what is no leak is none of them */
    assert_non_null(rows);
    assert_string_equal(snapshot_origin(&s)->process, "till");
    assert_int_equal(snapshot_origin(&s)->pid, 4711);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* Refused, or read as something that is not all of it. */
static void files_that_are_cut_anywhere_are_not_whole(void **state) {
    (void)state;
    for (size_t f = 0; f < sizeof(files) / sizeof(*files); f++) {
        struct file file;
        struct err err;
        assert_true(file_open(&file, files[f].path, &err));
        size_t size = file.bytes.size;
        while (size && strchr("\n >}", file.bytes.data[size - 1]))
            size--; /* what closes the last bracket says no more */
        for (size_t end = 0; end < size; end++) {
            struct snapshot s;
            uint8_t *copy = malloc(end ? end : 1);
            assert_non_null(copy);
            memcpy(copy, file.bytes.data, end);
            if (valgrind_read(files[f].input, (struct bytes){copy, end}, &s, &err))
                assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
            snapshot_deinit(&s);
            free(copy);
        }
        file_close(&file);
    }
}

static void odd_files_are_refused_or_said_to_be_odd(void **state) {
    (void)state;
#define TAIL ",\"ftbl\":[\"[root]\",\"0x1: main (a.c:1)\"]}"
    static const struct {
        const struct input *input;
        const char *text, *says; /* error, or reason */
    } cases[] = {
        {&input_dhat, "{\"dhatFileVersion\":2,\"pps\":[]}", "no frames"},
        {&input_dhat, "{\"dhatFileVersion\":2,\"mode\":\"ad-hoc\",\"pps\":[{\"tb\":1}]" TAIL,
         "not memory"},
        {&input_dhat,
         "{\"dhatFileVersion\":2,\"mode\":\"heap\",\"bklt\":true,\"pps\":[{\"tb\":1,\"tbk\":1,"
         "\"eb\":1,"
         "\"ebk\":1,\"fs\":[7,1]}]" TAIL,
         "not in its table"},
        {&input_dhat, "{\"dhatFileVersion\":2,\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
         "cut off"},
        {&input_memcheck_xml, "<?xml version=\"1.0\"?><valgrindoutput></valgrindoutput>",
         "--leak-check=full"},
        {&input_memcheck_xml,
         "<valgrindoutput><error><kind>Leak_DefinitelyLost</kind><xwhat><text>9 (1 direct, 99 "
         "indirect) bytes</text><leakedbytes>9</leakedbytes><leakedblocks>1</leakedblocks></xwhat>"
         "</error><error><kind>Leak_PossiblyLost</kind><leakedbytes>9</leakedbytes><leakedblocks>1"
         "</leakedblocks></error></valgrindoutput>",
         "without their size"},
    };
#undef TAIL
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        struct bytes bytes = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
        bool read = valgrind_read(cases[i].input, bytes, &s, &err), said = false;
        SNAPSHOT_ROWS(&s, PART_REASONS, struct reason_row, rows, count);
        for (uint32_t r = 0; read && r < count; r++)
            said = said || strstr(rows[r].text, cases[i].says);
        if (read ? !said : !strstr(err.msg, cases[i].says))
            fail_msg("case %zu: \"%s\" is not said: %s", i, cases[i].says, err.msg);
        snapshot_deinit(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhat_tells_what_is_left_what_was_and_what_ever_came),
        cmocka_unit_test(memcheck_xml_says_what_its_text_does),
        cmocka_unit_test(files_that_are_cut_anywhere_are_not_whole),
        cmocka_unit_test(odd_files_are_refused_or_said_to_be_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
