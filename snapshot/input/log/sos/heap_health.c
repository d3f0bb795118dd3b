/*
 * What SOS says of the heap or the program in a line or a few: whether the GC failed to get memory
 * (`analyzeoom`), whether objects are damaged (`verifyheap`), why a program of NativeAOT crashed
 * (`crashinfo`).
 *
 *   There was no managed OOM due to allocations on the GC heap
 *
 *   Didn't have enough memory to commit                                 one of each heap of the GC
 *   Details: LOH Failed to reserve memory 1,048,600 bytes
 *    - on GC entry available commit space was 12 MB
 *
 *   16,571 objects verified, 0 errors.
 *
 *   CrashReason:        UnhandledException
 *   ThreadId:           1A2B
 *   HResult:            80131500
 *   RuntimeType:        NativeAOT
 *   RuntimeBaseAddress: 0000557D005A4000
 *   RuntimeVersion:     10.0.0
 *   Message:            ...                                             not kept
 *   ** Current Exception **                                             and then as of `pe`
 *
 * Source: AnalyzeOOMCommand.cs, VerifyHeapCommand.cs and CrashInfoCommand.cs of dotnet/diagnostics.
 */
#include "base/chars.h"
#include "base/num.h"
#include "input/log/scan.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"

#include <inttypes.h>
#include <string.h>

/* -- analyzeoom -------------------------------------------------------------------------------- */

#define NO_OOM "There was no managed OOM"

/* What the GC was doing; the shape is that of a sentence, so it has to be all of the line. */
static const struct {
    struct str line;
    const char *says;
} oom_reasons[] = {
    {STR_INIT("OOM was due to an internal .Net error, likely a bug in the GC"),
     "an error of the GC itself"},
    {STR_INIT("Didn't have enough memory to commit"), "memory could not be committed"},
    {STR_INIT("Didn't have enough memory to allocate an LOH segment"),
     "there was no room for a segment of large objects"},
    {STR_INIT("Low on memory during GC"), "memory was low during a GC"},
    {STR_INIT("Could not do a full GC"), "a full GC could not be made, or freed nothing"},
};
#define OOM_REASONS (sizeof(oom_reasons) / sizeof(*oom_reasons))

static size_t oom_reason(struct str text) {
    size_t i = 0;
    while (i < OOM_REASONS && !str_eq(text, oom_reasons[i].line))
        i++;
    return i;
}

static bool analyzeoom_starts(const struct transcript *t) {
    struct str text = t->line.text;
    return strchr("TODLC", str_first(text)) &&
           (str_starts(text, STR(NO_OOM)) || oom_reason(text) < OOM_REASONS);
}

/* Each heap of the GC has its own; of several commands in one log the same is said again. */
static bool analyzeoom_read(struct transcript *t, struct err *err) {
    uint64_t heaps = 0;
    for (; !t->at_end && analyzeoom_starts(t) && !str_starts(t->line.text, STR(NO_OOM));) {
        const char *why = oom_reasons[oom_reason(t->line.text)].says;
        struct str details = STR("");
        heaps++;
        transcript_next(t);
        if (!t->at_end && str_starts(t->line.text, STR("Details: "))) {
            details = str_take(str_drop(t->line.text, 9), 120);
            transcript_next(t);
        }
        if (!t->at_end && str_starts(t->line.text, STR("- on GC entry")))
            transcript_next(t);
        builder_note(t->b, "analyzeoom: the GC did not get memory: %s%s%.*s", why,
                     details.len ? ", " : "", (int)details.len, details.ptr);
    }
    if (!heaps)
        transcript_next(t);
    transcript_command_done(t);
    return builder_counter(t->b, "gc.heaps_out_of_memory", heaps, "count", err);
}

const struct section section_analyzeoom = {
    .name = "analyzeoom",
    .summary = "whether the GC failed to get memory: analyzeoom (SOS)",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = analyzeoom_starts,
    .read = analyzeoom_read,
};

/* -- verifyheap -------------------------------------------------------------------------------- */

/* "16,571 objects verified, 0 errors." */
static bool verifyheap_parse(struct str text, uint64_t *ret_objects, uint64_t *ret_errors) {
    size_t at = str_find(text, STR(" objects verified, "), 0);
    if (at == STR_NOT_FOUND || !num_grouped(str_take(text, at), ret_objects))
        return false;
    text = str_drop(text, at + strlen(" objects verified, "));
    struct str errors = str_next_field(&text);
    return str_starts(str_trim(text), STR("error")) && num_grouped(errors, ret_errors);
}

static bool verifyheap_starts(const struct transcript *t) {
    uint64_t objects, errors;
    return char_is_digit(str_first(t->line.text)) &&
           verifyheap_parse(t->line.text, &objects, &errors);
}

static bool verifyheap_read(struct transcript *t, struct err *err) {
    uint64_t objects = 0, errors = 0;
    if (!verifyheap_parse(t->line.text, &objects, &errors))
        return true;
    transcript_next(t);
    transcript_command_done(t);
    if (errors)
        builder_warn(t->b, errors, "verifyheap: objects are damaged");
    return builder_counter(t->b, "heap.verified_objects", objects, "count", err) &&
           builder_counter(t->b, "heap.damaged_objects", errors, "count", err);
}

const struct section section_verifyheap = {
    .name = "verifyheap",
    .summary = "whether objects of the heap are damaged: verifyheap (SOS)",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = verifyheap_starts,
    .read = verifyheap_read,
};

/* -- crashinfo --------------------------------------------------------------------------------- */

static bool crashinfo_starts(const struct transcript *t) {
    struct str value;
    return str_first(t->line.text) == 'C' && scan_labelled(t->line.text, "CrashReason", &value);
}

struct crash_said {
    struct str reason, runtime, version;
    uint64_t thread, hresult; /* ABSENT: not said */
};

/* false: the line is none of its head. */
static bool crashinfo_line(struct crash_said *c, struct str text) {
    struct str value;
    if (scan_labelled(text, "CrashReason", &value))
        c->reason = str_trim(value);
    else if (scan_labelled(text, "RuntimeType", &value))
        c->runtime = str_trim(value);
    else if (scan_labelled(text, "RuntimeVersion", &value))
        c->version = str_next_field(&value);
    else if (scan_labelled(text, "ThreadId", &value))
        c->thread = num_hex(str_next_field(&value), &c->thread) ? c->thread : ABSENT;
    else if (scan_labelled(text, "HResult", &value))
        c->hresult = num_hex(str_next_field(&value), &c->hresult) ? c->hresult : ABSENT;
    else
        return scan_labelled(text, "RuntimeBaseAddress", &value) ||
               scan_labelled(text, "Message", &value);
    return true;
}

static bool crashinfo_store(struct transcript *t, const struct crash_said *c, struct err *err) {
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    struct strbuf text;
    bool ok = true;
    if (!origin)
        return false;
    strbuf_init(&text);
    strbuf_add(&text, c->runtime);
    strbuf_adds(&text, c->version.len ? " " : "");
    strbuf_add(&text, c->version);
    if (c->runtime.len && !str_eq(c->runtime, STR("Unknown")))
        ok = strbuf_ok(&text, err) &&
             builder_say_string(t->b, &origin->runtime, strbuf_str(&text), "the runtime", err);
    strbuf_clear(&text);
    if (c->thread != ABSENT)
        strbuf_addf(&text, ", thread 0x%" PRIx64, c->thread);
    if (c->hresult != ABSENT)
        strbuf_addf(&text, ", HResult 0x%08" PRIx64, c->hresult);
    builder_note(t->b, "crashinfo: %.*s%s", (int)num_min(c->reason.len, 80), c->reason.ptr,
                 strbuf_cstr(&text));
    ok = strbuf_ok(&text, err) && ok;
    strbuf_deinit(&text);
    return ok;
}

/* "** Current Exception **" and what stands up to its type; the others are read as those of `pe`.
 */
static struct str crashinfo_exception(struct transcript *t) {
    struct str type = STR(""), value;
    for (unsigned lines = 0; !t->at_end && lines < 8 && !type.len; lines++) {
        struct str text = t->line.text, command;
        if (transcript_is_command(&t->line, &command) ||
            (text.len && !str_contains(text, STR("Current Exception")) && str_first(text) != '-' &&
             !scan_labelled(text, "Exception object", &value) &&
             !scan_labelled(text, "Exception type", &value)))
            break;
        if (text.len && scan_labelled(text, "Exception type", &value))
            type = str_trim(value);
        transcript_next(t);
    }
    return type;
}

static bool crashinfo_read(struct transcript *t, struct err *err) {
    struct crash_said c = {.thread = ABSENT, .hresult = ABSENT};
    unsigned lines = 0;
    for (; !t->at_end && lines < 8 && crashinfo_line(&c, t->line.text); lines++)
        transcript_next(t);
    struct str type = crashinfo_exception(t);
    transcript_picked(t);
    if (!crashinfo_store(t, &c, err))
        return false;
    if (!type.len || c.thread == ABSENT || !c.thread)
        return true;
    builder_present(t->b, PART_THREADS);
    struct thread_row *thread = builder_thread(t->b, c.thread, ABSENT, err);
    return thread && (thread->exception || (thread->exception = builder_string(t->b, type, err)));
}

const struct section section_crashinfo = {
    .name = "crashinfo",
    .summary = "why a program of NativeAOT crashed: crashinfo (SOS)",
    .may_give = PART_BIT(PART_ORIGIN) | PART_BIT(PART_THREADS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_EXCEPTIONS,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = crashinfo_starts,
    .read = crashinfo_read,
};
