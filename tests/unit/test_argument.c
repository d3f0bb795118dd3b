/* What an argument of the command line stands for, and what is looked for beside a dump. */
#include "input/argument.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/dumpdiff-argument-XXXXXX";
static const char *const made[] = {"b.txt", "a.core.zst", "c+d", ".hidden"};

static int argument_set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        int fd = open(made[i], O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0)
            return -1;
        close(fd);
    }
    return mkdir("empty", 0700);
}

static int argument_tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
        unlink(made[i]);
    rmdir("empty");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

/* Paths, one a line; "!" and the message where there are none. */
static void expect_files(const char *argument, const char *expected) {
    struct argument_files files = {.paths = NULL};
    struct strbuf text;
    struct err err;
    strbuf_init(&text);
    bool ok = argument_files(&files, argument, &err);
    for (size_t i = 0; ok && i < files.count; i++)
        strbuf_addf(&text, "%s\n", files.paths[i]);
    if (!ok)
        strbuf_addf(&text, "!%s", err.msg);
    argument_files_free(&files);
    if (strcmp(strbuf_cstr(&text), expected) != 0)
        fail_msg("%s is %s", argument, strbuf_cstr(&text));
    strbuf_deinit(&text);
}

static void an_argument_is_a_file_a_folder_or_files_joined(void **state) {
    (void)state;
    expect_files("b.txt", "b.txt\n");
    expect_files("-", "-\n");
    expect_files("not-there", "not-there\n");
    expect_files("b.txt+a.core.zst", "b.txt\na.core.zst\n");
    expect_files("b.txt++a.core.zst+", "b.txt\na.core.zst\n");
    expect_files("c+d", "c+d\n");
    expect_files(".", "./a.core.zst\n./b.txt\n./c+d\n./empty\n");
    expect_files("empty", "");
    expect_files("+", "!names no file");
    expect_files("", "!names no file");
}

static void thread_times_lie_beside_a_dump_packed_or_not(void **state) {
    static const struct {
        const char *path, *places[4];
    } cases[] = {
        {"a.core", {"a.core.threads"}},
        {"x/a.core.zst", {"x/a.core.zst.threads", "x/a.core.threads"}},
        {"a.gz.zst", {"a.gz.zst.threads", "a.gz.threads", "a.threads"}},
        {".zst", {".zst.threads"}},
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *place = NULL;
        uint32_t n = 0;
        for (; argument_beside(cases[i].path, n, &place, &err) && place; n++) {
            assert_string_equal(place, cases[i].places[n]);
            assert_true(argument_is_beside(str_of(place)));
            free(place);
        }
        assert_null(cases[i].places[n]);
    }
    assert_false(argument_is_beside(STR("a.core")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_argument_is_a_file_a_folder_or_files_joined),
        cmocka_unit_test(thread_times_lie_beside_a_dump_packed_or_not),
    };
    return cmocka_run_group_tests(tests, argument_set_up, argument_tear_down);
}
