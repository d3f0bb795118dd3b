#include "tests/support/read_bytes.h"

#include "model/builder.h"

bool input_read_bytes(struct bytes bytes, const char *path, const struct input *format,
                      const struct input_options *options, struct snapshot *snapshot,
                      struct err *err) {
    struct builder *b = builder_new(snapshot, err);
    if (!b)
        return false;
    builder_choose(b, options->moment ? options->moment - 1 : ABSENT);
    struct source source = {.path = path, .bytes = bytes, .options = options};
    bool ok = input_read_source(&source, format, b, err) && input_finish(b, err);
    builder_free(b);
    return ok;
}
