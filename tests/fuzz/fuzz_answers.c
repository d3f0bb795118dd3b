/* Answers as a process hands them over that may have been taken over by the dump that it read. */
#include "tests/fuzz/fuzz.h"

#include "model/answers_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct question question = {.asked = {true, true, true, true, true}};
    struct answers answers, again;
    struct strbuf out, twice;
    struct reader r;
    struct err err = {.code = ERR_NONE, .msg = ""};
    answers_init(&answers, &question);
    strbuf_init(&out);
    strbuf_init(&twice);
    reader_init(&r, (struct bytes){data, size}, 0);
    if (answers_decode(&answers, &r, &err)) {
        /* What is taken is written, and read, as the same. */
        FUZZ_CHECK(answers_encode(&answers, &out, &err));
        answers_init(&again, &question);
        reader_init(&r, (struct bytes){(const uint8_t *)out.ptr, out.len}, 0);
        FUZZ_CHECK(answers_decode(&again, &r, &err) && reader_left(&r) == 0);
        FUZZ_CHECK(answers_encode(&again, &twice, &err));
        FUZZ_CHECK(out.len == twice.len && memcmp(out.ptr, twice.ptr, out.len) == 0);
        answers_deinit(&again);
    } else {
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
    }
    answers_deinit(&answers);
    strbuf_deinit(&out);
    strbuf_deinit(&twice);
    return 0;
}
