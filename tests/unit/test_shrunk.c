/* A file that is made shorter under whoever reads it. */
#include "base/file.h"
#include "cmd/shrunk.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096

/* Reads the last byte of a file that has become shorter. */
static void read_the_end(const char *path) {
    struct file file;
    struct err err;
    shrunk_reading(path);
    if (!file_open(&file, path, &err) || truncate(path, PAGE) != 0)
        _exit(100);
    _exit(((const volatile uint8_t *)file.bytes.data)[file.bytes.size - 1] ? 101 : 102);
}

/* How a process ends that does so, and what it says. */
static int end_of(void (*work)(const char *), const char *path, char *said, size_t size) {
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        shrunk_watch();
        work(path);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], said, size - 1);
    said[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void a_file_that_shrinks_is_told(void **state) {
    (void)state;
    char path[] = "/tmp/dumpdiff-shrunk-XXXXXX", said[1000], wanted[1000];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 16 * PAGE), 0);
    int status = end_of(read_the_end, path, said, sizeof(said));
    snprintf(wanted, sizeof(wanted),
             "dumpdiff: %s: became shorter while it was read, or its disk failed\n", path);
    assert_string_equal(said, wanted);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 4);
    close(fd);
    unlink(path);
}

/* Not what the kernel says of a page. */
static void make_a_mistake(const char *path) {
    (void)path;
    raise(SIGBUS);
    raise(SIGBUS);
    _exit(0);
}

static void a_mistake_of_ours_stays_one(void **state) {
    (void)state;
    char said[1000];
    int status = end_of(make_a_mistake, "", said, sizeof(said));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_shrinks_is_told),
        cmocka_unit_test(a_mistake_of_ours_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
