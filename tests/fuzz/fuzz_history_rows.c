/*
 * What a run says last, and rows of a history's first version: refused, or a state that can be
 * written and read again.
 */
#include "tests/fuzz/fuzz.h"

#include "history/sqlite/sqlite_internal.h"

#define SLOTS 300u

static void take_and_put(struct bytes data) {
    struct state state = {NULL, 0, 0}, again = {NULL, 0, 0};
    struct strbuf written;
    struct err err = {.msg = ""};
    strbuf_init(&written);
    if (state_take(&state, (struct str){(const char *)data.data, data.size}, &err)) {
        state_put(&written, &state);
        FUZZ_CHECK(state_take(&again, strbuf_str(&written), &err));
        FUZZ_CHECK(again.count == state.count);
        for (uint32_t i = 0; i < state.count; i++) {
            FUZZ_CHECK(i == 0 || state.rows[i].type > state.rows[i - 1].type);
            FUZZ_CHECK(memcmp(&state.rows[i].cells, &again.rows[i].cells,
                              sizeof(state.rows[i].cells)) == 0);
            FUZZ_CHECK(state.rows[i].type == again.rows[i].type &&
                       state.rows[i].kind == again.rows[i].kind);
        }
    } else {
        FUZZ_CHECK(err.code == ERR_FORMAT && err.msg[0]);
    }
    strbuf_deinit(&written);
    state_deinit(&state);
    state_deinit(&again);
}

/* A change of a state: refused, or a state again, in order; and so is one of nothing. */
static void take_change(struct bytes data, struct bytes change) {
    struct state state = {NULL, 0, 0}, same = {NULL, 0, 0};
    struct strbuf written;
    struct err err = {.msg = ""};
    strbuf_init(&written);
    bool ok = state_take(&state, (struct str){(const char *)data.data, data.size}, &err) &&
              state_take_change(&state, (struct str){(const char *)change.data, change.size}, &err);
    FUZZ_CHECK(ok || (err.code == ERR_FORMAT && err.msg[0]));
    if (ok) {
        for (uint32_t i = 0; i < state.count; i++)
            FUZZ_CHECK(!state.rows[i].gone &&
                       (i == 0 || state.rows[i].type > state.rows[i - 1].type));
        state_put_change(&written, &state); /* from nothing to all of it */
        FUZZ_CHECK(state_take_change(&same, strbuf_str(&written), &err));
        FUZZ_CHECK(same.count == state.count);
        for (uint32_t i = 0; i < state.count; i++)
            FUZZ_CHECK(
                same.rows[i].type == state.rows[i].type &&
                same.rows[i].kind == state.rows[i].kind &&
                memcmp(same.rows[i].cells, state.rows[i].cells, sizeof(state.rows[i].cells)) == 0);
    }
    strbuf_deinit(&written);
    state_deinit(&state);
    state_deinit(&same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct shard_state state;
    struct err err = {.msg = ""};
    /* The first byte cuts the rest in two: a snapshot, and what changed to the next. */
    size_t cut = size ? (size - 1) * data[0] / 255 : 0;
    struct bytes first = {size ? data + 1 : data, cut};
    struct bytes second = {first.data + cut, size ? size - 1 - cut : 0};
    FUZZ_CHECK(shard_init(&state, SLOTS));
    bool ok = shard_apply(&state, first, &err) && shard_apply(&state, second, &err);
    FUZZ_CHECK(ok || (err.code == ERR_FORMAT && err.msg[0]));
    shard_deinit(&state);
    take_and_put(first);
    take_and_put(second);
    take_change(first, second);
    return 0;
}
