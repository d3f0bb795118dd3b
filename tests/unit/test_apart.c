/* A process that reads: how its end is told, and that answers come out of it as they went in. */
#include "cmd/apart.h"
#include "model/answers_wire.h"
#include "model/builder.h"
#include "model/rows_heap.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef FORKED_STRICT
#define STRICT true
#else
#define STRICT false
#endif

/* -- How it ends ------------------------------------------------------------------------------- */

static void work_crashes(void *context, int fd) {
    (void)fd;
    raise(*(const int *)context);
}

/* The last page of a file is taken away while it is mapped. */
static void work_loses_its_file(void *context, int fd) {
    char path[] = "/tmp/dumpdiff-apart-XXXXXX";
    int file = mkstemp(path);
    (void)context;
    if (file < 0 || unlink(path) || ftruncate(file, 1 << 16))
        return;
    const volatile char *bytes = mmap(NULL, 1 << 16, PROT_READ, MAP_SHARED, file, 0);
    if (ftruncate(file, 0) == 0)
        forked_write(fd, bytes[60000] ? STR("a") : STR("b"));
}

static void work_is_killed(void *context, int fd) {
    (void)context;
    (void)fd;
    kill(getpid(), SIGKILL);
}

static void work_ends_early(void *context, int fd) {
    (void)context;
    (void)fd;
    _exit(1);
}

/* 2.5 GiB, where 2 are allowed. */
static void work_takes_memory(void *context, int fd) {
    (void)context;
    void *taken = mmap(NULL, (size_t)5 << 29, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    forked_write(fd, taken == MAP_FAILED ? STR("none") : STR("taken"));
}

static enum err_code code_when(forked_work *work, void *context, const char *said) {
    struct err err = {.code = ERR_NONE, .msg = ""};
    struct strbuf out;
    strbuf_init(&out);
    assert_false(apart_run(work, context, "a\033.core", 1, &out, &err));
    assert_non_null(strstr(err.msg, said));
    strbuf_deinit(&out);
    return err.code;
}

static void each_end_is_one_line(void **state) {
    (void)state;
    static int crashes[] = {SIGSEGV, SIGABRT, SIGFPE, SIGILL};
    assert_int_equal(code_when(work_loses_its_file, NULL, "became shorter while it was read"),
                     ERR_IO);
    assert_int_equal(code_when(work_is_killed, NULL, "was killed"), ERR_NOMEM);
    if (STRICT)
        skip(); /* what crashes is heard of, there: see test_forked.c */
    for (size_t i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
        assert_int_equal(code_when(work_crashes, &crashes[i], "crashed"), ERR_LIMIT);
    assert_int_equal(code_when(work_ends_early, NULL, "crashed"), ERR_LIMIT);
}

static void memory_is_bounded(void **state) {
    (void)state;
    struct err err;
    struct strbuf out;
    if (STRICT)
        skip(); /* sanitizers map terabytes */
    strbuf_init(&out);
    assert_true(apart_run(work_takes_memory, NULL, "it", (uint64_t)1 << 29, &out, &err));
    assert_string_equal(strbuf_cstr(&out), "none");
    strbuf_clear(&out);
    assert_true(apart_run(work_takes_memory, NULL, "it", (uint64_t)4 << 30, &out, &err));
    assert_string_equal(strbuf_cstr(&out), "taken");
    strbuf_deinit(&out);
}

/* -- Answers ----------------------------------------------------------------------------------- */

static void make_answer_tree(struct snapshot *tree, const char *type) {
    struct err err;
    struct builder *b = builder_new(tree, &err);
    assert_non_null(b);
    for (uint64_t i = 0; i < 2; i++) {
        struct path_row *row = builder_row(b, PART_PATHS, &err);
        assert_non_null(row);
        row->parent = i ? 0 : ABSENT;
        row->type = type;
    }
    builder_free(b);
}

static struct holder_row holder_rows[] = {{"A", "_items", 1, 2, 3, 4},
                                          {NULL, "static", 5, 6, 7, 8}};
static struct retained_row types[] = {{"A", {1, 2}, {3, UINT64_MAX}}};
static struct retained_row nodes[] = {{NULL, {1, 2}, {3, 4}}, {NULL, {5, 6}, {7, 8}}};
static struct duplicate_row duplicates[] = {{"System.String", 1, 2, 3, 4, 5, "va\\nlue"},
                                            {"System.Byte[]", 6, 7, 8, 9, 10, NULL}};
static struct value_row value_rows[] = {{"7", 60, ABSENT}, {"text 1", 30, 10}};
static struct answer_field value_fields[] = {{"A", "f", "number", value_rows, 2, 100, 10, ABSENT},
                                             {"A", "g", "struct", NULL, 0, 100, 0, 0}};
static uint32_t order[] = {1, 0}, rows[] = {1};
static const struct question question = {.asked = {true, true, true, true, true}};

/* To be freed with answers_deinit(). */
static void make_answers(struct answers *a, const char *type) {
    answers_init(a, &question);
    make_answer_tree(&a->paths.tree, type);
    make_answer_tree(&a->retained.tree, "B");
    a->answered[QUESTION_RETAINED] = a->over_memory[QUESTION_PATH] = true;
    a->paths.subject = (struct answer_subject){1, {2, 3}, {4, 5}};
    a->paths.rows = rows;
    a->paths.count = 1;
    a->holders.rows = holder_rows;
    a->holders.count = 2;
    a->holders.total = holder_rows[1];
    a->holders.skipped_bytes = 77;
    a->retained.types = types;
    a->retained.type_count = 1;
    a->retained.nodes = nodes;
    a->retained.order = order;
    a->retained.node_count = 2;
    a->duplicates.rows = a->duplicates.types = duplicates;
    a->duplicates.count = a->duplicates.type_count = 2;
    a->duplicates.not_compared = 99;
    a->values.subject = (struct answer_subject){1, {100, 2400}, {0, 0}};
    a->values.fields = value_fields;
    a->values.count = 2;
}

static bool wire_refuses(const struct strbuf *wire, size_t size) {
    struct answers out;
    struct reader r;
    struct err err = {.code = ERR_NONE, .msg = ""};
    uint8_t *exact = malloc(size ? size : 1); /* sanitizers see what lies behind */
    memcpy(exact, strbuf_cstr(wire), size);
    answers_init(&out, &question);
    reader_init(&r, (struct bytes){exact, size}, 0);
    bool refused = !answers_decode(&out, &r, &err);
    assert_true(!refused || (err.code != ERR_NONE && err.msg[0]));
    answers_deinit(&out);
    free(exact);
    return refused;
}

static void answers_come_out_as_they_went_in(void **state) {
    (void)state;
    struct answers in, out;
    struct strbuf wire, again;
    struct reader r;
    struct err err;
    make_answers(&in, "A");
    strbuf_init(&wire);
    strbuf_init(&again);
    assert_true(answers_encode(&in, &wire, &err));
    answers_init(&out, &question);
    reader_init(&r, (struct bytes){(const uint8_t *)wire.ptr, wire.len}, 0);
    assert_true(answers_decode(&out, &r, &err));
    assert_int_equal(reader_left(&r), 0);
    assert_string_equal(out.holders.rows[0].field, "_items");
    assert_null(out.holders.rows[1].holder);
    assert_int_equal(out.duplicates.rows[1].wasted, 10);
    assert_string_equal(out.values.fields[0].rows[1].value, "text 1");
    assert_int_equal(out.values.fields[0].rows[1].characters, 10);
    assert_int_equal(out.values.fields[1].count, 0);
    assert_true(answers_encode(&out, &again, &err));
    assert_int_equal(again.len, wire.len);
    assert_memory_equal(again.ptr, wire.ptr, wire.len);
    for (size_t size = 0; size < wire.len; size++)
        assert_true(wire_refuses(&wire, size));
    answers_deinit(&out);
    answers_deinit(&in);
    strbuf_deinit(&wire);
    strbuf_deinit(&again);
}

/* What a process that was taken over may say. */
static void answers_that_no_reader_gives_are_refused(void **state) {
    (void)state;
    struct strbuf wire;
    struct err err;
    struct answers a;
    uint32_t behind[] = {2, 0};
    strbuf_init(&wire);
    for (int i = 0; i < 4; i++) {
        struct answer_field nameless = {"A", NULL, "number", NULL, 0, 1, 0, 0};
        struct holder_row unclean = {"\033]0;x\007", "f", 1, 1, 1, 1};
        make_answers(&a, "A");
        if (i == 0)
            a.paths.rows = behind;
        else if (i == 1)
            a.retained.order = behind;
        else if (i == 2)
            a.holders.total = unclean;
        else {
            a.values.fields = &nameless;
            a.values.count = 1;
        }
        strbuf_clear(&wire);
        assert_true(answers_encode(&a, &wire, &err));
        assert_true(wire_refuses(&wire, wire.len));
        answers_deinit(&a);
    }
    make_answers(&a, "unclean \xe2\x80\xae");
    strbuf_clear(&wire);
    assert_true(answers_encode(&a, &wire, &err));
    assert_true(wire_refuses(&wire, wire.len));
    answers_deinit(&a);
    strbuf_deinit(&wire);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_is_one_line),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(answers_come_out_as_they_went_in),
        cmocka_unit_test(answers_that_no_reader_gives_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
