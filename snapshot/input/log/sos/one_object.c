/*
 * What SOS says of one object: its size with all that it holds (`objsize`), and an exception (`pe`,
 * `printexception`).
 *
 *     sizeof(06d1cd2c) =      1397928 (    0x1554a8) bytes (System.Web.Caching.Cache)
 *     sizeof(00007f0a5c0118b0) = 4,120 (0x1018) bytes (Inn.Kitchen)
 *
 *     Exception object: 000000033f621188
 *     Exception type:   System.StackOverflowException
 *     HResult: 800703e9
 */
#include "base/num.h"
#include "input/log/scan.h"
#include "model/rows_threads.h"

#include <inttypes.h>

/* -- objsize ----------------------------------------------------------------------------------- */

static bool objsize_parse(struct str text, uint64_t *ret_bytes, struct str *ret_type) {
    size_t close = str_find(str_take(text, 64), STR(")"), 0);
    if (!str_starts(text, STR("sizeof(")) || close == STR_NOT_FOUND)
        return false;
    text = str_trim(str_drop(text, close + 1));
    if (!str_starts(text, STR("=")))
        return false;
    text = str_drop(text, 1);
    struct str number = str_next_field(&text);
    size_t bytes = str_find(text, STR("bytes"), 0);
    if (!num_grouped(number, ret_bytes) || bytes == STR_NOT_FOUND)
        return false;
    text = str_trim(str_drop(text, bytes + 5));
    *ret_type = str_starts(text, STR("(")) && str_ends(text, STR(")"))
                    ? str_drop(str_take(text, text.len - 1), 1)
                    : STR("");
    return true;
}

static bool objsize_starts(const struct transcript *t) {
    uint64_t bytes;
    struct str type;
    return str_first(t->line.text) == 's' && objsize_parse(t->line.text, &bytes, &type);
}

/* Of the cache of a web application there is one each; what else was asked for is a note. */
static bool objsize_read(struct transcript *t, struct err *err) {
    uint64_t bytes;
    struct str type;
    if (!objsize_parse(t->line.text, &bytes, &type))
        return true;
    transcript_next(t);
    transcript_command_done(t);
    builder_note(t->b, "objsize: an object of type %.*s holds %" PRIu64 " bytes in all",
                 (int)(type.len < 200 ? type.len : 200), type.ptr, bytes);
    if (!str_eq(type, STR("System.Web.Caching.Cache")))
        return true;
    return builder_counter(t->b, "aspnet.cache_bytes", bytes, "bytes", err);
}

const struct section section_objsize = {
    .name = "objsize",
    .summary = "objsize: what an object holds in all (SOS)",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = objsize_starts,
    .read = objsize_read,
};

/* -- pe ---------------------------------------------------------------------------------------- */

static bool exception_starts(const struct transcript *t) {
    struct str value;
    return str_first(t->line.text) == 'E' &&
           scan_labelled(t->line.text, "Exception object", &value);
}

/* The thread of the prompt has it; where no thread is told, it is the dump that does. */
static bool exception_keep(struct transcript *t, struct str type, uint64_t hresult,
                           struct err *err) {
    uint64_t number = scan_command_thread(t->command_raw);
    struct thread_row *thread = number == ABSENT ? NULL : builder_thread_by_number(t->b, number);
    if (thread && !thread->exception && !(thread->exception = builder_string(t->b, type, err)))
        return false;
    if (hresult != ABSENT)
        builder_note(t->b, "pe: %.*s, HResult 0x%08" PRIx64, (int)(type.len < 200 ? type.len : 200),
                     type.ptr, hresult);
    else
        builder_note(t->b, "pe: %.*s", (int)(type.len < 200 ? type.len : 200), type.ptr);
    return true;
}

static bool exception_read(struct transcript *t, struct err *err) {
    struct str value, type = {NULL, 0}, command;
    uint64_t hresult = ABSENT;
    transcript_picked(t);
    for (unsigned lines = 0; !t->at_end && lines < 200; lines++, transcript_next(t)) {
        struct str text = t->line.text;
        if (lines && (transcript_is_command(&t->line, &command) || exception_starts(t)))
            break;
        if (scan_labelled(text, "Exception type", &value))
            type = str_trim(value);
        else if (scan_labelled(text, "HResult", &value)) {
            struct str field = str_next_field(&value);
            if (!num_hex(field, &hresult))
                hresult = ABSENT;
            transcript_next(t);
            break;
        }
    }
    transcript_command_done(t);
    if (type.len == 0) {
        transcript_hollow(t, "pe: an exception without its type");
        return true;
    }
    return exception_keep(t, type, hresult, err);
}

const struct section section_exception = {
    .name = "pe",
    .summary = "pe, printexception: an exception (SOS)",
    .may_give = PART_BIT(PART_THREADS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_EXCEPTIONS,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = exception_starts,
    .read = exception_read,
};
