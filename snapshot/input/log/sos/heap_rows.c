#include "input/log/sos/heap_rows.h"

#include "model/rows_heap.h"

struct heap_row *heaps_row(struct builder *b, uint64_t index, struct err *err) {
    struct heap_row *row = builder_find(b, PART_HEAPS, index);
    if (row && row->index == index)
        return row;
    row = builder_row(b, PART_HEAPS, err);
    if (!row)
        return NULL;
    row->index = index;
    return builder_index(b, PART_HEAPS, index, err) ? row : NULL;
}
