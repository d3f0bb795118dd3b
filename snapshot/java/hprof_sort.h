/*
 * Objects of a dump in the order of their ids. A machine writes region by region, so that most of
 * them are in order: long runs are put one behind the other, and merged only where they overlap.
 */
#ifndef DUMPDIFF_JAVA_HPROF_SORT_H
#define DUMPDIFF_JAVA_HPROF_SORT_H

#include "java/hprof_kept.h"

/* By id; of several with one id the first of the file is first. */
int hprof_cmp_objects(const void *x, const void *y);

/*
 * Sorts by hprof_cmp_objects. *objects: an array of pages_alloc with that room, another one of
 * which may stand there afterwards. Errors: ERR_NOMEM; the array is then as it was.
 */
bool hprof_sort_objects(struct hprof_object **objects, uint64_t count, uint64_t room,
                        struct err *err) MUST_CHECK;

#endif
