/* The page that says what is proved on what is true of the dumps that are part of the project. */
#include "tests/support/platform_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool dump_of_ours(char path[PLATFORM_PATH_MAX], const char *dump) {
    snprintf(path, PLATFORM_PATH_MAX, "%s", dump);
    return strncmp(dump, "tests/", 6) == 0;
}

static void the_page_of_platforms_is_true_of_our_dumps(void **state) {
    (void)state;
    assert_int_equal(platform_page_agrees(dump_of_ours), 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_of_platforms_is_true_of_our_dumps),
    };
    return cmocka_run_group_tests_name("platform page", tests, NULL, NULL);
}
