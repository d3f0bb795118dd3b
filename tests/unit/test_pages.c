/* Blocks of pages: zeroed whether their memory is new or was given back before, kept when they
 * grow. */
#include "base/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void pages_grow_across_the_border_to_malloc(void **state) {
    (void)state;
    size_t size = 100;
    unsigned char *p = pages_alloc(size);
    assert_non_null(p);
    memset(p, 7, size);
    static const size_t sizes[] = {PAGES_BYTES - 1, PAGES_BYTES, PAGES_BYTES * 5 + 3};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        p = pages_grow(p, size, sizes[i]);
        assert_non_null(p);
        assert_int_equal(p[0], 7);
        assert_int_equal(p[99], 7);
        assert_int_equal(p[100], 0);
        assert_int_equal(p[sizes[i] - 1], 0);
        size = sizes[i];
    }
    pages_free(p, size);
    pages_free(NULL, 0);
}

/* Bytes of a block that are not what they have to be. */
static size_t pages_wrong(const unsigned char *p, size_t from, size_t to, unsigned char what) {
    size_t wrong = 0;
    for (size_t i = from; i < to; i++)
        wrong += p[i] != what;
    return wrong;
}

static void pages_that_were_given_back_come_zeroed_and_grow(void **state) {
    (void)state;
    static const size_t sizes[] = {(2u << 20) + 1, (9u << 20) + 4097, 3u << 20, (4u << 20) - 5,
                                   (13u << 20) + 11};
    enum { COUNT = sizeof(sizes) / sizeof(*sizes) };
    unsigned char *blocks[COUNT];
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < COUNT; i++) {
            size_t size = sizes[(i + turn) % COUNT], more = size + sizes[i] / 2;
            blocks[i] = pages_alloc(size);
            assert_non_null(blocks[i]);
            assert_int_equal(pages_wrong(blocks[i], 0, size, 0), 0);
            memset(blocks[i], (int)i + 1, size);
            blocks[i] = pages_extend(blocks[i], size, more);
            assert_non_null(blocks[i]);
            assert_int_equal(pages_wrong(blocks[i], 0, size, (unsigned char)(i + 1)), 0);
            assert_int_equal(pages_wrong(blocks[i], size, more, 0), 0);
            memset(blocks[i], 0xee, more);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            size_t size = sizes[(i + turn) % COUNT];
            pages_free(blocks[i], size + sizes[i] / 2);
        }
    }
}

/* [bytes] of anonymous memory that the process has. */
static long pages_anonymous(void) {
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    fclose(f);
    return kib * 1024;
}

static void what_was_given_back_in_pieces_makes_one_block(void **state) {
    (void)state;
    enum { PIECES = 6 };
    const size_t piece = 8u << 20, size = piece * PIECES - 4097;
    unsigned char *pieces[PIECES], *p;
    for (unsigned i = 0; i < PIECES; i++) {
        pieces[i] = pages_alloc(piece);
        assert_non_null(pieces[i]);
        memset(pieces[i], 0xee, piece);
    }
    for (unsigned i = 0; i < PIECES; i++)
        pages_free(pieces[i], piece);
    long before = pages_anonymous();
    for (unsigned turn = 0; turn < 2; turn++) { /* the second time it is the one block */
        p = pages_alloc(size);
        assert_non_null(p);
        assert_int_equal(pages_wrong(p, 0, size, 0), 0);
        memset(p, 0xee, size);
#ifndef ARENA_DEBUG
        assert_true(pages_anonymous() - before < (long)(piece / 2));
#endif
        if (turn == 0)
            pages_free(p, size);
    }
    p = pages_grow(p, size, size + piece);
    assert_non_null(p);
#ifndef ARENA_DEBUG
    /* What several pieces became is moved, and not copied beside itself. */
    assert_true(pages_anonymous() - before < (long)(piece + piece / 2));
#endif
    (void)before;
    assert_int_equal(pages_wrong(p, 0, size, 0xee), 0);
    assert_int_equal(pages_wrong(p, size, size + piece, 0), 0);
    pages_free(p, size + piece);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_grow_across_the_border_to_malloc),
        cmocka_unit_test(pages_that_were_given_back_come_zeroed_and_grow),
        cmocka_unit_test(what_was_given_back_in_pieces_makes_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
