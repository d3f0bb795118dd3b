/* The HTML report: what a page has beside the tables of the other reports. */
#include "made_causes.h"
#include "made_stacks.h"

#include "diff/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const page_names[] = {"a.txt", "b.txt", "c.txt"};

/* The page of what was made, with the causes of that, if it is of several snapshots. */
static void page_of(const struct made *m, const struct report_options *more, struct strbuf *out) {
    struct report_options o = *more;
    struct causes causes;
    struct limits limits;
    struct err err = {.code = ERR_NONE};
    limits_init(&limits);
    strbuf_init(out);
    assert_true(causes_find(&causes, &m->series, &limits, &m->findings, &err));
    o.names = page_names;
    o.causes = &causes;
    const struct report *r = report_find("html");
    bool ok = (m->count > 1 ? r->diff : r->show)(&m->series, &m->findings, &o, out, &err);
    if (!ok)
        fail_msg("%s", err.msg);
    causes_deinit(&causes);
}

/* How often it is there. */
static uint32_t times(const char *text, const char *what) {
    uint32_t count = 0;
    while ((text = strstr(text, what)) != NULL) {
        count++;
        text += strlen(what);
    }
    return count;
}

/* -- Tables ------------------------------------------------------------------------------------ */

static void rows_behind_three_hundred_are_folded(void **state) {
    (void)state;
    for (uint64_t types = 300; types <= 301; types++) {
        struct made m;
        struct strbuf out;
        made_init(&m, 1);
        for (uint64_t i = 0; i < types; i++) {
            char name[32];
            snprintf(name, sizeof(name), "T%u", (unsigned)i);
            made_type(&m, 0, name, "", GEN_2, 1, 1000 - i);
        }
        made_rules(&m);
        page_of(&m, &(struct report_options){.all = true}, &out);
        const char *rest = strstr(out.ptr, "<details class=rest><summary>1 more row</summary>");
        assert_true((rest != NULL) == (types == 301));
        assert_int_equal(times(out.ptr, " id=t"), types);
        if (rest) {
            assert_int_equal(times(rest, " id=t"), 1);
            assert_non_null(strstr(rest, ">T300"));
            /* The sums stay with the rows that are seen. */
            assert_null(strstr(rest, "<tr class=total"));
        }
        strbuf_deinit(&out);
        made_deinit(&m);
    }
}

/* -- Cards ------------------------------------------------------------------------------------- */

/* A holder of six kinds of things that grow, the first of them most, and one with a bad name. */
static void add_shared(struct made *m, uint32_t i) {
    static const char *const kinds[] = {
        ORDER, "Shop.A", "Shop.B", "</details><script>x</script>", "Shop.C", "Shop.D"};
    static const char *const edges[] = {"[].value", "[].a", "[].b", "[].c", "[].d", "[].e"};
    uint64_t all = 0, objects = 1000 * (i + 1);
    for (uint64_t k = 0; k < 6; k++)
        all += objects * (k ? 100 - k : 1000);
    uint64_t root = causes_add_path(m, i, ABSENT, "static Shop.Desk.s_desk", "Shop.Desk", 1, 24,
                                    6 * objects + 1, all + 80);
    uint64_t list = causes_add_path(m, i, root, "_all", "Shop.Slot[]", 1, 80, 6 * objects, all);
    for (uint64_t k = 0; k < 6; k++) {
        uint64_t bytes = objects * (k ? 100 - k : 1000);
        causes_add_path(m, i, list, edges[k], kinds[k], objects, bytes, 0, 0);
        made_live_type(m, i, kinds[k], objects, bytes);
    }
}

static void paths_are_steps_that_unfold(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++)
        add_shared(&m, i);
    made_rules(&m);
    page_of(&m, &(struct report_options){.all = true}, &out);
    const char *path = strstr(out.ptr, "<div class=path>");
    assert_non_null(path);
    const char *end = strstr(path, "</div>");
    char *card = strndup(path, (size_t)(end - path));
    assert_non_null(card);
    assert_int_equal(times(card, "<details open class=step>"), 3);
    assert_int_equal(times(card, "<details"), times(card, "</details>"));
    causes_says(card, "<summary><b>static Shop.<wbr>Desk.<wbr>s_desk</b> Shop.<wbr>Desk <small>");
    causes_says(
        card, "class=grown><b>[].<wbr>value</b> Shop.<wbr>Order <small>1.9 MiB (+976.6 KiB), 2,000 "
              "objects (+1,000)");
    /* What else grew there: four of five, the largest, as text. */
    assert_int_equal(times(card, "<p class=\"step beside\">"), 4);
    causes_says(card, "&lt;/<wbr>details&gt;&lt;script&gt;");
    causes_says(card, "[1 more that grew]");
    free(card);
    strbuf_deinit(&out);
    made_deinit(&m);
}

/* -- Waits ------------------------------------------------------------------------------------- */

static void waits_are_a_picture_and_words(void **state) {
    (void)state;
    struct made m;
    struct strbuf out;
    made_init(&m, 1);
    causes_add_lock(&m, 0, 0xa0, 1, 9);
    causes_add_lock(&m, 0, 0xb0, 2, 1);
    causes_add_worker(&m, 0, 1, "</svg><script>x</script>", ENTER, 0xb0);
    causes_add_worker(&m, 0, 2, "second", ENTER, 0xa0);
    for (uint64_t i = 0; i < 8; i++)
        causes_add_worker(&m, 0, 10 + i, "crowd", ENTER, 0xa0);
    made_rules(&m);
    page_of(&m, &(struct report_options){.all = true}, &out);
    causes_says(out.ptr, "<p class=\"verdict bad\">A deadlock.</p>");
    const char *picture = strstr(out.ptr, "<svg class=\"chains n");
    assert_non_null(picture);
    const char *end = strstr(picture, "<details>");
    assert_non_null(end);
    char *chains = strndup(picture, (size_t)(end - picture));
    assert_non_null(chains);
    assert_int_equal(times(chains, "class=\"thread round\""), 2);
    assert_int_equal(times(chains, "class=\"lock round\""), 2);
    assert_int_equal(times(chains, ">deadlock: "), 1);
    /* Of eight that wait for the same some are counted, and none is lost. */
    uint32_t drawn = times(chains, "class=\"thread\"");
    char more[64];
    snprintf(more, sizeof(more), ">%u more wait for it<", (unsigned)(8 - drawn));
    assert_true(drawn > 3 && drawn < 8);
    causes_says(chains, more);
    causes_says(chains, "&lt;/svg&gt;&lt;script&gt;");
    assert_int_equal(times(end, "<ol class=\"chain circle\">"), 1);
    free(chains);
    strbuf_deinit(&out);
    made_deinit(&m);
}

/* -- Allocations ------------------------------------------------------------------------------- */

/* The function that most growth is from stands in the first sentence, and no other. */
static void most_growth_is_told_with_whose_it_is(void **state) {
    (void)state;
    static const struct {
        uint64_t spill, drip;
        const char *said;
    } cases[] = {
        {60000, 40000, "(+97.7 KiB), 60.0 % of all growth from ink!spill.</p>"},
        {50000, 50000, "(+97.7 KiB).</p>"},
        {0, 60000, "(+58.6 KiB), 100.0 % of all growth from ink!drip.</p>"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct made m;
        struct strbuf out;
        made_init(&m, 2);
        for (uint32_t k = 0; k < 2; k++) {
            made_stack(&m, k, "ink!spill|ink!main", 10, 1000 + k * cases[i].spill / 2);
            made_stack(&m, k, "ink!spill|ink!other", 10, 1000 + k * cases[i].spill / 2);
            made_stack(&m, k, "ink!drip|ink!main", 10, 1000 + k * cases[i].drip);
        }
        made_rules(&m);
        page_of(&m, &(struct report_options){.all = true}, &out);
        causes_says(out.ptr, cases[i].said);
        strbuf_deinit(&out);
        made_deinit(&m);
    }
}

/* -- Charts ------------------------------------------------------------------------------------ */

static void two_dumps_are_slopes_and_three_are_bands(void **state) {
    (void)state;
    for (uint32_t count = 2; count <= 3; count++) {
        struct made m;
        struct strbuf out;
        made_init(&m, count);
        for (uint32_t i = 0; i < count; i++) {
            made_type(&m, i, "Shop.Grows", "", GEN_2, 100 * (i + 1), 1000000 * (i + 1));
            made_type(&m, i, "Shop.Shrinks", "", GEN_2, 100, 1000000 / (i + 1));
        }
        made_rules(&m);
        page_of(&m, &(struct report_options){.all = true}, &out);
        const char *types = strstr(out.ptr, "<h3>The types that grow most</h3>");
        assert_true((types != NULL) == (count == 2));
        assert_true((strstr(out.ptr, "class=\"plot slope\"") != NULL) == (count == 2));
        if (types) {
            const char *end = strstr(types, "</figure>"), *grows = strstr(types, ">Grows</tspan>");
            const char *shrinks = strstr(types, ">Shrinks</tspan>");
            assert_true(grows && grows < end && !(shrinks && shrinks < end));
        }
        strbuf_deinit(&out);
        made_deinit(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_steps_that_unfold),
        cmocka_unit_test(waits_are_a_picture_and_words),
        cmocka_unit_test(most_growth_is_told_with_whose_it_is),
        cmocka_unit_test(two_dumps_are_slopes_and_three_are_bands),
        cmocka_unit_test(rows_behind_three_hundred_are_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
