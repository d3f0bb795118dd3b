/*
 * A fleet of 200 instances through three releases, one of which leaks on a third of them, with
 * restarts here and there: the report names the release, the type, what holds it and the instances,
 * and nothing else; without the leak it names nothing. In both stores, with the same words.
 */
#include "base/file.h"
#include "cmd/cmd.h"
#include "tests/support/made_fleet.h"
#include "tests/support/history_place.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct fleet_plan leaking = {200, 30, 40, 0, true, false, NULL},
                               sound = {60, 30, 40, 0, false, false, NULL};

static void fleet_fill_place(const struct place *p, const struct fleet_plan *plan) {
    struct history h = place_open(p);
    struct err err;
    /* What is tested is not the disk. */
    if (h.body == &sqlite_body)
        assert_true(store_run(&h, "PRAGMA synchronous = OFF", NULL, 0, NULL, &err));
    if (!fleet_fill(&h, plan, &err))
        fail_msg("%s", err.msg);
    history_close(&h);
}

/* What `dumpdiff history WORDS --db ...` writes into a file of that ending; to be freed. */
static char *run_history(const struct place *p, const char *ending, const char *first,
                         const char *second, const char *third, const char *fourth) {
    char out[64];
    snprintf(out, sizeof(out), "/tmp/dumpdiff-fleet-%d.%s", (int)getpid(), ending);
    char *argv[] = {"history",     "--no-sandbox", "--db",        (char *)p->path, "-o", out,
                    (char *)first, (char *)second, (char *)third, (char *)fourth,  NULL};
    int argc = 6;
    while (argv[argc])
        argc++;
    assert_int_equal(command_find("history")->run(argc, argv), 0);
    struct file f;
    struct err err;
    assert_true(file_open(&f, out, &err));
    char *text = strndup((const char *)f.bytes.data, f.bytes.size);
    file_close(&f);
    unlink(out);
    assert_non_null(text);
    return text;
}

static double number_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItem(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *fleet_text_of(const cJSON *object, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    assert_non_null(text);
    return text;
}

static void check_report(const struct place *p) {
    char *text = run_history(p, "json", "report", NULL, NULL, NULL);
    cJSON *report = cJSON_Parse(text);
    const cJSON *leaks = cJSON_GetObjectItem(report, "leaks");
    assert_string_equal(fleet_text_of(report, "schema"), "dumpdiff.fleet/1");
    assert_int_equal(number_of(report, "instances"), 200);
    assert_int_equal(number_of(report, "snapshots"), 6000);
    assert_int_equal(cJSON_GetArraySize(leaks), 1);
    const cJSON *leak = cJSON_GetArrayItem(leaks, 0), *instance;
    assert_string_equal(fleet_text_of(leak, "type"), FLEET_LEAK_TYPE);
    assert_string_equal(fleet_text_of(leak, "release"), "1.4");
    assert_string_equal(fleet_text_of(leak, "held_by"), FLEET_LEAK_HOLDER);
    assert_true(number_of(leak, "p_value") < 0.001);
    /* 600 to 800 objects of 96 bytes an hour. */
    assert_true(number_of(leak, "median_slope") > 600 * 96 * 0.9);
    assert_true(number_of(leak, "worst_slope") < 800 * 96 * 1.1);
    const cJSON *instances = cJSON_GetObjectItem(leak, "instances");
    unsigned named = 0;
    cJSON_ArrayForEach(instance, instances) {
        unsigned number;
        assert_int_equal(sscanf(fleet_text_of(instance, "name"), "shop/shop-%u", &number), 1);
        assert_true(fleet_leaks_on(number));
        named++;
    }
    /* All of them, but for those that restarted too often to be judged. */
    assert_true(named >= 64 && named <= 67);
    cJSON_Delete(report);
    free(text);
}

static void the_leak_is_named_and_nothing_else(void **state) {
    if (!*state)
        skip();
    if (!*state)
        return;
    struct place *p = *state;
    fleet_fill_place(p, &leaking);
    check_report(p);
    char *text = run_history(p, "txt", "report", NULL, NULL, NULL);
    assert_non_null(strstr(text, "grows in release 1.4 in prod on 6"));
    assert_non_null(strstr(text, "held by " FLEET_LEAK_HOLDER));
    assert_null(strstr(text, "Record"));
    free(text);
    text = run_history(p, "csv", "compare", "1.3", "1.4", NULL);
    const char *line = strchr(text, '\n');
    assert_non_null(line); /* the first row is what chance explains least */
    assert_non_null(strstr(line, FLEET_LEAK_TYPE));
    assert_true(strstr(line, FLEET_LEAK_TYPE) < strchr(line + 1, '\n'));
    free(text);
    text = run_history(p, "html", "report", NULL, NULL, NULL);
    assert_non_null(strstr(text, "<svg"));
    assert_non_null(strstr(text, FLEET_LEAK_TYPE));
    free(text);
    text = run_history(p, "prom", "export", NULL, NULL, NULL);
    assert_non_null(strstr(text, "dumpdiff_growing_instances{program=\"Shop\",release=\"1.4\","
                                 "environment=\"prod\",type=\"" FLEET_LEAK_TYPE "\""));
    assert_null(strstr(text, "type=\"Shop.Area"));
    assert_non_null(strstr(text, "# EOF\n"));
    free(text);
}

static void a_sound_fleet_has_no_leak(void **state) {
    if (!*state)
        skip();
    if (!*state)
        return;
    fleet_fill_place(*state, &sound);
    char *text = run_history(*state, "json", "report", NULL, NULL, NULL);
    assert_non_null(strstr(text, "\"leaks\": []"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"SQLite: the_leak_is_named_and_nothing_else", the_leak_is_named_and_nothing_else,
         place_set_up, place_tear_down, NULL},
        {"SQLite: a_sound_fleet_has_no_leak", a_sound_fleet_has_no_leak, place_set_up,
         place_tear_down, NULL},
        {"PostgreSQL: the_leak_is_named_and_nothing_else", the_leak_is_named_and_nothing_else,
         place_set_up_server, place_tear_down_server, NULL},
    };
    if (!place_server_start())
        printf("tests of PostgreSQL are left out\n");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    place_server_stop();
    return failed;
}
