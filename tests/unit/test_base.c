/* Bytes, numbers, strings, arena, errors, files: what everything else stands on. */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/pages.h"
#include "base/search.h"
#include "base/str.h"
#include "base/utf16.h"
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void a_reader_that_failed_stays_failed_and_moves_nothing(void **state) {
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4, 5};
    struct reader r;
    struct err err;
    reader_init(&r, (struct bytes){data, sizeof(data)}, 100);
    assert_int_equal(reader_u32(&r), 0x04030201);
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_left(&r), 0);
    assert_false(reader_ok(&r, "note", &err));
    assert_int_equal(err.code, ERR_TRUNCATED);
    assert_int_equal(err.offset, 104);
}

static void a_varint_of_more_than_64_bits_is_refused(void **state) {
    (void)state;
    static const struct {
        uint8_t data[12];
        size_t size;
        bool ok;
        uint64_t value;
    } cases[] = {
        {{0x00}, 1, true, 0},
        {{0x80, 0x01}, 2, true, 128},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10, true, UINT64_MAX},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, 10, false, 0},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 11, false, 0},
        {{0x80}, 1, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reader r;
        reader_init(&r, (struct bytes){cases[i].data, cases[i].size}, 0);
        uint64_t value = reader_varint(&r);
        assert_int_equal(!r.failed, cases[i].ok);
        assert_true(value == cases[i].value);
    }
}

/* What reads columns looks at no bound, and has to know the same numbers. */
static void a_varint_is_the_same_with_and_without_a_look_at_the_end(void **state) {
    (void)state;
    for (unsigned bits = 0; bits <= 64; bits++) {
        uint64_t wanted = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - (bits % 2), value = 0;
        struct strbuf text;
        strbuf_init(&text);
        strbuf_add_varint(&text, wanted);
        size_t size = text.len;
        while (text.len < VARINT_MAX_BYTES)
            strbuf_addc(&text, (char)0xff); /* another number's */
        const uint8_t *start = (const uint8_t *)text.ptr;
        assert_ptr_equal(bytes_varint(start, &value), start + size);
        assert_true(value == wanted);
        strbuf_deinit(&text);
    }
    static const uint8_t large[VARINT_MAX_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                                    0xff, 0xff, 0xff, 0xff, 0x02};
    assert_null(bytes_varint(large, &(uint64_t){0}));
}

static void a_count_is_checked_against_what_is_left(void **state) {
    (void)state;
    static const uint8_t data[64];
    struct reader r;
    reader_init(&r, (struct bytes){data, sizeof(data)}, 0);
    assert_true(reader_has_items(&r, 8, 8));
    assert_false(reader_has_items(&r, 9, 8));
    assert_false(reader_has_items(&r, UINT64_MAX, 8));
    assert_false(reader_skip(&r, 65));
    assert_false(reader_has_items(&r, 0, 1));
}

static void numbers_of_every_culture_are_read_whole_or_not_at_all(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"1234567", true, 1234567},
        {"1,234,567", true, 1234567},
        {"1.234.567", true, 1234567},
        {"1 234 567", true, 1234567},
        {"1\xc2\xa0"
         "234\xc2\xa0"
         "567",
         true, 1234567},
        {"1\xe2\x80\xaf"
         "234",
         true, 1234},
        {"1'234'567", true, 1234567},
        {"1\xe2\x80\x99"
         "234",
         true, 1234},
        {"12,34,567", true, 1234567},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99,999,999,999,999,999,999", false, 0},
        {"", false, 0},
        {",123", false, 0},
        {"1,23", false, 0},
        {"1.5", false, 0},
        {"1,234.567", false, 0},
        {"1234,567", false, 0},
        {"-5", false, 0},
        {"0x10", false, 0},
        {"12a", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 0;
        assert_int_equal(num_grouped(str_of(cases[i].text), &value), cases[i].ok);
        assert_true(value == cases[i].value);
    }
}

static void hex_is_read_with_prefix_and_backtick(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"7efe7badbe78", true, 0x7efe7badbe78},
        {"0x1F", true, 0x1f},
        {"7ffd`d8ac0000", true, 0x7ffdd8ac0000},
        {"ffffffffffffffff", true, UINT64_MAX},
        {"1ffffffffffffffff", false, 0},
        {"`12", false, 0},
        {"12`", false, 0},
        {"0x", false, 0},
        {"12g", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 0;
        assert_int_equal(num_hex(str_of(cases[i].text), &value), cases[i].ok);
        assert_true(value == cases[i].value);
    }
}

static void scaled_numbers_are_rounded_and_units_are_powers_of_1024(void **state) {
    (void)state;
    uint64_t value;
    assert_true(num_scaled(STR("4.5"), 1024, &value));
    assert_int_equal(value, 4608);
    assert_true(num_scaled(STR("0.001"), 1000, &value));
    assert_int_equal(value, 1);
    assert_false(num_scaled(STR("4."), 1024, &value));
    assert_false(num_scaled(STR("20000000000"), (uint64_t)1 << 40, &value));
    assert_int_equal(num_unit(STR("kB")), 1024);
    assert_int_equal(num_unit(STR("MiB")), 1 << 20);
    assert_int_equal(num_unit(STR("TB")), (uint64_t)1 << 40);
    assert_int_equal(num_unit(STR("parsecs")), 0);
}

static void sums_stick_below_absent(void **state) {
    (void)state;
    assert_true(num_add(UINT64_MAX - 2, 5) == UINT64_MAX - 1);
    assert_true(num_add(UINT64_MAX - 1, 1) == UINT64_MAX - 1);
    assert_int_equal(num_add(2, 3), 5);
}

static void lines_end_in_any_way(void **state) {
    (void)state;
    struct str rest = STR("a\r\nb\n\nlast"), line;
    static const char *const expected[] = {"a", "b", "", "last"};
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_true(str_next_line(&rest, &line));
        assert_true(str_eq(line, str_of(expected[i])));
    }
    assert_false(str_next_line(&rest, &line));
}

/* Against looking at each place, in texts where the first character is rare, common, everywhere. */
static void a_needle_is_found_wherever_it_stands(void **state) {
    (void)state;
    char text[700];
    uint64_t seed = 88172645463325252u;
    for (unsigned turn = 0; turn < 3000; turn++) {
        size_t size = turn % sizeof(text), length = 1 + turn % 20;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = (seed >> 33) % (1 + turn % 60) ? 'b' + (char)((seed >> 50) % 2) : 'a';
        }
        if (length > size)
            continue;
        size_t at = (size_t)(seed >> 40) % (size - length + 1), from = turn % 3 ? 0 : at / 2;
        char needle[20];
        memcpy(needle, text + at, length);
        if (turn % 5 == 0)
            needle[length - 1] = 'z'; /* nowhere */
        size_t wanted = STR_NOT_FOUND;
        for (size_t i = from; i + length <= size && wanted == STR_NOT_FOUND; i++)
            if (memcmp(text + i, needle, length) == 0)
                wanted = i;
        assert_int_equal(str_find((struct str){text, size}, (struct str){needle, length}, from),
                         wanted);
    }
    assert_int_equal(str_find(STR(""), STR("ab"), 0), STR_NOT_FOUND);
    assert_int_equal(str_find(STR("ab"), STR("ab"), 1), STR_NOT_FOUND);
    assert_int_equal(str_find(STR("ab"), STR(""), 2), 2);
}

static void broken_utf8_is_found_where_it_breaks(void **state) {
    (void)state;
    assert_int_equal(str_utf8_valid(STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), 10);
    assert_int_equal(str_utf8_valid(STR("ab\xc0\x80")), 2);
    assert_int_equal(str_utf8_valid(STR("\xed\xa0\x80")), 0);
    assert_int_equal(str_utf8_valid(STR("a\xe2\x82")), 1);
}

static void sizes_and_counts_read_well(void **state) {
    (void)state;
    char buf[HUMAN_MAX];
    assert_string_equal(human_bytes(0, buf), "0 B");
    assert_string_equal(human_bytes(1023, buf), "1023 B");
    assert_string_equal(human_bytes(1024, buf), "1.0 KiB");
    assert_string_equal(human_bytes(1048575, buf), "1.0 MiB");
    assert_string_equal(human_bytes(UINT64_MAX, buf), "16.0 EiB");
    assert_string_equal(human_count(999, buf), "999");
    assert_string_equal(human_count(1234567, buf), "1,234,567");
    assert_string_equal(human_count(UINT64_MAX, buf), "18,446,744,073,709,551,615");
}

static void an_error_says_where_before_what(void **state) {
    (void)state;
    struct err err;
    assert_false(err_at(&err, ERR_FORMAT, 7, "needs %d, has %d", 84, 40));
    err_prefix(&err, "segment %d", 3);
    assert_string_equal(err.msg, "segment 3: needs 84, has 40");
    assert_int_equal(err.offset, 7);
    for (int i = 0; i < 100; i++)
        err_prefix(&err, "context");
    assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
    assert_int_equal(err_exit_status(ERR_FORMAT), 4);
    assert_int_equal(err_exit_status(ERR_INCONCLUSIVE), 3);
    assert_int_equal(err_exit_status(ERR_NOMEM), 5);
}

static void a_text_keeps_the_first_error_and_takes_no_more(void **state) {
    struct strbuf text;
    struct err err = {.code = ERR_NONE}, first = {.code = ERR_NONE}, second = {.code = ERR_NONE};
    (void)state;
    err_set(&first, ERR_USAGE, "first");
    err_set(&second, ERR_LIMIT, "second");
    strbuf_init(&text);
    strbuf_adds(&text, "kept");
    strbuf_fail(&text, &err); /* none: nothing happens */
    assert_true(strbuf_ok(&text, &err));
    strbuf_fail(&text, &first);
    strbuf_fail(&text, &second);
    strbuf_adds(&text, "lost");
    strbuf_addf(&text, "%d", 1);
    assert_string_equal(strbuf_cstr(&text), "kept");
    assert_true(strbuf_failed(&text));
    assert_false(strbuf_ok(&text, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.msg, "first");
    strbuf_deinit(&text);
    assert_true(strbuf_ok(&text, &err));
}

/* Wherever in a block, and in the rest behind the blocks, the odd byte stands. */
static void one_odd_byte_is_seen_wherever_it_stands(void **state) {
    static const char odd[] = {'\x01', '\x1f', '\x7f', '\x80', '\xff', '\0'};
    char text[70];
    (void)state;
    for (size_t length = 0; length <= sizeof(text); length++) {
        memset(text, 'a', sizeof(text));
        struct str s = {text, length};
        assert_true(str_is_clean(s) && str_are_plain(s));
        for (size_t at = 0; at < length; at++) {
            for (size_t k = 0; k < sizeof(odd); k++) {
                text[at] = odd[k];
                assert_false(str_is_clean(s));
                assert_int_equal(str_are_plain(s), odd[k] == '\0');
            }
            text[at] = at % 2 ? ' ' : '~';
        }
    }
    assert_false(str_are_plain(STR("\xc3\xa4")));
}

static void an_array_grows_in_any_memory_and_keeps_what_is_in_it(void **state) {
    struct arena arena;
    struct err err = {.code = ERR_NONE};
    uint64_t *plain = NULL, *kept = NULL, *large = NULL;
    uint32_t plain_count = 0, plain_capacity = 0, kept_count = 0, kept_capacity = 0;
    size_t large_count = 0, large_capacity = 0;
    (void)state;
    arena_init(&arena);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_true(VEC_ROOM(plain, plain_count, plain_capacity, &err));
        assert_true(VEC_ROOM_IN(&arena, kept, kept_count, kept_capacity, &err));
        assert_true(VEC_ROOM_PAGES(large, large_count, large_capacity, &err));
        assert_int_equal(kept[kept_count], 0);
        assert_int_equal(large[large_count], 0);
        plain[plain_count++] = kept[kept_count++] = large[large_count++] = i;
    }
    for (uint64_t i = 0; i < 20000; i++) {
        assert_int_equal(plain[i], i);
        assert_int_equal(kept[i], i);
        assert_int_equal(large[i], i);
    }
    assert_true(VEC_ROOM_FOR(plain, plain_count, 50000, plain_capacity, &err));
    assert_true(plain_capacity >= 70000);
    free(plain);
    pages_free(large, large_capacity * sizeof(*large));
    arena_deinit(&arena);
}

static void an_array_refuses_more_than_its_numbers_hold(void **state) {
    struct err err = {.code = ERR_NONE};
    struct {
        char bytes[64];
    } *items = NULL;
    uint32_t narrow = 0, none = 0;
    uint64_t wide = 0;
    (void)state;
    assert_false(VEC_ROOM_FOR(items, none, (uint64_t)UINT32_MAX + 1, narrow, &err));
    assert_int_equal(err.code, ERR_NOMEM);
    assert_false(VEC_ROOM_FOR(items, wide, UINT64_MAX, wide, &err));
    assert_false(VEC_ROOM_FOR(items, wide, UINT64_MAX / 64, wide, NULL));
    assert_null(items);
    assert_int_equal(narrow, 0);
    assert_int_equal(wide, 0);
}

static void a_search_finds_where_a_condition_ends(void **state) {
    static const uint32_t items[] = {1, 3, 3, 3, 7, 9};
    static const uint32_t below[] = {0, 0, 1, 1, 4, 4, 4, 4, 5, 5, 6};
    (void)state;
    for (uint32_t value = 0; value < COUNT(below); value++) {
        for (uint32_t count = 0; count <= COUNT(items); count++) {
            uint32_t found;
            SEARCH_LEADING(found, count, at, items[at] < value);
            assert_int_equal(found, below[value] < count ? below[value] : count);
        }
    }
}

static void utf16_becomes_valid_utf8_in_either_order(void **state) {
    static const uint8_t units[] = {0xff, 0xfe, 'a',  0,    0,    0,   0xe9, 0, 0xac, 0x20, 0x3d,
                                    0xd8, 0,    0xde, 0x3d, 0xd8, 'b', 0,    0, 0xdc, 'x'};
    uint8_t swapped[sizeof(units)];
    struct strbuf text;
    uint32_t code;
    (void)state;
    strbuf_init(&text);
    strbuf_add_utf16_text(&text, (struct bytes){units, sizeof(units)}, false);
    const char expected[] = "a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd"
                            "b\xef\xbf\xbd";
    assert_int_equal(text.len, sizeof(expected) - 1);
    assert_memory_equal(text.ptr, expected, text.len);
    for (size_t i = 0; i + 1 < sizeof(units); i += 2) {
        swapped[i] = units[i + 1];
        swapped[i + 1] = units[i];
    }
    strbuf_clear(&text);
    strbuf_add_utf16_text(&text, (struct bytes){swapped, sizeof(units)}, true);
    assert_int_equal(text.len, sizeof(expected) - 1);
    assert_memory_equal(text.ptr, expected, text.len);
    strbuf_clear(&text);
    strbuf_add_utf16(&text, (struct bytes){units + 2, sizeof(units) - 2});
    assert_string_equal(strbuf_cstr(&text), "a");
    assert_int_equal(utf16_next(units + 10, 5, &code), 2);
    assert_int_equal(code, 0x1f600);
    assert_false(utf16_is_lone(code));
    assert_int_equal(utf16_next(units + 10, 1, &code), 1);
    assert_true(utf16_is_lone(code));
    strbuf_deinit(&text);
}

static void an_item_of_the_arena_grows_and_keeps_what_is_in_it(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    unsigned char *p = NULL, *other = NULL;
    size_t size = 0;
    for (size_t next = 1; next < ((size_t)4 << 20); next = next * 3 + 1) {
        p = arena_grow(&a, p, size, next);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < next; i++)
            assert_int_equal(p[i], i < size ? i % 251 : 0);
        for (size_t i = size; i < next; i++)
            p[i] = (unsigned char)(i % 251);
        size = next;
        /* Somebody else's item must not be grown into. */
        other = arena_alloc(&a, 8);
        assert_non_null(other);
        memset(other, 0xff, 8);
    }
    assert_null(arena_grow(&a, p, size, SIZE_MAX));
    assert_int_equal(p[size - 1], (size - 1) % 251);
    arena_deinit(&a);
}

static void the_arena_gives_zeroed_aligned_memory_and_refuses_overflow(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    for (size_t n = 1; n < 300000; n = n * 3 + 1) {
        unsigned char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 8, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xab, n);
    }
    assert_null(arena_array(&a, SIZE_MAX / 2, 4));
    assert_string_equal(arena_copy(&a, "abc", 2), "ab");
    arena_deinit(&a);
}

static void indexes_find_what_was_put_and_nothing_else(void **state) {
    (void)state;
    static const size_t expected[] = {0, 1, 2, 7, 999, 1000, 5000, SIZE_MAX};
    for (size_t e = 0; e < COUNT(expected); e++) { /* whatever was said to be likely */
        struct strmap m;
        struct u64map u;
        char keys[1000][8];
        strmap_init(&m);
        u64map_init(&u);
        if (expected[e] < SIZE_MAX)
            strmap_expect(&m, expected[e]);
        assert_int_equal(strmap_get(&m, STR("x"), STR("")), STRMAP_NONE);
        for (uint32_t i = 0; i < 1000; i++) {
            snprintf(keys[i], sizeof(keys[i]), "k%u", i);
            assert_true(strmap_put(&m, str_of(keys[i]), STR("m"), i));
            assert_true(u64map_put(&u, (uint64_t)i << 20, i));
        }
        for (uint32_t i = 0; i < 1000; i++) {
            assert_int_equal(strmap_get(&m, str_of(keys[i]), STR("m")), i);
            assert_int_equal(strmap_get(&m, str_of(keys[i]), STR("")), STRMAP_NONE);
            assert_int_equal(u64map_get(&u, (uint64_t)i << 20), i);
            assert_int_equal(u64map_get(&u, ((uint64_t)i << 20) + 1), STRMAP_NONE);
        }
        u64map_deinit(&u);
        strmap_deinit(&m);
    }
}

static void text_that_acts_becomes_text(void **state) {
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"plain", "plain"},
        {"na\xc3\xafve \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80", NULL}, /* stays */
        {"a\tb", "a b"},
        {"\x1b[31m\n\r\x7f", "?[31m???"},
        {"\xc2\x9b"
         "31m\xc2\x85\xc2\xa0",
         "?31m?\xc2\xa0"},
        {"a\xe2\x80\xa8"
         "b\xe2\x80\xa9",
         "a?b?"},
        {"\xe2\x80\xaegnp.exe\xe2\x80\xac\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c",
         "?gnp.exe??x???"},
        {"\xef\xbb\xbfx\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "?x???"},
        {"\xff\xfe\xc0\xaf", "????"},
        {"\xed\xa0\x80", "???"},
        {"cut\xe2\x80", "cut??"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strbuf got, want;
        strbuf_init(&got);
        strbuf_init(&want);
        strbuf_add_clean(&got, str_of(cases[i].from));
        for (const char *at = cases[i].to ? cases[i].to : cases[i].from; *at; at++)
            strbuf_add(&want, *at == '?' ? STR("\xef\xbf\xbd") : (struct str){at, 1});
        assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
        assert_true(str_is_clean(strbuf_str(&got)));
        assert_int_equal(str_is_clean(str_of(cases[i].from)), cases[i].to == NULL || i == 0);
        strbuf_deinit(&got);
        strbuf_deinit(&want);
    }
}

/*
 * Keys that all met in one slot of tables keyed by the golden ratio alone: multiples of its inverse
 * differ only in bits that such a table does not look at.
 */
static void keys_of_an_enemy_do_not_meet(void **state) {
    enum { KEYS = 50000, SLOTS = 4096 };
    static uint8_t met[SLOTS];
    const uint64_t ratio = 0x9e3779b97f4a7c15u;
    uint64_t inverse = ratio; /* by Newton, each step doubles the bits that are right */
    struct u64map m;
    uint32_t used = 0;
    (void)state;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - ratio * inverse;
    assert_true(ratio * inverse == 1);
    u64map_init(&m);
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t key = (i << 32) * inverse;
        assert_int_equal((key * ratio >> 20) & (SLOTS - 1), 0);
        assert_true(u64map_put(&m, key, (uint32_t)i));
        uint8_t *slot = &met[hash_keyed(m.secret, key) & (SLOTS - 1)];
        used += !*slot;
        *slot = 1;
    }
    for (uint64_t i = 0; i < KEYS; i++)
        assert_int_equal(u64map_get(&m, (i << 32) * inverse), i);
    assert_true(used > SLOTS / 2); /* all but one in e^12 of them, when it is left to chance */
    assert_int_equal(m.secret.added, hash_secret().added);
    u64map_deinit(&m);
}

/* Whoever knows bytes of one hash does not know bytes of one key. */
static void keys_of_tables_are_no_hashes_that_anybody_can_work_out(void **state) {
    static const char bytes[] = "System.String";
    (void)state;
    uint64_t key = key_of_bytes(bytes, sizeof(bytes));
    assert_true(key != hash_bytes(bytes, sizeof(bytes)));
    assert_true(key == key_of_bytes(bytes, sizeof(bytes)));
    assert_true(key_with(key, 1) != hash_combine(key, 1));
}

static void an_output_appears_whole_or_not_at_all(void **state) {
    (void)state;
    char folder[] = "/tmp/dumpdiff-base-XXXXXX", path[64], missing[64];
    struct err err;
    struct file f;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/out", folder);
    snprintf(missing, sizeof(missing), "%s/no/out", folder);
    assert_true(file_write(path, fit_bytes(STR("first")), &err));
    assert_true(file_write(path, fit_bytes(STR("second")), &err));
    assert_true(file_open(&f, path, &err));
    assert_int_equal(f.bytes.size, 6);
    assert_memory_equal(f.bytes.data, "second", 6);
    file_close(&f);
    assert_false(file_write(missing, fit_bytes(STR("x")), &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_false(file_open(&f, missing, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(file_open(&f, folder, &err));
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing was left beside it */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_failed_stays_failed_and_moves_nothing),
        cmocka_unit_test(a_varint_of_more_than_64_bits_is_refused),
        cmocka_unit_test(a_varint_is_the_same_with_and_without_a_look_at_the_end),
        cmocka_unit_test(a_count_is_checked_against_what_is_left),
        cmocka_unit_test(numbers_of_every_culture_are_read_whole_or_not_at_all),
        cmocka_unit_test(hex_is_read_with_prefix_and_backtick),
        cmocka_unit_test(scaled_numbers_are_rounded_and_units_are_powers_of_1024),
        cmocka_unit_test(sums_stick_below_absent),
        cmocka_unit_test(lines_end_in_any_way),
        cmocka_unit_test(a_needle_is_found_wherever_it_stands),
        cmocka_unit_test(broken_utf8_is_found_where_it_breaks),
        cmocka_unit_test(one_odd_byte_is_seen_wherever_it_stands),
        cmocka_unit_test(sizes_and_counts_read_well),
        cmocka_unit_test(an_error_says_where_before_what),
        cmocka_unit_test(a_text_keeps_the_first_error_and_takes_no_more),
        cmocka_unit_test(an_array_grows_in_any_memory_and_keeps_what_is_in_it),
        cmocka_unit_test(an_array_refuses_more_than_its_numbers_hold),
        cmocka_unit_test(a_search_finds_where_a_condition_ends),
        cmocka_unit_test(utf16_becomes_valid_utf8_in_either_order),
        cmocka_unit_test(an_item_of_the_arena_grows_and_keeps_what_is_in_it),
        cmocka_unit_test(the_arena_gives_zeroed_aligned_memory_and_refuses_overflow),
        cmocka_unit_test(indexes_find_what_was_put_and_nothing_else),
        cmocka_unit_test(text_that_acts_becomes_text),
        cmocka_unit_test(keys_of_an_enemy_do_not_meet),
        cmocka_unit_test(keys_of_tables_are_no_hashes_that_anybody_can_work_out),
        cmocka_unit_test(an_output_appears_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
