/* Bytes that come one block after the other, become a file, and leave memory when they are many. */
#include "memory/unpack/spool.h"

#include "base/os/os.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)

/* Noise with pages of zeros, each block another length: neither ends where pages or pieces do. */
static struct bytes make_block(unsigned number) {
    size_t size = 300001 + number % 7 * 54321;
    uint8_t *p = calloc(1, size);
    assert_non_null(p);
    uint64_t x = 88172645463325252 + number;
    for (size_t i = 0; i + 8 < size; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if ((i >> 15) % 3)
            memcpy(p + i, &x, 8);
    }
    return (struct bytes){p, size};
}

static bool add_blocks(struct spool *s, size_t least, struct err *err) {
    bool ok = true;
    for (unsigned i = 0; ok && spool_size(s) < least; i++) {
        struct bytes block = make_block(i);
        ok = spool_add(s, block, err);
        free((void *)(uintptr_t)block.data);
    }
    return ok;
}

static void has_blocks(const struct file *f) {
    size_t at = 0;
    for (unsigned i = 0; at < f->bytes.size; i++) {
        struct bytes block = make_block(i);
        assert_true(block.size <= f->bytes.size - at);
        assert_memory_equal(f->bytes.data + at, block.data, block.size);
        at += block.size;
        free((void *)(uintptr_t)block.data);
    }
}

static bool lies_in_memory(int fd) {
    uint64_t room;
    bool memory;
    return os_room(fd, &room, &memory) && memory;
}

/* /dev/shm with room for a file: else there is nothing to leave. */
static bool has_memory_folder(void) {
    int fd = os_memory_folder() ? os_temporary_file(os_memory_folder()) : -1;
    uint64_t room = 0;
    bool memory = false, has = fd >= 0 && os_room(fd, &room, &memory) && memory;
    if (fd >= 0)
        close(fd);
    return has && room > 256 * MIB;
}

static void keeps_all_whatever_the_size(void **state) {
    static const size_t sizes[] = {0, 1, 15 * MIB, 16 * MIB, 17 * MIB, 40 * MIB};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct spool s;
        struct file f;
        struct err err;
        spool_init(&s);
        assert_true(add_blocks(&s, sizes[i], &err));
        uint64_t size = spool_size(&s);
        assert_true(spool_finish(&s, &f, &err));
        assert_int_equal(f.bytes.size, size);
        has_blocks(&f);
        assert_int_equal(spool_size(&s), 0);
        file_close(&f);
        spool_deinit(&s);
    }
}

static void leaves_memory_when_it_has_its_share(void **state) {
    static const struct {
        size_t most, size;
        bool in_memory;
    } cases[] = {
        {200 * MIB, 60 * MIB, true},
        {80 * MIB, 100 * MIB, false},
        {20 * MIB, 30 * MIB, false}, /* too little to begin with */
    };
    (void)state;
    if (!has_memory_folder())
        skip();
    setenv(os_temporary_variable(), "tests", 1); /* a disk, where the tree lies on one */
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct spool s;
        struct file f;
        struct stat st;
        struct err err;
        spool_init(&s);
        s.memory_most = cases[i].most;
        assert_true(add_blocks(&s, cases[i].size, &err));
        assert_true(spool_finish(&s, &f, &err));
        assert_true(f.mapped);
        if (cases[i].in_memory)
            assert_true(lies_in_memory(f.fd));
        assert_int_equal(fstat(f.fd, &st), 0); /* of what is mapped, reading makes pages */
        assert_true((uint64_t)st.st_blocks * 512 < f.bytes.size / 4 * 3); /* holes stayed holes */
        has_blocks(&f);
        int of_tree = os_temporary_file("tests");
        if (!cases[i].in_memory && of_tree >= 0)
            assert_int_equal(lies_in_memory(f.fd), lies_in_memory(of_tree));
        if (of_tree >= 0)
            close(of_tree);
        file_close(&f);
        spool_deinit(&s);
    }
    unsetenv(os_temporary_variable());
}

/* The thread that writes fails, and whoever adds is told, or whoever finishes. */
static void tells_when_there_is_no_room(void **state) {
    (void)state;
    setenv(os_temporary_variable(), "there/is/no/such", 1);
    struct spool s;
    struct file f;
    struct err err = {.code = ERR_NONE, .msg = ""};
    spool_init(&s);
    s.memory_most = 80 * MIB;
    assert_false(add_blocks(&s, 120 * MIB, &err) && spool_finish(&s, &f, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "there/is/no/such"));
    unsetenv(os_temporary_variable());
    spool_clear(&s); /* begins anew */
    assert_true(add_blocks(&s, 20 * MIB, &err) && spool_finish(&s, &f, &err));
    has_blocks(&f);
    file_close(&f);
    spool_deinit(&s);
}

/* What was free in memory is taken by another. Root alone can make a memory so small; 77: not here.
 */
static int fills_up_in_between(void) {
    struct spool s;
    struct file f;
    struct err err;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/dev/shm", "tmpfs", 0, "size=100m") != 0)
        return 77;
    spool_init(&s);
    if (!add_blocks(&s, 17 * MIB, &err) || !s.begun || !lies_in_memory(s.fd))
        return 1;
    int other = open("/dev/shm/other", O_CREAT | O_WRONLY, 0600);
    if (other < 0 || posix_fallocate(other, 0, 84 << 20) != 0)
        return 2;
    struct bytes more = make_block(1);
    for (unsigned i = 0; i < 40; i++)
        if (!spool_add(&s, more, &err))
            return 3;
    uint64_t size = spool_size(&s);
    if (!spool_finish(&s, &f, &err) || f.bytes.size != size || lies_in_memory(f.fd))
        return 4;
    if (memcmp(f.bytes.data + size - more.size, more.data, more.size) != 0)
        return 5;
    return 0;
}

static void leaves_memory_that_others_fill(void **state) {
    (void)state;
    int status;
    setenv(os_temporary_variable(), "tests", 1);
    pid_t child = fork();
    if (child == 0)
        _exit(fills_up_in_between());
    unsetenv(os_temporary_variable());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void forgets_what_was_added(void **state) {
    (void)state;
    struct spool s;
    struct file f;
    struct err err;
    spool_init(&s);
    assert_true(add_blocks(&s, 50 * MIB, &err));
    spool_clear(&s);
    assert_int_equal(spool_size(&s), 0);
    assert_true(spool_add(&s, (struct bytes){(const uint8_t *)"again", 5}, &err));
    assert_true(spool_finish(&s, &f, &err));
    assert_int_equal(f.bytes.size, 5);
    assert_memory_equal(f.bytes.data, "again", 5);
    file_close(&f);
    assert_true(add_blocks(&s, 50 * MIB, &err));
    spool_deinit(&s); /* with a thread that may still write */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_all_whatever_the_size),
        cmocka_unit_test(leaves_memory_when_it_has_its_share),
        cmocka_unit_test(tells_when_there_is_no_room),
        cmocka_unit_test(leaves_memory_that_others_fill),
        cmocka_unit_test(forgets_what_was_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
