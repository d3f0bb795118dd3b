/* Structs of the library that mean one thing, as they are written. */
#include "dotnet/value_shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY UINT64_C(864000000000)
#define UTC (UINT64_C(1) << 62)

static void values_are_written_as_their_runtime_prints_them(void **state) {
    (void)state;
    static const struct {
        enum value_shape shape;
        uint64_t low, high;
        const char *text;
    } cases[] = {
        {SHAPE_GUID, 0x6e7f4c5d6f1d2a3b, 0xf7e6d5c4b3a29180,
         "6f1d2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7"},
        {SHAPE_GUID, 0, 0, "00000000-0000-0000-0000-000000000000"},
        {SHAPE_DATE, 0, 0, "0001-01-01T00:00:00"},
        {SHAPE_DATE, UTC | 730119 * DAY, 0, "2000-01-01T00:00:00Z"},
        {SHAPE_DATE, 738944 * DAY + 1, 0, "2024-02-29T00:00:00.0000001"},
        {SHAPE_DATE, 3 << 20 | UINT64_C(2) << 62, 0, "0001-01-01T00:00:00.3145728 (local)"},
        {SHAPE_DATE, 3652059 * DAY - 1, 0, "9999-12-31T23:59:59.9999999"},
        {SHAPE_DAY, 738944, 0, "2024-02-29"},
        {SHAPE_DAY, 693595, 0, "1900-01-01"},
        {SHAPE_SPAN, 0, 0, "00:00:00"},
        {SHAPE_SPAN, (uint64_t)-900000000, 0, "-00:01:30"},
        {SHAPE_SPAN, 3 * DAY + 5, 0, "3.00:00:00.0000005"},
        {SHAPE_SPAN, UINT64_C(1) << 63, 0, "-10675199.02:48:05.4775808"},
        {SHAPE_DECIMAL, 0, 0, "0"},
        {SHAPE_DECIMAL, 0x20000, 1990, "19.90"},
        {SHAPE_DECIMAL, 0x10000, 5, "0.5"},
        {SHAPE_DECIMAL, 0x80000000 | UINT64_C(0xffffffff) << 32, UINT64_MAX,
         "-79228162514264337593543950335"},
        {SHAPE_DECIMAL, 0x1c0000, 1, "0.0000000000000000000000000001"},
        /* What no runtime makes is written all the same, and ends. */
        {SHAPE_DECIMAL, 0xff0000, 7, NULL},
        {SHAPE_DATE, UINT64_MAX, UINT64_MAX, NULL},
        {SHAPE_DAY, UINT32_MAX, 0, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf text;
        strbuf_init(&text);
        value_shape_write(cases[i].shape, cases[i].low, cases[i].high, &text);
        assert_false(strbuf_failed(&text));
        assert_true(text.len > 0);
        if (cases[i].text)
            assert_string_equal(strbuf_cstr(&text), cases[i].text);
        strbuf_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_as_their_runtime_prints_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
