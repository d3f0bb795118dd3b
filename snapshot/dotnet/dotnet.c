#include "dotnet/dotnet.h"

bool dotnet_read(struct space *space, struct builder *b, const struct dotnet_options *options,
                 struct err *err) {
    (void)space;
    (void)options;
    (void)err;
    builder_warn(b, ABSENT, "the managed heap is not read by this version");
    return true;
}
