/* What reports say of the run that made them. */
#include "made.h"

#include "diff/report/doc.h"
#include "diff/report/report.h"

#include <string.h>

static const char *const names[] = {"a.txt", "b.txt"};

static void render(const struct made *m, const char *format, const struct report_options *o,
                   struct strbuf *out) {
    const struct report *r = report_find(format);
    struct err err = {.code = ERR_NONE};
    strbuf_init(out);
    assert_non_null(r);
    if (!(m->count > 1 ? r->diff : r->show)(&m->series, &m->findings, o, out, &err))
        fail_msg("%s: %s", format, err.msg);
}

static void what_the_sandbox_lacks_is_a_note(void **state) {
    static const char *const formats[] = {"text", "json", "html", "markdown"};
    (void)state;
    for (uint32_t count = 1; count <= 2; count++) {
        struct made m;
        made_init(&m, count);
        made_rules(&m);
        for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
            struct report_options o = {.names = names};
            struct strbuf out;
            render(&m, formats[i], &o, &out);
            assert_null(strstr(out.ptr, "no Landlock"));
            strbuf_deinit(&out);
            o.unfenced = "this kernel has no Landlock";
            render(&m, formats[i], &o, &out);
            assert_non_null(strstr(out.ptr, "this kernel has no Landlock"));
            strbuf_deinit(&out);
        }
        made_deinit(&m);
    }
}

static void a_table_of_dashes_keeps_a_column(void **state) {
    (void)state;
    static const struct doc_column columns[] = {{"name", false, CUT_END},
                                                {"size", true, CUT_NEVER}};
    struct doc d;
    doc_init(&d);
    struct doc_table *t = doc_table(&d, columns, 2);
    doc_row(&d, t, DOC_PLAIN);
    doc_cell(&d, t, DOC_PLAIN, "");
    doc_cell(&d, t, DOC_PLAIN, "-");
    doc_prune(t);
    assert_int_equal(t->column_count, 1);
    assert_string_equal(t->columns[0].title, "name");
    doc_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_sandbox_lacks_is_a_note),
        cmocka_unit_test(a_table_of_dashes_keeps_a_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
