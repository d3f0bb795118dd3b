#include "tests/support/umdh_pair.h"

#include "input/input.h"
#include "tests/support/rows.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A stack at two moments. */
struct change {
    const struct strings *frames;
    uint64_t bytes[2], count[2];
};

struct changes {
    struct change *items;
    size_t count;
};

static bool umdh_pair_same_frames(const struct strings *a, const struct strings *b) {
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

static void umdh_pair_collect(const struct snapshot *s, int moment, struct changes *list) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    list->items = realloc(list->items, (list->count + count) * sizeof(*list->items) + 1);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < list->count && !umdh_pair_same_frames(list->items[at].frames, &rows[i].frames))
            at++;
        if (at == list->count)
            list->items[list->count++] = (struct change){.frames = &rows[i].frames};
        list->items[at].bytes[moment] += rows[i].bytes;
        list->items[at].count[moment] += rows[i].count;
    }
}

static bool is_change(const struct change *c) {
    return c->bytes[0] != c->bytes[1] || c->count[0] != c->count[1];
}

/* "ntdll.dll+0x7dd4d", "ntdll!RtlAllocateHeap": the same module? */
static bool same_module(const char *address, const char *symbol) {
    size_t a = strcspn(address, ".+!"), b = strcspn(symbol, ".+!");
    return a == b && strncmp(address, symbol, a) == 0;
}

static bool same_change(const struct change *ours, const struct change *theirs) {
    if (memcmp(ours->bytes, theirs->bytes, sizeof(ours->bytes)) != 0 ||
        memcmp(ours->count, theirs->count, sizeof(ours->count)) != 0)
        return false;
    for (uint32_t i = 0; i < ours->frames->count && i < theirs->frames->count; i++)
        if (!same_module(ours->frames->items[i], theirs->frames->items[i]))
            return false;
    return true;
}

/* Each change of one list is one of the other, and no other. */
static void umdh_pair_assert_same(const struct changes *ours, const struct changes *theirs,
                                  size_t expected) {
    size_t changed = 0, found = 0;
    for (size_t i = 0; i < ours->count; i++)
        changed += is_change(&ours->items[i]);
    for (size_t k = 0; k < theirs->count; k++) {
        size_t matches = 0;
        assert_true(is_change(&theirs->items[k]));
        for (size_t i = 0; i < ours->count; i++)
            matches += same_change(&ours->items[i], &theirs->items[k]);
        assert_int_equal(matches, 1);
        found += matches;
    }
    assert_int_equal(changed, expected);
    assert_int_equal(found, expected);
}

static int64_t umdh_pair_growth(const struct changes *list) {
    uint64_t sum = 0;
    for (size_t i = 0; i < list->count; i++)
        sum += list->items[i].bytes[1] - list->items[i].bytes[0];
    return (int64_t)sum;
}

void umdh_pair_compare(const char *const paths[4], size_t changed, int64_t requested,
                       int64_t overhead) {
    struct snapshot s[4];
    struct changes ours = {NULL, 0}, theirs = {NULL, 0};
    for (int i = 0; i < 4; i++) {
        struct err err = {.msg = ""};
        struct input_options options = {.moment = i < 2 ? 0 : (uint64_t)(i - 1)};
        snapshot_init(&s[i]);
        if (!input_read(paths[i], &options, &s[i], &err))
            fail_msg("%s", err.msg);
        umdh_pair_collect(&s[i], i % 2, i < 2 ? &ours : &theirs);
    }
    umdh_pair_assert_same(&ours, &theirs, changed);
    assert_int_equal(umdh_pair_growth(&ours), requested);
    assert_int_equal(umdh_pair_growth(&theirs), requested);
    assert_int_equal(rows_counter(&s[1], "umdh.requested_bytes") -
                         rows_counter(&s[0], "umdh.requested_bytes"),
                     requested);
    assert_int_equal(rows_counter(&s[1], "umdh.overhead_bytes") -
                         rows_counter(&s[0], "umdh.overhead_bytes"),
                     overhead);
    free(ours.items);
    free(theirs.items);
    for (int i = 0; i < 4; i++)
        snapshot_deinit(&s[i]);
}
