/* What was kept of holders and findings, asked for. */
#include "history/database.h"

/* The runs of the entries as a list for SQL, each once where they come together. */
static void list_runs(const struct history_entry *entries, uint32_t count, struct strbuf *list) {
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || entries[i].run != entries[i - 1].run)
            strbuf_addf(list, "%s%llu", i ? ", " : "", (unsigned long long)entries[i].run);
}

bool history_held_by(struct history *h, const struct history_entry *entries, uint32_t count,
                     const char *type, const char **ret_held_by, struct err *err) {
    struct store_rows rows;
    struct strbuf sql;
    *ret_held_by = NULL;
    if (count == 0)
        return true;
    strbuf_init(&sql);
    strbuf_adds(&sql, "SELECT held_by FROM growth_cause WHERE type = $1 AND run IN (");
    list_runs(entries, count, &sql);
    strbuf_adds(&sql,
                ") GROUP BY held_by ORDER BY count(*) DESC, sum(bytes) DESC, held_by LIMIT 1");
    const struct store_param of[] = {store_text(store_name(h, type))};
    bool ok = strbuf_ok(&sql, err);
    bool selected = ok && store_select(h, strbuf_cstr(&sql), of, 1, false, &rows, err);
    ok = selected;
    if (selected) {
        if (store_next(&rows, &ok, err)) {
            *ret_held_by = store_text_of(&rows, 0);
            ok = *ret_held_by || err_nomem(err);
        }
        store_done(&rows);
    }
    strbuf_deinit(&sql);
    return ok;
}
