#include "model/row_order.h"

#include "base/order.h"
#include "model/rows_heap.h"

#include <stdlib.h>

static void row_order_sort(struct builder *b, enum part part, size_t size,
                           int (*cmp)(const void *, const void *)) {
    uint32_t count;
    void *rows = builder_rows(b, part, &count);
    if (count > 1)
        qsort(rows, count, size, cmp);
}

static int cmp_exception_rows(const void *x, const void *y) {
    const struct exception_row *a = x, *b = y;
    int order = order_u64(b->objects, a->objects);
    order = order ? order : order_text(a->type, b->type);
    order = order ? order : order_text(a->thrown_in, b->thrown_in);
    order = order ? order : order_text(a->message_class, b->message_class);
    return order ? order : order_text(a->innermost, b->innermost);
}

void row_order_exceptions(struct builder *b) {
    row_order_sort(b, PART_EXCEPTIONS, sizeof(struct exception_row), cmp_exception_rows);
}

static int cmp_work_rows(const void *x, const void *y) {
    const struct work_row *a = x, *b = y;
    int order = order_u64(b->objects, a->objects);
    order = order ? order : order_text(a->queue, b->queue);
    order = order ? order : order_text(a->method, b->method);
    return order ? order : order_text(a->type, b->type);
}

void row_order_work(struct builder *b) {
    row_order_sort(b, PART_WORK, sizeof(struct work_row), cmp_work_rows);
}
