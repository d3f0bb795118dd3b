#include "base/utf16.h"

void strbuf_add_code_point(struct strbuf *out, uint32_t c) {
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

static uint32_t unit_at(const uint8_t *units, size_t i, bool big_endian) {
    uint16_t unit = load_u16(units + 2 * i);
    return big_endian ? (uint16_t)(unit << 8 | unit >> 8) : unit;
}

static size_t next_code(const uint8_t *units, size_t count, bool big_endian, uint32_t *ret_code) {
    uint32_t code = unit_at(units, 0, big_endian);
    bool high = code >= 0xd800 && code < 0xdc00;
    uint32_t low = high && count > 1 ? unit_at(units, 1, big_endian) : 0;
    bool pair = low >= 0xdc00 && low < 0xe000;
    *ret_code = pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
    return pair ? 2 : 1;
}

size_t utf16_next(const uint8_t *units, size_t count, uint32_t *ret_code) {
    return next_code(units, count, false, ret_code);
}

bool utf16_is_lone(uint32_t code) {
    return code >= 0xd800 && code < 0xe000;
}

/* until_nul: no further than the first NUL. */
static void utf16_add(struct strbuf *out, struct bytes units, bool big_endian, bool until_nul) {
    size_t count = units.size / 2;
    for (size_t i = 0; i < count;) {
        uint32_t code;
        i += next_code(units.data + 2 * i, count - i, big_endian, &code);
        if (code == 0 && until_nul)
            return;
        strbuf_add_code_point(out, utf16_is_lone(code) ? 0xfffd : code);
    }
}

void strbuf_add_utf16(struct strbuf *out, struct bytes units) {
    utf16_add(out, units, false, true);
}

void strbuf_add_utf16_text(struct strbuf *out, struct bytes units, bool big_endian) {
    bool marked = units.size >= 2 && unit_at(units.data, 0, big_endian) == 0xfeff;
    utf16_add(out, bytes_slice(units, marked ? 2 : 0, units.size), big_endian, false);
}
