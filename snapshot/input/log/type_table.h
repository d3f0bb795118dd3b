/*
 * Tables of the objects on the heap, as several commands and files of one dump give them: the whole
 * heap, or what an option let through. A filtered table never passes for the whole heap; where both
 * come, the whole one stays, and the filtered one refines it where it can (generations, live
 * objects). Two whole ones must agree.
 */
#ifndef DUMPDIFF_INPUT_LOG_TYPE_TABLE_H
#define DUMPDIFF_INPUT_LOG_TYPE_TABLE_H

#include "model/builder.h"
#include "model/snapshot.h"

/* More tables than these in one snapshot are not looked at: comparing each takes its time. */
#define TYPE_TABLES_MAX 200u

struct type_table {
    struct builder *b; /* borrowed */
    struct builder_shared *shared;
    struct str filter;          /* options that limited it, "-type Cart"; empty: the whole heap */
    bool is_live, only_live;    /* "-live" was among them; it was the only one */
    enum generation generation; /* of all its cells; GEN_UNKNOWN where it holds several */
    bool is_ignored;            /* one table too many */
    bool is_cut;                /* set before the end: rows are missing */
    struct bounds unlisted;     /* what they hold at most, and ... */
    uint64_t missing_bytes;     /* ... all of them together; set where is_cut is */
    bool is_aside;              /* rows are kept aside until it is known what to do with them */
    struct snapshot aside;
    struct builder *aside_builder;
};

/*
 * Starts a table. tt->filter, is_live, only_live and generation are filled in before by the caller;
 * the strings stay the caller's. Errors: ERR_NOMEM.
 */
bool type_table_begin(struct type_table *tt, struct builder *b, struct err *err) MUST_CHECK;

/* So many rows are likely to come, see builder_expect_types(). */
void type_table_expect(struct type_table *tt, uint64_t rows);

/*
 * Adds a row; name and module are borrowed during the call only. Errors: ERR_NOMEM, ERR_LIMIT (row
 * cap).
 */
bool type_table_add(struct type_table *tt, struct str name, struct str module, struct cell cell,
                    struct err *err) MUST_CHECK;

/*
 * Ends it, joining it with what was there before; a table of which no row was added leaves no
 * trace. To be called once after begin, also when adding failed (then with ok = false). Errors:
 * ERR_NOMEM, ERR_LIMIT (row cap); with ok = false, err stays as it is.
 */
bool type_table_end(struct type_table *tt, bool ok, struct err *err) MUST_CHECK;

#endif
