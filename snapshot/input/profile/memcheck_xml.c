/*
 * What memcheck of valgrind writes with --xml=yes --xml-file=F: its errors, the leaks among them.
 *
 *   <valgrindoutput>
 *   <protocoltool>memcheck</protocoltool> <pid>4711</pid>
 *   <args><vargv><exe>/usr/bin/valgrind</exe><arg>--leak-check=full</arg></vargv>
 *         <argv><exe>./till</exe></argv></args>
 *   <error>
 *     <kind>Leak_DefinitelyLost</kind>
 *     <xwhat><text>2,324 (2,100 direct, 224 indirect) bytes in 7 blocks are definitely lost in
 *       loss record 3 of 5</text><leakedbytes>2324</leakedbytes><leakedblocks>7</leakedblocks>
 *     </xwhat>
 *     <stack><frame><ip>0x109191</ip><obj>/opt/till</obj><fn>line_new</fn><file>lines.c</file>
 *       <line>5</line></frame>...</stack>
 *   </error>
 *   <status><state>FINISHED</state>...</status>
 *   </valgrindoutput>
 *
 * It has no summary: what is not among its errors was not looked for, or not to be shown. Tags are
 * taken as they come, one behind the other; those that are not known are passed over.
 *
 * Source: docs/internals/xml-output-protocol4.txt of valgrind.
 */
#include "base/num.h"
#include "input/input.h"
#include "input/leaks.h"
#include "model/rows_origin.h"

#include <string.h>

struct memcheck_xml {
    struct builder *b;
    struct leak_report report;
    struct strbuf text;      /* scratch of names */
    struct str tag, content; /* "fn", and what stands behind it up to the next tag */
    enum loss loss;          /* of the error that is being read */
    bool is_leak, recorded;  /* the error is one; its record was added */
    bool in_stack, had_stack;
    bool in_program; /* <argv>, not <vargv> */
    uint64_t bytes, blocks, indirect;
    struct str function, object, folder, file;
    uint64_t line;               /* ABSENT: not said */
    bool ended, finished, asked; /* --leak-check=full or =yes */
    uint64_t others;             /* [count] errors that are no leaks */
};

/* "a&lt;b&gt;" as text in m->text. */
static struct str xml_text(struct memcheck_xml *m, struct str raw) {
    static const struct {
        struct str name;
        char c;
    } names[] = {{STR_INIT("&lt;"), '<'},
                 {STR_INIT("&gt;"), '>'},
                 {STR_INIT("&amp;"), '&'},
                 {STR_INIT("&quot;"), '"'},
                 {STR_INIT("&apos;"), '\''}};
    strbuf_clear(&m->text);
    for (size_t i = 0; i < raw.len;) {
        size_t k = 0, all = sizeof(names) / sizeof(*names);
        while (k < all && !str_starts(str_drop(raw, i), names[k].name))
            k++;
        strbuf_addc(&m->text, k < all ? names[k].c : raw.ptr[i]);
        i += k < all ? names[k].name.len : 1;
    }
    return strbuf_str(&m->text);
}

/* The next tag and the text behind it; false at the end. */
static bool xml_next(struct memcheck_xml *m, struct str *rest) {
    size_t open = str_find(*rest, STR("<"), 0);
    size_t close = open == STR_NOT_FOUND ? STR_NOT_FOUND : str_find(*rest, STR(">"), open);
    if (close == STR_NOT_FOUND)
        return false;
    m->tag = str_drop(str_take(*rest, close), open + 1);
    *rest = str_drop(*rest, close + 1);
    m->content = str_trim(str_take(*rest, str_find(*rest, STR("<"), 0)));
    return true;
}

static bool is_tag(const struct memcheck_xml *m, const char *name) {
    return str_eq(m->tag, str_of(name));
}

/* "Leak_DefinitelyLost" */
static bool leak_kind(struct str kind, enum loss *ret_loss) {
    static const char *const kinds[] = {[LOSS_DEFINITE] = "Leak_DefinitelyLost",
                                        [LOSS_INDIRECT] = "Leak_IndirectlyLost",
                                        [LOSS_POSSIBLE] = "Leak_PossiblyLost",
                                        [LOSS_REACHABLE] = "Leak_StillReachable"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (str_eq(kind, str_of(kinds[i]))) {
            *ret_loss = (enum loss)i;
            return true;
        }
    return false;
}

/* "2,324 (2,100 direct, 224 indirect) bytes in ...": the 224; ABSENT: it is not said. */
static uint64_t indirect_of(struct str text) {
    uint64_t value;
    size_t end = str_find(text, STR(" indirect)"), 0), start = str_find(text, STR("direct, "), 0);
    bool has = end != STR_NOT_FOUND && start != STR_NOT_FOUND && start < end;
    return has && num_grouped(str_drop(str_take(text, end), start + 8), &value) ? value : ABSENT;
}

static void begin_error(struct memcheck_xml *m) {
    m->is_leak = m->recorded = m->in_stack = m->had_stack = false;
    m->bytes = m->blocks = m->indirect = ABSENT;
}

/* The record is added in front of its first frame, or behind the error. */
static bool memcheck_xml_record(struct memcheck_xml *m, struct err *err) {
    if (!m->is_leak || m->recorded)
        return true;
    m->recorded = true;
    uint64_t with = m->indirect == ABSENT ? 0 : m->indirect;
    if (m->bytes == ABSENT || m->blocks == ABSENT || with > m->bytes) {
        builder_lacks(m->b, PART_BIT(PART_STACKS), ASPECT_ROWS, 1,
                      "memcheck: leaks without their size");
        m->is_leak = false;
        return true;
    }
    return leaks_add(&m->report, m->loss, m->bytes - with, m->blocks, m->indirect, err);
}

static bool memcheck_xml_end_frame(struct memcheck_xml *m, struct err *err) {
    struct str function = xml_text(m, m->function);
    /* As in memcheck's text: where the source is known, the module is not said. */
    const char *frame =
        builder_frame(m->b, function, m->file.len ? STR("") : m->object, ABSENT, err);
    struct strbuf file;
    strbuf_init(&file);
    if (m->folder.len && m->file.len) {
        strbuf_add(&file, xml_text(m, m->folder));
        strbuf_addc(&file, '/');
    }
    strbuf_add(&file, xml_text(m, m->file));
    bool ok = strbuf_ok(&file, err);
    if (ok)
        frame = builder_frame_at(m->b, frame, strbuf_str(&file), m->line, err);
    strbuf_deinit(&file);
    return ok && frame && leaks_add_frame(&m->report, frame, err);
}

static bool memcheck_xml_error(struct memcheck_xml *m, struct err *err) {
    if (is_tag(m, "error")) {
        begin_error(m);
    } else if (is_tag(m, "kind")) {
        m->is_leak = leak_kind(m->content, &m->loss);
        m->others += !m->is_leak;
    } else if (is_tag(m, "text")) {
        m->indirect = indirect_of(m->content);
    } else if (is_tag(m, "leakedbytes")) {
        if (!num_dec(m->content, &m->bytes))
            m->bytes = ABSENT;
    } else if (is_tag(m, "leakedblocks")) {
        if (!num_dec(m->content, &m->blocks))
            m->blocks = ABSENT;
    } else if (is_tag(m, "stack")) {
        m->in_stack = !m->had_stack;
        m->had_stack = true;
        return memcheck_xml_record(m, err);
    } else if (is_tag(m, "/stack")) {
        m->in_stack = false;
    } else if (is_tag(m, "/error")) {
        return memcheck_xml_record(m, err);
    }
    return true;
}

static bool memcheck_xml_frame(struct memcheck_xml *m, struct err *err) {
    if (!m->in_stack || !m->is_leak)
        return true;
    if (is_tag(m, "frame")) {
        m->function = m->object = m->folder = m->file = STR("");
        m->line = ABSENT;
    } else if (is_tag(m, "fn")) {
        m->function = m->content;
    } else if (is_tag(m, "obj")) {
        m->object = m->content;
    } else if (is_tag(m, "file")) {
        m->file = m->content;
    } else if (is_tag(m, "dir")) {
        m->folder = m->content;
    } else if (is_tag(m, "line")) {
        if (!num_dec(m->content, &m->line))
            m->line = ABSENT;
    } else if (is_tag(m, "/frame")) {
        return memcheck_xml_end_frame(m, err);
    }
    return true;
}

static bool memcheck_xml_head(struct memcheck_xml *m, struct err *err) {
    struct origin_row *origin = builder_single(m->b, PART_ORIGIN, err);
    uint64_t pid;
    if (!origin)
        return false;
    if (is_tag(m, "argv") || is_tag(m, "/argv"))
        m->in_program = is_tag(m, "argv");
    else if (is_tag(m, "exe") && m->in_program && m->content.len)
        return builder_say_string(m->b, &origin->process, str_file_name(m->content), "the program",
                                  err);
    else if (is_tag(m, "arg") && !m->in_program)
        m->asked |= str_eq(m->content, STR("--leak-check=full")) ||
                    str_eq(m->content, STR("--leak-check=yes"));
    else if (is_tag(m, "pid") && num_dec(m->content, &pid))
        builder_say(m->b, &origin->pid, pid, "the process id");
    else if (is_tag(m, "state"))
        m->finished |= str_eq(m->content, STR("FINISHED"));
    else if (is_tag(m, "/valgrindoutput"))
        m->ended = true;
    return true;
}

static bool memcheck_xml_store(struct memcheck_xml *m, struct err *err) {
    struct origin_row *origin = builder_single(m->b, PART_ORIGIN, err);
    if (!origin || !builder_say_string(m->b, &origin->tool, STR("memcheck"), "the tool", err))
        return false;
    if (!m->report.count && !(m->ended && m->asked))
        return err_set(err, m->ended ? ERR_FORMAT : ERR_TRUNCATED,
                       m->ended ? "no leak is in it (valgrind --leak-check=full looks for them)"
                                : "memcheck's file is cut off before its leaks");
    m->report.complete = m->ended;
    m->report.no_leak = m->report.count == 0;
    if (m->others)
        builder_note(m->b, "memcheck: %llu error%s left out", (unsigned long long)m->others,
                     m->others == 1 ? " that is no leak is" : "s that are no leaks are");
    return leaks_store(&m->report, m->b, "memcheck", "valgrind --leak-check=full lists them", err);
}

static bool memcheck_xml_read(struct source *source, struct builder *b, struct err *err) {
    struct memcheck_xml m = {.b = b};
    struct str rest = {(const char *)source->bytes.data, source->bytes.size};
    bool ok = true;
    leaks_init(&m.report);
    strbuf_init(&m.text);
    begin_error(&m);
    while (ok && xml_next(&m, &rest))
        ok = memcheck_xml_error(&m, err) && memcheck_xml_frame(&m, err) &&
             memcheck_xml_head(&m, err);
    ok = ok && memcheck_xml_store(&m, err) && strbuf_ok(&m.text, err);
    strbuf_deinit(&m.text);
    leaks_deinit(&m.report);
    return ok;
}

static bool memcheck_xml_probe(struct bytes head) {
    struct str text = str_trim((struct str){(const char *)head.data, head.size});
    return (str_starts(text, STR("<?xml")) || str_starts(text, STR("<valgrindoutput"))) &&
           str_contains(text, STR("<valgrindoutput>"));
}

const struct input input_memcheck_xml = {
    .name = "memcheck-xml",
    .whole = true,
    .summary = "valgrind --leak-check=full --xml=yes: what is lost, and who allocated it",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .probe = memcheck_xml_probe,
    .read = memcheck_xml_read,
};
