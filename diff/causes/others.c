/* What is serious and that no other cause explains is a cause by itself. */
#include "diff/causes/causes_internal.h"

#include "diff/rules/hints.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    enum rule_number rule;
    enum cause_kind kind;
} kinds[] = {
    {RULE_growing_type, CAUSE_GROWTH},
    {RULE_new_type, CAUSE_GROWTH},
    {RULE_heap_growth, CAUSE_GROWTH},
    {RULE_loh_growth, CAUSE_GROWTH},
    {RULE_poh_growth, CAUSE_GROWTH},
    {RULE_large_object, CAUSE_GROWTH},
    {RULE_cache_counts, CAUSE_GROWTH},
    {RULE_fragmentation, CAUSE_FRAGMENTATION},
    {RULE_finalizer_stuck, CAUSE_FINALIZER},
    {RULE_finalizer_queue_growth, CAUSE_FINALIZER},
    {RULE_deadlock, CAUSE_DEADLOCK},
    {RULE_locks_held, CAUSE_BLOCKED},
    {RULE_threads_unchanged, CAUSE_BLOCKED},
    {RULE_thread_runaway, CAUSE_RUNAWAY},
    {RULE_threadpool_starvation, CAUSE_STARVATION},
    {RULE_thread_leak, CAUSE_THREADS},
    {RULE_threads_dead, CAUSE_THREADS},
    {RULE_exceptions_growing, CAUSE_EXCEPTIONS},
    {RULE_exceptions_on_threads, CAUSE_EXCEPTIONS},
    {RULE_handles_growing, CAUSE_HANDLES},
    {RULE_os_handles_growing, CAUSE_HANDLES},
    {RULE_loader_growth, CAUSE_LOADER},
    {RULE_native_growth, CAUSE_NATIVE},
    {RULE_stack_growing, CAUSE_NATIVE},
    {RULE_module_growing, CAUSE_NATIVE},
    {RULE_counter_growth, CAUSE_GROWTH},
    {RULE_memory_growing, CAUSE_GROWTH},
    {RULE_memory_lost, CAUSE_NATIVE},
};

static enum cause_kind others_kind_of(const struct finding *finding) {
    const struct evidence *verdict = cause_evidence(finding, "verdict");
    const struct evidence *memory = cause_evidence(finding, "memory");
    if (finding->rule == rules[RULE_counter_growth] && memory && memory->text &&
        strcmp(memory->text, "managed") != 0)
        return strcmp(memory->text, "native") == 0 ? CAUSE_NATIVE : CAUSE_MEMORY;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (rules[kinds[i].rule] == finding->rule)
            return kinds[i].kind == CAUSE_GROWTH && verdict && verdict->text &&
                           strcmp(verdict->text, verdict_names[VERDICT_LEAK]) == 0
                       ? CAUSE_LEAK
                       : kinds[i].kind;
    return CAUSE_MEMORY;
}

static enum verdict verdict_of(const struct finding *finding) {
    const struct evidence *verdict = cause_evidence(finding, "verdict");
    for (int v = VERDICT_NONE; verdict && verdict->text && v <= VERDICT_INCONCLUSIVE; v++)
        if (strcmp(verdict->text, verdict_names[v]) == 0)
            return (enum verdict)v;
    return VERDICT_NONE;
}

static int64_t evidence_delta(const struct finding *finding, const char *name) {
    const struct evidence *evidence = cause_evidence(finding, name);
    return !evidence ? 0 : evidence->is_delta ? evidence->delta : (int64_t)evidence->number;
}

/* Objects that the hint of a rule's findings knows: the same story as that rule's. */
static bool tells_of(const struct finding *finding, const struct rule *rule) {
    const struct evidence *type = cause_evidence(finding, "type");
    const struct hint *hint = type && type->text ? hint_find(type->text) : NULL;
    return hint && hint->symptom && strcmp(hint->symptom, rule->id) == 0;
}

static void cause_claim_hinted(struct diagnosis *d, const struct rule *rule, uint32_t cause) {
    for (uint32_t i = 0; i < d->f->count; i++)
        if (cause_is_open(d, i, NULL) && tells_of(&d->f->items[i], rule))
            cause_claim(d, i, cause);
}

/* Of what the loader's heaps grew by, the native heap may grow by so many times as much. */
#define LOADED_TIMES 4

static int64_t bytes_grown(const struct finding *finding) {
    return evidence_delta(finding, "bytes_new") - evidence_delta(finding, "bytes_base");
}

/* What is loaded has its metadata and its symbols in the native heap. */
static void claim_native_of_loader(struct diagnosis *d, uint32_t cause) {
    int64_t loaded = 0;
    for (uint32_t i = 0; i < d->f->count; i++)
        if (d->claimed_by[i] == cause && d->f->items[i].rule == rules[RULE_loader_growth] &&
            bytes_grown(&d->f->items[i]) > loaded)
            loaded = bytes_grown(&d->f->items[i]);
    for (uint32_t i = 0; i < d->f->count; i++)
        if (cause_is_open(d, i, rules[RULE_native_growth]) &&
            bytes_grown(&d->f->items[i]) <= LOADED_TIMES * loaded)
            cause_claim(d, i, cause);
}

void cause_claim_loader(struct diagnosis *d, uint32_t cause) {
    cause_claim_rule(d, rules[RULE_loader_growth], NULL, cause);
    cause_claim_hinted(d, rules[RULE_loader_growth], cause);
    claim_native_of_loader(d, cause);
}

/* -- What takes others along ------------------------------------------------------------------- */

static void claim_loader(struct diagnosis *d, const struct finding *loader, uint32_t cause) {
    (void)loader;
    cause_claim_loader(d, cause);
}

static void claim_sums(struct diagnosis *d, const struct finding *type, uint32_t cause) {
    (void)type;
    cause_claim_sums(d, cause, false);
}

static void claim_counters(struct diagnosis *d, const struct finding *memory, uint32_t cause) {
    (void)memory;
    cause_claim_rule(d, rules[RULE_counter_growth], NULL, cause);
}

/* Who allocates says more than what size, or in which module. */
static void claim_allocations(struct diagnosis *d, const struct finding *stack, uint32_t cause) {
    (void)stack;
    cause_claim_rule(d, rules[RULE_allocation_size_dominates], NULL, cause);
    cause_claim_rule(d, rules[RULE_module_growing], NULL, cause);
    cause_claim_rule(d, rules[RULE_native_explained], NULL, cause);
    cause_claim_rule(d, rules[RULE_native_growth], NULL, cause);
}

/* That the owner of a lock did not move is told with the lock. */
static void claim_owner(struct diagnosis *d, const struct finding *lock, uint32_t cause) {
    const struct evidence *owner = cause_evidence(lock, "owner_os_id");
    for (uint32_t i = 0; owner && i < d->f->count; i++) {
        if (!cause_is_open(d, i, rules[RULE_threads_unchanged]))
            continue;
        const struct evidence *id = cause_evidence(&d->f->items[i], "os_id");
        const struct evidence *threads = cause_evidence(&d->f->items[i], "threads");
        if (id && id->number == owner->number && threads && threads->number == 1)
            cause_claim(d, i, cause);
    }
}

/* What is lost is outstanding too, from the same place. */
static void claim_outstanding(struct diagnosis *d, const struct finding *lost, uint32_t cause) {
    const struct evidence *place = cause_evidence(lost, "frames");
    for (uint32_t i = 0; place && place->text && i < d->f->count; i++) {
        if (!cause_is_open(d, i, rules[RULE_stack_growing]))
            continue;
        const struct evidence *frames = cause_evidence(&d->f->items[i], "frames");
        if (frames && frames->text && strcmp(frames->text, place->text) == 0)
            cause_claim(d, i, cause);
    }
    claim_allocations(d, lost, cause);
}

/* What is the more telling goes first, wherever it stands: its symptoms are no causes. */
enum turn {
    TURN_PARTS,   /* what is lost, before what is outstanding, of which it is a part */
    TURN_TELLING, /* what tells why others are there */
    TURN_REST,
    TURNS
};

static const struct taker {
    enum rule_number rule;
    enum turn turn;
    bool each; /* takes what is of the same thread or place alone: else the first takes all */
    void (*claim)(struct diagnosis *d, const struct finding *finding, uint32_t cause);
} takers[] = {
    {RULE_memory_lost, TURN_PARTS, true, claim_outstanding},
    {RULE_stack_growing, TURN_TELLING, false, claim_allocations},
    {RULE_growing_type, TURN_TELLING, false, claim_sums},
    {RULE_new_type, TURN_TELLING, false, claim_sums},
    {RULE_loader_growth, TURN_TELLING, false, claim_loader},
    {RULE_memory_growing, TURN_TELLING, false, claim_counters},
    {RULE_locks_held, TURN_REST, true, claim_owner},
};

#define TAKERS (sizeof(takers) / sizeof(*takers))

/* NULL: it takes none along */
static const struct taker *taker_of(const struct finding *finding) {
    for (size_t i = 0; i < TAKERS; i++)
        if (rules[takers[i].rule] == finding->rule)
            return &takers[i];
    return NULL;
}

/* told: takers of which a finding has taken all along that there are. */
static void tell_other(struct diagnosis *d, uint32_t number, bool told[TAKERS]) {
    const struct finding *finding = &d->f->items[number];
    const struct taker *taker = taker_of(finding);
    struct cause *cause = cause_as_found(d, number, others_kind_of(finding));
    if (!cause)
        return;
    if (cause->kind == CAUSE_LEAK || cause->kind == CAUSE_GROWTH) {
        cause->verdict = verdict_of(finding);
        cause->objects_delta = evidence_delta(finding, "objects_delta");
        cause->bytes_delta = evidence_delta(finding, "bytes_delta");
    }
    if (!taker || told[taker - takers])
        return;
    taker->claim(d, finding, cause_last(d));
    told[taker - takers] = !taker->each;
}

static enum turn turn_of(const struct finding *finding) {
    const struct taker *taker = taker_of(finding);
    return taker ? taker->turn : TURN_REST;
}

bool causes_of_others(struct diagnosis *d, struct err *err) {
    bool told[TAKERS] = {false};
    (void)err;
    for (enum turn turn = TURN_PARTS; turn < TURNS; turn++)
        for (uint32_t i = 0; i < d->f->count; i++)
            if (cause_is_open(d, i, NULL) && d->f->items[i].severity <= SEVERITY_WARNING &&
                turn_of(&d->f->items[i]) == turn)
                tell_other(d, i, told);
    return true;
}
