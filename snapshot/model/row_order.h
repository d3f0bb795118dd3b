/*
 * The order in which rows of a part are kept, whoever read them: raw dumps and transcripts of one
 * process give the same.
 */
#ifndef DUMPDIFF_MODEL_ROW_ORDER_H
#define DUMPDIFF_MODEL_ROW_ORDER_H

#include "model/builder.h"

/*
 * Put the rows of the part in their order, most objects first, and by their texts then. Rows are
 * not found by their keys any more (builder_find).
 */
void row_order_exceptions(struct builder *b);
void row_order_work(struct builder *b);

#endif
