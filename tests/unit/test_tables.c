/*
 * Walks the tables: what is in one of them has a fixture, a fuzz target and goldens.
 * Run in the root of the repository, as `make` does.
 */
#include "base/file.h"
#include "diff/gate/gate_report.h"
#include "diff/report/report.h"
#include "diff/report/terms.h"
#include "diff/rules/rule.h"
#include "input/input.h"
#include "model/snapfile.h"
#include "input/log/transcript.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Is there an entry in the folder whose name is `name`, or starts with it and a '-', '_' or '.'? */
static bool tables_is_in(const char *folder, const char *name) {
    DIR *dir = opendir(folder);
    size_t length = strlen(name);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));)
        found = strncmp(entry->d_name, name, length) == 0 &&
                (!entry->d_name[length] || strchr("-_.", entry->d_name[length]));
    if (dir)
        closedir(dir);
    return found;
}

/* 1 and a message when the entry that the table asks for is not there. */
static unsigned lacks(const char *what, const char *folder, const char *format, const char *name) {
    char entry[128];
    snprintf(entry, sizeof(entry), format, name);
    if (tables_is_in(folder, entry))
        return 0;
    print_message("%s %s has no %s/%s\n", what, name, folder, entry);
    return 1;
}

/* Names of C files have '_' where names of formats have '-'. */
static void c_name(const char *name, char *out, size_t size) {
    snprintf(out, size, "%s", name);
    for (char *p = out; *p; p++)
        if (*p == '-')
            *p = '_';
}

static void every_input_has_fixture_fuzz_target_and_golden(void **state) {
    (void)state;
    unsigned missing = 0;
    for (size_t i = 0; inputs[i]; i++) {
        char name[64], made[80];
        c_name(inputs[i]->name, name, sizeof(name));
        snprintf(made, sizeof(made), "mk_%s", name);
        /* Dumps are made from text at test time, snapshots by mk_snap; a transcript is its
         * sections. */
        if (!tables_is_in("tests/support", made) && inputs[i]->probe != snapfile_probe &&
            inputs[i] != &input_transcript)
            missing += lacks("input", "tests/fixture", "%s", inputs[i]->name);
        missing += lacks("input", "tests/fuzz", "fuzz_%s", name);
        missing += lacks("input", "tests/fuzz/corpus", "%s", name);
        missing += lacks("input", "golden", "input-%s", inputs[i]->name);
    }
    assert_int_equal(missing, 0);
}

static void every_report_has_a_golden(void **state) {
    (void)state;
    unsigned missing = 0;
    for (size_t i = 0; reports[i]; i++)
        missing += lacks("report", "golden", "format-%s", reports[i]->name);
    for (size_t i = 0; gate_reports[i].name; i++)
        missing += lacks("gate report", "golden", "gate-%s", gate_reports[i].name);
    assert_int_equal(missing, 0);
}

/* Has the golden a line of the table of findings, "RULE,STATUS,...", for this one? */
static bool golden_says(const char *golden, const char *id, const char *status) {
    struct file file;
    struct err err;
    char path[160], start[160];
    snprintf(path, sizeof(path), "golden/%s/out", golden);
    snprintf(start, sizeof(start), "%s,%s,", id, status);
    if (!file_open(&file, path, &err))
        return false;
    struct str rest = {(const char *)file.bytes.data, file.bytes.size}, line;
    bool found = false;
    while (!found && str_next_line(&rest, &line))
        found = str_starts(line, str_of(start));
    file_close(&file);
    return found;
}

/* Files of a section are called by its name; names in C have '_' for '-'. */
static void every_section_has_fixture_fuzz_target_and_golden(void **state) {
    (void)state;
    unsigned missing = 0;
    for (size_t i = 0; sections[i]; i++) {
        const char *name = sections[i]->name;
        char c_name[64];
        snprintf(c_name, sizeof(c_name), "%s", name);
        for (char *c = c_name; *c; c++)
            *c = *c == '-' ? '_' : *c;
        missing += lacks("section", "tests/fixture/transcripts", "%s", name);
        missing += lacks("section", "tests/fuzz", "fuzz_%s", c_name);
        missing += lacks("section", "golden", "section-%s", name);
    }
    assert_int_equal(missing, 0);
}

static void every_rule_has_goldens_in_which_it_hits_is_clear_and_is_skipped(void **state) {
    (void)state;
    unsigned missing = 0;
    for (size_t i = 0; rules[i]; i++) {
        for (int s = 0; s < 3; s++) {
            char golden[128];
            /* Every dump has an origin: a rule that asks for nothing else is never skipped. */
            if (s == STATUS_SKIPPED && rules[i]->needs == PART_BIT(PART_ORIGIN))
                continue;
            snprintf(golden, sizeof(golden), "rule-%s-%s", rules[i]->id, finding_status_names[s]);
            if (lacks("rule", "golden", "%s", golden)) {
                missing++;
            } else if (!golden_says(golden, rules[i]->id, finding_status_names[s])) {
                print_message("golden/%s/out has no line \"%s,%s,\"\n", golden, rules[i]->id,
                              finding_status_names[s]);
                missing++;
            }
        }
    }
    assert_int_equal(missing, 0);
}

/* -- Words ------------------------------------------------------------------------------------- */

/* 1 and a message for each of these names that no term of this kind has. */
static unsigned unexplained(const char *kind, const char *const *names, size_t count) {
    unsigned missing = 0;
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (const struct term *term = terms; term->name; term++)
            found |= strcmp(term->kind, kind) == 0 && strcmp(term->name, names[i]) == 0;
        if (!found)
            print_message("nothing explains the %s '%s'\n", kind, names[i]);
        missing += !found;
    }
    return missing;
}

static void every_word_of_a_report_is_explained_once(void **state) {
    static const char *const statuses[] = {"hit", "clear", "skipped"};
    unsigned missing = 0, explained = 0;
    (void)state;
    missing += unexplained("cause", cause_kind_names, CAUSE_KINDS);
    missing += unexplained("verdict", verdict_names, VERDICT_INCONCLUSIVE + 1);
    missing += unexplained("state of a thread", thread_state_names, THREAD_STATES);
    missing += unexplained("evidence", thread_evidence_names, EVIDENCE_MEMORY + 1);
    missing += unexplained("trust", trust_names, TRUST_UNUSABLE + 1);
    missing += unexplained("status", statuses, 3);
    assert_int_equal(missing, 0);
    for (const struct term *term = terms; term->name; term++, explained++) {
        size_t length = strlen(term->explain);
        assert_true(length && term->explain[length - 1] == '\n');
        for (const struct term *other = terms; other < term; other++)
            assert_false(strcmp(other->name, term->name) == 0 &&
                         strcmp(other->kind, term->kind) == 0);
    }
    assert_int_equal(explained, CAUSE_KINDS + VERDICT_INCONCLUSIVE + 1 + THREAD_STATES +
                                    EVIDENCE_MEMORY + 1 + TRUST_UNUSABLE + 1 + 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_section_has_fixture_fuzz_target_and_golden),
        cmocka_unit_test(every_input_has_fixture_fuzz_target_and_golden),
        cmocka_unit_test(every_report_has_a_golden),
        cmocka_unit_test(every_rule_has_goldens_in_which_it_hits_is_clear_and_is_skipped),
        cmocka_unit_test(every_word_of_a_report_is_explained_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
