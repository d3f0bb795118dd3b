#include "input/counters/perf_log.h"

#include "base/chars.h"
#include "base/civil.h"
#include "base/num.h"
#include "base/vec.h"
#include "input/log/scan.h"
#include "model/rows_origin.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define NS_PER_SECOND ((uint64_t)1000000000)

/* -- Times ------------------------------------------------------------------------------------- */

/* Three numbers of a date, with '/', '-' or '.' in between. */
static bool counters_log_parse_date(struct str text, uint64_t ret_parts[3], char *ret_separator) {
    size_t at = 0, part = 0;
    *ret_separator = '\0';
    for (size_t i = 0; i <= text.len; i++) {
        char c = i < text.len ? text.ptr[i] : '\0';
        if (char_is_digit(c))
            continue;
        if (part == 3 || !num_dec(str_take(str_drop(text, at), i - at), &ret_parts[part++]))
            return false;
        if (i < text.len && c != '/' && c != '-' && c != '.')
            return false;
        if (i < text.len)
            *ret_separator = c;
        at = i + 1;
    }
    return part == 3;
}

bool counters_time_day_first(struct str text) {
    uint64_t parts[3];
    char separator;
    struct str date = str_next_field(&text);
    return counters_log_parse_date(date, parts, &separator) && parts[0] > 12 && parts[0] <= 31;
}

/* "12:26:01.123", "1:26:01". [ns] */
static bool counters_log_parse_clock(struct str text, uint64_t *ret_ns) {
    uint64_t hours, minutes, seconds = 0;
    size_t colon = str_find(text, STR(":"), 0);
    if (colon == STR_NOT_FOUND || !num_dec(str_take(text, colon), &hours))
        return false;
    text = str_drop(text, colon + 1);
    colon = str_find(text, STR(":"), 0);
    if (colon != STR_NOT_FOUND && !num_scaled(str_drop(text, colon + 1), NS_PER_SECOND, &seconds))
        return false;
    if (!num_dec(str_take(text, colon), &minutes) || hours > 23 || minutes > 59 ||
        seconds > 60 * NS_PER_SECOND)
        return false;
    *ret_ns = (hours * 60 + minutes) * 60 * NS_PER_SECOND + seconds;
    return true;
}

/* "+02:00" behind a clock, "Z": taken off. [minutes] east of UTC. false: it says nothing. */
static bool counters_take_offset(struct str *time, int64_t *ret_minutes) {
    *ret_minutes = 0;
    if (str_ends(*time, STR("Z"))) {
        *time = str_take(*time, time->len - 1);
        return true;
    }
    size_t at = time->len < 6 ? 0 : time->len - 6;
    uint64_t hours, minutes;
    struct str offset = str_drop(*time, at);
    if (offset.len != 6 || (str_first(offset) != '+' && str_first(offset) != '-') ||
        offset.ptr[3] != ':' || !num_dec(str_take(str_drop(offset, 1), 2), &hours) ||
        !num_dec(str_drop(offset, 4), &minutes) || hours > 15 || minutes > 59)
        return false;
    *ret_minutes = (int64_t)(hours * 60 + minutes) * (str_first(offset) == '-' ? -1 : 1);
    *time = str_take(*time, at);
    return true;
}

bool counters_time(struct str text, bool day_first, uint64_t *ret_ns, bool *ret_utc) {
    uint64_t parts[3], clock;
    int64_t east;
    char separator;
    size_t t = str_find(str_take(text, 16), STR("T"), 0);
    struct str rest = text, date, time;
    if (t != STR_NOT_FOUND) {
        date = str_take(text, t);
        rest = str_drop(text, t + 1);
    } else {
        date = str_next_field(&rest);
    }
    time = str_next_field(&rest);
    struct str half = str_next_field(&rest);
    *ret_utc = counters_take_offset(&time, &east);
    if (!counters_log_parse_date(date, parts, &separator) ||
        !counters_log_parse_clock(time, &clock))
        return false;
    bool year_first = parts[0] > 31;
    uint64_t year = parts[year_first ? 0 : 2];
    day_first = !year_first && (day_first || separator == '.' || parts[0] > 12);
    uint64_t month = parts[year_first || day_first ? 1 : 0];
    uint64_t day = parts[year_first ? 2 : day_first ? 0 : 1];
    if (year < 1971 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    const uint64_t noon = 12 * 3600 * NS_PER_SECOND;
    if (str_eq_nocase(half, STR("PM")) && clock < noon)
        clock += noon;
    else if (str_eq_nocase(half, STR("AM")) && clock >= noon)
        clock -= noon;
    else if (half.len && !str_eq_nocase(half, STR("AM")) && !str_eq_nocase(half, STR("PM")))
        return false;
    *ret_ns = civil_day(year, month, day) * 86400 * NS_PER_SECOND + clock -
              (uint64_t)(east * 60 * (int64_t)NS_PER_SECOND);
    return true;
}

/* -- Names ------------------------------------------------------------------------------------- */

/* Lower case, everything but letters, digits, '.' and '_' as one '-', none at the ends. */
static void add_slug(struct strbuf *out, struct str name) {
    size_t start = out->len;
    bool gap = false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool kept =
            (c >= 'a' && c <= 'z') || char_is_digit(c) || c == '.' || c == '_' || (c & 0x80);
        if (kept && gap && out->len > start)
            strbuf_addc(out, '-');
        if (kept)
            strbuf_addc(out, c);
        gap = !kept;
    }
}

/* What stands in the brackets behind a .NET counter: "MB", "By / 1 sec", "{collection}", "%". */
static void counters_log_unit_of(struct str unit, uint64_t *ret_scale, const char **ret_unit) {
    static const struct {
        struct str name;
        uint64_t scale;
        const char *unit;
    } units[] = {
        {STR_INIT("B"), 1, "bytes"},           {STR_INIT("By"), 1, "bytes"},
        {STR_INIT("KB"), 1000, "bytes"},       {STR_INIT("MB"), 1000000, "bytes"},
        {STR_INIT("GB"), 1000000000, "bytes"}, {STR_INIT("%"), 1, "percent"},
        {STR_INIT("ms"), 1000000, "ns"},       {STR_INIT("msec"), 1000000, "ns"},
        {STR_INIT("s"), 1000000000, "ns"},     {STR_INIT("sec"), 1000000000, "ns"},
    };
    struct str first = str_trim(str_take(unit, str_find(unit, STR("/"), 0)));
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (str_eq(first, units[i].name)) {
            *ret_scale = units[i].scale;
            *ret_unit = units[i].unit;
            return;
        }
    }
    *ret_scale = 1;
    *ret_unit = "count";
}

/* "gc.heap.generation=gen0,x=y": the values, each behind a dot. */
static void add_tags(struct strbuf *out, struct str tags) {
    while (tags.len) {
        size_t comma = str_find(tags, STR(","), 0), semicolon = str_find(tags, STR(";"), 0);
        size_t end = comma < semicolon ? comma : semicolon;
        struct str tag = str_take(tags, end);
        size_t equals = str_find(tag, STR("="), 0);
        tag = str_trim(equals == STR_NOT_FOUND ? tag : str_drop(tag, equals + 1));
        if (tag.len) {
            strbuf_addc(out, '.');
            add_slug(out, tag);
        }
        tags = end == STR_NOT_FOUND ? STR("") : str_drop(tags, end + 1);
    }
}

static size_t last_of(struct str s, const char *what) {
    size_t at = STR_NOT_FOUND;
    for (size_t from = 0, next; (next = str_find(s, str_of(what), from)) != STR_NOT_FOUND;
         from = next + 1)
        at = next;
    return at;
}

void counters_dotnet_name(struct str provider, struct str name, struct str tags,
                          struct strbuf *ret_name, uint64_t *ret_scale, const char **ret_unit) {
    name = str_trim(name);
    size_t bracket = str_ends(name, STR("]")) ? last_of(name, "[") : STR_NOT_FOUND;
    if (bracket != STR_NOT_FOUND) {
        tags = str_drop(str_take(name, name.len - 1), bracket + 1);
        name = str_trim(str_take(name, bracket));
    }
    struct str unit = STR("");
    size_t open = str_ends(name, STR(")")) ? last_of(name, " (") : STR_NOT_FOUND;
    if (open != STR_NOT_FOUND) {
        unit = str_drop(str_take(name, name.len - 1), open + 2);
        name = str_take(name, open);
    }
    counters_log_unit_of(unit, ret_scale, ret_unit);
    if (!str_eq(provider, STR("System.Runtime"))) {
        add_slug(ret_name, provider);
        strbuf_addc(ret_name, '.');
    }
    add_slug(ret_name, name);
    add_tags(ret_name, tags);
}

void counters_windows_name(struct str path, struct strbuf *ret_name, uint64_t *ret_scale,
                           const char **ret_unit) {
    if (str_starts(path, STR("\\\\"))) {
        size_t end = str_find(path, STR("\\"), 2);
        path = end == STR_NOT_FOUND ? path : str_drop(path, end);
    }
    path = str_starts(path, STR("\\")) ? str_drop(path, 1) : path;
    size_t split = last_of(path, "\\");
    struct str object = split == STR_NOT_FOUND ? STR("") : str_take(path, split);
    struct str name = split == STR_NOT_FOUND ? path : str_drop(path, split + 1);
    size_t open = str_find(object, STR("("), 0);
    if (object.len) {
        add_slug(ret_name, str_take(object, open));
        if (open != STR_NOT_FOUND)
            strbuf_add(ret_name, str_drop(object, open));
        strbuf_addc(ret_name, '.');
    }
    add_slug(ret_name, name);
    *ret_scale = str_contains(name, STR("MBytes"))   ? (uint64_t)1 << 20
                 : str_contains(name, STR("KBytes")) ? (uint64_t)1 << 10
                                                     : 1;
    bool bytes = str_contains(name, STR("Bytes")) || str_contains(name, STR("bytes")) ||
                 str_eq_nocase(name, STR("Working Set")) ||
                 str_eq_nocase(name, STR("Working Set - Private")) ||
                 str_contains(name, STR("heap size"));
    *ret_unit = str_starts(name, STR("%")) ? "percent" : bytes ? "bytes" : "count";
}

/* -- Values ------------------------------------------------------------------------------------ */

enum value { VALUE_GOOD, VALUE_NONE, VALUE_BAD, VALUE_NEGATIVE };

/* "123", "4.25", "1.5e+09" times scale, rounded; also says whether a fraction got lost. */
static enum value counters_log_parse_value(struct str text, uint64_t scale, uint64_t *ret_value,
                                           bool *ret_rounded) {
    long double value = 0, digit = 1;
    size_t i = 0, digits = 0;
    text = str_trim(text);
    bool minus = str_starts(text, STR("-"));
    i += minus;
    for (; i < text.len && char_is_digit(text.ptr[i]); i++, digits++)
        value = value * 10 + (text.ptr[i] - '0');
    if (i < text.len && text.ptr[i] == '.')
        for (i++; i < text.len && char_is_digit(text.ptr[i]); i++, digits++)
            value += (text.ptr[i] - '0') * (digit /= 10);
    if (digits && i + 1 < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        bool down = text.ptr[++i] == '-';
        uint64_t exponent;
        i += down || text.ptr[i] == '+';
        if (!num_dec(str_drop(text, i), &exponent) || exponent > 400)
            return VALUE_BAD;
        for (; exponent; exponent--)
            value = down ? value / 10 : value * 10;
        i = text.len;
    }
    if (text.len == 0 || str_eq(text, STR("NaN")))
        return VALUE_NONE;
    if (digits == 0 || i != text.len)
        return VALUE_BAD;
    value = value * (long double)scale;
    if (minus && value > 0)
        return VALUE_NEGATIVE;
    long double whole = floorl(value);
    whole += value - whole >= 0.5L;
    if (whole >= 18446744073709551615.0L)
        return VALUE_BAD;
    *ret_rounded = fabsl(whole - value) > 1e-6L * (value > 1 ? value : 1);
    *ret_value = (uint64_t)whole;
    return VALUE_GOOD;
}

/* -- The log ----------------------------------------------------------------------------------- */

void counters_log_init(struct counters_log *log, struct builder *b) {
    *log = (struct counters_log){.b = b, .previous_ns = ABSENT};
    strmap_init(&log->names);
}

void counters_log_deinit(struct counters_log *log) {
    strmap_deinit(&log->names);
    free(log->last);
}

bool counters_log_moment(struct counters_log *log, uint64_t time_ns, struct err *err) {
    log->moment++;
    log->backwards += time_ns != ABSENT && log->previous_ns != ABSENT && time_ns < log->previous_ns;
    log->previous_ns = time_ns;
    log->wanted = builder_moment(log->b, PART_BIT(PART_COUNTERS));
    if (!log->wanted)
        return true;
    builder_present(log->b, PART_COUNTERS);
    struct origin_row *origin = builder_single(log->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    origin->captured_at_ns = time_ns;
    return true;
}

bool counters_log_row(struct counters_log *log, struct str provider, struct str name,
                      uint64_t time_ns, struct err *err) {
    uint32_t at = strmap_get(&log->names, provider, name);
    if (log->moment && at != STRMAP_NONE && log->last[at] != log->moment) {
        log->last[at] = log->moment;
        return true;
    }
    if (at == STRMAP_NONE) {
        if (!VEC_ROOM(log->last, log->count, log->capacity, err))
            return false;
        at = log->count++;
        if (!strmap_put(&log->names, provider, name, at))
            return err_nomem(err);
        log->last[at] = log->moment ? log->moment : 1;
        return log->moment || counters_log_moment(log, time_ns, err);
    }
    bool ok = counters_log_moment(log, time_ns, err);
    log->last[at] = log->moment;
    return ok;
}

bool counters_log_value(struct counters_log *log, struct str name, struct str value, uint64_t scale,
                        const char *unit, struct err *err) {
    uint64_t number;
    bool rounded = false;
    enum value kind = counters_log_parse_value(value, scale, &number, &rounded);
    log->bad += kind == VALUE_BAD;
    log->negative += kind == VALUE_NEGATIVE;
    if (kind != VALUE_GOOD || !log->wanted)
        return true;
    log->rounded += rounded;
    const char *copy = builder_string(log->b, name, err);
    return copy && builder_counter(log->b, copy, number, unit, err);
}

bool counters_log_end(struct counters_log *log, struct err *err) {
    struct builder *b = log->b;
    if (log->moment == 0)
        return err_set(err, ERR_FORMAT, "a log of counters without a row");
    if (log->bad)
        builder_warn(b, log->bad, "values of counters that are no numbers");
    if (log->negative)
        builder_note(b, "values of counters below zero are left out (%" PRIu64 ")", log->negative);
    if (log->backwards)
        builder_warn(b, log->backwards, "rows of counters that are older than those before");
    if (log->rounded)
        builder_note(b, "values of counters are rounded to whole numbers");
    if (log->unzoned)
        builder_note(b, "the log does not say the zone of its times: they are taken for UTC");
    return true;
}
