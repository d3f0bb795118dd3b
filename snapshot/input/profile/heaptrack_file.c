#include "input/profile/heaptrack_file.h"

#include "base/num.h"
#include "base/pages.h"
#include "base/vec.h"
#include "input/profile/heaptrack_suppress.h"

#include <string.h>

#define VERSION_MAX      3u
#define ROWS_MOST        ((uint32_t)1 << 25)
#define SIZE_MOST        ((uint64_t)1 << 56) /* of one allocation: more than any address space */
#define SUPPRESSIONS_MAX 1000u

/* -- Tables ------------------------------------------------------------------------------------ */

/* Appends a zeroed row of `row_size`; NULL: no memory or too many. */
static void *table_add(struct heaptrack_table *t, size_t row_size, const char *what,
                       struct err *err) {
    char *rows = t->rows;
    if (t->count >= ROWS_MOST) {
        err_set(err, ERR_LIMIT, "more than %u %s", ROWS_MOST, what);
        return NULL;
    }
    if (!VEC_ROOM_FOR_PAGES(rows, t->count * row_size, row_size, t->size, err))
        return NULL;
    t->rows = rows;
    return rows + row_size * t->count++;
}

#define ADD(table, type, what) ((type *)table_add((table), sizeof(type), (what), err))

static void heaptrack_file_table_deinit(struct heaptrack_table *t) {
    pages_free(t->rows, t->size);
    *t = (struct heaptrack_table){NULL, 0, 0};
}

static struct heaptrack_string *string_at(const struct heaptrack_file *f, uint32_t number) {
    return (struct heaptrack_string *)f->strings.rows + (number - 1);
}

static struct heaptrack_ip *ip_at(const struct heaptrack_file *f, uint32_t number) {
    return (struct heaptrack_ip *)f->ips.rows + (number - 1);
}

static struct heaptrack_trace *trace_at(const struct heaptrack_file *f, uint32_t number) {
    return (struct heaptrack_trace *)f->traces.rows + (number - 1);
}

/* -- Numbers ----------------------------------------------------------------------------------- */

/* Value of each hex digit, as heaptrack writes them, plus 1. */
static const uint8_t hex_digits[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* Splits a number and the blank behind it off a line. */
static bool next_hex(struct str *rest, uint64_t *ret_value) {
    uint64_t value = 0;
    size_t n = 0;
    for (; n < rest->len && hex_digits[(uint8_t)rest->ptr[n]]; n++) {
        if (n == 16)
            return false;
        value = value << 4 | (uint64_t)(hex_digits[(uint8_t)rest->ptr[n]] - 1);
    }
    if (n == 0 || (n < rest->len && rest->ptr[n] != ' '))
        return false;
    *rest = str_drop(*rest, n + 1);
    *ret_value = value;
    return true;
}

static bool heaptrack_file_next_number(struct str *rest, uint32_t *ret_value) {
    uint64_t value;
    if (!next_hex(rest, &value) || value > UINT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

/* -- Lines that are rare ----------------------------------------------------------------------- */

static bool heaptrack_file_read_version(struct heaptrack_file *f, struct str rest,
                                        struct err *err) {
    if (!heaptrack_file_next_number(&rest, &f->written_by))
        return err_set(err, ERR_FORMAT, "the first line says no version of heaptrack");
    if (!heaptrack_file_next_number(
            &rest, &f->version)) /* 1.0 had that number before it had file versions */
        f->version = f->written_by == 0x010200;
    if (f->version == 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "was written by a heaptrack before 1.0 (file version 0): record it again "
                       "with a newer one");
    if (f->version > VERSION_MAX)
        return err_set(err, ERR_UNSUPPORTED,
                       "has version %u of heaptrack's format, known are 1 to %u", f->version,
                       VERSION_MAX);
    return true;
}

static const struct {
    struct str text;
    uint32_t flags;
} special_strings[] = {
    {STR_INIT("operator new(unsigned long)"), HEAPTRACK_STRING_NEW},
    {STR_INIT("operator new[](unsigned long)"), HEAPTRACK_STRING_NEW},
    {STR_INIT("operator new(unsigned int)"), HEAPTRACK_STRING_NEW},
    {STR_INIT("operator new[](unsigned int)"), HEAPTRACK_STRING_NEW},
    {STR_INIT("main"), HEAPTRACK_STRING_STOP},
    {STR_INIT("__libc_start_main"), HEAPTRACK_STRING_STOP},
    {STR_INIT("__static_initialization_and_destruction_0"), HEAPTRACK_STRING_STOP},
};

static bool heaptrack_file_read_string(struct heaptrack_file *f, struct str rest, struct err *err) {
    struct heaptrack_string *s = ADD(&f->strings, struct heaptrack_string, "strings");
    if (!s)
        return false;
    s->text = rest;
    if (f->version >= 3) {
        uint64_t size;
        if (!next_hex(&rest, &size) || size > rest.len)
            f->bad_lines++; /* keeps its number: others follow */
        else
            s->text = str_take(rest, (size_t)size);
    }
    for (size_t i = 0; i < sizeof(special_strings) / sizeof(*special_strings); i++)
        if (str_eq(s->text, special_strings[i].text))
            s->flags = special_strings[i].flags;
    return true;
}

/* A number of a string, or 0 where it is none. */
static uint32_t known_string(struct heaptrack_file *f, uint32_t number) {
    if (number <= f->strings.count)
        return number;
    f->bad_traces++;
    return 0;
}

static bool read_ip(struct heaptrack_file *f, struct str rest, struct err *err) {
    struct heaptrack_ip *ip = ADD(&f->ips, struct heaptrack_ip, "addresses");
    uint64_t address;
    if (!ip)
        return false;
    ip->first_frame = f->frames.count;
    if (!next_hex(&rest, &address) || !heaptrack_file_next_number(&rest, &ip->module)) {
        f->bad_lines++;
        rest.len = 0;
    }
    ip->module = known_string(f, ip->module);
    do {
        struct heaptrack_frame *frame = ADD(&f->frames, struct heaptrack_frame, "frames");
        if (!frame)
            return false;
        /* A function without a file and line is all that is known of some. */
        if (rest.len && (!heaptrack_file_next_number(&rest, &frame->function) ||
                         (rest.len && (!heaptrack_file_next_number(&rest, &frame->file) ||
                                       !heaptrack_file_next_number(&rest, &frame->line))))) {
            f->bad_lines++;
            rest.len = 0;
        }
        frame->function = known_string(f, frame->function);
        frame->file = known_string(f, frame->file);
        ip->frames++;
    } while (rest.len);
    uint32_t innermost = ((struct heaptrack_frame *)f->frames.rows + ip->first_frame)->function;
    uint32_t flags = innermost ? string_at(f, innermost)->flags : 0;
    ip->is_new = flags & HEAPTRACK_STRING_NEW;
    ip->stops = flags & HEAPTRACK_STRING_STOP;
    return true;
}

static bool read_trace(struct heaptrack_file *f, struct str rest, struct err *err) {
    struct heaptrack_trace *t = ADD(&f->traces, struct heaptrack_trace, "stacks");
    if (!t)
        return false;
    uint32_t ip = 0, parent = 0;
    if (!heaptrack_file_next_number(&rest, &ip) || !heaptrack_file_next_number(&rest, &parent))
        f->bad_lines++;
    if (ip > f->ips.count || parent >= f->traces.count) { /* callers come before */
        f->bad_traces++;
        ip = parent = 0;
    }
    /* operator new at the end of a stack says nothing: whoever called it allocates. */
    while (ip && ip_at(f, ip)->is_new) {
        const struct heaptrack_trace *caller = parent ? trace_at(f, parent) : NULL;
        ip = caller ? caller->ip : 0;
        parent = caller ? caller->parent : 0;
    }
    t->ip = ip;
    t->parent = parent;
    return true;
}

static uint32_t heaptrack_file_stack_of(struct heaptrack_file *f, uint32_t trace, struct err *err) {
    if (trace > f->traces.count) {
        f->bad_traces++;
        trace = 0;
    }
    if (trace && trace_at(f, trace)->stack)
        return trace_at(f, trace)->stack;
    struct heaptrack_stack *stack = ADD(&f->stacks, struct heaptrack_stack, "stacks");
    if (!stack)
        return 0;
    stack->trace = trace;
    if (trace)
        trace_at(f, trace)->stack = f->stacks.count;
    return f->stacks.count;
}

static bool read_kind(struct heaptrack_file *f, struct str rest, struct err *err) {
    struct heaptrack_kind *kind = ADD(&f->kinds, struct heaptrack_kind, "kinds of allocation");
    uint32_t trace = 0;
    if (!kind)
        return false;
    if (!next_hex(&rest, &kind->size) || kind->size > SIZE_MOST ||
        !heaptrack_file_next_number(&rest, &trace)) {
        kind->size = 0;
        f->bad_lines++;
    }
    kind->stack = heaptrack_file_stack_of(f, trace, err);
    return kind->stack != 0;
}

static void read_time(struct heaptrack_file *f, struct str rest) {
    uint64_t ms;
    if (!next_hex(&rest, &ms) || ms > UINT64_MAX / 1000000 - 1)
        f->bad_lines++;
    else if (ms < f->end_ms)
        f->bad_times++;
    else
        f->end_ms = ms;
}

/* The trailer counts what is in the file. */
static void heaptrack_file_read_comment(struct heaptrack_file *f, struct str line) {
    static const struct str labels[] = {STR_INIT("# strings: "), STR_INIT("# ips: ")};
    const uint32_t counts[] = {f->strings.count, f->ips.count};
    for (size_t i = 0; i < 2; i++) {
        uint64_t count;
        if (!str_starts(line, labels[i]))
            continue;
        if (!num_dec(str_trim(str_drop(line, labels[i].len)), &count) || count != counts[i])
            f->bad_lines++;
        f->whole |= i == 1;
    }
}

static bool read_suppression(struct heaptrack_file *f, struct str rest, struct err *err) {
    rest = str_trim(rest);
    if (rest.len == 0 || str_first(rest) == '#')
        return true;
    bool good = str_starts(rest, STR("leak:")) && rest.len > 5;
    if (!good || f->suppressions.count == SUPPRESSIONS_MAX) {
        f->bad_suppressions++;
        return true;
    }
    struct str *pattern = ADD(&f->suppressions, struct str, "suppressions");
    if (!pattern)
        return false;
    *pattern = str_drop(rest, 5);
    return true;
}

static bool read_command(struct heaptrack_file *f, struct str rest, struct err *err) {
    if (f->command.ptr)
        return err_set(err, ERR_FORMAT, "two processes wrote into it (a second command: %.*s)",
                       (int)(rest.len > 60 ? 60 : rest.len), rest.ptr);
    f->command = rest;
    return true;
}

static bool is_raw(struct err *err) {
    return err_set(
        err, ERR_UNSUPPORTED,
        "is a raw recording of heaptrack, without symbols: give it to heaptrack_interpret "
        "where it was made (`heaptrack -i FILE`, or zcat FILE | heaptrack_interpret | "
        "gzip > OUT.gz)");
}

static bool heaptrack_file_read_line(struct heaptrack_file *f, struct str line, struct err *err) {
    struct str rest = str_drop(line, 2);
    uint64_t pages;
    if (line.len > 1 && line.ptr[1] != ' ' && str_first(line) != '#') {
        f->bad_lines++;
        return true;
    }
    switch (str_first(line)) {
    case 's':
        return heaptrack_file_read_string(f, rest, err);
    case 'i':
        return read_ip(f, rest, err);
    case 't':
        return read_trace(f, rest, err);
    case 'a':
        return read_kind(f, rest, err);
    case 'c':
        read_time(f, rest);
        return true;
    case 'R':
        if (!next_hex(&rest, &pages))
            f->bad_lines++;
        else if (pages > f->peak_pages)
            f->peak_pages = pages;
        return true;
    case 'v':
        return heaptrack_file_read_version(f, rest, err);
    case 'X':
        return read_command(f, rest, err);
    case 'I':
        if (!next_hex(&rest, &f->page_bytes))
            f->bad_lines++;
        return true;
    case 'A':
        f->attached = true;
        return true;
    case 'S':
        return read_suppression(f, rest, err);
    case '#':
        heaptrack_file_read_comment(f, line);
        return true;
    case 'x':
    case 'm':
        return is_raw(err);
    default:
        f->bad_lines++;
        return true;
    }
}

/* -- Events: most of the lines ----------------------------------------------------------------- */

/*
 * A stack's bytes at the peak are those it had when they were changed for the first time after it,
 * so that a peak (there are many until the last) costs nothing but a new number.
 */
static void keep_peak(struct heaptrack_stack *stack, uint64_t peak_number) {
    if (stack->peak_number == peak_number)
        return;
    stack->peak_number = peak_number;
    stack->peak_bytes = stack->live_bytes;
}

struct events {
    struct heaptrack_file *f;
    uint64_t peak_number;
    uint32_t last; /* kind of the last allocation, see event_free */
};

static bool event_allocate(struct events *e, uint32_t number, struct err *err) {
    struct heaptrack_file *f = e->f;
    struct heaptrack_kind *kind = (struct heaptrack_kind *)f->kinds.rows + number;
    struct heaptrack_stack *stack = (struct heaptrack_stack *)f->stacks.rows + (kind->stack - 1);
    keep_peak(stack, e->peak_number);
    f->live_bytes += kind->size;
    if (f->live_bytes >= (uint64_t)1 << 62)
        return err_set(err, ERR_FORMAT, "allocates more than there are addresses");
    if (kind->live_count++ == 0) {
        kind->since_ms = f->end_ms;
        kind->churns = false;
    }
    stack->live_count++;
    stack->total_count++;
    stack->live_bytes += kind->size;
    stack->total_bytes = num_add(stack->total_bytes, kind->size);
    f->live_count++;
    f->total_count++;
    f->total_bytes = num_add(f->total_bytes, kind->size);
    if (f->live_bytes > f->peak_bytes) {
        f->peak_bytes = f->live_bytes;
        e->peak_number++;
    }
    e->last = number;
    return true;
}

/*
 * Temporary is, as heaptrack counts, what is freed before anything else is allocated. It compares
 * kinds, not addresses, and after a free stands at kind 0: so do we, to give the same numbers.
 */
static void event_free(struct events *e, uint32_t number) {
    struct heaptrack_file *f = e->f;
    struct heaptrack_kind *kind = (struct heaptrack_kind *)f->kinds.rows + number;
    struct heaptrack_stack *stack = (struct heaptrack_stack *)f->stacks.rows + (kind->stack - 1);
    bool temporary = e->last == number;
    e->last = 0;
    if (kind->live_count == 0) {
        f->unknown_frees++;
        return;
    }
    keep_peak(stack, e->peak_number);
    kind->live_count--;
    kind->churns = true;
    stack->live_count--;
    stack->live_bytes -= kind->size;
    stack->temporary += temporary;
    f->live_count--;
    f->live_bytes -= kind->size;
    f->temporary += temporary;
}

/* The number of a line "+ 1f\n" at `at`, and where the next line begins; false: it is none. */
static inline bool event_number(struct str text, size_t *at, uint32_t *ret_number) {
    uint32_t number = 0;
    size_t i = *at + 2;
    if (text.len - *at < 4 || text.ptr[*at + 1] != ' ')
        return false;
    size_t most = text.len - i > 8 ? i + 8 : text.len - 1, start = i;
    for (uint8_t digit; i < most && (digit = hex_digits[(uint8_t)text.ptr[i]]); i++)
        number = number << 4 | (uint32_t)(digit - 1);
    if (i == start || text.ptr[i] != '\n')
        return false;
    *at = i + 1;
    *ret_number = number;
    return true;
}

static bool heaptrack_file_read_lines(struct events *e, struct str text, struct err *err) {
    struct heaptrack_file *f = e->f;
    bool interpreted = true; /* raw files have "+ size stack address" */
    for (size_t at = 0; at < text.len;) {
        char mode = text.ptr[at];
        uint32_t number;
        if ((mode == '+' || mode == '-') && event_number(text, &at, &number)) {
            if (number >= f->kinds.count)
                f->bad_lines++;
            else if (mode == '-')
                event_free(e, number);
            else if (!event_allocate(e, number, err))
                return false;
            continue;
        }
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        struct str line = {text.ptr + at, (end ? (size_t)(end - text.ptr) : text.len) - at};
        if (!end)
            f->bad_lines++; /* cut in the middle: its number may lack digits */
        else if (line.len && !heaptrack_file_read_line(f, line, err))
            return false;
        at += line.len + 1;
        interpreted &= mode != '+';
    }
    return interpreted || f->kinds.count || is_raw(err);
}

/* -- The file ---------------------------------------------------------------------------------- */

bool heaptrack_probe(struct bytes head) {
    struct str rest = {(const char *)head.data, head.size}, line;
    uint32_t number;
    if (!str_starts(rest, STR("v ")) || !str_next_line(&rest, &line))
        return false;
    line = str_drop(line, 2);
    if (!heaptrack_file_next_number(&line, &number) || number < 0x010000 || number > 0xffffff ||
        (line.len && !heaptrack_file_next_number(&line, &number)) || line.len)
        return false;
    return rest.len == 0 || (strchr("XxIAmSstia+cR#", str_first(rest)) && str_first(rest) &&
                             (rest.len == 1 || rest.ptr[1] == ' ' || rest.ptr[1] == '\n'));
}

bool heaptrack_file_read(struct heaptrack_file *f, struct str text, struct err *err) {
    *f = (struct heaptrack_file){.version = 0};
    struct events e = {.f = f};
    if (!heaptrack_file_read_lines(&e, text, err))
        return false;
    if (!f->version)
        return err_set(err, ERR_FORMAT, "says no version of heaptrack");
    struct heaptrack_stack *stacks = f->stacks.rows;
    for (uint32_t i = 0; i < f->stacks.count; i++)
        keep_peak(&stacks[i], e.peak_number);
    return heaptrack_suppress(f, err);
}

void heaptrack_file_deinit(struct heaptrack_file *f) {
    heaptrack_file_table_deinit(&f->strings);
    heaptrack_file_table_deinit(&f->frames);
    heaptrack_file_table_deinit(&f->ips);
    heaptrack_file_table_deinit(&f->traces);
    heaptrack_file_table_deinit(&f->stacks);
    heaptrack_file_table_deinit(&f->kinds);
    heaptrack_file_table_deinit(&f->suppressions);
}
