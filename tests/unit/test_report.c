/* Reports on made-up snapshots, one of which has every field of every part filled. */
#include "made.h"

#include "diff/report/fmt.h"
#include "diff/report/report.h"
#include "diff/report/view.h"
#include "input/input.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <cJSON.h>
#include <stdio.h>
#include <sys/wait.h>

static const char *const names[] = {"a.txt", "b.txt", "c.txt", "d.txt"};

static struct report_options options(void) {
    return (struct report_options){.names = names};
}

static void report_report(const struct made *m, const char *format, const struct report_options *o,
                          struct strbuf *out) {
    const struct report *r = report_find(format);
    struct err err = {.code = ERR_NONE};
    strbuf_init(out);
    assert_non_null(r);
    bool ok = (m->count > 1 ? r->diff : r->show)(&m->series, &m->findings, o, out, &err);
    if (!ok)
        fail_msg("%s: %s", format, err.msg);
}

/* -- A snapshot with everything in it ---------------------------------------------------------- */

static void fill_field(struct made *m, uint32_t i, const struct field *field, void *row,
                       uint64_t seed) {
    void *at = (unsigned char *)row + field->offset;
    uint64_t *number = at;
    char text[64];
    snprintf(text, sizeof(text), "%s <\"%u\">", field->name, (unsigned)seed);
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        *(const char **)at = made_text(m, i, text);
        break;
    case FIELD_STRS:
        made_frames(m, i, at, "A.B.Wait()|A.Main(System.String[])");
        break;
    case FIELD_BOOL:
        *number = seed % 2;
        break;
    case FIELD_CELLS:
        for (uint64_t g = 0; g < GEN_COUNT; g++)
            ((struct cell *)at)[g] = (struct cell){seed + g, seed * 100};
        break;
    case FIELD_GENS:
        for (uint64_t g = 0; g < GEN_COUNT; g++)
            number[g] = seed + g;
        break;
    case FIELD_U64:
    case FIELD_BYTES:
    case FIELD_NS:
    case FIELD_TIME:
    case FIELD_HEX:
        *number = seed;
        break;
    }
}

static void fill_part(struct made *m, uint32_t i, enum part part, uint64_t seed) {
    const struct part_desc *desc = &part_descs[part];
    for (uint64_t r = 0; r < (desc->single ? 1 : 3); r++) {
        unsigned char *row = made_row(m, i, part);
        for (uint32_t f = 0; f < desc->field_count; f++)
            fill_field(m, i, &desc->fields[f], row, seed + r);
        if (part == PART_PATHS)
            ((struct path_row *)(void *)row)->parent = r ? r - 1 : ABSENT;
        if (part == PART_MEMORY_MAP)
            ((struct memory_row *)(void *)row)->by = r;
    }
}

static void report_fill(struct made *m, uint32_t i, uint64_t seed) {
    for (int part = PART_TYPES; part < PART_END; part++)
        fill_part(m, i, (enum part)part, seed);
    builder_warn(m->builders[i], 7, "rows were left out");
    builder_note(m->builders[i], "taken by hand");
    struct origin_row *origin = made_origin(m, i);
    fill_field(m, i, &part_descs[PART_ORIGIN].fields[0], origin, 1);
    origin->captured_at_ns = seed * 1000000000;
    origin->gc_mode = made_text(m, i, "server");
}

static void made_full(struct made *m, uint32_t count) {
    made_init(m, count);
    for (uint32_t i = 0; i < count; i++)
        report_fill(m, i, 5 + i);
    made_rules(m);
}

/* Runs the validator on the text; the test is skipped, aloud, where there is none. */
static void report_validate(const struct strbuf *json, const char *schema) {
    char command[256];
    snprintf(command, sizeof(command), "python3 tests/support/json_schema.py %s", schema);
    fflush(stdout);
    FILE *pipe = popen(command, "w");
    assert_non_null(pipe);
    fwrite(json->ptr, 1, json->len, pipe);
    int status = pclose(pipe);
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127))
        skip();
    assert_int_equal(status, 0);
}

static void json_of_a_full_snapshot_fits_its_schema(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_full(&m, 1);
    o.top = 2;
    report_report(&m, "json", &o, &out);
    made_deinit(&m);
    report_validate(&out, "schema/snapshot.schema.json");
    strbuf_deinit(&out);
}

static void json_of_an_empty_snapshot_fits_its_schema(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_init(&m, 1);
    made_rules(&m);
    report_report(&m, "json", &o, &out);
    assert_non_null(strstr(out.ptr, "\"types\": null"));
    assert_non_null(strstr(out.ptr, "\"locks\": null"));
    made_deinit(&m);
    report_validate(&out, "schema/snapshot.schema.json");
    strbuf_deinit(&out);
}

static void json_of_a_full_series_fits_its_schema(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_full(&m, 3);
    report_report(&m, "json", &o, &out);
    made_deinit(&m);
    report_validate(&out, "schema/diff.schema.json");
    strbuf_deinit(&out);
}

static void json_of_an_empty_series_fits_its_schema(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_init(&m, 2);
    made_rules(&m);
    report_report(&m, "json", &o, &out);
    made_deinit(&m);
    report_validate(&out, "schema/diff.schema.json");
    strbuf_deinit(&out);
}

/* What is read from both demos, by itself and compared. */
static void json_of_real_dumps_fits_the_schemas(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"demo/before", "demo/after"},
        {"demo/dumps/before.core.zst", "demo/dumps/after.core.zst"},
    };
    static const struct input_options input = {.label = NULL};
    for (size_t p = 0; p < 2; p++)
        for (uint32_t count = 1; count <= 2; count++) {
            const struct snapshot *all[2];
            struct report_options o = options();
            struct made m = {.count = count};
            struct strbuf out;
            series_options_init(&m.options);
            limits_init(&m.limits);
            for (uint32_t i = 0; i < count; i++) {
                snapshot_init(&m.snapshots[i]);
                if (!input_read(pairs[p][i], &input, &m.snapshots[i], &m.err))
                    fail_msg("%s", m.err.msg);
                all[i] = &m.snapshots[i];
            }
            assert_true(series_init(&m.series, all, count, &m.options, &m.err));
            m.compared = true;
            made_rules(&m);
            report_report(&m, "json", &o, &out);
            made_deinit(&m);
            report_validate(&out,
                            count == 1 ? "schema/snapshot.schema.json" : "schema/diff.schema.json");
            strbuf_deinit(&out);
        }
}

static void every_format_takes_full_and_empty_series(void **state) {
    (void)state;
    for (size_t r = 0; reports[r]; r++)
        for (uint32_t count = 1; count <= 3; count++)
            for (int full = 0; full < 2; full++) {
                struct made m;
                struct strbuf out;
                struct report_options o = options();
                o.all = full;
                if (reports[r]->needs && !full)
                    continue; /* is never asked for what is not there */
                if (full) {
                    made_full(&m, count);
                } else {
                    made_init(&m, count);
                    made_rules(&m);
                }
                report_report(&m, reports[r]->name, &o, &out);
                assert_true(out.len > 0);
                if (!reports[r]->binary)
                    assert_int_equal(str_utf8_valid(strbuf_str(&out)), out.len);
                strbuf_deinit(&out);
                made_deinit(&m);
            }
}

/* -- Numbers and names ------------------------------------------------------------------------- */

static void json_keeps_numbers_that_a_double_cannot(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_init(&m, 1);
    made_type(&m, 0, "Exact", "", GEN_2, 1, UINT64_C(9007199254740992));
    made_type(&m, 0, "Beyond", "", GEN_2, 1, UINT64_C(9007199254740993));
    made_type(&m, 0, "Round", "", GEN_2, 1, UINT64_C(1000000000000000));
    made_rules(&m);
    report_report(&m, "json", &o, &out);
    assert_non_null(strstr(out.ptr, "\"bytes\":9007199254740992"));
    assert_non_null(strstr(out.ptr, "\"bytes\":\"9007199254740993\""));
    assert_non_null(strstr(out.ptr, "\"bytes\":1000000000000000"));
    strbuf_deinit(&out);
    made_deinit(&m);
}

static void names_survive_json(void **state) {
    (void)state;
    static const char hostile[] = "A\\B\"<script>&amp;|`x`,\xc3\xa4\xf0\x9f\x98\x80 = 1";
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_init(&m, 1);
    made_type(&m, 0, hostile, "m.dll", GEN_2, 1, 10);
    made_rules(&m);
    report_report(&m, "json", &o, &out);
    cJSON *root = cJSON_Parse(out.ptr);
    assert_non_null(root);
    const cJSON *type = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "types"), 0);
    assert_string_equal(cJSON_GetObjectItem(type, "name")->valuestring, hostile);
    cJSON_Delete(root);
    strbuf_deinit(&out);
    report_report(&m, "html", &o, &out);
    /* The only one is the report's own, at the end. */
    assert_non_null(strstr(out.ptr, "&lt;script&gt;"));
    assert_string_equal(strstr(strstr(out.ptr, "<script"), "</script"),
                        "</script>\n</body>\n</html>\n");
    strbuf_deinit(&out);
    report_report(&m, "markdown", &o, &out);
    assert_null(strstr(out.ptr, "<script"));
    assert_non_null(strstr(out.ptr, "\\|\\`x\\`"));
    strbuf_deinit(&out);
    made_deinit(&m);
}

/* Escaped, an @ is nine bytes: neither names of dumps nor of types make it longer than it promises.
 */
static void brief_is_four_kibibytes_at_most(void **state) {
    (void)state;
    static const char long_name[] =
        "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"
        "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
    static const char *const long_names[] = {long_name, long_name};
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++)
        for (uint64_t t = 0; t < 40; t++) {
            char name[192];
            snprintf(name, sizeof(name), "Ns.%s`%u", long_name, (unsigned)t);
            made_type(&m, i, name, "", GEN_2, 1000 * (i + 1) * (t + 1), 100000 * (i + 1) * (t + 1));
        }
    made_rules(&m);
    for (int causes = 0; causes < 2; causes++) {
        struct strbuf out;
        struct report_options o = options();
        struct causes found;
        struct limits limits;
        limits_init(&limits);
        assert_true(causes_find(&found, &m.series, &limits, &m.findings, &m.err));
        assert_true(found.count > 3);
        o.names = long_names;
        o.causes = causes ? &found : NULL;
        report_report(&m, "brief", &o, &out);
        assert_true(out.len > 1000 && out.len <= 4096);
        assert_non_null(strstr(out.ptr, "more]"));
        assert_non_null(strstr(out.ptr, "Trust: "));
        strbuf_deinit(&out);
        report_report(&m, "brief-json", &o, &out);
        assert_true(out.len > 1000 && out.len <= 4096);
        assert_null(strstr(out.ptr, "\"others\": 0,"));
        report_validate(&out, "schema/brief.schema.json");
        strbuf_deinit(&out);
        causes_deinit(&found);
    }
    made_deinit(&m);
}

/* -- Rows and totals --------------------------------------------------------------------------- */

#define TYPES 500

/* Types that grow, shrink, stay, come and go; and Free. */
static void made_many(struct made *m, uint32_t count) {
    made_init(m, count);
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t t = 0; t < TYPES; t++) {
            char name[32];
            snprintf(name, sizeof(name), "Ns.Type%03u", (unsigned)t);
            bool there = t % 7 != i % 7 || t % 3 == 0;
            uint64_t objects = 10 + (t % 5 == 0 ? 0 : t % 2 ? i * t : (count - i) * t);
            if (there)
                made_type(m, i, name, "", GEN_2, objects, objects * (24 + t % 9));
        }
        made_type(m, i, "Free", "", GEN_2, 100 + i, 5000000 * (i + 1));
    }
    made_rules(m);
}

static void report_check_sums(const struct made *m, const struct type_view *v) {
    int64_t objects = v->all.others_objects_delta, bytes = v->all.others_bytes_delta;
    for (uint32_t i = 0; i < v->count; i++) {
        objects += m->series.types[v->rows[i]].objects_delta;
        bytes += m->series.types[v->rows[i]].bytes_delta;
    }
    assert_true(objects == v->all.total_objects_delta);
    assert_true(bytes == v->all.total_bytes_delta);
    for (uint32_t k = 0; k < m->count; k++) {
        uint64_t sum = v->all.others[k].bytes;
        for (uint32_t i = 0; i < v->count; i++)
            sum += m->series.types[v->rows[i]].totals[k].bytes;
        assert_true(sum == v->all.total[k].bytes);
        assert_true(sum == snapshot_totals(&m->snapshots[k]).bytes);
    }
    assert_int_equal(v->count + v->other_types, m->series.type_count);
    assert_int_equal(v->unchanged + v->filtered + v->cut, v->other_types);
}

static void totals_equal_the_rows_shown_and_the_others(void **state) {
    (void)state;
    static const uint32_t tops[] = {1, 2, 20, 499, 500, TOP_ALL};
    static const char *const patterns[] = {NULL, "Type1", "nothing"};
    for (uint32_t count = 1; count <= 3; count++) {
        struct made m;
        made_many(&m, count);
        for (size_t t = 0; t < sizeof(tops) / sizeof(*tops); t++)
            for (size_t p = 0; p < 3; p++)
                for (int sort = SORT_BYTES_DELTA; sort <= SORT_LOH; sort++) {
                    struct report_options o = options();
                    struct type_view v;
                    o.focus = patterns[p];
                    o.ignore = p == 1 ? "Type11" : NULL;
                    o.sort = (enum report_sort)sort;
                    assert_true(type_view_init(&v, &m.series, &o, tops[t], false, &m.err));
                    report_check_sums(&m, &v);
                    type_view_deinit(&v);
                }
        made_deinit(&m);
    }
}

static void a_pattern_that_is_none_is_told_as_such_by_every_format(void **state) {
    (void)state;
    static const struct report_options wrong[] = {{.names = names, .focus = "("},
                                                  {.names = names, .ignore = "("}};
    for (uint32_t count = 1; count <= 2; count++) {
        struct made m;
        made_full(&m, count);
        for (size_t r = 0; reports[r]; r++)
            for (size_t w = 0; w < 2; w++) {
                struct err err = {.code = ERR_NONE};
                struct strbuf out;
                strbuf_init(&out);
                bool ok = (count > 1 ? reports[r]->diff : reports[r]->show)(&m.series, &m.findings,
                                                                            &wrong[w], &out, &err);
                if (ok || err.code != ERR_USAGE ||
                    !strstr(err.msg, "missing closing parenthesis") ||
                    !strstr(err.msg, w ? "--ignore" : "--focus"))
                    fail_msg("%s: %s", reports[r]->name, ok ? "no error" : err.msg);
                strbuf_deinit(&out);
            }
        made_deinit(&m);
    }
}

static void the_top_rows_are_those_of_the_whole_order(void **state) {
    (void)state;
    struct made m;
    struct report_options o = options();
    struct type_view all, top;
    made_many(&m, 2);
    assert_true(type_view_init(&all, &m.series, &o, TOP_ALL, false, &m.err));
    for (uint32_t n = 1; n < all.count; n += 13) {
        assert_true(type_view_init(&top, &m.series, &o, n, false, &m.err));
        assert_int_equal(top.count, n);
        assert_memory_equal(top.rows, all.rows, n * sizeof(*top.rows));
        type_view_deinit(&top);
    }
    assert_true(m.series.types[all.rows[all.count - 1]].is_free);
    type_view_deinit(&all);
    made_deinit(&m);
}

static void a_dump_against_itself_shows_no_row(void **state) {
    (void)state;
    struct made m;
    struct report_options o = options();
    struct type_view v;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++)
        made_type(&m, i, "A", "", GEN_2, 10, 240);
    made_rules(&m);
    assert_true(type_view_init(&v, &m.series, &o, TOP_ALL, false, &m.err));
    assert_int_equal(v.count, 0);
    assert_int_equal(v.unchanged, 1);
    type_view_deinit(&v);
    made_deinit(&m);
}

static void a_type_that_changed_in_one_column_only_stays(void **state) {
    (void)state;
    struct made m;
    struct report_options o = options();
    struct type_view v;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        made_type(&m, i, "MoreBytes", "", GEN_2, 10, i == 2 ? 480 : 240);
        made_type(&m, i, "InBetween", "", GEN_2, i == 1 ? 11 : 10, 240);
    }
    made_rules(&m);
    assert_true(type_view_init(&v, &m.series, &o, TOP_ALL, false, &m.err));
    assert_int_equal(v.count, 2);
    type_view_deinit(&v);
    made_deinit(&m);
}

static void a_bad_expression_is_named_with_its_option(void **state) {
    (void)state;
    struct made m;
    struct report_options o = options();
    struct type_view v;
    made_init(&m, 1);
    made_series(&m);
    o.ignore = "(";
    assert_false(type_view_init(&v, &m.series, &o, TOP_ALL, false, &m.err));
    assert_int_equal(m.err.code, ERR_USAGE);
    assert_non_null(strstr(m.err.msg, "--ignore"));
    made_deinit(&m);
}

/* -- Text -------------------------------------------------------------------------------------- */

static void text_answers_on_the_first_screen_within_the_width(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_many(&m, 2);
    for (unsigned i = 0; i < 40; i++) {
        struct finding *f = findings_hit(&m.findings, rules[0], SEVERITY_WARNING, i, "thing");
        finding_summary(&m.findings, f,
                        "thing %u went from one figure to another, which is a lot "
                        "in the time between the two dumps",
                        i);
        finding_next(&m.findings, f, "look at what holds it");
    }
    for (uint32_t width = 80; width <= 140; width += 20) {
        o.width = width;
        report_report(&m, "text", &o, &out);
        struct str rest = strbuf_str(&out), line;
        unsigned number = 0, findings_at = 0, tables_at = 0;
        while (str_next_line(&rest, &line)) {
            number++;
            if (fmt_width_of(line) > width)
                fail_msg("wider than %u: %.*s", width, (int)line.len, line.ptr);
            if (line.len && line.ptr[line.len - 1] == ' ')
                fail_msg("blank at the end: %.*s", (int)line.len, line.ptr);
            if (str_eq(line, STR("Findings")))
                findings_at = number;
            if (str_starts(line, STR("Heap by generation")))
                tables_at = number;
        }
        assert_true(findings_at > 0 && tables_at > findings_at);
        assert_true(tables_at - findings_at <= 30);
        assert_non_null(strstr(out.ptr, "below the tables"));
        assert_non_null(strstr(out.ptr, "More findings"));
        strbuf_deinit(&out);
    }
    made_deinit(&m);
}

static void names_are_cut_in_text_only(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    char name[400];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    made_init(&m, 1);
    made_type(&m, 0, name, "", GEN_2, 1, 10);
    made_rules(&m);
    for (size_t r = 0; reports[r] && !reports[r]->needs; r++) {
        report_report(&m, reports[r]->name, &o, &out);
        bool is_text = strcmp(reports[r]->name, "text") == 0;
        bool has_types = !strstr(reports[r]->name, "brief");
        assert_true((strstr(out.ptr, name) == NULL) == (is_text || !has_types));
        strbuf_deinit(&out);
    }
    made_deinit(&m);
}

static void colour_is_there_only_when_asked_for(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_many(&m, 2);
    report_report(&m, "text", &o, &out);
    assert_null(strchr(out.ptr, '\033'));
    strbuf_deinit(&out);
    o.color = true;
    report_report(&m, "text", &o, &out);
    assert_non_null(strchr(out.ptr, '\033'));
    strbuf_deinit(&out);
    made_deinit(&m);
}

static void csv_has_one_header_and_as_many_fields_a_line(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    struct report_options o = options();
    made_many(&m, 2);
    report_report(&m, "csv", &o, &out);
    struct str rest = strbuf_str(&out), line;
    unsigned commas = 0, lines = 0;
    assert_true(str_contains(rest, STR("\r\n")));
    while (str_next_line(&rest, &line)) {
        unsigned here = 0;
        for (size_t i = 0; i < line.len; i++)
            here += line.ptr[i] == ',';
        if (lines++ == 0)
            commas = here;
        assert_int_equal(here, commas);
    }
    assert_true(lines > 100);
    o.table = "locks";
    strbuf_clear(&out);
    assert_false(report_find("csv")->diff(&m.series, &m.findings, &o, &out, &m.err));
    assert_int_equal(m.err.code, ERR_USAGE);
    strbuf_deinit(&out);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_of_a_full_snapshot_fits_its_schema),
        cmocka_unit_test(json_of_an_empty_snapshot_fits_its_schema),
        cmocka_unit_test(json_of_a_full_series_fits_its_schema),
        cmocka_unit_test(json_of_an_empty_series_fits_its_schema),
        cmocka_unit_test(json_of_real_dumps_fits_the_schemas),
        cmocka_unit_test(every_format_takes_full_and_empty_series),
        cmocka_unit_test(json_keeps_numbers_that_a_double_cannot),
        cmocka_unit_test(names_survive_json),
        cmocka_unit_test(brief_is_four_kibibytes_at_most),
        cmocka_unit_test(totals_equal_the_rows_shown_and_the_others),
        cmocka_unit_test(a_pattern_that_is_none_is_told_as_such_by_every_format),
        cmocka_unit_test(the_top_rows_are_those_of_the_whole_order),
        cmocka_unit_test(a_dump_against_itself_shows_no_row),
        cmocka_unit_test(a_type_that_changed_in_one_column_only_stays),
        cmocka_unit_test(a_bad_expression_is_named_with_its_option),
        cmocka_unit_test(text_answers_on_the_first_screen_within_the_width),
        cmocka_unit_test(names_are_cut_in_text_only),
        cmocka_unit_test(colour_is_there_only_when_asked_for),
        cmocka_unit_test(csv_has_one_header_and_as_many_fields_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
