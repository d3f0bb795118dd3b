/* Object graphs of PerfView and dotnet-gcdump, from the stream to the snapshot and to answers. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/read_bytes.h"
#include "model/answers.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

extern const struct input input_gcdump;

static void fuzz_gcdump_ask(const uint8_t *data, size_t size) {
    static const struct question question = {
        .asked = {[QUESTION_PATH] = true, [QUESTION_HOLDERS] = true, [QUESTION_RETAINED] = true},
        .path_of = ".",
        .holders_of = "[A-M]"};
    struct answers answers;
    struct snapshot s;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    answers_init(&answers, &question);
    const struct input_options options = {.answers = &answers};
    if (input_read_bytes((struct bytes){data, size}, "fuzz", &input_gcdump, &options, &s, &err)) {
        const struct live_row *live = snapshot_row(&s, PART_LIVE);
        uint64_t own = 0;
        for (uint32_t i = 0; i < answers.retained.type_count; i++)
            own += answers.retained.types[i].own.objects;
        FUZZ_CHECK(!live || !answers.retained.type_count || own == live->objects);
    }
    answers_deinit(&answers);
    snapshot_deinit(&s);
}

/* As `diff` reads it. */
static void fuzz_gcdump_places(const uint8_t *data, size_t size) {
    static const struct input_options options = {.places = true};
    struct snapshot s;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    if (input_read_bytes((struct bytes){data, size}, "fuzz", &input_gcdump, &options, &s, &err)) {
        const struct live_row *live = snapshot_row(&s, PART_LIVE);
        SNAPSHOT_ROWS(&s, PART_PLACES, struct path_row, places, count);
        uint64_t objects = 0;
        for (uint32_t i = 0; i < count; i++)
            objects += places[i].own_objects;
        FUZZ_CHECK(!live || !count || objects == live->objects);
    }
    snapshot_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_gcdump, data, size);
    fuzz_gcdump_ask(data, size);
    fuzz_gcdump_places(data, size);
    return 0;
}
