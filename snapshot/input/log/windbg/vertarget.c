/*
 * What WinDbg says of the dump itself: when it opens one, and on `vertarget`, `.time`, `|`.
 *
 *     Windows 10 Version 18362 MP (8 procs) Free x64
 *     Debug session time: Mon Apr 16 10:12:13.000 2016 (UTC + 2:00)
 *     Process Uptime: 0 days 0:27:19.000
 *       Kernel time: 0 days 0:00:01.000
 *       User time: 0 days 0:00:02.000
 *
 *     .  0	id: 1c9c	attach	name: C:\Windows\System32\inetsrv\w3wp.exe
 *
 * The time is that of the machine that was dumped; without its distance to UTC it is not kept.
 */
#include "input/log/scan.h"

#include "base/chars.h"
#include "base/civil.h"
#include "base/num.h"
#include "model/rows_origin.h"

#define NS_PER_SECOND ((uint64_t)1000000000)

/* -- Dates ------------------------------------------------------------------------------------- */

static bool parse_month(struct str field, uint64_t *ret_month) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (uint64_t i = 0; field.len == 3 && i < 12; i++) {
        if (str_eq_nocase(field, (struct str){names + 3 * i, 3})) {
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

/* "10:12:13.000", also without the fraction. [ns] */
static bool vertarget_parse_clock(struct str field, uint64_t *ret_ns) {
    struct strbuf whole;
    if (str_contains(field, STR(".")))
        return scan_duration(field, ret_ns);
    strbuf_init(&whole);
    strbuf_add(&whole, str_take(field, 16));
    strbuf_adds(&whole, ".000");
    bool ok = !strbuf_failed(&whole) && scan_duration(strbuf_str(&whole), ret_ns);
    strbuf_deinit(&whole);
    return ok;
}

/* "(UTC + 2:00)", "(GMT+1)": how far the clock is ahead. [s] */
static bool vertarget_parse_zone(struct str s, int64_t *ret_seconds) {
    struct str hours, minutes = STR("0");
    uint64_t h, m;
    if (!str_starts(s, STR("(UTC")) && !str_starts(s, STR("(GMT")))
        return false;
    s = str_trim(str_drop(s, 4));
    if (str_starts(s, STR(")"))) {
        *ret_seconds = 0;
        return true;
    }
    size_t close = str_find(s, STR(")"), 0);
    if (close == STR_NOT_FOUND || close < 2 || (str_first(s) != '+' && str_first(s) != '-'))
        return false;
    bool behind = str_first(s) == '-';
    hours = str_trim(str_drop(str_take(s, close), 1));
    size_t colon = str_find(hours, STR(":"), 0);
    if (colon != STR_NOT_FOUND) {
        minutes = str_drop(hours, colon + 1);
        hours = str_take(hours, colon);
    }
    if (!num_dec(hours, &h) || !num_dec(minutes, &m) || h > 14 || m > 59)
        return false;
    *ret_seconds = (int64_t)(h * 3600 + m * 60) * (behind ? -1 : 1);
    return true;
}

/* "Mon Apr 16 10:12:13.000 2016 (UTC + 2:00)". *ret_zoned: false when the zone is missing. */
static bool vertarget_parse_date(struct str s, uint64_t *ret_ns, bool *ret_zoned) {
    struct str f[5], zone;
    uint64_t month, day, year, clock;
    if (scan_fields(str_take(s, 128), f, 5, &zone) != 5 || !parse_month(f[1], &month) ||
        !num_dec(f[2], &day) || !vertarget_parse_clock(f[3], &clock) || !num_dec(f[4], &year))
        return false;
    if (day < 1 || day > 31 || year < 1971 || year > 2200 || clock >= 86400 * NS_PER_SECOND)
        return false;
    int64_t ahead = 0;
    *ret_zoned = vertarget_parse_zone(zone, &ahead);
    uint64_t seconds = civil_day(year, month, day) * 86400 - (uint64_t)ahead;
    *ret_ns = seconds * NS_PER_SECOND + clock;
    return true;
}

/* -- Lines ------------------------------------------------------------------------------------- */

/* What the lines of one output say. */
struct session {
    uint64_t captured_ns, uptime_ns, kernel_ns, user_ns; /* ABSENT: not said */
    bool zoneless;
    struct str arch;
};

/* "Windows 10 Version 18362 MP (8 procs) Free x64" */
static bool parse_windows(struct str text, struct str *ret_arch) {
    if (text.len > 256 || !str_starts(text, STR("Windows ")))
        return false;
    size_t free_word = str_find(text, STR(" Free "), 0);
    if (free_word == STR_NOT_FOUND ||
        !(str_contains(text, STR(" procs) Free ")) || str_contains(text, STR(" UP Free "))))
        return false;
    struct str machine = str_trim(str_drop(text, free_word + 6));
    *ret_arch = str_starts(machine, STR("x64"))      ? STR("x64")
                : str_starts(machine, STR("x86"))    ? STR("x86")
                : str_starts(machine, STR("ARM 64")) ? STR("arm64")
                                                     : STR("");
    return true;
}

static bool take_duration(struct str text, const char *label, uint64_t *field) {
    struct str value;
    uint64_t ns;
    if (!scan_labelled(text, label, &value))
        return false;
    if (scan_duration(value, &ns))
        *field = ns;
    return true;
}

/* Lines between the others that say nothing that is kept. */
static bool vertarget_is_remark(struct str text) {
    static const struct str starts[] = {
        {"Product: ", 9},     {"Edition build lab", 17}, {"Built by: ", 10},
        {"Machine Name", 12}, {"System Uptime", 13},     {"Build layer", 11},
    };
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts(text, starts[i]))
            return true;
    /* "18362.1.amd64fre.19h1_release.190318-1202" */
    return text.len < 128 && str_contains(text, STR("fre.")) && char_is_digit(str_first(text));
}

static bool vertarget_take_line(struct session *session, struct str text) {
    struct str value;
    uint64_t ns;
    bool zoned;
    if (scan_labelled(text, "Debug session time", &value)) {
        if (vertarget_parse_date(value, &ns, &zoned)) {
            session->zoneless = !zoned;
            session->captured_ns = zoned ? ns : ABSENT;
        }
        return true;
    }
    return parse_windows(text, &session->arch) ||
           take_duration(text, "Process Uptime", &session->uptime_ns) ||
           take_duration(text, "Kernel time", &session->kernel_ns) ||
           take_duration(text, "User time", &session->user_ns) || vertarget_is_remark(text);
}

static bool vertarget_store(struct transcript *t, const struct session *s, struct err *err) {
    struct builder *b = t->b;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin || !builder_say_string(b, &origin->arch, s->arch, "the architecture", err))
        return false;
    builder_say(b, &origin->captured_at_ns, s->captured_ns, "the time of the dump");
    if (s->captured_ns != ABSENT && s->uptime_ns != ABSENT && s->uptime_ns < s->captured_ns)
        builder_say(b, &origin->process_start_ns, s->captured_ns - s->uptime_ns,
                    "the start of the process");
    if (s->zoneless)
        builder_note(b, "the time of the dump is printed without its distance to UTC: not used");
    if (s->uptime_ns != ABSENT && !builder_counter(b, "process.uptime_ns", s->uptime_ns, "ns", err))
        return false;
    if (s->kernel_ns != ABSENT && !builder_counter(b, "process.kernel_ns", s->kernel_ns, "ns", err))
        return false;
    return s->user_ns == ABSENT || builder_counter(b, "process.user_ns", s->user_ns, "ns", err);
}

static bool vertarget_read(struct transcript *t, struct err *err) {
    struct session session = {ABSENT, ABSENT, ABSENT, ABSENT, false, STR("")};
    while (transcript_skip_blank(t) && vertarget_take_line(&session, t->line.text))
        transcript_next(t);
    if (session.captured_ns == ABSENT && session.uptime_ns == ABSENT && session.arch.len == 0)
        transcript_hollow(t, "vertarget: times that are not understood");
    return vertarget_store(t, &session, err);
}

static bool vertarget_starts(const struct transcript *t) {
    struct str text = t->line.text, ignored;
    if (str_first(text) == 'W')
        return parse_windows(text, &ignored);
    if (str_first(text) == 'D')
        return scan_labelled(text, "Debug session time", &ignored);
    return str_first(text) == 'P' && scan_labelled(text, "Process Uptime", &ignored);
}

const struct section section_vertarget = {
    .name = "vertarget",
    .summary = "vertarget, .time: when the dump was taken, and how old the process is (WinDbg)",
    .may_give = PART_BIT(PART_ORIGIN) | PART_BIT(PART_COUNTERS),
    .starts = vertarget_starts,
    .read = vertarget_read,
};

/* -- | ----------------------------------------------------------------------------------------- */

/* ".  0	id: 1c9c	attach	name: C:\Windows\...\w3wp.exe": pid and the program without
 * folder. */
static bool vertarget_parse_process(struct str text, uint64_t *ret_pid, struct str *ret_name) {
    while (text.len && (str_first(text) == '.' || str_first(text) == '#' || str_first(text) == '*'))
        text = str_trim(str_drop(text, 1));
    struct str f[4], name;
    uint64_t number;
    if (text.len > 2048 || scan_fields(text, f, 4, &name) != 4 || !num_dec(f[0], &number) ||
        !str_eq(f[1], STR("id:")) || !num_hex(f[2], ret_pid) || *ret_pid > UINT32_MAX)
        return false;
    if (!scan_labelled(name, "name", &name))
        return false;
    name = str_file_name(name);
    *ret_name = name;
    return name.len > 0;
}

static bool process_read(struct transcript *t, struct err *err) {
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    uint64_t pid;
    struct str name;
    bool ok = origin != NULL;
    if (ok && vertarget_parse_process(t->line.text, &pid, &name)) {
        builder_say(t->b, &origin->pid, pid, "the process id");
        ok = builder_say_string(t->b, &origin->process, name, "the program", err);
    }
    transcript_next(t);
    return ok;
}

static bool process_starts(const struct transcript *t) {
    struct str text = t->line.text, name;
    uint64_t pid;
    char c = str_first(text);
    return (c == '.' || c == '#' || char_is_digit(c)) &&
           str_contains(str_take(text, 64), STR("id: ")) &&
           vertarget_parse_process(text, &pid, &name);
}

const struct section section_process = {
    .name = "process",
    .summary = "|: process id and program (WinDbg)",
    .may_give = PART_BIT(PART_ORIGIN),
    .starts = process_starts,
    .read = process_read,
};
