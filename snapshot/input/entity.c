#include "input/entity.h"

#include "base/num.h"

size_t entity_char(struct str text, char *ret_char) {
    static const struct {
        struct str name;
        char c;
    } names[] = {
        {STR_INIT("&nbsp;"), ' '}, {STR_INIT("&lt;"), '<'},   {STR_INIT("&gt;"), '>'},
        {STR_INIT("&amp;"), '&'},  {STR_INIT("&quot;"), '"'}, {STR_INIT("&apos;"), '\''},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (str_starts(text, names[i].name)) {
            *ret_char = names[i].c;
            return names[i].name.len;
        }
    }
    size_t end = str_find(str_take(text, 8), STR(";"), 0);
    uint64_t code;
    if (end == STR_NOT_FOUND || end < 3 || text.ptr[1] != '#' ||
        !num_dec(str_drop(str_take(text, end), 2), &code) ||
        !((code >= 32 && code < 127) || code == 160))
        return 0;
    *ret_char = code == 160 ? ' ' : (char)code;
    return end + 1;
}
