/* Names of functions, read out of this very program. */
#include "base/file.h"
#include "memory/elf/elf.h"
#include "memory/stacks/native_stacks.h"

#include <dlfcn.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* As compilers would call them. */
__attribute__((noinline)) int turn_the_press(int n);
__attribute__((noinline)) int cpp_function(int n) __asm__("_ZN3ink5pressEi");
__attribute__((noinline)) int cpp_clone(int n) __asm__("_ZN3ink4dropEv.part.0");
__attribute__((noinline)) int rust_function(int n) __asm__("_ZN3ink3run17h0123456789abcdefE");
int turn_the_press(int n) {
    return n * 3 + (int)getpid();
}
int cpp_function(int n) {
    return n * 5 + (int)getpid();
}
int cpp_clone(int n) {
    return n * 7 + (int)getpid();
}
int rust_function(int n) {
    return n * 11 + (int)getpid();
}

struct fixture {
    char path[PATH_MAX], folder[PATH_MAX], build_id[ELF_BUILD_ID_HEX];
    uint64_t base;
    struct symbolizer z;
    struct err err;
};

static int symbolize_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    ssize_t n = readlink("/proc/self/exe", f->path, sizeof(f->path) - 1);
    Dl_info info;
    struct file file;
    if (n < 0 || !dladdr((void *)(uintptr_t)turn_the_press, &info) ||
        !file_open(&file, f->path, NULL) || !elf_file_build_id(file.bytes, f->build_id))
        return -1;
    file_close(&file);
    memcpy(f->folder, f->path, (size_t)(strrchr(f->path, '/') - f->path));
    f->base = (uint64_t)(uintptr_t)info.dli_fbase;
    *state = f;
    return 0;
}

static int symbolize_teardown(void **state) {
    struct fixture *f = *state;
    symbolizer_deinit(&f->z);
    free(f);
    return 0;
}

static const struct symbol_module *module(struct fixture *f, const char *path, const char *id) {
    const struct symbol_module *m = NULL;
    assert_true(symbolizer_module(&f->z, str_of(path), str_of(id), &m, &f->err));
    return m;
}

static void assert_named(const struct fixture *f, const struct symbol_module *m,
                         int (*function)(int), const char *name) {
    struct str found = symbol_module_function(m, (uint64_t)(uintptr_t)function - f->base + 1);
    char text[256];
    snprintf(text, sizeof(text), "%.*s", (int)found.len, found.ptr ? found.ptr : "");
    assert_string_equal(text, name);
}

static void names_functions_as_people_write_them(void **state) {
    struct fixture *f = *state;
    symbolizer_init(&f->z, f->folder, NULL);
    const struct symbol_module *m = module(f, f->path, f->build_id);
    assert_non_null(m);
    assert_named(f, m, turn_the_press, "turn_the_press");
    void *library = dlopen("libstdc++.so.6", RTLD_LAZY);
    assert_named(f, m, cpp_function, library ? "ink::press(int)" : "_ZN3ink5pressEi");
    assert_named(f, m, cpp_clone, library ? "ink::drop()" : "_ZN3ink4dropEv");
    assert_named(f, m, rust_function, library ? "ink::run" : "_ZN3ink3run17h0123456789abcdefE");
    assert_int_equal(symbol_module_function(m, 1).len, 0);
    assert_int_equal(symbol_module_function(m, UINT64_MAX).len, 0);
    assert_int_equal(f->z.found, 1);
    if (library)
        dlclose(library);
}

static void places_bytes_of_the_file(void **state) {
    struct fixture *f = *state;
    symbolizer_init(&f->z, f->folder, NULL);
    const struct symbol_module *m = module(f, f->path, f->build_id);
    assert_non_null(m);
    uint64_t vaddr;
    assert_true(symbol_module_vaddr(m, 0, &vaddr));
    assert_int_equal(vaddr, 0); /* a position-independent program */
    assert_false(symbol_module_vaddr(m, UINT64_MAX, &vaddr));
}

static void finds_files_below_the_sysroot_by_their_path(void **state) {
    struct fixture *f = *state;
    symbolizer_init(&f->z, NULL, "/");
    assert_non_null(module(f, f->path, ""));
    assert_null(module(f, strrchr(f->path, '/') + 1, ""));
    assert_null(module(f, "/usr/../bin/sh", ""));
}

static void opens_nothing_unless_told_where(void **state) {
    struct fixture *f = *state;
    symbolizer_init(&f->z, NULL, NULL);
    assert_null(module(f, f->path, f->build_id));
    assert_int_equal(f->z.other_builds, 0);
}

static void passes_over_a_file_of_another_build(void **state) {
    struct fixture *f = *state;
    symbolizer_init(&f->z, f->folder, NULL);
    assert_null(module(f, f->path, "00112233445566778899"));
    assert_int_equal(f->z.other_builds, 1);
    assert_non_null(module(f, f->path, f->build_id));
    assert_int_equal(f->z.count, 2);
}

static void takes_no_name_that_leads_elsewhere(void **state) {
    struct fixture *f = *state;
    symbolizer_init(&f->z, f->folder, NULL);
    static const char *const names[] = {"", ".", "..", "/", "/..", "[vdso]", "//anon"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_null(module(f, names[i], ""));
    assert_null(module(f, "x", "../../.."));
}

/* elfutils may make of them what it likes: it does so in another process. */
static void survives_files_that_are_cut(void **state) {
    struct fixture *f = *state;
    char folder[] = "/tmp/test_symbolize.XXXXXX", path[64];
    struct file file;
    assert_non_null(mkdtemp(folder));
    assert_true(file_open(&file, f->path, &f->err));
    symbolizer_init(&f->z, folder, NULL);
    for (unsigned i = 0; i < 24; i++) {
        snprintf(path, sizeof(path), "%s/cut%u", folder, i);
        FILE *out = fopen(path, "wb");
        size_t size = i < 12 ? 40 + i * 40 : file.bytes.size / 24 * i;
        assert_int_equal(fwrite(file.bytes.data, 1, size, out), size);
        fclose(out);
        const struct symbol_module *m = module(f, path, "");
        assert_true(!m || i > 1);
        unlink(path);
    }
    file_close(&file);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_functions_as_people_write_them, symbolize_setup,
                                        symbolize_teardown),
        cmocka_unit_test_setup_teardown(places_bytes_of_the_file, symbolize_setup,
                                        symbolize_teardown),
        cmocka_unit_test_setup_teardown(finds_files_below_the_sysroot_by_their_path,
                                        symbolize_setup, symbolize_teardown),
        cmocka_unit_test_setup_teardown(opens_nothing_unless_told_where, symbolize_setup,
                                        symbolize_teardown),
        cmocka_unit_test_setup_teardown(passes_over_a_file_of_another_build, symbolize_setup,
                                        symbolize_teardown),
        cmocka_unit_test_setup_teardown(takes_no_name_that_leads_elsewhere, symbolize_setup,
                                        symbolize_teardown),
        cmocka_unit_test_setup_teardown(survives_files_that_are_cut, symbolize_setup,
                                        symbolize_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
