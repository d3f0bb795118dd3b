#include "input/log/windbg/umdh_text.h"

#include "base/num.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool umdh_trace_id(struct str field, uint64_t *ret_id) {
    return str_starts(field, STR("BackTrace")) && num_hex(str_drop(field, 9), ret_id);
}

/* Where "+0000003D" begins at the end of a symbol; its length when there is none. */
static size_t offset_at(struct str symbol) {
    size_t i = symbol.len;
    uint64_t value;
    while (i > 0 && symbol.ptr[i - 1] != '+')
        i--;
    return i > 1 && num_hex(str_drop(symbol, i), &value) ? i - 1 : symbol.len;
}

/* "a!b+0000003D (c:\a.cpp, 12)" without the source. */
static struct str without_source(struct str text) {
    size_t at = STR_NOT_FOUND, next = 0;
    if (!str_ends(text, STR(")")))
        return text;
    while ((next = str_find(text, STR(" ("), next)) != STR_NOT_FOUND)
        at = next++;
    struct str line;
    if (at == STR_NOT_FOUND)
        return text;
    /* Only a source ends in a line: "operator()(int, char)" has blanks and brackets, too. */
    line = str_drop(str_take(text, text.len - 1), at + 2);
    size_t comma = STR_NOT_FOUND;
    for (next = 0; (next = str_find(line, STR(", "), next)) != STR_NOT_FOUND;)
        comma = next++;
    uint64_t number;
    if (comma == STR_NOT_FOUND || !num_dec(str_drop(line, comma + 2), &number))
        return text;
    return str_trim(str_take(text, at));
}

/* The address behind " : " of a frame without symbol; ABSENT: none. */
static uint64_t umdh_text_take_address(struct str *text) {
    uint64_t address;
    size_t at = str_find(*text, STR(" : "), 0);
    if (at == STR_NOT_FOUND || !num_hex(str_trim(str_drop(*text, at + 3)), &address))
        return ABSENT;
    *text = str_trim(str_take(*text, at));
    return address;
}

const char *umdh_frame(struct builder *b, struct str text, struct err *err) {
    text = without_source(str_trim(text));
    uint64_t address = umdh_text_take_address(&text), offset;
    size_t end = offset_at(text), bang = str_find(text, STR("!"), 0);
    struct str module = {"", 0}, function = str_take(text, end);
    if (bang < end) {
        module = str_take(text, bang);
        function = str_drop(str_take(text, end), bang + 1);
    }
    if (str_eq(module, STR("<no module>")))
        module = STR("");
    if (!str_eq(function, STR("???")))
        return builder_frame(b, function, module, ABSENT, err);
    if (module.len == 0)
        return builder_frame(b, STR(""), module, address, err);
    if (end == text.len || !num_hex(str_drop(text, end + 1), &offset) || offset == 0)
        offset = ABSENT;
    return builder_frame(b, STR(""), module, offset, err);
}

bool umdh_is_symbol(struct str text) {
    size_t bang = str_find(str_take(text, 256), STR("!"), 0);
    if (bang == STR_NOT_FOUND || bang == 0 || str_first(text) == '!')
        return false;
    text = without_source(text);
    return umdh_text_take_address(&text) != ABSENT || offset_at(text) < text.len;
}

bool umdh_is_symbol_remark(const struct line *line) {
    struct str text = line->text;
    if (str_starts(text, STR("DBGHELP: ")) || str_starts(text, STR("*** WARNING")) ||
        str_starts(text, STR("*** ERROR")))
        return true;
    /* Below such a line: "D:\Symbols\ntdll.pdb\ACE3\ntdll.pdb" */
    return str_ends(text, STR(".pdb")) || str_contains(text, STR(".pdb\\"));
}

const char *umdh_no_stack(struct builder *b, uint64_t trace_id, struct err *err) {
    char text[40];
    int n = snprintf(text, sizeof(text), "BackTrace%" PRIX64, trace_id);
    struct str name = trace_id ? (struct str){text, (size_t)n} : STR("[no stack recorded]");
    return builder_frame(b, name, STR(""), ABSENT, err);
}

bool umdh_frames_add(struct umdh_frames *f, const char *frame, struct err *err) {
    if (!frame)
        return false;
    if (!VEC_ROOM(f->items, f->count, f->capacity, err))
        return false;
    f->items[f->count++] = frame;
    return true;
}

void umdh_frames_deinit(struct umdh_frames *f) {
    free(f->items);
}
