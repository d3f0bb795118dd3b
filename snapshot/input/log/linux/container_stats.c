/*
 * Memory of containers as docker stats, podman stats, crictl stats and kubectl top print it; each
 * table is a moment.
 *
 *     CONTAINER ID   NAME     CPU %   MEM USAGE / LIMIT     MEM %   NET I/O       BLOCK I/O   PIDS
 *     b95a83497c91   till-1   0.28%   5.629MiB / 1.952GiB   0.28%   916B / 0B     147kB / 0B  9
 *
 *     NAMESPACE   NAME      CPU(cores)   MEMORY(bytes)            kubectl top pods -A
 *     shop        till-1    12m          345Mi
 *
 * Columns are told by the heading; the memory is found by its shape, since names have no blanks.
 * docker prints units of 1024 with an "i", podman powers of 1000.
 * Source: cli/command/container/formatter_stats.go of docker/cli, kubectl/pkg/metricsutil.
 */
#include "input/log/size_text.h"

#include "base/hash.h"
#include "base/num.h"

#include <stdlib.h>

#define CONTAINERS_MOST 4096u
#define CELLS_MOST      24u

struct container_heading {
    bool is_kubectl;
    bool is_crictl; /* no limit, and the disk behind */
    size_t name;    /* which cell of a row is the name, from 0 */
    bool scoped;    /* the cell in front of it belongs to the name: namespace, pod */
};

struct container_reading {
    struct transcript *t;
    struct container_heading heading;
    bool headed, wanted, any;
    struct strmap seen; /* names of the table */
    uint64_t rows;
    struct scan_loss loss;
};

/* Without what terminals were told to do: "ESC[2JESC[HCONTAINER ID". */
static struct str container_line(struct str text) {
    while (text.len > 2 && str_first(text) == '\x1b' && text.ptr[1] == '[') {
        size_t end = 2;
        while (end < text.len && (text.ptr[end] < '@' || text.ptr[end] > '~'))
            end++;
        text = str_trim(str_drop(text, end + 1));
    }
    return text;
}

static bool container_parse_heading(struct str text, struct container_heading *ret_heading) {
    struct str rest = text, word, before = {"", 0};
    struct container_heading h = {.name = STR_NOT_FOUND};
    bool memory = false;
    size_t cell = 0;
    for (size_t i = 0; i < CELLS_MOST && (word = str_next_field(&rest)).len; i++) {
        if (str_eq(word, STR("ID")) && cell == 1 && str_eq(before, STR("CONTAINER")))
            continue; /* of the first cell */
        bool name = str_eq(word, STR("NAME")) || str_eq(word, STR("POD"));
        if (name) {
            h.scoped = h.name != STR_NOT_FOUND || str_eq(before, STR("NAMESPACE"));
            h.name = cell;
        }
        h.is_kubectl |= str_starts(word, STR("MEMORY(bytes)"));
        h.is_crictl |= str_eq(word, STR("INODES"));
        memory |= str_eq(word, STR("MEM")) || str_starts(word, STR("MEMORY"));
        before = word;
        cell++;
    }
    if (h.name == STR_NOT_FOUND && str_starts(text, STR("CONTAINER")))
        h.name = 0;
    *ret_heading = h;
    return h.name != STR_NOT_FOUND && h.name <= 2 && memory && str_contains(text, STR("CPU"));
}

/* The cell of the memory, and behind "/" its limit. */
static bool container_memory(const struct container_heading *h, const struct str *cells,
                             size_t count, uint64_t *ret_used, uint64_t *ret_limit) {
    *ret_limit = ABSENT;
    for (size_t i = h->name + 1; i < count; i++) {
        bool percent = str_ends(cells[i], STR("%")),
             unit = cells[i].len && cells[i].ptr[cells[i].len - 1] > '9';
        if (percent || !unit || (h->is_kubectl && str_ends(cells[i], STR("m"))))
            continue;
        if (!size_text(cells[i], true, ret_used))
            continue;
        if (h->is_kubectl || h->is_crictl)
            return true;
        return i + 2 < count && str_eq(cells[i + 1], STR("/")) &&
               size_text(cells[i + 2], true, ret_limit);
    }
    return false;
}

static bool container_begin(struct container_reading *r) {
    strmap_deinit(&r->seen);
    strmap_init(&r->seen);
    r->wanted = transcript_moment(r->t);
    r->any = true;
    return r->wanted;
}

static bool container_store(struct container_reading *r, const struct str *cells, size_t count,
                            uint64_t used, uint64_t limit, struct err *err) {
    struct builder *b = r->t->b;
    struct str name = cells[r->heading.name];
    const char *what = r->heading.is_kubectl ? "pod" : "container";
    uint64_t pids;
    struct str scope = r->heading.scoped && r->heading.name ? cells[r->heading.name - 1] : STR("");
    if (!r->any || strmap_get(&r->seen, name, scope) != STRMAP_NONE)
        container_begin(r);
    if (!strmap_put(&r->seen, name, scope, 1))
        return err_nomem(err);
    if (!r->wanted || r->rows++ > CONTAINERS_MOST)
        return true;
    struct strbuf whole; /* "shop/till-1" */
    strbuf_init(&whole);
    strbuf_add(&whole, scope);
    strbuf_adds(&whole, scope.len ? "/" : "");
    strbuf_add(&whole, name);
    name = strbuf_str(&whole);
    bool ok = strbuf_ok(&whole, err) &&
              size_text_counter(b, what, name, "memory_bytes", used, "bytes", err);
    if (ok && limit != ABSENT)
        ok = size_text_counter(b, what, name, "memory_limit_bytes", limit, "bytes", err);
    if (ok && !r->heading.is_kubectl && !r->heading.is_crictl && num_dec(cells[count - 1], &pids))
        ok = size_text_counter(b, what, name, "pids", pids, "count", err);
    strbuf_deinit(&whole);
    return ok;
}

static bool container_take(void *context, bool *ret_mine, struct err *err) {
    struct container_reading *r = context;
    struct str text = container_line(r->t->line.text), cells[CELLS_MOST];
    struct container_heading heading;
    uint64_t used, limit;
    *ret_mine = true;
    if (container_parse_heading(text, &heading)) {
        r->heading = heading;
        r->headed = true;
        r->any = false;
        return true;
    }
    size_t count = scan_fields(text, cells, CELLS_MOST, NULL);
    if (count > r->heading.name + 1 && container_memory(&r->heading, cells, count, &used, &limit))
        return container_store(r, cells, count, used, limit, err);
    *ret_mine = false;
    return true;
}

static bool container_read(struct transcript *t, struct err *err) {
    struct container_reading r = {.t = t};
    strmap_init(&r.seen);
    bool ok = scan_table(t, &r.loss, container_take, &r, err);
    if (ok && !r.rows && !r.any)
        transcript_hollow(t, "containers: a heading without rows");
    if (ok)
        scan_loss_report(t, &r.loss);
    strmap_deinit(&r.seen);
    return ok;
}

static bool container_starts(const struct transcript *t) {
    struct container_heading heading;
    struct str text = container_line(t->line.text);
    return (str_starts(text, STR("CONTAINER")) || str_starts(text, STR("NAME")) ||
            str_starts(text, STR("POD")) || str_starts(text, STR("ID "))) &&
           container_parse_heading(text, &heading);
}

const struct section section_container_stats = {
    .name = "container-stats",
    .summary = "docker stats, podman stats, crictl stats, kubectl top: memory of containers (each "
               "table a moment)",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = container_starts,
    .read = container_read,
};
