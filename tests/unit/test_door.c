/* The door for paths that a dump names: what is behind it, and what never comes through. */
#include "base/door.h"
#include "base/os/posix/door_impl.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char top[64], root[96];

static const char *in(const char *folder, const char *name) {
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void put(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void make_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

/* top/secret is outside, top/root/... inside. */
static int make_tree(void **state) {
    (void)state;
    snprintf(top, sizeof(top), "/tmp/dumpdiff-door.XXXXXX");
    if (!mkdtemp(top))
        return -1;
    snprintf(root, sizeof(root), "%s/root", top);
    assert_int_equal(mkdir(root, 0700), 0);
    assert_int_equal(mkdir(in(root, "lib"), 0700), 0);
    put(in(top, "secret"), "secret");
    put(in(root, "lib/a.so"), "inside");
    put(in(root, "secret"), "of the root");
    put(in(root, "-"), "dash");
    put(in(root, "empty"), "");
    assert_int_equal(mkfifo(in(root, "fifo"), 0600), 0);
    make_socket(in(root, "socket"));
    assert_int_equal(symlink("lib/a.so", in(root, "link")), 0);
    assert_int_equal(symlink("/lib/a.so", in(root, "absolute")), 0);
    assert_int_equal(symlink("../../../../secret", in(root, "lib/up")), 0);
    assert_int_equal(symlink("fifo", in(root, "to-fifo")), 0);
    assert_int_equal(symlink("loop", in(root, "loop")), 0);
    assert_int_equal(symlink(in(top, "secret"), in(root, "out")), 0);
    return 0;
}

static int drop_tree(void **state) {
    (void)state;
    static const char *const names[] = {"lib/a.so", "secret", "-",    "empty",
                                        "fifo",     "socket", "link", "lib/up",
                                        "to-fifo",  "loop",   "out",  "absolute"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(in(root, names[i]));
    unlink(in(top, "secret"));
    rmdir(in(root, "lib"));
    rmdir(root);
    return rmdir(top);
}

/* What the file at path says; NULL: the door is closed. */
static const char *door_says(const char *folder, enum door_links links, const char *path) {
    static char text[64];
    struct file file;
    if (!door_open(folder, links, path, &file))
        return NULL;
    snprintf(text, sizeof(text), "%.*s", (int)file.bytes.size, (const char *)file.bytes.data);
    file_close(&file);
    return text;
}

static void door_opens_files_below_its_folder(void **state) {
    (void)state;
    assert_string_equal(door_says(root, DOOR_INSIDE, "/lib/a.so"), "inside");
    assert_string_equal(door_says(root, DOOR_INSIDE, "lib//./a.so"), "inside");
    assert_string_equal(door_says(root, DOOR_INSIDE, "link"), "inside");
    assert_string_equal(door_says(root, DOOR_OUTSIDE, "lib/a.so"), "inside");
    assert_string_equal(door_says(NULL, DOOR_INSIDE, in(root, "lib/a.so")), "inside");
}

static void door_keeps_a_root_closed(void **state) {
    (void)state;
    assert_string_equal(door_says(root, DOOR_INSIDE, "absolute"), "inside");
    assert_string_equal(door_says(root, DOOR_INSIDE, "lib/up"), "of the root");
    assert_string_equal(door_says(root, DOOR_INSIDE, "../secret"), "of the root");
    assert_null(door_says(root, DOOR_INSIDE, "out"));
}

static void door_lets_links_of_the_user_lead_out_but_no_path(void **state) {
    (void)state;
    assert_string_equal(door_says(root, DOOR_OUTSIDE, "out"), "secret");
    assert_null(door_says(root, DOOR_OUTSIDE, "../secret"));
    assert_null(door_says(root, DOOR_OUTSIDE, "lib/../../secret"));
    assert_null(door_says(root, DOOR_OUTSIDE, ".."));
}

static void door_never_opens_what_is_no_file(void **state) {
    (void)state;
    static const char *const closed[] = {"fifo", "to-fifo", "socket", "empty", "lib",
                                         "",     "/",       "none",   "loop"};
    for (size_t i = 0; i < sizeof(closed) / sizeof(*closed); i++) {
        assert_null(door_says(root, DOOR_INSIDE, closed[i]));
        assert_null(door_says(root, DOOR_OUTSIDE, closed[i]));
    }
    assert_null(door_says(NULL, DOOR_INSIDE, "/dev/zero"));
    assert_null(door_says("/dev", DOOR_OUTSIDE, "zero"));
}

static void door_never_opens_files_of_the_kernel(void **state) {
    (void)state;
    static const char *const closed[] = {"/proc/self/maps", "/proc/version", "/proc/kcore",
                                         "/proc/self/exe", "/sys/kernel/notes"};
    for (size_t i = 0; i < sizeof(closed) / sizeof(*closed); i++)
        assert_null(door_says(NULL, DOOR_INSIDE, closed[i]));
    char path[64];
    int fd = open(in(top, "secret"), O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    assert_null(door_says(NULL, DOOR_INSIDE, path));
    assert_null(door_says(NULL, DOOR_OUTSIDE, path));
    close(fd);
}

static void door_takes_a_dash_for_a_name(void **state) {
    (void)state;
    assert_null(door_says(NULL, DOOR_INSIDE, "-"));
    assert_string_equal(door_says(root, DOOR_INSIDE, "-"), "dash");
}

/* Are door_walk's file and the one at top + name the same? */
static bool walks_to(const char *path, const char *name) {
    struct stat a, b;
    int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = door_walk(folder, path);
    bool same = fd >= 0 && fstat(fd, &a) == 0 && stat(in(top, name), &b) == 0 &&
                a.st_ino == b.st_ino && a.st_dev == b.st_dev;
    if (fd >= 0)
        close(fd);
    close(folder);
    return same;
}

static void door_of_older_kernels_keeps_a_root_closed_too(void **state) {
    (void)state;
    assert_true(walks_to("lib/a.so", "root/lib/a.so"));
    assert_true(walks_to("/lib/./../lib//a.so", "root/lib/a.so"));
    assert_true(walks_to("link", "root/lib/a.so"));
    assert_true(walks_to("absolute", "root/lib/a.so"));
    assert_true(walks_to("lib/up", "root/secret"));
    assert_true(walks_to("../../secret", "root/secret"));
    assert_false(walks_to("out", "secret"));
    assert_false(walks_to("loop", "root/loop"));
    assert_false(walks_to("lib/none", "secret"));
    char deep[4096] = "";
    for (size_t i = 0; i < 70; i++)
        strncat(deep, "lib/../lib/", sizeof(deep) - strlen(deep) - 1);
    assert_false(walks_to(deep, "root/lib"));
}

static void door_of_older_kernels_follows_no_magic_link(void **state) {
    (void)state;
    int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(door_walk(folder, "/proc/self/root/etc"), -1);
    assert_int_equal(door_walk(folder, "/proc/self/exe"), -1);
    close(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(door_opens_files_below_its_folder),
        cmocka_unit_test(door_keeps_a_root_closed),
        cmocka_unit_test(door_lets_links_of_the_user_lead_out_but_no_path),
        cmocka_unit_test(door_never_opens_what_is_no_file),
        cmocka_unit_test(door_never_opens_files_of_the_kernel),
        cmocka_unit_test(door_takes_a_dash_for_a_name),
        cmocka_unit_test(door_of_older_kernels_keeps_a_root_closed_too),
        cmocka_unit_test(door_of_older_kernels_follows_no_magic_link),
    };
    return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
