/* Allocation stacks for the tools that people have: collapsed stacks, and profiles of pprof. */
#include "made.h"

#include "base/proto.h"
#include "diff/report/report.h"
#include "model/stacks.h"
#include "model/rows_stacks.h"

#include <zlib.h>

static void stack_formats_add(struct made *m, uint32_t i, const char *frames, uint64_t count,
                              uint64_t bytes) {
    struct stack_row *row = made_row(m, i, PART_STACKS);
    *row = STACK_ROW;
    made_frames(m, i, &row->frames, frames);
    row->count = count;
    row->bytes = bytes;
}

/* Of two dumps: one stack grows, one shrinks, one is new. */
static void stack_formats_make(struct made *m) {
    made_init(m, 2);
    stack_formats_add(m, 0, "malloc|ink!fill|ink!main", 10, 1000);
    stack_formats_add(m, 1, "malloc|ink!fill|ink!main", 30, 3000);
    stack_formats_add(m, 0, "ink+0x1f40|ink!main", 5, 500);
    stack_formats_add(m, 1, "ink+0x1f40|ink!main", 1, 100);
    stack_formats_add(m, 1, "a;b|0x7f0012345678", 2, 64);
    made_series(m);
}

static void report_of(struct made *m, const char *format, struct strbuf *out) {
    static const char *const names[] = {"base", "new"};
    const struct report_options o = {.names = names};
    const struct report *report = report_find(format);
    strbuf_init(out);
    assert_non_null(report);
    assert_true(report->diff(&m->series, &m->findings, &o, out, &m->err));
}

static void folded_stacks_have_the_outermost_frame_first_and_both_figures(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    stack_formats_make(&m);
    report_of(&m, "folded", &out);
    assert_string_equal(strbuf_cstr(&out), "ink!main;ink!fill;malloc 1000 3000\n"
                                           "ink!main;ink+0x1f40 500 100\n"
                                           "0x7f0012345678;a:b 0 64\n");
    strbuf_deinit(&out);
    made_deinit(&m);
}

struct decoded {
    uint8_t data[4096];
    size_t size;
    struct bytes strings[64];
    uint32_t string_count;
    uint64_t types[8];
    uint32_t type_count;
    int64_t values[8][8];
    uint32_t value_counts[8], depths[8], sample_count;
    uint64_t default_type, time;
    uint32_t locations, functions, mappings;
};

static void inflate_all(struct decoded *d, const struct strbuf *file) {
    z_stream z = {.next_in = (Bytef *)file->ptr, .avail_in = (uInt)file->len};
    z.next_out = d->data;
    z.avail_out = sizeof(d->data);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    d->size = z.total_out;
    inflateEnd(&z);
}

static void decode_sample(struct decoded *d, struct bytes message) {
    struct reader r, packed;
    struct proto_field f;
    uint32_t at = d->sample_count++;
    reader_init(&r, message, 0);
    while (proto_next(&r, &f)) {
        reader_init(&packed, f.bytes, 0);
        while (f.wire == PROTO_BYTES && f.number <= 2 && reader_left(&packed)) {
            uint64_t value = reader_varint(&packed);
            if (f.number == 2)
                d->values[at][d->value_counts[at]++] = (int64_t)value;
            else
                d->depths[at]++;
        }
    }
    assert_false(r.failed);
}

static void stack_formats_decode(struct decoded *d, const struct strbuf *file) {
    struct reader r, type;
    struct proto_field f, t;
    memset(d, 0, sizeof(*d));
    inflate_all(d, file);
    reader_init(&r, (struct bytes){d->data, d->size}, 0);
    while (proto_next(&r, &f)) {
        if (f.number == 1) {
            reader_init(&type, f.bytes, 0);
            assert_true(proto_next(&type, &t));
            d->types[d->type_count++] = t.value;
        } else if (f.number == 2) {
            decode_sample(d, f.bytes);
        } else if (f.number == 6) {
            d->strings[d->string_count++] = f.bytes;
        } else if (f.number == 9) {
            d->time = f.value;
        } else if (f.number == 14) {
            d->default_type = f.value;
        }
        d->mappings += f.number == 3;
        d->locations += f.number == 4;
        d->functions += f.number == 5;
    }
    assert_false(r.failed);
}

static bool is_string(const struct decoded *d, uint64_t number, const char *text) {
    return number < d->string_count && d->strings[number].size == strlen(text) &&
           memcmp(d->strings[number].data, text, strlen(text)) == 0;
}

static void profiles_of_a_diff_have_delta_base_and_new(void **state) {
    (void)state;
    static const char *const types[] = {"delta_objects", "delta_space", "base_objects",
                                        "base_space",    "new_objects", "new_space"};
    static const int64_t values[3][6] = {
        {20, 2000, 10, 1000, 30, 3000}, {-4, -400, 5, 500, 1, 100}, {2, 64, 0, 0, 2, 64}};
    static const uint32_t depths[] = {3, 2, 2};
    struct made m;
    struct strbuf out, again;
    struct decoded d;
    stack_formats_make(&m);
    report_of(&m, "pprof", &out);
    report_of(&m, "pprof", &again);
    assert_true(str_eq(strbuf_str(&out), strbuf_str(&again))); /* no clock in it */
    stack_formats_decode(&d, &out);
    assert_int_equal(d.strings[0].size, 0);
    assert_int_equal(d.type_count, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_true(is_string(&d, d.types[i], types[i]));
    assert_true(is_string(&d, d.default_type, "delta_space"));
    assert_int_equal(d.sample_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(d.value_counts[i], 6);
        assert_int_equal(d.depths[i], depths[i]);
        for (uint32_t k = 0; k < 6; k++)
            assert_int_equal(d.values[i][k], values[i][k]);
    }
    /* malloc, fill, main, a;b have names, ink+0x1f40 and 0x7f... only addresses; one module. */
    assert_int_equal(d.locations, 6);
    assert_int_equal(d.functions, 4);
    assert_int_equal(d.mappings, 1);
    strbuf_deinit(&out);
    strbuf_deinit(&again);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folded_stacks_have_the_outermost_frame_first_and_both_figures),
        cmocka_unit_test(profiles_of_a_diff_have_delta_base_and_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
