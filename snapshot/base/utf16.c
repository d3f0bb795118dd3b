#include "base/utf16.h"

static void add_code_point(struct strbuf *out, uint32_t c) {
    char utf8[4];
    size_t n = 0;
    if (c < 0x80) {
        utf8[n++] = (char)c;
    } else if (c < 0x800) {
        utf8[n++] = (char)(0xc0 | c >> 6);
        utf8[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        utf8[n++] = (char)(0xe0 | c >> 12);
        utf8[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        utf8[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        utf8[n++] = (char)(0xf0 | c >> 18);
        utf8[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        utf8[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        utf8[n++] = (char)(0x80 | (c & 0x3f));
    }
    strbuf_add(out, (struct str){utf8, n});
}

void strbuf_add_utf16(struct strbuf *out, struct bytes units) {
    for (size_t at = 0; at + 2 <= units.size; at += 2) {
        uint32_t c = load_u16(units.data + at);
        if (c == 0)
            return;
        bool high = c >= 0xd800 && c < 0xdc00;
        uint32_t next = high && at + 4 <= units.size ? load_u16(units.data + at + 2) : 0;
        if (next >= 0xdc00 && next < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (next - 0xdc00);
            at += 2;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        add_code_point(out, c);
    }
}
