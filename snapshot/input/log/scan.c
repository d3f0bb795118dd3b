#include "input/log/scan.h"

#include "base/chars.h"
#include "base/num.h"

size_t scan_fields(struct str s, struct str *ret_fields, size_t max, struct str *ret_rest) {
    size_t n = 0;
    while (n < max) {
        struct str field = str_next_field(&s);
        if (field.len == 0)
            break;
        ret_fields[n++] = field;
    }
    if (ret_rest)
        *ret_rest = str_trim(s);
    return n;
}

struct str scan_last_field(struct str *rest) {
    struct str s = str_trim(*rest);
    size_t i = s.len;
    while (i && s.ptr[i - 1] != ' ' && s.ptr[i - 1] != '\t')
        i--;
    *rest = str_trim(str_take(s, i));
    return str_drop(s, i);
}

bool scan_address(struct str field, uint64_t *ret_value) {
    if (field.len > 19 || !num_hex(field, ret_value))
        return false;
    if (str_starts_nocase(field, STR("0x")))
        return true; /* SOS of .NET 1.1 prints these without leading zeros */
    return field.len >= 8;
}

bool scan_is_address(struct str field) {
    uint64_t value;
    return scan_address(field, &value);
}

/* Splits s at the first `c`; false when there is none. */
static bool split_at(struct str *s, char c, struct str *ret_head) {
    for (size_t i = 0; i < s->len; i++) {
        if (s->ptr[i] == c) {
            *ret_head = str_take(*s, i);
            *s = str_drop(*s, i + 1);
            return true;
        }
    }
    return false;
}

bool scan_duration(struct str s, uint64_t *ret_ns) {
    struct str head;
    uint64_t days = 0, hours, minutes, seconds, fraction = 0;
    s = str_trim(s);
    if (s.len > 64)
        return false;
    size_t word = str_find(s, STR("day"), 0);
    if (word != STR_NOT_FOUND) {
        if (!num_dec(str_trim(str_take(s, word)), &days))
            return false;
        s = str_drop(s, word + 3);
        s = str_trim(str_starts(s, STR("s")) ? str_drop(s, 1) : s);
    }
    if (!split_at(&s, ':', &head) || !num_dec(head, &hours) || !split_at(&s, ':', &head) ||
        !num_dec(head, &minutes) || !split_at(&s, '.', &head) || !num_dec(head, &seconds) ||
        !num_dec(s, &fraction) || (s.len != 3 && s.len != 4) || fraction > 999)
        return false;
    if (minutes > 59 || seconds > 59 || days > 100000 || hours > 100000)
        return false;
    *ret_ns = ((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + fraction) * 1000000u;
    return true;
}

bool scan_labelled(struct str s, const char *label, struct str *ret_value) {
    struct str wanted = str_of(label);
    if (!str_starts_nocase(s, wanted))
        return false;
    s = str_trim(str_drop(s, wanted.len));
    if (!str_starts(s, STR(":")))
        return false;
    *ret_value = str_trim(str_drop(s, 1));
    return true;
}

/* Without a " [file @ line]" at the end. */
static struct str without_file(struct str s) {
    if (!str_ends(s, STR("]")))
        return s;
    for (size_t i = s.len; i-- > 1;)
        if (s.ptr[i] == '[' && s.ptr[i - 1] == ' ')
            return str_contains(str_drop(s, i), STR(" @ ")) ? str_trim(str_take(s, i)) : s;
    return s;
}

struct str scan_without_offset(struct str symbol) {
    symbol = without_file(str_trim(symbol));
    size_t i = symbol.len;
    while (i && char_is_hex(symbol.ptr[i - 1]))
        i--;
    if (i < 3 || i == symbol.len || symbol.ptr[i - 1] != 'x' || symbol.ptr[i - 2] != '0' ||
        symbol.ptr[i - 3] != '+')
        return symbol;
    struct str name = str_take(symbol, i - 3);
    /* "module+0x1234" has nothing but the offset to tell functions apart: it stays. */
    return str_contains(name, STR("!")) ? name : symbol;
}

struct str scan_without_source(struct str frame) {
    frame = without_file(str_trim(frame));
    size_t at = str_find(frame, STR(" at /"), 0);
    if (at != STR_NOT_FOUND)
        frame = str_trim(str_take(frame, at));
    size_t i = frame.len;
    while (i && (char_is_digit(frame.ptr[i - 1]) || frame.ptr[i - 1] == '-'))
        i--;
    if (i < frame.len && i >= 3 && frame.ptr[i - 1] == ' ' && frame.ptr[i - 2] == '+' &&
        frame.ptr[i - 3] == ' ')
        return str_take(frame, i - 3);
    return frame;
}

/* Digits at the start of s; false when there are none. */
static bool leading_number(struct str s, uint64_t *ret_value, size_t *ret_length) {
    size_t n = 0;
    while (n < s.len && char_is_digit(s.ptr[n]))
        n++;
    *ret_length = n;
    return num_dec(str_take(s, n), ret_value);
}

uint64_t scan_command_thread(struct str command_line) {
    struct str s = str_trim(command_line);
    uint64_t number, thread = ABSENT;
    size_t n;
    while (s.len && (str_first(s) == '#' || str_first(s) == '`' || str_first(s) == '*' ||
                     str_first(s) == '>'))
        s = str_trim(str_drop(s, 1)); /* quoting */
    if (leading_number(s, &number, &n) && n < s.len && s.ptr[n] == ':')
        s = str_drop(s, n + 1);
    else if (str_starts(s, STR(":")))
        s = str_drop(s, 1);
    if (leading_number(s, &number, &n) && n < s.len && s.ptr[n] == '>') {
        thread = number;
        s = str_trim(str_drop(s, n + 1));
    }
    if (str_starts(s, STR("~"))) {
        s = str_trim(str_drop(s, 1));
        thread = leading_number(s, &number, &n) ? number : ABSENT;
    }
    return thread;
}

bool scan_elision(struct transcript *t, struct scan_loss *loss) {
    if (!transcript_is_elision(&t->line))
        return false;
    loss->elided++;
    transcript_next(t);
    return true;
}

bool scan_table(struct transcript *t, struct scan_loss *loss,
                bool (*take)(void *context, bool *ret_mine, struct err *err), void *context,
                struct err *err) {
    bool mine;
    while (transcript_skip_blank(t)) {
        if (scan_elision(t, loss))
            continue;
        if (!take(context, &mine, err))
            return false;
        if (!mine)
            break;
        transcript_next(t);
    }
    return true;
}

void scan_loss_report(const struct transcript *t, const struct scan_loss *loss) {
    if (loss->elided)
        transcript_lacks(t, loss->elided, "%s: places where rows were left out by hand",
                         t->current);
    if (loss->unparsed)
        transcript_lacks(t, loss->unparsed, "%s: rows that are not understood", t->current);
    if (loss->differ)
        builder_warn(t->b, loss->differ, "%s: values said before, and differently (the first stay)",
                     t->current);
}

void scan_say(uint64_t *field, uint64_t value, struct scan_loss *loss) {
    if (value == ABSENT || *field == value)
        return;
    if (*field == ABSENT)
        *field = value;
    else
        loss->differ++;
}
