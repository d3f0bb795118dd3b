#include "input/valgrind_frame.h"

/* Where " (" of the last bracket begins; STR_NOT_FOUND: there is none. */
static size_t last_bracket(struct str text) {
    for (size_t at = text.len; at-- > 1;)
        if (text.ptr[at] == '(' && text.ptr[at - 1] == ' ')
            return at - 1;
    return STR_NOT_FOUND;
}

const char *valgrind_frame(struct builder *b, struct str text, bool *ret_bad, struct err *err) {
    struct str function = text, module = {"", 0}, place = {"", 0};
    *ret_bad = false;
    if (str_ends(function, STR(")"))) {
        size_t at = str_find(function, STR(" (in /"), 0);
        if (at != STR_NOT_FOUND)
            module = str_take(str_drop(function, at + 5), function.len - at - 6);
        else if ((at = last_bracket(function)) != STR_NOT_FOUND)
            place = str_drop(str_take(function, function.len - 1), at + 2);
        *ret_bad = at == STR_NOT_FOUND;
        function = str_take(function, at);
    }
    if (str_eq(function, STR("???")))
        function.len = 0;
    return builder_frame_in(b, builder_frame(b, function, module, ABSENT, err), place, err);
}
