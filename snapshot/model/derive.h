/*
 * What the rows of threads tell together, whatever filled them: were CPU times recorded at all, and
 * which stacks are the same.
 */
#ifndef DUMPDIFF_MODEL_DERIVE_H
#define DUMPDIFF_MODEL_DERIVE_H

#include "model/parts.h"

/* Fills cpu_recorded and stack_hash where the reader did not say. Called by builder_finish. */
void derive_threads(struct thread_row *threads, uint32_t count);

#endif
