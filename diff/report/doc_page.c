/* What a page says before all else, in which order it tells the rest, and what leads where. */
#include "diff/report/alloc_view.h"
#include "diff/report/doc_parts.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <ctype.h>
#include <string.h>

#define TRUST_NAMED 4u
#define NAME_SAID   60u /* characters of a function in the first sentence */

/* -- What leads where -------------------------------------------------------------------------- */

static void link_type(const struct doc_context *c, uint32_t cause, const char *name) {
    for (uint32_t i = 0; i < c->s->type_count; i++)
        if (strcmp(c->s->types[i].name, name) == 0) {
            doc_link(c->d, cause, MARK_TYPE, i);
            return;
        }
}

static void link_thread(const struct doc_context *c, uint32_t cause, uint64_t os_id) {
    for (uint32_t i = 0; os_id != ABSENT && os_id && i < c->s->thread_count; i++)
        if (c->s->threads[i].os_id == os_id) {
            doc_link(c->d, cause, MARK_THREAD, i);
            return;
        }
}

/* What a finding says that it is about. */
static void link_finding(const struct doc_context *c, uint32_t cause, uint32_t number) {
    const struct finding *finding = &c->f->items[number];
    doc_link(c->d, cause, MARK_FINDING, number);
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        const struct evidence *e = &finding->evidence[i];
        if (strcmp(e->name, "type") == 0 && e->kind == FIELD_STR && e->text)
            link_type(c, cause, e->text);
        else if (strstr(e->name, "os_id") && e->kind == FIELD_U64)
            link_thread(c, cause, e->number);
    }
}

static void doc_page_links(const struct doc_context *c) {
    for (uint32_t i = 0; c->o->causes && i < c->o->causes->count; i++) {
        const struct cause *cause = &c->o->causes->items[i];
        for (uint32_t k = 0; k < cause->type_count; k++)
            link_type(c, i, cause->types[k].type);
        for (uint32_t k = 0; k < cause->finding_count; k++)
            link_finding(c, i, cause->findings[k]);
    }
    doc_links_done(c->d);
}

/* -- In one sentence --------------------------------------------------------------------------- */

static const struct {
    const char *one, *several;
} said_of[CAUSE_KINDS] = {
    [CAUSE_DEADLOCK] = {"a deadlock", "%u deadlocks"},
    [CAUSE_FINALIZER] = {"a finalizer queue that is not emptied", "%u causes about finalizers"},
    [CAUSE_BLOCKED] = {"a thread that blocks others", "%u threads that block others"},
    [CAUSE_STARVATION] = {"a starved thread pool", "%u signs of a starved thread pool"},
    [CAUSE_RUNAWAY] = {"a thread that runs without end", "%u threads that run without end"},
    [CAUSE_LEAK] = {"a leak", "%u leaks"},
    [CAUSE_GROWTH] = {"one thing that grows", "%u things that grow"},
    [CAUSE_FILLING] = {"a cache that fills", "%u caches that fill"},
    [CAUSE_STEP] = {"growth that came once", "%u things that grew once"},
    [CAUSE_NATIVE] = {"native memory that grows", "%u kinds of native memory that grow"},
    [CAUSE_HANDLES] = {"handles that become more", "%u kinds of handles that become more"},
    [CAUSE_THREADS] = {"threads that become more", "%u kinds of threads that become more"},
    [CAUSE_LOADER] = {"code that is loaded again and again", "%u causes of ever more loaded code"},
    [CAUSE_EXCEPTIONS] = {"exceptions", "%u kinds of exceptions"},
    [CAUSE_FRAGMENTATION] = {"a fragmented heap", "%u fragmented heaps"},
    [CAUSE_MEMORY] = {"memory of the process that grows", "%u kinds of memory that grow"},
};

/* Of one dump nobody knows what grew. */
static const char *const said_of_one[CAUSE_KINDS] = {
    [CAUSE_LEAK] = "memory that is held",
    [CAUSE_GROWTH] = "memory that is held",
    [CAUSE_FILLING] = "memory that is held",
    [CAUSE_STEP] = "memory that is held",
    [CAUSE_NATIVE] = "much native memory",
    [CAUSE_HANDLES] = "many handles",
    [CAUSE_THREADS] = "many threads",
    [CAUSE_LOADER] = "much loaded code",
    [CAUSE_MEMORY] = "the memory of the process",
};

/* "a deadlock, 2 leaks and a cache that fills": the most serious kinds first. */
static void say_kinds(const struct causes *causes, bool compared, struct strbuf *out) {
    uint32_t counts[CAUSE_KINDS] = {0}, kinds[CAUSE_KINDS], n = 0;
    for (uint32_t i = 0; i < causes->count; i++)
        if (!counts[causes->items[i].kind]++)
            kinds[n++] = causes->items[i].kind;
    for (uint32_t i = 0; i < n; i++) {
        strbuf_adds(out, i == 0 ? "" : i + 1 == n ? " and " : ", ");
        if (!compared && said_of_one[kinds[i]])
            strbuf_adds(out, said_of_one[kinds[i]]);
        else if (counts[kinds[i]] == 1)
            strbuf_adds(out, said_of[kinds[i]].one);
        else
            strbuf_addf(out, said_of[kinds[i]].several,
                        counts[kinds[i]]); /* NOLINT: of the table */
    }
}

static void say_growth(const struct doc_context *c, struct strbuf *out, const char *what,
                       uint64_t base, uint64_t now) {
    char a[FMT_MAX], b[FMT_MAX];
    if (base == ABSENT || now == ABSENT)
        return;
    if (c->s->count == 1)
        strbuf_addf(out, "; %s takes %s", what, fmt_bytes(now, b));
    else if (base == now)
        strbuf_addf(out, "; %s stayed at %s", what, fmt_bytes(now, b));
    else
        strbuf_addf(out, "; %s went from %s to %s (%s)", what, fmt_bytes(base, a),
                    fmt_bytes(now, b), fmt_bytes_delta(fmt_delta(base, now), (char[FMT_MAX]){0}));
}

/* The function that most of what is outstanding more is from; none, if it is from many. */
static void say_who(const struct doc_context *c, struct strbuf *out) {
    uint32_t count = alloc_count(c->s, ALLOC_FUNCTIONS);
    uint64_t growth = 0, most = 0;
    const char *name = NULL;
    char buf[FMT_MAX];
    for (uint32_t i = 0; i < count; i++) {
        struct alloc_line line = alloc_line(c->s, ALLOC_FUNCTIONS, i);
        if (line.bytes_delta <= 0)
            continue;
        growth = num_add(growth, (uint64_t)line.bytes_delta);
        if ((uint64_t)line.bytes_delta > most) {
            most = (uint64_t)line.bytes_delta;
            name = line.name;
        }
    }
    if (!name || most <= growth / 2)
        return;
    strbuf_addf(out, ", %s of all growth from ", fmt_percent(most, growth, buf));
    fmt_cut(out, name, NAME_SAID);
}

/* What the memory did meanwhile, by the best figure there is. */
static void say_memory(const struct doc_context *c, struct strbuf *out) {
    const struct series *s = c->s;
    uint32_t last = s->count - 1;
    if (s->live_known)
        say_growth(c, out, "what lives", s->live_bytes[0], s->live_bytes[last]);
    else if (series_heap_bytes(s, 0) != ABSENT && series_heap_bytes(s, last) != ABSENT)
        say_growth(c, out, "the heap", series_heap_bytes(s, 0), series_heap_bytes(s, last));
    else if (s->allocated) {
        say_growth(c, out, "what is allocated", s->allocated[0].bytes, s->allocated[last].bytes);
        if (last)
            say_who(c, out);
    }
}

static void count_severities(const struct doc_context *c, uint32_t counts[4]) {
    for (uint32_t i = 0; i < c->f->count; i++)
        if (c->f->items[i].status == STATUS_HIT)
            counts[c->f->items[i].severity]++;
}

static bool any_clear(const struct doc_context *c) {
    for (uint32_t i = 0; i < c->f->count; i++)
        if (c->f->items[i].status == STATUS_CLEAR)
            return true;
    return false;
}

void doc_verdict_text(const struct doc_context *c, struct strbuf *out) {
    const struct causes *causes = c->o->causes;
    uint32_t counts[4] = {0};
    size_t begin = out->len;
    count_severities(c, counts);
    uint32_t hits = counts[0] + counts[1] + counts[2] + counts[3];
    if (causes && causes->count)
        say_kinds(causes, c->s->count > 1, out);
    else if (!hits && !any_clear(c))
        strbuf_adds(out, "no rule could be applied: this says nothing, good or bad");
    else if (!hits)
        strbuf_adds(out, "nothing was found");
    else if (!counts[SEVERITY_CRITICAL] && !counts[SEVERITY_WARNING])
        strbuf_adds(out, "nothing that was found is serious");
    else
        strbuf_addf(out, "%u finding%s, %u of them critical", hits, hits == 1 ? "" : "s",
                    counts[SEVERITY_CRITICAL]);
    say_memory(c, out);
    strbuf_addc(out, '.');
    if (!strbuf_failed(out))
        out->ptr[begin] = (char)toupper((unsigned char)out->ptr[begin]);
}

static void doc_page_verdict(const struct doc_context *c) {
    const struct causes *causes = c->o->causes;
    uint32_t counts[4] = {0};
    struct strbuf out;
    strbuf_init(&out);
    count_severities(c, counts);
    doc_verdict_text(c, &out);
    enum severity worst = causes && causes->count ? causes->items[0].severity
                          : counts[0]             ? SEVERITY_CRITICAL
                          : counts[1]             ? SEVERITY_WARNING
                                                  : SEVERITY_INFO;
    doc_text(c->d, DOC_VERDICT,
             worst == SEVERITY_CRITICAL  ? DOC_BAD
             : worst == SEVERITY_WARNING ? DOC_STRONG
             : any_clear(c)              ? DOC_GOOD
                                         : DOC_DIM,
             "%s", strbuf_cstr(&out));
    doc_fail(c->d, &out.err);
    strbuf_deinit(&out);
}

/* -- The pages --------------------------------------------------------------------------------- */

/* "Trust: exact" of all, else which dump is not, and that there are reasons. */
static void doc_page_trust_line(const struct doc_context *c) {
    struct strbuf out;
    uint32_t less = 0;
    strbuf_init(&out);
    for (uint32_t i = 0; i < c->s->count; i++) {
        enum trust_grade trust = snapshot_trust(c->s->snapshots[i]);
        if (trust == TRUST_EXACT || less++ >= TRUST_NAMED)
            continue;
        strbuf_addf(&out, "%s%s %s", less > 1 ? ", " : "", c->o->names[i], trust_names[trust]);
    }
    if (less > TRUST_NAMED)
        strbuf_addf(&out, ", [%u more]", less - TRUST_NAMED);
    if (less)
        doc_text(c->d, DOC_FOLD, DOC_BAD, "Trust: %s%s. The dumps, and why", strbuf_cstr(&out),
                 less < c->s->count ? ", else exact" : "");
    else
        doc_text(c->d, DOC_FOLD, DOC_PLAIN,
                 c->s->count > 1 ? "Trust: exact. The dumps, and notes on them"
                                 : "Trust: exact. Notes on the dump");
    doc_fail(c->d, &out.err);
    strbuf_deinit(&out);
}

static void doc_page_dumps(const struct doc_context *c) {
    doc_page_trust_line(c);
    doc_diff_dumps(c);
    doc_reasons(c);
    doc_text(c->d, DOC_UNFOLD, DOC_PLAIN, NULL);
    doc_diff_warnings(c);
    doc_diff_notes(c);
}

void doc_page_diff(const struct doc_context *c) {
    bool types = (c->s->parts_all & PART_BIT(PART_TYPES)) != 0;
    doc_page_links(c);
    doc_diff_title(c);
    doc_page_verdict(c);
    doc_page_dumps(c);
    doc_causes(c);
    page_growth(c);
    page_holders(c);
    page_map(c);
    if (!types) {
        page_stacks(c);
        doc_allocations(c);
    }
    doc_diff_types(c);
    doc_diff_growth(c);
    doc_diff_heap(c);
    page_threads(c);
    doc_diff_threads(c);
    page_thread_stacks(c);
    doc_diff_locks(c);
    doc_diff_finalizer(c);
    doc_diff_values(c);
    if (types) {
        page_stacks(c);
        doc_allocations(c);
    }
    doc_findings(c);
    doc_missing(c);
}

void doc_page_show(const struct doc_context *c) {
    bool types = part_any(c, PART_TYPES);
    doc_show_head(c);
    doc_page_verdict(c);
    doc_page_trust_line(c);
    doc_reasons(c);
    doc_text(c->d, DOC_UNFOLD, DOC_PLAIN, NULL);
    doc_findings(c);
    page_holders(c);
    page_map(c);
    if (!types) {
        page_stacks(c);
        doc_allocations(c);
    }
    doc_show_heap(c);
    doc_show_types(c);
    doc_show_holders(c);
    doc_show_async(c);
    doc_show_callbacks(c);
    doc_show_requests(c);
    doc_show_work(c);
    doc_show_exceptions(c);
    doc_show_finalizer(c);
    page_threads(c);
    doc_show_threads(c);
    page_thread_stacks(c);
    doc_show_locks(c);
    doc_show_memory(c);
    if (types) {
        page_stacks(c);
        doc_allocations(c);
    }
    doc_missing(c);
}
