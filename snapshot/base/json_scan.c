#include "base/json_scan.h"

#include "base/num.h"
#include "base/utf16.h"

#include <string.h>

char json_scan_peek(struct json_scan *j) {
    while (j->rest.len && strchr(" \t\r\n", str_first(j->rest)))
        j->rest = str_drop(j->rest, 1);
    return str_first(j->rest);
}

bool json_scan_take(struct json_scan *j, char c) {
    bool is = !j->bad && json_scan_peek(j) == c;
    if (is)
        j->rest = str_drop(j->rest, 1);
    return is;
}

bool json_scan_want(struct json_scan *j, char c) {
    j->bad = !json_scan_take(j, c);
    return !j->bad;
}

struct str json_scan_raw_string(struct json_scan *j) {
    if (!json_scan_want(j, '"'))
        return STR("");
    size_t end = 0;
    while (end < j->rest.len && j->rest.ptr[end] != '"')
        end += j->rest.ptr[end] == '\\' ? 2 : 1;
    j->bad = end >= j->rest.len;
    struct str text = str_take(j->rest, end);
    j->rest = str_drop(j->rest, end + 1);
    return text;
}

/* The unit of an escape "\u00e9" that begins at i. */
static bool escaped_unit(struct str raw, size_t i, uint64_t *ret_unit) {
    return i + 5 < raw.len && raw.ptr[i] == '\\' && raw.ptr[i + 1] == 'u' &&
           num_hex(str_take(str_drop(raw, i + 2), 4), ret_unit);
}

void json_scan_resolve(struct str raw, struct strbuf *out) {
    for (size_t i = 0; i < raw.len; i++) {
        uint64_t unit, low;
        if (raw.ptr[i] != '\\') {
            strbuf_addc(out, raw.ptr[i]);
        } else if (escaped_unit(raw, i, &unit)) {
            i += 5;
            if (unit >> 10 == 0xd800 >> 10 && escaped_unit(raw, i + 1, &low) &&
                low >> 10 == 0xdc00 >> 10) {
                unit = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
                i += 6;
            }
            strbuf_add_code_point(out, (uint32_t)unit);
        } else if (++i < raw.len) {
            strbuf_addc(out, strchr("nrtbf", raw.ptr[i]) ? ' ' : raw.ptr[i]);
        }
    }
}

struct str json_scan_string(struct json_scan *j, struct strbuf *out) {
    struct str raw = json_scan_raw_string(j);
    strbuf_clear(out);
    json_scan_resolve(raw, out);
    return strbuf_str(out);
}

uint64_t json_scan_number(struct json_scan *j) {
    size_t n = 0;
    uint64_t value;
    json_scan_peek(j);
    while (n < j->rest.len && strchr("+-.eE0123456789", j->rest.ptr[n]))
        n++;
    struct str text = str_take(j->rest, n);
    j->rest = str_drop(j->rest, n);
    j->bad |= n == 0;
    return num_dec(text, &value) ? value : UINT64_MAX;
}

void json_scan_skip(struct json_scan *j) {
    size_t depth = 0;
    do {
        char c = json_scan_peek(j);
        if (c == '"') {
            json_scan_raw_string(j);
        } else if (c == '{' || c == '[') {
            depth++;
            j->rest = str_drop(j->rest, 1);
        } else if (c == '}' || c == ']') {
            j->bad |= depth == 0;
            depth -= depth > 0;
            j->rest = str_drop(j->rest, 1);
        } else {
            j->bad |= c == '\0';
            j->rest = str_drop(j->rest, 1);
            while (!depth && j->rest.len && !strchr(",]} \t\r\n", str_first(j->rest)))
                j->rest = str_drop(j->rest, 1);
        }
    } while (!j->bad && depth && depth <= JSON_SCAN_DEPTH_MOST);
    j->bad |= depth > 0;
}

bool json_scan_more(struct json_scan *j, char end, bool *first) {
    if (j->bad || json_scan_take(j, end))
        return false;
    if (!*first)
        json_scan_want(j, ',');
    *first = false;
    return !j->bad;
}

bool json_scan_key(struct json_scan *j, bool *first, struct str *ret_key) {
    if (!json_scan_more(j, '}', first))
        return false;
    *ret_key = json_scan_raw_string(j);
    return json_scan_want(j, ':');
}
