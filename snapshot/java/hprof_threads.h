/*
 * Threads of an HPROF dump: their names and stacks, out of the dump's own records; and how many
 * objects wait for their finalizer.
 */
#ifndef DUMPDIFF_JAVA_HPROF_THREADS_H
#define DUMPDIFF_JAVA_HPROF_THREADS_H

#include "java/hprof_graph.h"

/* Appends the name of the thread of that serial number, "#7" where it has none. */
void hprof_thread_name(const struct hprof_graph *g, uint32_t serial, struct strbuf *out);

/* Appends "shop.Till.pay", frame number `frame` of that thread; nothing: not known. */
void hprof_method_name(const struct hprof_graph *g, uint32_t serial, uint32_t frame,
                       struct strbuf *out);

/* Fills PART_THREADS. Errors: ERR_NOMEM, ERR_LIMIT. */
bool hprof_report_threads(const struct hprof_graph *g, struct err *err) MUST_CHECK;

/*
 * Fills PART_FINALIZER and PART_FINALIZABLE: objects that a Finalizer refers to, and of these whose
 * Finalizer stands in the queue. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool hprof_report_finalizer(const struct hprof_graph *g, struct err *err) MUST_CHECK;

#endif
