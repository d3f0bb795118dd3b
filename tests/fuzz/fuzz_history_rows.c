/* Rows of a history: refused, or a state that can be written and read again. */
#include "tests/fuzz/fuzz.h"

#include "history/history_store.h"

#define SLOTS 300u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct shard_state state, again;
    struct strbuf whole, rest;
    struct err err = {.msg = ""};
    /* The first byte cuts the rest in two: a snapshot, and what changed to the next. */
    size_t cut = size ? (size - 1) * data[0] / 255 : 0;
    struct bytes first = {size ? data + 1 : data, cut};
    struct bytes second = {first.data + cut, size ? size - 1 - cut : 0};
    strbuf_init(&whole);
    strbuf_init(&rest);
    bool ok = shard_init(&state, SLOTS) && shard_init(&again, SLOTS);
    FUZZ_CHECK(ok);
    if (shard_apply(&state, first, &err)) {
        /* What leads from nothing to it makes the same state. */
        shard_put(&whole, NULL, &state);
        struct bytes written = {(const uint8_t *)whole.ptr, whole.len};
        FUZZ_CHECK(shard_apply(&again, written, &err));
        FUZZ_CHECK(
            memcmp(state.cells, again.cells, SLOTS * HISTORY_COLUMNS * sizeof(*state.cells)) == 0);
        if (shard_apply(&state, second, &err)) {
            shard_put(&rest, &again, &state);
            struct bytes change = {(const uint8_t *)rest.ptr, rest.len};
            FUZZ_CHECK(shard_apply(&again, change, &err));
            FUZZ_CHECK(memcmp(state.cells, again.cells,
                              SLOTS * HISTORY_COLUMNS * sizeof(*state.cells)) == 0);
        }
    }
    FUZZ_CHECK(err.code == ERR_NONE || (err.code == ERR_FORMAT && err.msg[0]));
    strbuf_deinit(&whole);
    strbuf_deinit(&rest);
    shard_deinit(&state);
    shard_deinit(&again);
    return 0;
}
