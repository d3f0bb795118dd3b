/* The driver of transcripts: lines, commands, and the table of what is recognised. */
#include "input/log/transcript.h"

#include "base/utf16.h"

#include "input/log/covered_text.h"
#include "input/log/html_text.h"
#include "input/log/kept_text.h"
#include "input/log/pasted_text.h"
#include "input/log/recorded_text.h"
#include "input/log/thread_json.h"
#include "input/log/wrapped_reading.h"
#include "input/log/wrapped_text.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* THE list, one a line: a new section is one new line here. */
/* clang-format off */
#define SECTIONS(SECTION) \
    SECTION(runaway) \
    SECTION(clrthreads) \
    SECTION(special_threads) \
    SECTION(dump_threads) \
    SECTION(clrstack) \
    SECTION(kstack) \
    SECTION(jstack) \
    SECTION(gdb) \
    SECTION(lldb) \
    SECTION(eu_stack) \
    SECTION(goroutines) \
    SECTION(py_stacks) \
    SECTION(pstacks) \
    SECTION(dotnet_stack) \
    SECTION(critical_sections) \
    SECTION(sosex_locks) \
    SECTION(vs_stacks) \
    SECTION(syncblk) \
    SECTION(gcroot) \
    SECTION(threadpool) \
    SECTION(timerinfo) \
    SECTION(threadpoolqueue) \
    SECTION(dumphttp) \
    SECTION(dumpexceptions) \
    SECTION(address_summary) \
    SECTION(address) \
    SECTION(maddress) \
    SECTION(vadump) \
    SECTION(smaps) \
    SECTION(pmap) \
    SECTION(process_list) \
    SECTION(top) \
    SECTION(vmmap) \
    SECTION(tasklist) \
    SECTION(os_handles) \
    SECTION(heap_s) \
    SECTION(heap_stat) \
    SECTION(heap_l) \
    SECTION(leaktrack) \
    SECTION(leaktrack_sample) \
    SECTION(umdh) \
    SECTION(umdh_diff) \
    SECTION(vertarget) \
    SECTION(process) \
    SECTION(sosnotes) \
    SECTION(debugdiag) \
    SECTION(eeversion) \
    SECTION(objsize) \
    SECTION(exception) \
    SECTION(crashinfo) \
    SECTION(analyzeoom) \
    SECTION(verifyheap) \
    SECTION(sizestats) \
    SECTION(finalizequeue) \
    SECTION(gchandles) \
    SECTION(heapstat) \
    SECTION(vmstat) \
    SECTION(kernel_oom) \
    SECTION(memory_usage) \
    SECTION(container_stats) \
    SECTION(malloc_info) \
    SECTION(malloc_stats) \
    SECTION(counters_screen) \
    SECTION(eeheap_gc) \
    SECTION(eeheap_loader) \
    SECTION(memleak) \
    SECTION(tracemalloc) \
    SECTION(memcheck) \
    SECTION(ms_print) \
    SECTION(heapcheck) \
    SECTION(lsan) \
    SECTION(pprof_text) \
    SECTION(dumpasync) \
    SECTION(gcdump_report) \
    SECTION(heapshot) \
    SECTION(heaptrack_print) \
    SECTION(dumpheap_strings) \
    SECTION(dumpheap) /* its rows need no header: behind all that may look alike */ \
    SECTION(jmap) \
    SECTION(native_memory)
/* clang-format on */

#define SECTION_DECLARED(name) extern const struct section section_##name;
SECTIONS(SECTION_DECLARED)

#define SECTION_LISTED(name) &section_##name,
const struct section *const sections[] = {SECTIONS(SECTION_LISTED) NULL};

/* -- Lines ------------------------------------------------------------------------------------- */

/* Without the quoting that mail, Markdown and comment signs put in front, and without blanks. */
static struct str unquote(struct str s) {
    s = str_trim(s);
    for (;;) {
        if (str_starts(s, STR("# ")) || str_starts(s, STR("^C")))
            s = str_trim(str_drop(s, 2)); /* what was typed to end a tool stands in front, too */
        else if (s.len && (str_first(s) == '>' || (s.len == 1 && str_first(s) == '#')))
            s = str_trim(str_drop(s, 1));
        else if (s.len > 1 && str_first(s) == '`')
            s = str_trim(str_drop(s, 1));
        else if (s.len > 1 && str_last(s) == '`')
            s = str_trim(str_take(s, s.len - 1));
        else
            return s;
    }
}

static bool split_line(struct str *rest, uint64_t number, struct line *ret_line) {
    struct str raw;
    if (!str_next_line(rest, &raw))
        return false;
    bool cut = raw.len > LINE_MAX_BYTES;
    raw = str_take(raw, LINE_MAX_BYTES);
    *ret_line = (struct line){raw, unquote(raw), number, cut};
    return true;
}

static void load_line(struct transcript *t, uint64_t number) {
    struct str after = t->rest;
    t->at_end = !split_line(&after, number, &t->line);
    t->after = after;
    if (!t->at_end && t->line.cut && t->b) /* a scout has no builder */
        builder_warn(t->b, 1, "lines longer than %zu bytes were cut", LINE_MAX_BYTES);
}

void transcript_next(struct transcript *t) {
    if (t->at_end)
        return;
    t->rest = t->after;
    load_line(t, t->line.number + 1);
}

bool transcript_peek(const struct transcript *t, unsigned ahead, struct line *ret_line) {
    struct str rest = t->after, skipped;
    if (t->at_end)
        return false;
    if (ahead == 0) {
        *ret_line = t->line;
        return true;
    }
    for (unsigned i = 1; i < ahead; i++)
        if (!str_next_line(&rest, &skipped))
            return false;
    return split_line(&rest, t->line.number + ahead, ret_line);
}

uint64_t transcript_lines_ahead(const struct transcript *t, uint64_t most) {
    uint64_t lines = 0;
    const char *begin = t->rest.ptr, *text_end = begin + t->rest.len, *end;
    while (lines < most && begin < text_end &&
           (end = memchr(begin, '\n', (size_t)(text_end - begin)))) {
        if (end == begin || (end == begin + 1 && *begin == '\r'))
            return lines;
        begin = end + 1;
        lines++;
    }
    return lines + (lines < most && begin < text_end);
}

bool transcript_skip_blank(struct transcript *t) {
    while (!t->at_end && t->line.text.len == 0)
        transcript_next(t);
    return !t->at_end && str_first(t->line.text) != TRANSCRIPT_BLOCK_END;
}

/* -- Text -------------------------------------------------------------------------------------- */

static bool starts_with_bytes(struct bytes b, const char *prefix, size_t n) {
    return b.size >= n && memcmp(b.data, prefix, n) == 0;
}

enum encoding { ENCODING_8BIT, ENCODING_UTF16LE, ENCODING_UTF16BE };

/* By its mark, or by every second byte of the first ones being 0. */
static enum encoding encoding_of(struct bytes head) {
    if (starts_with_bytes(head, "\xff\xfe", 2))
        return ENCODING_UTF16LE;
    if (starts_with_bytes(head, "\xfe\xff", 2))
        return ENCODING_UTF16BE;
    size_t pairs = head.size / 2, low = 0, high = 0;
    for (size_t i = 0; i < pairs && i < 256; i++) {
        low += head.data[2 * i] == 0;
        high += head.data[2 * i + 1] == 0;
    }
    if (pairs > 256)
        pairs = 256;
    if (pairs >= 8 && high * 10 >= pairs * 9 && low == 0)
        return ENCODING_UTF16LE;
    if (pairs >= 8 && low * 10 >= pairs * 9 && high == 0)
        return ENCODING_UTF16BE;
    return ENCODING_8BIT;
}

/* Text has no NUL and few other control characters in its first bytes. */
static bool probe_transcript(struct bytes head) {
    if (encoding_of(head) != ENCODING_8BIT)
        return true;
    size_t odd = 0;
    for (size_t i = 0; i < head.size; i++) {
        uint8_t c = head.data[i];
        if (c == 0)
            return false;
        odd +=
            c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b && c != '\b';
    }
    return head.size > 0 && odd * 50 <= head.size;
}

/* What the section can fill; counters and where a dump comes from have no rows to miss. */
static uint64_t parts_of(const struct section *section) {
    return section ? section->may_give & ~(PART_BIT(PART_COUNTERS) | PART_BIT(PART_ORIGIN)) : 0;
}

void transcript_lacks(const struct transcript *t, uint64_t count, const char *fmt, ...) {
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    bool own = t->section && t->section->lossy_parts;
    builder_lacks(t->b, own ? t->section->lossy_parts : parts_of(t->section),
                  own ? t->section->lossy : ASPECT_ROWS, count, "%s", what);
}

void transcript_ended(struct transcript *t) {
    t->is_ended = true;
}

void transcript_picked(struct transcript *t) {
    t->is_picked = true;
}

/* "```", "{noformat}", "</details>", "Script done on ...": where what was pasted ends. */
static bool ends_block(struct str text) {
    static const struct str marks[] = {STR_INIT("`"),      STR_INIT("{noformat}"),
                                       STR_INIT("{code}"), STR_INIT("[/code]"),
                                       STR_INIT("~~~"),    STR_INIT("</details>"),
                                       STR_INIT("</pre>"), STR_INIT("{% endhighlight %}"),
                                       STR_INIT("</code>")};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_eq(text, marks[i]))
            return true;
    return text.len &&
           (str_first(text) == TRANSCRIPT_BLOCK_END || str_starts(text, STR("Script done")));
}

/* Lists behind which the text ends may have been cut there. */
static void transcript_see_end(struct transcript *t) {
    uint64_t lists = t->section->open_parts;
    if (!lists || t->is_hollow || (t->moment_by && !t->moment_wanted))
        return;
    bool ends = false;
    while (!t->at_end && (!t->line.text.len || ends_block(t->line.text))) {
        ends = ends || t->line.text.len;
        transcript_next(t);
    }
    if (t->is_ended)
        t->whole |= lists;
    if (t->is_picked || ((ends || t->at_end) && !t->is_ended)) {
        t->open |= lists;
        t->open_by = t->current;
        t->only_picked = t->is_picked;
    }
}

static void transcript_say_open(const struct transcript *t) {
    uint64_t open = t->open & ~t->whole & builder_snapshot(t->b)->parts;
    const char *why = t->only_picked ? "it tells of some, maybe not of all"
                                     : "nothing marks the end of the list: it may go on";
    if (!open)
        return;
    builder_note(t->b, "%s: %s", t->open_by, why);
    builder_absent(t->b, open, ASPECT_END, 0, "%s: %s", t->open_by, why);
}

void transcript_hollow(struct transcript *t, const char *fmt, ...) {
    char what[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    if (!t->hollow_sections++)
        err_set(&t->hollow, ERR_FORMAT, "line %" PRIu64 ": %s: %s", t->section_line, t->current,
                what);
    builder_lacks(t->b, parts_of(t->section), ASPECT_ALL, ABSENT, "%s: %s", t->current, what);
    t->is_hollow = true;
}

bool transcript_moment(struct transcript *t) {
    if (!t->moment_by || t->moment_by == t->section) {
        t->moment_by = t->section;
        t->moment_wanted = builder_moment(t->b, PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_THREADS) |
                                                    PART_BIT(PART_LOCKS) | PART_BIT(PART_COUNTERS) |
                                                    PART_BIT(PART_NATIVE_HEAPS));
        if (t->moment_wanted)
            t->open = t->whole = 0;
    }
    return t->moment_wanted;
}

static const struct section *transcript_find_section(const struct transcript *t) {
    for (size_t i = 0; sections[i] && t->line.text.len; i++)
        if (sections[i]->starts(t))
            return sections[i];
    return NULL;
}

/*
 * Where another debugging session, or another chapter of a post, begins: all behind it is of
 * another time than what was printed before, if anything is.
 */
static bool transcript_is_title(const struct line *line) {
    static const struct str marks[] = {STR_INIT("Debug session time:"),
                                       STR_INIT("Loading Dump File ["),
                                       STR_INIT("Microsoft (R) Windows Debugger"),
                                       STR_INIT("Loading core dump:"),
                                       STR_INIT("Full thread dump"),
                                       STR_INIT("## "),
                                       STR_INIT("=== ")};
    struct str raw = str_trim(line->raw);
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_starts(line->text, marks[i]) || str_starts(raw, marks[i]))
            return true;
    return str_starts(raw, STR("###"));
}

/* -- Commands that nobody reads ---------------------------------------------------------------- */

#define NOT_READ_NAMED 12u

/* The output of a command ends: was any of it read? */
static void transcript_end_command(struct transcript *t) {
    struct str rest = t->unread, name = str_take(str_next_field(&rest), 40);
    /* What sets up the debugger (".load", ".sympath") prints nothing of the process. */
    bool counts = t->unread_lines && name.len && str_first(name) != '.';
    if (counts && t->not_read_count++ < NOT_READ_NAMED)
        strbuf_addf(&t->not_read, "%s%.*s (%" PRIu64 " line%s)", t->not_read.len ? ", " : "",
                    (int)name.len, name.ptr, t->unread_lines, t->unread_lines == 1 ? "" : "s");
    t->unread = (struct str){NULL, 0};
    t->unread_lines = 0;
}

static void transcript_say_not_read(struct transcript *t) {
    transcript_end_command(t);
    if (t->not_read_count > NOT_READ_NAMED)
        strbuf_addf(&t->not_read, " and %" PRIu32 " more", t->not_read_count - NOT_READ_NAMED);
    if (t->not_read.len && t->sections_read)
        builder_note(t->b, "commands whose output is not read: %s", strbuf_cstr(&t->not_read));
}

static void transcript_see_line(struct transcript *t) {
    struct str command;
    if (str_first(t->line.text) == TRANSCRIPT_BLOCK_END)
        transcript_end_command(t);
    if (transcript_is_title(&t->line) && !t->title_at)
        t->title_at = t->line.raw.ptr;
    if (!transcript_is_command(&t->line, &command)) {
        /* Leak checkers are read all at once: what is below a second command of theirs, too. */
        t->unread_lines += t->unread.len && !t->leaks_read && t->line.text.len > 1;
        return;
    }
    transcript_end_command(t);
    t->unread = command;
    t->command = command;
    t->command_raw = t->line.raw;
    t->command_line = t->line.number;
    t->output_at = t->line.raw.ptr;
}

static bool transcript_read_section(struct transcript *t, const struct section *section,
                                    struct err *err) {
    struct builder_shared *shared = builder_shared(t->b);
    const char *at = t->title_at ? t->title_at : t->output_at ? t->output_at : t->line.raw.ptr;
    t->section_line = t->line.number;
    t->unread = (struct str){NULL, 0};
    t->unread_lines = 0;
    t->section = section;
    t->current = section->name;
    t->is_hollow = t->is_ended = t->is_picked = false;
    shared->reading = section->name;
    shared->reading_at = (size_t)(at - t->start);
    if (!section->read(t, err))
        return err_prefix(err, "line %" PRIu64 ": %s", t->section_line, section->name);
    transcript_see_end(t);
    builder_moment_end(t->b);
    shared->reading = NULL;
    t->output_at = NULL;
    if (section->may_give & PART_BIT(PART_TYPES))
        t->title_at = NULL;
    t->sections_read += !t->is_hollow;
    if (!t->at_end && t->line.number == t->section_line)
        transcript_next(t); /* a section that reads nothing must not hang us */
    return true;
}

static bool transcript_read_lines(struct transcript *t, struct err *err) {
    while (!t->at_end) {
        transcript_see_line(t);
        const struct section *section = transcript_find_section(t);
        t->lines_skipped += !section && t->line.text.len;
        if (!section)
            transcript_next(t);
        else if (!transcript_read_section(t, section, err))
            return false;
    }
    return true;
}

/* Was anything understood? Output that was seen but not understood is no empty heap. */
static bool check_read(const struct transcript *t, struct err *err) {
    if (t->sections_read)
        return true;
    if (t->hollow_sections)
        return err_set(err, t->hollow.code, "%s", t->hollow.msg);
    return err_set(err, ERR_FORMAT,
                   "no debugger output that dumpdiff knows in %" PRIu64
                   " line%s of text (see `dumpdiff list formats`)",
                   t->line.number, plural(t->line.number));
}

static bool transcript_read_part(struct str text, uint64_t first_line, struct builder *b,
                                 uint64_t *ret_unread, struct err *err) {
    struct transcript t = {.b = b, .rest = text, .start = text.ptr};
    strbuf_init(&t.not_read);
    u64map_init(&t.dumped);
    load_line(&t, first_line);
    bool ok = transcript_read_lines(&t, err) && check_read(&t, err);
    if (ok)
        transcript_say_open(&t);
    if (ok)
        transcript_say_not_read(&t);
    ok = ok && strbuf_ok(&t.not_read, err);
    if (ok && ret_unread)
        *ret_unread = t.lines_skipped;
    u64map_deinit(&t.dumped);
    strbuf_deinit(&t.not_read);
    return ok;
}

static uint64_t count_lines(struct str text) {
    uint64_t lines = 0;
    for (struct str line; str_next_line(&text, &line);)
        lines++;
    return lines;
}

/*
 * A text in which the heap is printed again, and differs, is of several times: each begins where
 * its table does, at the command or the title above it. It is read again, from there on.
 */
static bool transcript_read_text(struct str text, struct builder *b, uint64_t *ret_unread,
                                 struct err *err) {
    bool is_first = builder_is_new(b);
    if (!transcript_read_part(text, 1, b, ret_unread, err))
        return false;
    const struct builder_shared *shared = builder_shared(b);
    if (!shared->types_moments)
        return true;
    if (!is_first) {
        builder_warn(b, shared->types_moments,
                     "the heap is printed again, and differs; the last table was used");
        return true;
    }
    size_t at[TYPES_MOMENTS_MAX + 2] = {0};
    uint64_t moments = shared->types_moments + 1u;
    memcpy(at + 1, shared->types_at, shared->types_moments * sizeof(*at));
    at[moments] = text.len;
    uint64_t moment = builder_begin_anew(b, moments);
    struct str part = str_take(str_drop(text, at[moment]), at[moment + 1] - at[moment]);
    builder_note(b,
                 "the heap is printed %" PRIu64 " times, and differs: what stands between two "
                 "tables is taken to belong to the first of them, unless a title says otherwise",
                 moments);
    return transcript_read_part(part, 1 + count_lines(str_take(text, at[moment])), b, NULL, err);
}

/* What is below a covering that the text may have; out, to be deinited, holds it then. */
static struct str uncover(struct str text, bool (*probe)(struct str),
                          void (*add)(struct strbuf *, struct str), struct strbuf *out) {
    strbuf_init(out);
    if (!probe(text))
        return text;
    add(out, text);
    return strbuf_str(out);
}

static bool read_transcript(struct source *source, struct builder *b, struct err *err) {
    struct bytes in = source->bytes;
    struct strbuf converted;
    strbuf_init(&converted);
    enum encoding encoding = encoding_of(bytes_slice(in, 0, INPUT_PROBE_BYTES));
    struct str text = {(const char *)in.data, in.size};
    if (encoding != ENCODING_8BIT) {
        strbuf_add_utf16_text(&converted, in, encoding == ENCODING_UTF16BE);
        text = strbuf_str(&converted);
    } else if (starts_with_bytes(in, "\xef\xbb\xbf", 3)) {
        text = str_drop(text, 3);
    }
    struct strbuf page, recorded, threads, enclosed, marked, kept, printed, bare, inner;
    strbuf_init(&inner);
    text = uncover(text, html_text_probe, html_text_add, &page);
    text = uncover(text, recorded_text_probe, recorded_text_add, &recorded);
    text = uncover(text, covered_text_is_enclosed, covered_text_drop_edges, &enclosed);
    text = uncover(text, marked_text_probe, marked_text_add, &marked);
    text = uncover(text, kept_text_probe, kept_text_add, &kept);
    if (!memchr(text.ptr, 0x1b, text.len)) /* colours are taken off below */
        text = uncovered_read(text, transcript_read_text, &inner);
    text = uncover(text, pasted_text_probe, pasted_text_add, &printed);
    /* Collected first and pasted then, or the other way round: once in all. */
    if (kept.len)
        strbuf_init(&bare);
    else
        text = uncover(text, kept_text_probe, kept_text_add, &bare);
    text = uncover(text, thread_json_probe, thread_json_add, &threads);
    struct strbuf joined;
    strbuf_init(&joined);
    if (!inner.len && printed.len)
        text = uncovered_read(text, transcript_read_text, &inner);
    struct wrapped wrapped = wrapped_read(text, transcript_read_text, &joined);
    if (wrapped.joined)
        text = strbuf_str(&joined);
    bool ok = strbuf_ok(&converted, err) && strbuf_ok(&page, err) && strbuf_ok(&printed, err) &&
              strbuf_ok(&kept, err) && strbuf_ok(&bare, err) && strbuf_ok(&joined, err) &&
              strbuf_ok(&recorded, err) && strbuf_ok(&threads, err) && strbuf_ok(&enclosed, err) &&
              strbuf_ok(&marked, err) && strbuf_ok(&inner, err);
    ok = ok && transcript_read_text(text, b, NULL, err);
    if (ok)
        wrapped_say(&wrapped, b);
    strbuf_deinit(&joined);
    strbuf_deinit(&inner);
    strbuf_deinit(&bare);
    strbuf_deinit(&printed);
    strbuf_deinit(&kept);
    strbuf_deinit(&marked);
    strbuf_deinit(&enclosed);
    strbuf_deinit(&threads);
    strbuf_deinit(&recorded);
    strbuf_deinit(&page);
    strbuf_deinit(&converted);
    return ok;
}

const struct input input_transcript = {
    .name = "transcript",
    .summary =
        "text printed by SOS, WinDbg, dotnet-dump, lldb and the like, see `dumpdiff list sections`",
    .may_give = UINT32_MAX & ~(uint32_t)1,
    .probe = probe_transcript,
    .read = read_transcript,
};
