/*
 * What the files of the rules share; reports need rule.h only. Texts live as long as the findings,
 * and are never NULL: "" when out of memory, which sticks.
 */
#ifndef DUMPDIFF_RULES_RULES_H
#define DUMPDIFF_RULES_RULES_H

#include "diff/names/runtimes.h"
#include "diff/rules/rule.h"
#include "diff/series/trend.h"

/*
 * ": registers of arm64 are not read", for the end of a skipped rule's sentence: why the first
 * snapshot that says so lacks this, or all of the part; "" where none says.
 */
const char *rule_why(const struct series *s, struct findings *f, enum part part,
                     enum aspect aspect);

/*
 * Skips the rule where a snapshot before the last lacks some of this: what it does not list was
 * perhaps there all the same. false: none does. what: "list all handles", which it "does not"
 */
bool rule_skip_cut(const struct series *s, struct findings *f, const struct rule *rule,
                   enum part part, enum aspect aspect, const char *what);

/* How much of a part the snapshots before the last list. */
enum rule_listed {
    LISTED_ALL,
    LISTED_MAYBE, /* nothing marks the end of a list, or what is not listed is small */
    LISTED_CUT,   /* rows are missing, and nothing bounds them */
};
enum rule_listed rule_listed(const struct series *s, enum part part);
/* ". BASE may list less than there was: why" where they may; else "". Never NULL. */
const char *rule_hedge(const struct series *s, struct findings *f, enum part part);

/* A finding, lent until the next is added. NULL: out of memory, which sticks. */
struct finding *findings_add(struct findings *f, const struct rule *rule,
                             enum finding_status status);
void findings_sort(struct findings *f);

/* Sizes and counts in sentences. */
const char *say_bytes(struct findings *f, uint64_t bytes);
const char *say_count(struct findings *f, uint64_t count);
const char *say_delta(struct findings *f, int64_t bytes); /* "+1.0 KiB", "-3 B" */
const char *say_seconds(struct findings *f, uint64_t ns); /* "2.05 s" */

/* Subject of a finding about a thread: "thread 184:1914 spinner". */
const char *say_thread(struct findings *f, const struct series *s,
                       const struct series_thread *thread);

const char *say_share(struct findings *f, uint64_t part, uint64_t whole); /* "97.8 %" */
/* "; 84 B for each of 100" where --per was given, " (estimated from samples)" where they are; "" */
const char *say_per(struct findings *f, const struct series *s, int64_t bytes);
const char *say_estimated(const struct series *s);
/* The same of a growth; *ret_few: of so few samples that it may be chance, which is said, too. */
const char *say_samples(struct findings *f, const struct series *s, int64_t bytes, int64_t count,
                        bool *ret_few);

/* Growth of outstanding allocations, of a step of the series, that counts. */
uint64_t rule_allocation_floor(const struct series *s, const struct limits *limits);

/*
 * A command that asks the newest dump: "`dumpdiff show --path 'Shop.Cart' new.core`", of
 * ask "--path" and what; what NULL: without. NULL: the newest is no dump that could be asked.
 */
const char *say_command(struct findings *f, const struct series *s, const char *ask,
                        const char *what);

/*
 * A next step in the words of the runtime that the newest snapshot is of; `what` stands in it where
 * the advice has room for it, NULL: it has none.
 */
const char *say_advice(struct findings *f, const struct series *s, enum advice advice,
                       const char *what);

/* Hits of the rule: threads that wait for a lock in one method, where no dump lists locks. */
void lock_queues_tell(const struct series *s, struct findings *f, const struct rule *rule);

uint64_t rule_max(uint64_t a, uint64_t b);
/* percent of value; 0 where it is ABSENT. */
uint64_t rule_percent(uint64_t value, double percent);

/* Bytes of one generation over the series: from types, heaps or regions, whichever tells in every
 * dump. false: none does. values has room for one number a snapshot. */
bool rule_generation(const struct series *s, int gen, uint64_t *values);

/* Growing, leak or inconclusive beyond both floors? */
bool rule_grows(const uint64_t *values, uint32_t count, double percent, uint64_t min_bytes,
                enum verdict *ret_verdict);

/* The next step of what only garbage grew by. */
#define GARBAGE_NEXT "Nothing: a full collection takes it. Where in doubt, dump behind one."

/*
 * THE list of rules, in the order in which they run and are listed. A rule is its file and its line
 * here; rule.c makes the table of it.
 */
#define RULES(RULE) \
    RULE(trust) \
    RULE(gc_in_progress) \
    RULE(growing_type) \
    RULE(new_type) \
    RULE(gone_type) \
    RULE(heap_growth) \
    RULE(loh_growth) \
    RULE(poh_growth) \
    RULE(large_object) \
    RULE(fragmentation) \
    RULE(committed_vs_allocated) \
    RULE(finalizer_stuck) \
    RULE(finalizer_queue_growth) \
    RULE(deadlock) \
    RULE(locks_held) \
    RULE(thread_runaway) \
    RULE(threads_unchanged) \
    RULE(threadpool_starvation) \
    RULE(thread_leak) \
    RULE(threads_new) \
    RULE(threads_gone) \
    RULE(threads_dead) \
    RULE(exceptions_on_threads) \
    RULE(exceptions_growing) \
    RULE(handles_growing) \
    RULE(os_handles_growing) \
    RULE(loader_growth) \
    RULE(native_growth) \
    RULE(largest_free_shrinking) \
    RULE(stack_growing) \
    RULE(module_growing) \
    RULE(allocation_size_dominates) \
    RULE(native_explained) \
    RULE(cache_counts) \
    RULE(counter_growth) \
    RULE(memory_growing) \
    RULE(memory_lost) \
    RULE(memory_where) \
    RULE(heap_filled)

/* Where a rule stands in the table: rules[RULE_deadlock]. */
#define RULE_NUMBER(name) RULE_##name,
enum rule_number { RULES(RULE_NUMBER) RULE_COUNT };
#undef RULE_NUMBER

#define RULE_DECLARED(name) extern const struct rule rule_##name;
RULES(RULE_DECLARED)
#undef RULE_DECLARED

#endif
