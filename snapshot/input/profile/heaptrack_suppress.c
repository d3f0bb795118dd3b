#include "input/profile/heaptrack_suppress.h"

/* [bytes] of strings, times patterns: seconds of searching, which no file needs. */
#define WORK_MOST ((uint64_t)16 << 30)

/* Of heaptrack 1.4, in the order of its list. */
static const struct str builtin[] = {
    STR_INIT("__nss_module_allocate"), STR_INIT("__gconv_read_conf"),
    STR_INIT("__new_exitfn"),          STR_INIT("tzset_internal"),
    STR_INIT("dl_open_worker"),        STR_INIT("g_main_context_new"),
    STR_INIT("g_thread_self"),
};
#define BUILTINS (sizeof(builtin) / sizeof(*builtin))

bool suppression_matches(struct str pattern, struct str text) {
    if (str_eq(pattern, text))
        return true;
    if (text.len == 0)
        return false;
    bool start = str_first(pattern) == '^', anything = false;
    if (start)
        pattern = str_drop(pattern, 1);
    while (pattern.len) {
        if (str_first(pattern) == '*') {
            pattern = str_drop(pattern, 1);
            start = false;
            anything = true;
            continue;
        }
        if (str_first(pattern) == '$')
            return text.len == 0 || anything;
        size_t piece = 0;
        while (piece < pattern.len && pattern.ptr[piece] != '*' && pattern.ptr[piece] != '$')
            piece++;
        size_t at = str_find(text, str_take(pattern, piece), 0);
        if (at == STR_NOT_FOUND || (start && at != 0))
            return false;
        text = str_drop(text, at + piece);
        pattern = str_drop(pattern, piece);
        start = anything = false;
    }
    return true;
}

static bool suppressed(const struct heaptrack_file *f, struct str text) {
    const struct str *patterns = f->suppressions.rows;
    for (size_t i = 0; i < BUILTINS; i++)
        if (suppression_matches(builtin[i], text))
            return true;
    for (uint32_t i = 0; i < f->suppressions.count; i++)
        if (suppression_matches(patterns[i], text))
            return true;
    return false;
}

static bool mark_strings(struct heaptrack_file *f, bool *ret_any, struct err *err) {
    struct heaptrack_string *strings = f->strings.rows;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < f->strings.count; i++)
        bytes += strings[i].text.len;
    if (bytes > WORK_MOST / (BUILTINS + f->suppressions.count))
        return err_set(err, ERR_LIMIT, "%u suppressions for %llu MiB of names",
                       f->suppressions.count, (unsigned long long)(bytes >> 20));
    for (uint32_t i = 0; i < f->strings.count; i++) {
        if (!suppressed(f, strings[i].text))
            continue;
        strings[i].flags |= HEAPTRACK_STRING_SUPPRESSED;
        *ret_any = true;
    }
    return true;
}

static bool is_marked(const struct heaptrack_file *f, uint32_t number) {
    const struct heaptrack_string *strings = f->strings.rows;
    return number && (strings[number - 1].flags & HEAPTRACK_STRING_SUPPRESSED);
}

static void mark_ips(struct heaptrack_file *f) {
    const struct heaptrack_frame *frames = f->frames.rows;
    struct heaptrack_ip *ips = f->ips.rows;
    for (uint32_t i = 0; i < f->ips.count; i++) {
        struct heaptrack_ip *ip = &ips[i];
        ip->suppressed = is_marked(f, ip->module);
        for (uint32_t j = 0; j < ip->frames && !ip->suppressed; j++)
            ip->suppressed = is_marked(f, frames[ip->first_frame + j].function) ||
                             is_marked(f, frames[ip->first_frame + j].file);
    }
}

/* Callers come before what they call, so one pass does. */
static void mark_traces(struct heaptrack_file *f) {
    const struct heaptrack_ip *ips = f->ips.rows;
    struct heaptrack_trace *traces = f->traces.rows;
    for (uint32_t i = 0; i < f->traces.count; i++) {
        struct heaptrack_trace *t = &traces[i];
        t->suppressed =
            (t->ip && ips[t->ip - 1].suppressed) || (t->parent && traces[t->parent - 1].suppressed);
    }
}

bool heaptrack_suppress(struct heaptrack_file *f, struct err *err) {
    bool any = false;
    if (!mark_strings(f, &any, err))
        return false;
    if (!any)
        return true;
    mark_ips(f);
    mark_traces(f);
    const struct heaptrack_trace *traces = f->traces.rows;
    struct heaptrack_stack *stacks = f->stacks.rows;
    for (uint32_t i = 0; i < f->stacks.count; i++) {
        struct heaptrack_stack *s = &stacks[i];
        if (!s->trace || !traces[s->trace - 1].suppressed)
            continue;
        s->suppressed = true;
        f->suppressed_count += s->live_count;
        f->suppressed_bytes += s->live_bytes;
        f->live_count -= s->live_count;
        f->live_bytes -= s->live_bytes;
        s->live_count = s->live_bytes = 0;
    }
    return true;
}
