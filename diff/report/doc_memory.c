/* What of one dump is not managed heap and not threads. */
#include "diff/report/doc_parts.h"

#include "model/rows_process.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

static void doc_memory_memory_map(const struct doc_context *c) {
    static const char *const bys[] = {
        [MEMORY_BY_USAGE] = "usage",     [MEMORY_BY_STATE] = "state",  [MEMORY_BY_TYPE] = "type",
        [MEMORY_BY_PROTECT] = "protect", [MEMORY_LARGEST] = "largest",
    };
    static const struct doc_column columns[] = {
        {"by", false, CUT_NEVER},   {"what", false, CUT_MIDDLE},  {"regions", true, CUT_NEVER},
        {"bytes", true, CUT_NEVER}, {"private", true, CUT_NEVER},
    };
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_MEMORY_MAP, struct memory_row, rows, count);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Memory map");
    struct doc_table *t = doc_table(c->d, columns, 5);
    uint64_t by = ABSENT;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].by > MEMORY_LARGEST)
            continue;
        doc_row(c->d, t, DOC_PLAIN);
        doc_cell(c->d, t, DOC_PLAIN, rows[i].by == by ? NULL : bys[rows[i].by]);
        doc_cell(c->d, t, DOC_PLAIN, rows[i].key);
        doc_count(c->d, t, rows[i].regions);
        doc_bytes(c->d, t, rows[i].bytes);
        doc_bytes(c->d, t, rows[i].private_bytes);
        by = rows[i].by;
    }
    doc_prune(t);
}

/* What VirtualAlloc gave, largest first, as the map has it. */
static void doc_memory_allocations(const struct doc_context *c) {
    static const struct doc_column columns[] = {{"allocation", false, CUT_MIDDLE},
                                                {"regions", true, CUT_NEVER},
                                                {"bytes", true, CUT_NEVER}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_MEMORY_MAP, struct memory_row, rows, count);
    struct doc_table *t = NULL;
    uint32_t top = doc_top(c, ROWS_SECONDARY), shown = 0, others = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].by != MEMORY_BY_BASE)
            continue;
        if (shown == top) {
            others++;
            continue;
        }
        if (!t) {
            doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Private memory by allocation");
            t = doc_table(c->d, columns, 3);
        }
        doc_row(c->d, t, DOC_PLAIN);
        doc_cell(c->d, t, DOC_PLAIN, rows[i].key);
        doc_count(c->d, t, rows[i].regions);
        doc_bytes(c->d, t, rows[i].bytes);
        shown++;
    }
    if (others)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", others, plural(others));
}

static void handles(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"handles", true, CUT_NEVER}, {"bytes", true, CUT_NEVER}, {"kind", false, CUT_NEVER}};
    struct doc_table *t = NULL;
    struct series_values values = series_values(c->s, GROUP_HANDLES_KIND);
    for (uint32_t i = 0; i < values.count; i++) {
        const struct series_value *v = &values.items[i];
        if (!t) {
            doc_text(c->d, DOC_HEADING, DOC_PLAIN, "GC handles");
            t = doc_table(c->d, columns, 3);
        }
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, v->counts[0]);
        doc_bytes(c->d, t, v->values[0]);
        doc_cell(c->d, t, DOC_PLAIN, v->name);
    }
    doc_prune(t);
}

static void doc_memory_counters(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"value", true, CUT_NEVER}, {"unit", false, CUT_NEVER}, {"counter", false, CUT_MIDDLE}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_COUNTERS, struct counter_row, rows, count);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Counters");
    struct doc_table *t = doc_table(c->d, columns, 3);
    uint32_t top = doc_top(c, 2 * ROWS_DEFAULT), shown = count < top ? count : top;
    for (uint32_t i = 0; i < shown; i++) {
        const char *unit = rows[i].unit;
        doc_row(c->d, t, DOC_PLAIN);
        if (unit && strcmp(unit, "bytes") == 0)
            doc_bytes(c->d, t, rows[i].value);
        else if (unit && strcmp(unit, "ns") == 0)
            doc_ns(c->d, t, rows[i].value);
        else
            doc_count(c->d, t, rows[i].value);
        doc_cell(c->d, t, DOC_PLAIN,
                 !unit || strcmp(unit, "bytes") == 0 || strcmp(unit, "count") == 0 ||
                         strcmp(unit, "ns") == 0
                     ? NULL
                     : unit);
        doc_cell(c->d, t, DOC_PLAIN, rows[i].name);
    }
    doc_prune(t);
    if (shown < count)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", count - shown, plural(count - shown));
}

void doc_show_memory(const struct doc_context *c) {
    uint32_t top = doc_top(c, ROWS_DEFAULT);
    handles(c);
    doc_memory_memory_map(c);
    doc_memory_allocations(c);
    doc_generic(c, PART_NATIVE_HEAPS, "Native heaps", top);
    doc_generic(c, PART_LOADER, "Loader heaps", top);
    doc_generic(c, PART_FREE_BLOCKS, "Large free blocks of the GC heap",
                doc_top(c, ROWS_SECONDARY));
    doc_generic(c, PART_OS_HANDLES, "Operating system handles", top);
    doc_memory_counters(c);
    if (c->o->all)
        doc_generic(c, PART_MODULES, "Modules", TOP_ALL);
}
