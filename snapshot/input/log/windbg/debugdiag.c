/*
 * The head of a report of DebugDiag, as text or as a page saved: whose dump it is, and what the
 * report itself says of it. Its tables are those of the commands that its scripts ran, and are read
 * as such; its LeakTrack tables are read by leaktrack.c.
 *
 *     Type Description Recommendation
 *     warning   Warning Number of objects ready for finalization: 35765
 *     information   Information GC Heap usage: 768160596 Bytes
 *
 *     Type of Analysis Performed   .NET Memory Analysis
 *     Number Of Processors   2
 *     Process ID   5476
 *     Process Image   C:\WINDOWS\SysWOW64\inetsrv\w3wp.exe
 *     Process Up-Time   8 day(s) 23:15:06
 *
 *     .NET Version
 *     2.0.50727.3053 retail
 */
#include "base/chars.h"
#include "base/num.h"
#include "input/log/scan.h"
#include "model/stacks.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"

#include <inttypes.h>

/* -- What it is about -------------------------------------------------------------------------- */

/* "Process ID   5476": what is behind the label, which has a capital or a digit; not "Process". */
static bool debugdiag_field(struct str text, const char *label, struct str *ret_value) {
    if (!str_starts(text, str_of(label)))
        return false;
    struct str rest = str_drop(text, str_of(label).len);
    if (str_first(rest) == ':')
        rest = str_drop(rest, 1);
    else if (rest.len && str_first(rest) != ' ' && str_first(rest) != '\t')
        return false;
    *ret_value = str_trim(rest);
    return ret_value->len > 0;
}

/* "8 day(s) 23:15:06", "05:48:21" */
static bool debugdiag_duration(struct str text, uint64_t *ret_ns) {
    uint64_t days = 0, seconds = 0;
    size_t word = str_find(text, STR("day(s)"), 0);
    if (word != STR_NOT_FOUND) {
        if (!num_dec(str_trim(str_take(text, word)), &days) || days > 100000)
            return false;
        text = str_trim(str_drop(text, word + 6));
    }
    for (unsigned part = 0; part < 3; part++) {
        size_t colon = str_find(text, STR(":"), 0);
        uint64_t value;
        if ((part < 2) != (colon != STR_NOT_FOUND) || !num_dec(str_take(text, colon), &value) ||
            value > 99)
            return false;
        seconds = seconds * 60 + value;
        text = str_drop(text, colon == STR_NOT_FOUND ? text.len : colon + 1);
    }
    *ret_ns = (days * 24 * 3600 + seconds) * UINT64_C(1000000000);
    return true;
}

/* false: no line of the head. */
static bool debugdiag_take_head(struct transcript *t, bool *ret_ok, struct err *err) {
    struct str text = t->line.text, value;
    struct builder *b = t->b;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    uint64_t number;
    *ret_ok = origin != NULL;
    if (!origin)
        return true;
    if (debugdiag_field(text, "Type of Analysis Performed", &value) ||
        debugdiag_field(text, "Machine Name", &value) ||
        debugdiag_field(text, "System Up-Time", &value)) {
        return true; /* of the machine, or of the report */
    }
    if (debugdiag_field(text, "Operating System", &value)) {
        if (!origin->os && !(origin->os = builder_string(b, value, err)))
            *ret_ok = false;
    } else if (debugdiag_field(text, "Number Of Processors", &value)) {
        if (num_dec(value, &number))
            *ret_ok = builder_counter(b, "machine.processors", number, "count", err);
    } else if (debugdiag_field(text, "Process ID", &value)) {
        if (num_dec(value, &number))
            builder_say(b, &origin->pid, number, "the process id");
    } else if (debugdiag_field(text, "Process Image", &value)) {
        *ret_ok = builder_say_string(b, &origin->process, str_file_name(value), "the program", err);
    } else if (debugdiag_field(text, "Process Up-Time", &value)) {
        if (debugdiag_duration(value, &number))
            *ret_ok = builder_counter(b, "process.uptime_ns", number, "ns", err);
    } else {
        return false;
    }
    return true;
}

/* -- Its own verdicts -------------------------------------------------------------------------- */

/* "warning   Warning Number of ...": the picture's name, then the word, then what it says. */
static bool debugdiag_verdict(struct str text, struct str *ret_kind, struct str *ret_says) {
    static const char *const kinds[] = {"error", "warning", "information", "notification"};
    struct str rest = text, picture = str_next_field(&rest), word = str_next_field(&rest);
    if (!STR_IS_ONE_OF_NOCASE(picture, kinds) || !str_eq_nocase(picture, word) ||
        !char_is_letter(str_first(word)) || str_first(word) >= 'a')
        return false;
    *ret_kind = word;
    *ret_says = str_trim(rest);
    return ret_says->len > 0;
}

static bool debugdiag_starts(const struct transcript *t) {
    struct str text = t->line.text, kind, says, value;
    switch (str_first(text)) {
    case 'e':
    case 'w':
    case 'i':
    case 'n':
        return debugdiag_verdict(text, &kind, &says);
    case 'T':
        return debugdiag_field(text, "Type of Analysis Performed", &value);
    default:
        return false;
    }
}

static bool say_debugdiag(struct builder *b, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    return origin && builder_say_string(b, &origin->tool, STR("DebugDiag"), "the tool", err);
}

static bool debugdiag_read(struct transcript *t, struct err *err) {
    struct str kind, says;
    bool ok = true;
    if (debugdiag_verdict(t->line.text, &kind, &says)) {
        says = str_take(says, 300);
        builder_note(t->b, "DebugDiag says (%.*s): %.*s", (int)kind.len, kind.ptr, (int)says.len,
                     says.ptr);
        transcript_next(t);
        t->is_hollow = true;
        return true;
    }
    while (ok && transcript_skip_blank(t) && debugdiag_take_head(t, &ok, err))
        transcript_next(t);
    return ok && say_debugdiag(t->b, err);
}

const struct section section_debugdiag = {
    .name = "debugdiag",
    .summary = "the head of a DebugDiag report: process, uptime, and what it says itself",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = debugdiag_starts,
    .read = debugdiag_read,
};

/* -- Samples of call stacks ------------------------------------------------------------------- */

/* "rsa!Alloc+17    ntdll!RtlAllocateHeap": the function; its source and destination are not kept.
 */
static bool sample_frame(struct str text, struct str *ret_frame) {
    struct str rest = text, frame = str_next_field(&rest);
    size_t plus = str_find(frame, STR("+"), 0);
    uint64_t offset;
    if (frame.len < 3 || frame.len > 1024 || !char_is_word(str_first(frame)))
        return false;
    if (plus != STR_NOT_FOUND && !num_hex(str_drop(frame, plus + 1), &offset))
        return false;
    if (plus == STR_NOT_FOUND && !str_contains(frame, STR("!")))
        return false;
    *ret_frame = str_take(frame, plus);
    return true;
}

static bool sample_starts(const struct transcript *t) {
    struct str rest = t->line.text;
    uint64_t number;
    return str_starts(rest, STR("Call stack sample ")) && num_dec(str_drop(rest, 18), &number);
}

/* Blank lines that may stand between two frames: pages have them between cells. */
#define SAMPLE_BLANKS 4u

/* One allocation of many like it: what it says is its size and where it was made. */
static bool sample_read(struct transcript *t, struct err *err) {
    const char *frames[64];
    uint32_t depth = 0;
    unsigned blanks = 0;
    bool heading = false;
    struct stack_row row = STACK_ROW;
    for (transcript_next(t); !t->at_end && blanks < SAMPLE_BLANKS; transcript_next(t)) {
        struct str text = t->line.text, value, frame;
        blanks = text.len ? 0 : blanks + 1;
        if (!text.len)
            continue;
        if (debugdiag_field(text, "Allocation Size", &value)) {
            if (!num_grouped(str_next_field(&value), &row.size_each))
                row.size_each = ABSENT;
        } else if (str_starts(text, STR("Function")) && str_contains(text, STR("Destination"))) {
            heading = true;
        } else if (heading && depth < 64 && sample_frame(text, &frame)) {
            frames[depth] = builder_frame(t->b, frame, STR(""), ABSENT, err);
            if (!frames[depth++])
                return false;
        } else if (heading || !debugdiag_field(text, "A", &value)) {
            if (!str_starts(text, STR("Address")) && !str_starts(text, STR("Allocation")))
                break;
        }
    }
    if (!depth) {
        transcript_hollow(t, "a sample of a call stack without frames");
        return true;
    }
    row.frames = (struct strings){frames, depth};
    builder_absent(t->b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                   "samples of call stacks are single allocations");
    builder_note(t->b, "DebugDiag: a sample of a call stack is one allocation of many");
    return builder_add_stack(t->b, &row, err);
}

const struct section section_leaktrack_sample = {
    .name = "leaktrack-sample",
    .summary = "call stack samples of DebugDiag's leak analysis, where they stand alone",
    .may_give = PART_BIT(PART_STACKS),
    .starts = sample_starts,
    .read = sample_read,
};

/* -- Version of the runtime -------------------------------------------------------------------- */

/* "2.0.50727.3053 retail", "4.8.4510.0 free", "5.0.220.12801 @Commit: ..." of eeversion. */
static bool eeversion_parse(struct str text, struct str *ret_version) {
    struct str rest = text, version = str_next_field(&rest), word = str_next_field(&rest);
    size_t dots = 0;
    for (size_t i = 0; i < version.len; i++) {
        if (version.ptr[i] != '.' && !char_is_digit(version.ptr[i]))
            return false;
        dots += version.ptr[i] == '.';
    }
    *ret_version = version;
    return dots == 3 && (str_eq(word, STR("retail")) || str_eq(word, STR("free")) ||
                         str_starts(word, STR("@Commit")));
}

static bool eeversion_starts(const struct transcript *t) {
    struct str version;
    return char_is_digit(str_first(t->line.text)) && eeversion_parse(t->line.text, &version);
}

/* ".NET Framework" up to 4, which is what the first figure says; ".NET" from 5 on. */
static bool eeversion_read(struct transcript *t, struct err *err) {
    struct str version, heaps;
    uint64_t major, count;
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    struct strbuf text;
    if (!origin || !eeversion_parse(t->line.text, &version) ||
        !num_dec(str_take(version, str_find(version, STR("."), 0)), &major))
        return origin != NULL;
    strbuf_init(&text);
    strbuf_adds(&text, major >= 5 ? ".NET " : ".NET Framework ");
    strbuf_add(&text, version);
    bool ok = strbuf_ok(&text, err) &&
              builder_say_string(t->b, &origin->runtime, strbuf_str(&text), "the runtime", err);
    strbuf_deinit(&text);
    transcript_next(t);
    if (ok && !t->at_end && str_starts(t->line.text, STR("Server mode with "))) {
        heaps = str_drop(t->line.text, 17);
        if (num_dec(str_next_field(&heaps), &count))
            builder_say(t->b, &origin->heap_count, count, "the number of heaps");
        ok = builder_say_string(t->b, &origin->gc_mode, STR("server"), "the kind of GC", err);
        transcript_next(t);
    }
    transcript_command_done(t);
    return ok;
}

const struct section section_eeversion = {
    .name = "eeversion",
    .summary = "eeversion: which runtime it is (SOS)",
    .may_give = PART_BIT(PART_ORIGIN),
    .starts = eeversion_starts,
    .read = eeversion_read,
};
