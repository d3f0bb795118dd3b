/* What a service was doing, in one dump: what it answers and asks, what waits for a worker, and
 * what it threw. */
#include "diff/report/doc_parts.h"

#include "diff/names/names.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <string.h>

static void service_name_cell(const struct doc_context *c, struct doc_table *t, const char *name,
                              const char *none) {
    struct strbuf text;
    strbuf_init(&text);
    pretty_type(name ? name : none, true, &text);
    doc_cell(c->d, t, name ? DOC_PLAIN : DOC_DIM, strbuf_cstr(&text));
    doc_fail(c->d, &text.err);
    strbuf_deinit(&text);
}

void doc_show_requests(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"requests", true, CUT_NEVER}, {"", false, CUT_NEVER},
        {"state", false, CUT_NEVER},   {"for at least", true, CUT_NEVER},
        {"method", false, CUT_NEVER},  {"host and path", false, CUT_MIDDLE}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_REQUESTS, struct request_row, rows, count);
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "HTTP requests without an answer yet");
    struct doc_table *t = doc_table(c->d, columns, 6);
    for (uint32_t i = 0; i < count && i < top; i++) {
        const struct request_row *row = &rows[i];
        struct strbuf text;
        strbuf_init(&text);
        strbuf_addf(&text, "%s%s", row->host ? row->host : "", row->path ? row->path : "");
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, row->count);
        doc_cell(c->d, t, DOC_PLAIN, row->direction ? row->direction : "");
        doc_cell(c->d, t, DOC_PLAIN, row->state ? row->state : "");
        if (row->oldest_ns == ABSENT)
            doc_cell(c->d, t, DOC_DIM, "-");
        else
            doc_ns(c->d, t, row->oldest_ns);
        doc_cell(c->d, t, DOC_PLAIN, row->method ? row->method : "?");
        doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&text));
        doc_fail(c->d, &text.err);
        strbuf_deinit(&text);
    }
    if (count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", count - top, plural(count - top));
}

void doc_show_work(const struct doc_context *c) {
    static const struct doc_column columns[] = {{"items", true, CUT_NEVER},
                                                {"queue", false, CUT_NEVER},
                                                {"calls", false, CUT_MIDDLE},
                                                {"item", false, CUT_TYPE}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_WORK, struct work_row, rows, count);
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Work queued in the thread pool");
    struct doc_table *t = doc_table(c->d, columns, 4);
    for (uint32_t i = 0; i < count && i < top; i++) {
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, rows[i].objects);
        doc_cell(c->d, t, DOC_PLAIN, rows[i].queue ? rows[i].queue : "");
        service_name_cell(c, t, rows[i].method, "-");
        bool is_async = rows[i].method && rows[i].type && strcmp(rows[i].method, rows[i].type) == 0;
        service_name_cell(c, t, is_async ? "async method" : rows[i].type, "?");
    }
    if (count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", count - top, plural(count - top));
}

void doc_show_exceptions(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"objects", true, CUT_NEVER},     {"live", true, CUT_NEVER},
        {"type", false, CUT_TYPE},        {"caused by", false, CUT_TYPE},
        {"thrown in", false, CUT_MIDDLE}, {"message", false, CUT_END}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_EXCEPTIONS, struct exception_row, rows, count);
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Exception objects");
    struct doc_table *t = doc_table(c->d, columns, 6);
    for (uint32_t i = 0; i < count && i < top; i++) {
        const struct exception_row *row = &rows[i];
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, row->objects);
        doc_count(c->d, t, row->live_objects);
        service_name_cell(c, t, row->type, "?");
        if (row->innermost)
            service_name_cell(c, t, row->innermost, "?");
        else
            doc_cell(c->d, t, DOC_PLAIN, NULL);
        service_name_cell(c, t, row->thrown_in, "not thrown");
        doc_cell(c->d, t, row->message ? DOC_PLAIN : DOC_DIM,
                 row->message         ? row->message
                 : row->message_class ? row->message_class
                                      : "-");
    }
    if (t)
        doc_prune(t);
    if (count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", count - top, plural(count - top));
}
