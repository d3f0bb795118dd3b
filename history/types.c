/* Types and values by their numbers: asked for once a process, since a fleet adds the same ones. */
#include "history/database.h"

#include <stdlib.h>

#define ROWS_A_STATEMENT 1000u /* SQLite takes 32,766 parameters, PostgreSQL 65,535 */

void types_forget(struct type_cache *c) {
    if (c->begun) {
        strmap_deinit(&c->numbers);
        arena_deinit(&c->arena);
    }
    c->begun = false;
}

/* All of a program's. */
static bool types_read(struct history *h, uint64_t program, struct err *err) {
    struct type_cache *c = h->types;
    struct store_rows rows;
    const struct store_param of[] = {store_number(program)};
    types_forget(c);
    strmap_init(&c->numbers);
    arena_init(&c->arena);
    c->begun = true;
    c->program = program;
    bool ok = store_select(h, "SELECT id, kind, name FROM type WHERE program = $1", of, 1, false,
                           &rows, err);
    while (store_next(&rows, &ok, err)) {
        uint64_t number = store_number_of(&rows, 0);
        struct str key = types_key(store_number_of(&rows, 1)), text = h->body->text(&rows, 2);
        char *name = text.ptr ? arena_copy(&c->arena, text.ptr, text.len) : NULL;
        if (number >= STRMAP_NONE)
            ok = err_set(err, ERR_LIMIT, "more types than can be kept");
        else if (!name)
            ok = err_nomem(err);
        else if (strmap_get(&c->numbers, key, str_of(name)) == STRMAP_NONE)
            ok = strmap_put(&c->numbers, key, str_of(name), (uint32_t)number) || err_nomem(err);
    }
    store_done(&rows);
    return ok;
}

static uint32_t types_find(const struct type_cache *c, const struct kept *row) {
    return strmap_get_hashed(&c->numbers, row->hash, types_key(row->kind), str_of(row->name));
}

static bool types_insert_some(struct history *h, uint64_t program, struct kept *const *rows,
                              uint32_t count, struct err *err) {
    struct strbuf sql;
    struct store_param *params = calloc(1 + 2 * (size_t)count, sizeof(*params));
    strbuf_init(&sql);
    if (!params)
        return err_nomem(err);
    params[0] = store_number(program);
    strbuf_adds(&sql, "INSERT INTO type(program, kind, name) VALUES");
    for (uint32_t i = 0; i < count; i++) {
        params[1 + 2 * i] = store_number(rows[i]->kind);
        params[2 + 2 * i] = store_text(rows[i]->name);
        strbuf_addf(&sql, "%s($1, $%u, $%u)", i ? ", " : " ", 2 + 2 * i, 3 + 2 * i);
    }
    strbuf_adds(&sql, " ON CONFLICT DO NOTHING");
    bool ok =
        strbuf_ok(&sql, err) && store_run(h, strbuf_cstr(&sql), params, 1 + 2 * count, NULL, err);
    strbuf_deinit(&sql);
    free(params);
    return ok;
}

static int cmp_kept_names(const void *x, const void *y) {
    const struct kept *a = *(struct kept *const *)x, *b = *(struct kept *const *)y;
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : strcmp(a->name, b->name);
}

/* In the order of names, so that two who add the same ones wait for each other in one order. */
static bool types_insert(struct history *h, uint64_t program, struct kept *rows, uint32_t count,
                         struct err *err) {
    uint32_t missing = 0;
    struct kept **list = calloc(count, sizeof(*list));
    if (!list)
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++)
        if (types_find(h->types, &rows[i]) == STRMAP_NONE)
            list[missing++] = &rows[i];
    bool ok = true;
    if (missing) {
        qsort(list, missing, sizeof(struct kept *), cmp_kept_names);
        ok = store_begin(h, true, err);
        bool begun = ok;
        for (uint32_t i = 0; ok && i < missing; i += ROWS_A_STATEMENT)
            ok = types_insert_some(h, program, &list[i],
                                   missing - i < ROWS_A_STATEMENT ? missing - i : ROWS_A_STATEMENT,
                                   err);
        ok = begun && store_end(h, ok, err) && types_read(h, program, err);
    }
    free(list);
    return ok;
}

bool types_number(struct history *h, uint64_t program, struct kept *rows, uint32_t count,
                  struct err *err) {
    if ((!h->types->begun || h->types->program != program) && !types_read(h, program, err))
        return false;
    if (count && !types_insert(h, program, rows, count, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = types_find(h->types, &rows[i]);
        if (number == STRMAP_NONE)
            return err_set(err, ERR_FORMAT, "a type that was added is not there");
        rows[i].type = number;
    }
    return true;
}
