/* Libraries that are loaded when they are needed. */
#include "base/late.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define C_LIBRARY "libc.so.6"

struct c_library {
    size_t (*length)(const char *text);
    late_address *none;
};

static const struct late_function functions[] = {
    {"strlen", offsetof(struct c_library, length), (late_address *)strlen},
    {"of_no_library", offsetof(struct c_library, none), NULL},
};

static void functions_of_a_library_are_found(void **state) {
    (void)state;
    struct c_library c = {0};
    struct err err;
    void *library = late_load(C_LIBRARY, "milling", functions, 1, &c, &err);
    assert_non_null(library);
    assert_int_equal(c.length("quern"), 5);
    late_unload(library);
    late_unload(NULL);
}

static void what_is_not_there_is_said_by_name(void **state) {
    (void)state;
    struct c_library c = {0};
    struct err err;
    assert_null(late_load("libquern.so.0", "milling", functions, 1, &c, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "milling needs libquern.so.0: "));
    assert_null(late_load(C_LIBRARY, "milling", functions, 2, &c, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_string_equal(err.msg, C_LIBRARY " lacks of_no_library");
    assert_null(late_load(C_LIBRARY, "milling", functions, 2, &c, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_a_library_are_found),
        cmocka_unit_test(what_is_not_there_is_said_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
