/* Offsets that are learnt from a dump and what SOS printed of it, and read it back. */
#include "input/learn_input.h"
#include "base/file.h"
#include "model/rows_heap.h"
#include "tests/support/rows.h"
#include "tests/support/small_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TRANSCRIPT "tests/fixture/learn/net3.txt"
#define LEARNT     "libcoreclr.so.offsets" /* small cores do not tell the build */

struct learnt {
    struct strbuf json, told, name;
    struct err err;
    bool ok;
};

static void learn_of(struct learnt *l, const char *transcript) {
    const char *const transcripts[] = {transcript};
    *l = (struct learnt){.err.msg = ""};
    strbuf_init(&l->json);
    strbuf_init(&l->told);
    strbuf_init(&l->name);
    l->ok = input_learn(SMALL_NET_CORE, transcripts, 1, &l->json, &l->told, &l->name, &l->err);
}

static void learnt_drop(struct learnt *l) {
    strbuf_deinit(&l->json);
    strbuf_deinit(&l->told);
    strbuf_deinit(&l->name);
}

static bool told(const struct learnt *l, const char *text) {
    return strstr(strbuf_cstr(&l->told), text) != NULL;
}

/* Types of the heap as they are read by tables of ours, or by nothing but `folder`. */
static void learn_read(const char *folder, struct snapshot *ret_snapshot) {
    const struct dotnet_options options = {
        .sysroot = "/nowhere", .symbols = folder, .only_learnt = folder != NULL};
    struct small_core c;
    struct err err = {.msg = ""};
    struct space s;
    small_core_load(&c, SMALL_NET_CORE);
    snapshot_init(ret_snapshot);
    assert_true(small_core_open(&c, &s));
    struct builder *b = builder_new(ret_snapshot, &err);
    assert_non_null(b);
    assert_true(dotnet_read(&s, b, &options, &err));
    builder_free(b);
    space_deinit(&s);
    small_core_drop(&c);
}

static void what_was_learnt_reads_the_dump_as_our_table_does(void **state) {
    char folder[] = "/tmp/dumpdiff-learn-XXXXXX", path[64];
    struct learnt l;
    struct snapshot ours, learnt;
    uint32_t count, learnt_count;
    (void)state;
    learn_of(&l, TRANSCRIPT);
    assert_true(l.ok);
    assert_true(told(&l, "types: 77 of 77 have"));
    assert_true(told(&l, "names: 53 of 53 are"));
    assert_true(told(&l, "not looked for: managed stacks"));
    assert_string_equal(strbuf_cstr(&l.name), LEARNT);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/%s", folder, LEARNT);
    assert_true(file_write(path, fit_bytes(strbuf_str(&l.json)), &l.err));
    learn_read(NULL, &ours);
    learn_read(folder, &learnt);
    const struct type_row *a = snapshot_rows(&ours, PART_TYPES, &count);
    const struct type_row *b = snapshot_rows(&learnt, PART_TYPES, &learnt_count);
    assert_int_equal(count, 77);
    assert_int_equal(learnt_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_memory_equal(a[i].gen, b[i].gen, sizeof(a[i].gen));
    }
    assert_int_equal(rows_count(&learnt, PART_THREADS), rows_count(&ours, PART_THREADS));
    assert_int_equal(rows_count(&learnt, PART_REGIONS), 2);
    snapshot_deinit(&ours);
    snapshot_deinit(&learnt);
    unlink(path);
    rmdir(folder);
    learnt_drop(&l);
}

/* The transcript with one text put in the place of another, in a file of its own. */
static void learn_changed(struct learnt *l, const char *from, const char *to) {
    char path[] = "/tmp/dumpdiff-learn-XXXXXX";
    struct file file;
    struct err err = {.msg = ""};
    struct strbuf text;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0 && file_open(&file, TRANSCRIPT, &err));
    strbuf_init(&text);
    struct str whole = {(const char *)file.bytes.data, file.bytes.size};
    size_t at = str_find(whole, str_of(from), 0);
    assert_true(at != STR_NOT_FOUND);
    strbuf_add(&text, str_take(whole, at));
    strbuf_adds(&text, to);
    strbuf_add(&text, str_drop(whole, at + strlen(from)));
    assert_true(file_write(path, fit_bytes(strbuf_str(&text)), &err));
    learn_of(l, path);
    strbuf_deinit(&text);
    file_close(&file);
    unlink(path);
}

static void what_is_said_of_another_dump_is_refused(void **state) {
    static const struct {
        const char *from, *to, *told;
    } cases[] = {
        {" 1c70 ", " 1c71 ", "not learnt: Thread.OSId"},
        {"ThreadOBJ", "Thread", "no list of threads"},
        {" System.Object\n", " System.Thing\n", "no table of types"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct learnt l;
        learn_changed(&l, cases[i].from, cases[i].to);
        assert_false(l.ok);
        assert_int_equal(l.err.code, ERR_UNSUPPORTED);
        assert_int_equal(l.json.len, 0);
        if (!told(&l, cases[i].told))
            fail_msg("%s: %s", cases[i].told, strbuf_cstr(&l.told));
        learnt_drop(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_learnt_reads_the_dump_as_our_table_does),
        cmocka_unit_test(what_is_said_of_another_dump_is_refused),
    };
    return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
