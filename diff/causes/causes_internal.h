/* What the files of the causes share. */
#ifndef DUMPDIFF_CAUSES_CAUSES_INTERNAL_H
#define DUMPDIFF_CAUSES_CAUSES_INTERNAL_H

#include "diff/causes/causes.h"
#include "diff/rules/rules.h"

#define CAUSE_NONE UINT32_MAX

/* The subject of causes about a semaphore. */
#define CAUSE_SEMAPHORE "System.Threading.SemaphoreSlim"
/* That of causes about HTTP clients. */
#define CAUSE_CLIENTS "System.Net.Http.HttpClient"

struct diagnosis {
    const struct series *s;
    const struct limits *limits;
    const struct findings *f;
    struct causes *c;
    uint32_t *claimed_by; /* of each finding: the cause, or CAUSE_NONE */
};

/* A cause, lent until the next is added. NULL: out of memory, which sticks. */
struct cause *cause_add(struct diagnosis *d, enum cause_kind kind, enum severity severity);
/* The number of the cause that was added last. */
uint32_t cause_last(const struct diagnosis *d);

/* A finding that is a cause by itself, in its own words. NULL: as cause_add(). */
struct cause *cause_as_found(struct diagnosis *d, uint32_t finding, enum cause_kind kind);

/* The finding is a symptom of the cause, unless it is one of another already. */
void cause_claim(struct diagnosis *d, uint32_t finding, uint32_t cause);
/* All hits of a rule that are nobody's yet; subject NULL: whatever they are about. */
void cause_claim_rule(struct diagnosis *d, const struct rule *rule, const char *subject,
                      uint32_t cause);

/*
 * Memory of the loader, modules, what refers to those that were loaded, and the native memory that
 * comes with them: one story.
 */
void cause_claim_loader(struct diagnosis *d, uint32_t cause);

/*
 * What only says that the heap grew is a symptom of what it grew by. enlarged: arrays were, so that
 * free space is where the smaller ones were before.
 */
void cause_claim_sums(struct diagnosis *d, uint32_t cause, bool enlarged);

/* The evidence of that name; NULL: it has none. */
const struct evidence *cause_evidence(const struct finding *finding, const char *name);

/* An open hit of the rule that is a warning at least; CAUSE_NONE: there is none. */
uint32_t cause_serious_hit(const struct diagnosis *d, const struct rule *rule);

/* Is it a hit of that rule which no cause has claimed? */
bool cause_is_open(const struct diagnosis *d, uint32_t finding, const struct rule *rule);

/*
 * THE list of what makes causes, in the order in which they claim. Each is its file.
 */
#define CAUSES(SOURCE) \
    SOURCE(waits) \
    SOURCE(semaphores) \
    SOURCE(clients) \
    SOURCE(growth) \
    SOURCE(others)

/* Errors: ERR_NOMEM. */
bool causes_of_waits(struct diagnosis *d, struct err *err) MUST_CHECK;
/* Errors: ERR_NOMEM. */
bool causes_of_semaphores(struct diagnosis *d, struct err *err) MUST_CHECK;
/* Errors: none. */
bool causes_of_clients(struct diagnosis *d, struct err *err) MUST_CHECK;
/* Errors: ERR_NOMEM, ERR_FORMAT (a broken tree of holders). */
bool causes_of_growth(struct diagnosis *d, struct err *err) MUST_CHECK;
/* Errors: none. */
bool causes_of_others(struct diagnosis *d, struct err *err) MUST_CHECK;

#endif
