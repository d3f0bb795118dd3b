/*
 * Logs of performance counters, of which every row or interval is a moment:
 *
 * - `dotnet-counters collect --format csv`: Timestamp,Provider,Counter Name,Counter
 * Type,Mean/Increment
 * - the same with --format json: {"TargetProcess": ..., "Events": [{"timestamp": ..., ...}, ...]}
 * - perfmon, typeperf and relog (-f csv): "(PDH-CSV 4.0)
 * (zone)(minutes)","\\HOST\Object(i)\Name",...
 *
 * JSON is read event by event with a reader of its own: the file of a tool that was killed has no
 * end, and no tree of all events is needed.
 */
#include "input/counters/perf_log.h"
#include "input/input.h"
#include "input/log/scan.h"

#include "base/num.h"
#include "base/vec.h"
#include "model/rows_origin.h"

#include <stdlib.h>

#define NS_PER_MINUTE ((uint64_t)60000000000)

/* -- CSV --------------------------------------------------------------------------------------- */

/* Splits the next cell off a line; quotes around it are taken off, doubled ones inside stay. */
static bool next_cell(struct str *line, bool *more, struct str *ret_cell) {
    if (!*more)
        return false;
    size_t end = 0;
    bool quoted = str_first(*line) == '"';
    if (quoted) {
        for (end = 1; end < line->len; end++) {
            if (line->ptr[end] != '"')
                continue;
            if (end + 1 < line->len && line->ptr[end + 1] == '"')
                end++;
            else
                break;
        }
        end += end < line->len;
    }
    while (end < line->len && line->ptr[end] != ',')
        end++;
    struct str cell = str_trim(str_take(*line, end));
    if (quoted && cell.len >= 2 && str_ends(cell, STR("\"")))
        cell = str_drop(str_take(cell, cell.len - 1), 1);
    *more = end < line->len;
    *line = str_drop(*line, end + 1);
    *ret_cell = cell;
    return true;
}

static bool take_time(struct counters_log *log, struct str text, bool day_first, uint64_t *ret_ns) {
    bool utc;
    if (!counters_time(text, day_first, ret_ns, &utc))
        return false;
    log->unzoned |= !utc;
    return true;
}

/* -- dotnet-counters, CSV ---------------------------------------------------------------------- */

static bool is_dotnet_csv(struct str text) {
    return str_starts_nocase(text, STR("Timestamp,Provider,Counter Name,Counter Type,"));
}

/* Names may hold commas: two cells stand in front of them, two behind. */
static bool split_dotnet(struct str line, struct str ret_cells[5]) {
    size_t first = str_find(line, STR(","), 0), second, ends[2] = {0, 0};
    if (first == STR_NOT_FOUND || (second = str_find(line, STR(","), first + 1)) == STR_NOT_FOUND)
        return false;
    size_t i = line.len;
    for (size_t k = 0; k < 2; k++) {
        while (i > second + 1 && line.ptr[i - 1] != ',')
            i--;
        if (i <= second + 1)
            return false;
        ends[k] = --i;
    }
    ret_cells[0] = str_trim(str_take(line, first));
    ret_cells[1] = str_trim(str_drop(str_take(line, second), first + 1));
    ret_cells[2] = str_trim(str_drop(str_take(line, ends[1]), second + 1));
    ret_cells[3] = str_trim(str_drop(str_take(line, ends[0]), ends[1] + 1));
    ret_cells[4] = str_trim(str_drop(line, ends[0] + 1));
    return ret_cells[2].len > 0 &&
           (str_eq(ret_cells[3], STR("Metric")) || str_eq(ret_cells[3], STR("Rate")));
}

static bool add_dotnet(struct counters_log *log, struct str provider, struct str name,
                       struct str tags, struct str value, struct err *err) {
    struct strbuf ours;
    uint64_t scale;
    const char *unit;
    if (!log->wanted)
        return true;
    strbuf_init(&ours);
    counters_dotnet_name(provider, name, tags, &ours, &scale, &unit);
    bool ok = strbuf_ok(&ours, err) &&
              counters_log_value(log, strbuf_str(&ours), value, scale, unit, err);
    strbuf_deinit(&ours);
    return ok;
}

static bool read_dotnet_csv(struct counters_log *log, struct str text, struct err *err) {
    struct str line, rest = text, cells[5], last = {"", 0};
    uint64_t broken = 0, time = ABSENT;
    bool day_first = false;
    while (!day_first && str_next_line(&rest, &line))
        day_first = counters_time_day_first(str_take(line, str_find(line, STR(","), 0)));
    rest = text;
    while (str_next_line(&rest, &line)) {
        line = str_trim(line);
        if (line.len == 0 || is_dotnet_csv(line))
            continue;
        if (!split_dotnet(line, cells) ||
            (!str_eq(cells[0], last) && !take_time(log, cells[0], day_first, &time))) {
            broken++;
            continue;
        }
        last = cells[0];
        if (!counters_log_row(log, cells[1], cells[2], time, err) ||
            !add_dotnet(log, cells[1], cells[2], STR(""), cells[4], err))
            return false;
    }
    if (text.len && str_last(text) != '\n')
        builder_warn(log->b, 1, "the last line has no end, and perhaps not all its digits");
    if (broken)
        builder_warn(log->b, broken, "lines of the log that are not understood");
    return true;
}

/* -- perfmon ----------------------------------------------------------------------------------- */

static bool is_perfmon(struct str text) {
    return str_starts(text, STR("\"(PDH-CSV 4.0)")) || str_starts(text, STR("(PDH-CSV 4.0)"));
}

/* "(PDH-CSV 4.0) (W. Europe Standard Time)(-60)": minutes to be added for UTC. */
static bool counters_parse_zone(struct str cell, int64_t *ret_minutes) {
    size_t open = STR_NOT_FOUND;
    for (size_t from = 0, next; (next = str_find(cell, STR("("), from)) != STR_NOT_FOUND;
         from = next + 1)
        open = next;
    if (open == STR_NOT_FOUND || !str_ends(cell, STR(")")))
        return false;
    struct str number = str_drop(str_take(cell, cell.len - 1), open + 1);
    bool minus = str_starts(number, STR("-"));
    uint64_t minutes;
    if (!num_dec(str_drop(number, minus), &minutes) || minutes > 15 * 60)
        return false;
    *ret_minutes = minus ? -(int64_t)minutes : (int64_t)minutes;
    return true;
}

struct column {
    struct str path;
};

/* The paths of the heading; *ret_count does not count the first cell, that of the time. */
static bool counters_read_heading(struct str line, struct column **ret_columns, uint32_t *ret_count,
                                  int64_t *ret_minutes, bool *ret_zoned, struct err *err) {
    bool more = true;
    struct str cell;
    uint32_t capacity = 0;
    next_cell(&line, &more, &cell);
    *ret_zoned = counters_parse_zone(cell, ret_minutes);
    while (next_cell(&line, &more, &cell)) {
        if (!VEC_ROOM(*ret_columns, *ret_count, capacity, err))
            return false;
        (*ret_columns)[(*ret_count)++] = (struct column){cell};
    }
    return true;
}

static bool counters_add_row(struct counters_log *log, struct str line, bool more,
                             const struct column *columns, uint32_t count, uint64_t *ret_short,
                             struct err *err) {
    struct str cell;
    uint32_t i = 0;
    for (; i < count && next_cell(&line, &more, &cell); i++) {
        struct strbuf name;
        uint64_t scale;
        const char *unit;
        strbuf_init(&name);
        counters_windows_name(columns[i].path, &name, &scale, &unit);
        bool ok =
            strbuf_ok(&name, err) &&
            (name.len == 0 || counters_log_value(log, strbuf_str(&name), cell, scale, unit, err));
        strbuf_deinit(&name);
        if (!ok)
            return false;
    }
    *ret_short += i < count;
    return true;
}

static bool counters_read_rows(struct counters_log *log, struct str rest,
                               const struct column *columns, uint32_t count, int64_t minutes,
                               bool zoned, struct err *err) {
    struct str line, cell;
    uint64_t broken = 0, cut = 0, time;
    while (str_next_line(&rest, &line)) {
        bool more = true, utc;
        line = str_trim(line);
        if (line.len == 0)
            continue;
        if (!next_cell(&line, &more, &cell) || !counters_time(cell, false, &time, &utc)) {
            broken++;
            continue;
        }
        log->unzoned |= !zoned;
        time += (uint64_t)minutes * NS_PER_MINUTE;
        if (!counters_log_moment(log, time, err) ||
            (log->wanted && !counters_add_row(log, line, more, columns, count, &cut, err)))
            return false;
    }
    if (broken)
        builder_warn(log->b, broken, "lines of the log that are not understood");
    if (cut)
        builder_warn(log->b, cut, "rows of counters that end early");
    return true;
}

static bool read_perfmon(struct counters_log *log, struct str text, struct err *err) {
    struct column *columns = NULL;
    uint32_t count = 0;
    int64_t minutes = 0;
    bool zoned;
    struct str line;
    bool ok = str_next_line(&text, &line) &&
              counters_read_heading(line, &columns, &count, &minutes, &zoned, err) &&
              counters_read_rows(log, text, columns, count, minutes, zoned, err);
    free(columns);
    return ok;
}

/* -- dotnet-counters, JSON --------------------------------------------------------------------- */

static bool is_json(struct str text) {
    return str_starts(text, STR("{")) && str_contains(text, STR("\"TargetProcess\"")) &&
           str_contains(text, STR("\"Events\""));
}

static void skip_blanks(struct str *rest) {
    while (rest->len && (str_first(*rest) == ' ' || str_first(*rest) == '\t' ||
                         str_first(*rest) == '\n' || str_first(*rest) == '\r'))
        *rest = str_drop(*rest, 1);
}

static bool counters_take_char(struct str *rest, char c) {
    skip_blanks(rest);
    if (str_first(*rest) != c)
        return false;
    *rest = str_drop(*rest, 1);
    return true;
}

/* A string without its quotes (escapes stay as they are), or a number or word. */
static bool take_scalar(struct str *rest, struct str *ret_value) {
    skip_blanks(rest);
    size_t end = 0;
    if (str_first(*rest) == '"') {
        for (end = 1; end < rest->len && rest->ptr[end] != '"'; end++)
            end += rest->ptr[end] == '\\';
        if (end >= rest->len)
            return false;
        *ret_value = str_drop(str_take(*rest, end), 1);
        *rest = str_drop(*rest, end + 1);
        return true;
    }
    while (end < rest->len && !strchr(",}]{[:\"", rest->ptr[end]))
        end++;
    if (end == 0 || end == rest->len)
        return false;
    *ret_value = str_trim(str_take(*rest, end));
    *rest = str_drop(*rest, end);
    return true;
}

struct event {
    struct str timestamp, provider, name, tags, value;
};

/* {"timestamp": "2024-03-05 12:26:01Z", "provider": ..., "name": ..., "value": 1.5} */
static bool take_event(struct str *rest, struct event *ret_event) {
    struct str key, value;
    *ret_event = (struct event){.tags = {"", 0}};
    if (!counters_take_char(rest, '{'))
        return false;
    if (counters_take_char(rest, '}'))
        return true;
    do {
        if (!take_scalar(rest, &key) || !counters_take_char(rest, ':') ||
            !take_scalar(rest, &value))
            return false;
        struct str *field = str_eq(key, STR("timestamp"))  ? &ret_event->timestamp
                            : str_eq(key, STR("provider")) ? &ret_event->provider
                            : str_eq(key, STR("name"))     ? &ret_event->name
                            : str_eq(key, STR("tags"))     ? &ret_event->tags
                            : str_eq(key, STR("value"))    ? &ret_event->value
                                                           : NULL;
        if (field)
            *field = value;
    } while (counters_take_char(rest, ','));
    return counters_take_char(rest, '}');
}

static bool counters_say_process(struct builder *b, struct str text, struct err *err) {
    size_t at = str_find(text, STR("\"TargetProcess\""), 0);
    struct str rest = str_drop(text, at + 15), name;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    return !counters_take_char(&rest, ':') || !take_scalar(&rest, &name) || !name.len ||
           builder_say_string(b, &origin->process, name, "the name of the program", err);
}

/* A counter's name with its tags, as the text has them: equal ones are the same counter. */
static struct str whole_name(const struct event *e) {
    bool behind = e->tags.len && e->tags.ptr > e->name.ptr;
    if (!behind)
        return e->name;
    return (struct str){e->name.ptr, (size_t)(e->tags.ptr - e->name.ptr) + e->tags.len};
}

static bool read_json(struct counters_log *log, struct str text, struct err *err) {
    struct str rest = str_drop(text, str_find(text, STR("\"Events\""), 0) + 8);
    struct event e;
    uint64_t broken = 0, time;
    if (!counters_say_process(log->b, text, err))
        return false;
    bool open = counters_take_char(&rest, ':') && counters_take_char(&rest, '[');
    bool closed = open && counters_take_char(&rest, ']');
    while (open && !closed && take_event(&rest, &e)) {
        if (!take_time(log, e.timestamp, false, &time) || !e.name.len || !e.value.len) {
            broken++;
        } else if (!counters_log_row(log, e.provider, whole_name(&e), time, err) ||
                   !add_dotnet(log, e.provider, e.name, e.tags, e.value, err)) {
            return false;
        }
        open = counters_take_char(&rest, ',');
        closed =
            counters_take_char(&rest, ']'); /* also behind a comma, as some versions write it */
    }
    if (!closed)
        builder_warn(log->b, ABSENT, "the log is cut off");
    if (broken)
        builder_warn(log->b, broken, "events of the log that are not understood");
    return true;
}

/* -- Input ------------------------------------------------------------------------------------- */

static struct str without_mark(struct bytes b) {
    struct str text = {(const char *)b.data, b.size};
    return str_starts(text, STR("\xef\xbb\xbf")) ? str_drop(text, 3) : text;
}

static bool counters_probe(struct bytes head) {
    struct str text = without_mark(head);
    skip_blanks(&text);
    return is_dotnet_csv(text) || is_perfmon(text) || is_json(text);
}

static bool counters_read(struct source *source, struct builder *b, struct err *err) {
    struct counters_log log;
    struct str text = without_mark(source->bytes);
    skip_blanks(&text);
    counters_log_init(&log, b);
    if (builder_moments(b))
        builder_warn(b, ABSENT, "a log of counters stands beside another series of moments");
    bool ok;
    if (is_perfmon(text))
        ok = read_perfmon(&log, text, err);
    else if (is_dotnet_csv(text))
        ok = read_dotnet_csv(&log, text, err);
    else
        ok = read_json(&log, text, err);
    ok = ok && counters_log_end(&log, err);
    counters_log_deinit(&log);
    return ok;
}

const struct input input_counters = {
    .name = "counters",
    .summary =
        "dotnet-counters collect (CSV, JSON), perfmon and relog (CSV): every row is a moment",
    .may_give = PART_BIT(PART_COUNTERS),
    .probe = counters_probe,
    .read = counters_read,
};
