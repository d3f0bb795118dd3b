/* Compressed files and archives. */
#include "tests/fuzz/fuzz.h"

#include "memory/unpack/unpack.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* Small, so that a bomb does not take the machine with it. */
    static const struct unpack_limits limits = {.base_bytes = 1 << 22, .ratio = 10};
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    struct file f = {.bytes = {copy, size}};
    struct unpack_report report;
    struct err err = {.msg = ""};
    if (unpack_file(&f, &limits, &report, &err))
        FUZZ_CHECK(f.bytes.size <= (4u << 20) + 10 * size || !report.unpacked);
    else
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0] && f.bytes.data == copy);
    file_close(&f);
    return 0;
}
