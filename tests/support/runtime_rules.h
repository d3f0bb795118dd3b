/* Rules that can say nothing where a runtime's own data is not there: no heap, no managed thread.
 */
#ifndef DUMPDIFF_TESTS_RUNTIME_RULES_H
#define DUMPDIFF_TESTS_RUNTIME_RULES_H

#include "diff/rules/rule.h"

/* Initializers of an array of ids, as struct rule has them. */
#define RULES_OF_A_RUNTIME \
    "growing-type", "heap-growth", "finalizer-stuck", "finalizer-queue-growth", "locks-held", \
        "deadlock", "handles-growing", "fragmentation", "cache-counts", "gc-in-progress", \
        "exceptions-growing", "new-type", "gone-type", "large-object", "loh-growth", "poh-growth", \
        "committed-vs-allocated", "threads-dead", "exceptions-on-threads"

#endif
