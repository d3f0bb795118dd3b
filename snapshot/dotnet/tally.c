#include "dotnet/tally.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void tally_init(struct tally *t) {
    *t = (struct tally){0};
    u64map_init(&t->index);
}

void tally_deinit(struct tally *t) {
    u64map_deinit(&t->index);
    free(t->rows);
    *t = (struct tally){0};
}

bool tally_add(struct tally *t, uint32_t key, uint64_t mt, struct cell cell, uint64_t ready) {
    uint64_t id = mt * TALLY_KEYS + key;
    uint32_t at = u64map_get(&t->index, id);
    if (at == STRMAP_NONE) {
        if (!VEC_ROOM(t->rows, t->count, t->capacity, NULL))
            return false;
        at = t->count;
        if (!u64map_put(&t->index, id, at))
            return false;
        t->rows[t->count++] = (struct tally_row){.key = key, .mt = mt};
    }
    t->rows[at].objects += cell.objects;
    t->rows[at].bytes += cell.bytes;
    t->rows[at].ready += ready;
    return true;
}

static int cmp_row(const void *a, const void *b) {
    const struct tally_row *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

bool tally_finish(struct tally *t, struct modules *modules, struct err *err) {
    struct strbuf name;
    strbuf_init(&name);
    bool ok = true;
    for (uint32_t i = 0; i < t->count && ok; i++) {
        if (!t->rows[i].mt)
            continue;
        strbuf_clear(&name);
        type_name(modules, t->rows[i].mt, &name);
        t->rows[i].name = arena_copy(&modules->clr->arena, strbuf_cstr(&name), name.len);
        ok = t->rows[i].name && !strbuf_failed(&name);
    }
    strbuf_deinit(&name);
    if (!ok)
        return err_nomem(err);
    if (t->count)
        qsort(t->rows, t->count, sizeof(*t->rows), cmp_row);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        if (kept && cmp_row(&t->rows[kept - 1], &t->rows[i]) == 0) {
            t->rows[kept - 1].objects += t->rows[i].objects;
            t->rows[kept - 1].bytes += t->rows[i].bytes;
            t->rows[kept - 1].ready += t->rows[i].ready;
            continue;
        }
        t->rows[kept++] = t->rows[i];
    }
    t->count = kept;
    return true;
}
