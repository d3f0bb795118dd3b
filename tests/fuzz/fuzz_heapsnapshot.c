/* Heap snapshots of V8, from the first bracket to what is asked of their graph. */
#include "tests/fuzz/fuzz.h"

#include "model/answers.h"

extern const struct input input_heapsnapshot;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* Who asks for places does not ask what is retained: either uses the references up. */
    bool places = size % 2;
    const struct question question = {
        .asked = {true, true, !places, true}, .path_of = "Session", .holders_of = "Quote"};
    struct answers answers;
    struct snapshot s;
    struct err err = {.msg = ""};
    answers_init(&answers, &question);
    const struct input_options options = {.answers = &answers, .places = places};
    snapshot_init(&s);
    if (input_read_bytes((struct bytes){data, size}, "fuzz", &input_heapsnapshot, &options, &s,
                         &err))
        fuzz_round_trip(&s);
    else
        FUZZ_CHECK(err.code != ERR_NONE && err.code != ERR_USAGE && err.msg[0]);
    snapshot_deinit(&s);
    answers_deinit(&answers);
    return 0;
}
