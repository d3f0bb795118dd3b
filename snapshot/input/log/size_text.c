#include "input/log/size_text.h"

#include "base/chars.h"
#include "model/rows_origin.h"

/* "", "B", "KiB", "Mi", "kB", "MB", "GiB": 0: no unit. */
static uint64_t size_text_unit(struct str unit, bool decimal) {
    static const char letters[] = "kKmMgGtTpP";
    uint64_t value = 1, base;
    if (unit.len == 0 || str_eq(unit, STR("B")) || str_eq(unit, STR("By")) ||
        str_eq_nocase(unit, STR("bytes")) || str_eq_nocase(unit, STR("byte")))
        return 1;
    const char *letter = strchr(letters, str_first(unit));
    if (!letter || unit.len > 3)
        return 0;
    struct str rest = str_drop(unit, 1);
    bool binary = str_starts(rest, STR("i"));
    rest = str_drop(rest, binary);
    if (rest.len && !str_eq(rest, STR("B")))
        return 0;
    base = binary || !decimal ? 1024 : 1000;
    for (long i = (letter - letters) / 2; i >= 0; i--)
        value *= base;
    return value;
}

bool size_text(struct str text, bool decimal, uint64_t *ret_bytes) {
    text = str_trim(text);
    size_t end = 0;
    while (end < text.len && (char_is_digit(text.ptr[end]) || text.ptr[end] == '.' ||
                              text.ptr[end] == ',' || text.ptr[end] == '_'))
        end++;
    struct str number = str_take(text, end);
    uint64_t unit = size_text_unit(str_trim(str_drop(text, end)), decimal), whole;
    if (!char_is_digit(str_first(number)) || !unit)
        return false;
    if (num_scaled(number, unit, ret_bytes))
        return true;
    if (!num_grouped(number, &whole) || whole > UINT64_MAX / 2 / unit)
        return false;
    *ret_bytes = whole * unit;
    return true;
}

bool size_text_signed(struct str text, bool decimal, int64_t *ret_bytes) {
    uint64_t size;
    text = str_trim(text);
    bool minus = str_starts(text, STR("-"));
    if (!size_text(str_drop(text, minus || str_starts(text, STR("+"))), decimal, &size) ||
        size > INT64_MAX)
        return false;
    *ret_bytes = minus ? -(int64_t)size : (int64_t)size;
    return true;
}

bool size_text_counter(struct builder *b, const char *family, struct str name, const char *what,
                       uint64_t value, const char *unit, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    strbuf_adds(&text, family);
    strbuf_addc(&text, '.');
    if (name.len) {
        strbuf_add(&text, name);
        strbuf_addc(&text, '.');
    }
    strbuf_adds(&text, what);
    const char *copy = strbuf_ok(&text, err) ? builder_string(b, strbuf_str(&text), err) : NULL;
    strbuf_deinit(&text);
    return copy && builder_counter(b, copy, value, unit, err);
}

bool size_text_process(struct builder *b, struct str name, uint64_t pid, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin || !builder_say_string(b, &origin->process, name, "the process", err))
        return false;
    builder_say(b, &origin->pid, pid, "the process id");
    return true;
}
