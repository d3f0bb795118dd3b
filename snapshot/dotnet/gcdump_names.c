#include "dotnet/gcdump_names.h"

static bool gcdump_names_is_number(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static bool is_addition(struct str text) {
    if (str_eq(text, STR("Ptrs")) || str_eq(text, STR("NoPtrs")))
        return true;
    if (str_starts(text, STR("ElemSize=")))
        return gcdump_names_is_number(str_drop(text, 9));
    if (!str_starts(text, STR("Bytes > ")))
        return false;
    text = str_drop(text, 8);
    if (str_ends(text, STR("K")) || str_ends(text, STR("M")))
        text.len--;
    return gcdump_names_is_number(text);
}

struct str gcdump_type_name(struct str name) {
    if (!str_ends(name, STR(")")))
        return name;
    size_t open = name.len - 1;
    while (open > 0 && name.ptr[open] != '(')
        open--;
    if (open < 1 || name.ptr[open - 1] != ' ')
        return name;
    struct str rest = str_drop(str_take(name, name.len - 1), open + 1);
    do {
        size_t comma = str_find(rest, STR(","), 0);
        if (!is_addition(str_take(rest, comma)))
            return name;
        rest = comma == STR_NOT_FOUND ? str_drop(rest, rest.len) : str_drop(rest, comma + 1);
    } while (rest.len);
    return str_take(name, open - 1);
}

struct str gcdump_file_name(struct str path) {
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '\\' && path.ptr[start - 1] != '/')
        start--;
    return str_drop(path, start);
}
