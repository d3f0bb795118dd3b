/* The door out: what leaves the program. */
#include "cmd/put_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_text_that_failed_stays_failed(void **state) {
    struct err err = {.code = ERR_NONE};
    struct strbuf b;
    (void)state;
    strbuf_init(&b);
    strbuf_adds(&b, "::error::x\n");
    err_set(&err, ERR_FORMAT, "why");
    strbuf_fail(&b, &err);
    assert_false(put_out("/nowhere/at/all", &b, FIT_TEXT, &err));
    assert_string_equal(err.msg, "why");
    strbuf_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_failed_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
