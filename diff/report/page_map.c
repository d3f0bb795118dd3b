/* Map of the heap: types by namespace, as large as they are. */
#include "diff/names/path_text.h"
#include "diff/report/charts/chart.h"
#include "diff/report/doc_parts.h"

#include <string.h>

/* The namespace of a type, without its arguments: up to the last point before them. */
static struct str type_namespace(const char *name) {
    size_t length = strcspn(name, "<[`+,( ");
    struct str head = {name, length};
    while (length && name[length - 1] != '.')
        length--;
    return length ? str_take(head, length - 1) : (struct str){name, 0};
}

static const char *map_copy(const struct doc_context *c, struct str s) {
    const char *copy = arena_copy(&c->d->arena, s.ptr, s.len);
    if (!copy)
        doc_fail_nomem(c->d);
    return copy ? copy : "";
}

void page_map(const struct doc_context *c) {
    const struct series *s = c->s;
    uint32_t last = s->count - 1;
    if (!(s->parts_all & PART_BIT(PART_TYPES)) || !s->type_count)
        return;
    struct chart *chart = arena_alloc(&c->d->arena, sizeof(*chart));
    struct chart_item *items = arena_array(&c->d->arena, s->type_count, sizeof(*items));
    if (!chart || !items) {
        doc_fail_nomem(c->d);
        return;
    }
    *chart = (struct chart){.kind = CHART_MAP,
                            .title = "Map of the heap",
                            .summary = last ? "Areas are bytes now, colours the difference; each "
                                              "type leads to its row."
                                            : "Areas are bytes; each type leads to its row."};
    chart->map = (struct chart_map){.compared = last > 0, .items = items};
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        uint64_t now = type_cell(type, last, s->live_known).bytes;
        uint64_t base = last ? type_cell(type, 0, s->live_known).bytes : 0;
        struct strbuf name;
        if (now == ABSENT || !now)
            continue;
        strbuf_init(&name);
        path_short_type(type->name, &name);
        items[chart->map.count++] = (struct chart_item){
            .group = map_copy(c, type_namespace(type->name)),
            .name = map_copy(c, strbuf_str(&name)),
            .full = type->name,
            /* Of what a dump does not list nobody knows by how much it grew. */
            .base = base == ABSENT ? now : base,
            .now = now,
            .type = i,
        };
        doc_fail(c->d, &name.err);
        strbuf_deinit(&name);
    }
    if (!chart->map.count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "What the heap is made of");
    doc_chart(c->d, chart);
}
