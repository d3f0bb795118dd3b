#include "diff/rules/rules.h"

#include <stdio.h>
#include <string.h>

#define RULE_ENTRY(name) &rule_##name,
const struct rule *const rules[] = {RULES(RULE_ENTRY) NULL};
#undef RULE_ENTRY

const struct rule *rule_find(const char *id) {
    for (const struct rule *const *rule = rules; *rule; rule++)
        if (strcmp((*rule)->id, id) == 0)
            return *rule;
    return NULL;
}

/* The parts that are missing, and the snapshot that misses the first of them. */
static void skip_for_parts(const struct series *s, const struct rule *rule, struct findings *f) {
    char names[256];
    size_t used = 0;
    uint32_t where = 0;
    names[0] = '\0';
    uint32_t missing = rule->needs & ~s->parts_all;
    for (int part = PART_ORIGIN; part < PART_END && used < sizeof(names) - 1; part++) {
        if (!(missing & PART_BIT(part)))
            continue;
        if (!used)
            while (where + 1 < s->count && snapshot_has(s->snapshots[where], (enum part)part))
                where++;
        int n = snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                         part_descs[part].name);
        used += n > 0 ? (size_t)n : 0;
    }
    findings_skip(f, rule, "needs %s, which %s does not hold", names,
                  series_snapshot_name(s, where));
}

static bool run_one(const struct series *s, const struct limits *limits, const struct rule *rule,
                    struct findings *f, struct err *err) {
    if (s->count < rule->min_snapshots) {
        findings_skip(f, rule, "needs %s", rule->min_snapshots == 2 ? "two dumps" : "more dumps");
        return true;
    }
    if (rule->needs & ~s->parts_all) {
        skip_for_parts(s, rule, f);
        return true;
    }
    uint32_t before = f->count;
    if (!rule->run(s, limits, f, err))
        return err_prefix(err, "rule %s", rule->id);
    if (f->count == before)
        findings_add(f, rule, STATUS_CLEAR);
    return true;
}

bool rules_run(const struct series *s, const struct limits *limits, struct findings *f,
               struct err *err) {
    for (const struct rule *const *rule = rules; *rule; rule++)
        if (!run_one(s, limits, *rule, f, err))
            return false;
    if (!err_none(&f->err, err))
        return false;
    findings_sort(f);
    return true;
}
