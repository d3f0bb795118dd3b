/* Offsets that `dumpdiff learn` has found, read where they are kept. */
#include "dotnet/clr.h"

const char *clr_learnt_name(struct clr *clr) {
    const struct space_module *image = clr->image;
    struct strbuf name;
    strbuf_init(&name);
    if (image->build_id)
        strbuf_adds(&name, image->build_id);
    else if (image->timestamp)
        strbuf_addf(&name, "%08X%x", image->timestamp, image->image_size);
    else
        strbuf_adds(&name, str_file_name(str_of(image->path)).ptr); /* it is verified in any case */
    strbuf_adds(&name, ".offsets");
    const char *kept =
        strbuf_failed(&name) ? NULL : arena_copy(&clr->arena, strbuf_cstr(&name), name.len);
    strbuf_deinit(&name);
    return kept;
}

static bool accept_any(struct bytes file, const void *context) {
    (void)context;
    return file.size > 0;
}

/* What was learnt of this very build, and lies in the folder of --symbols. */
bool clr_use_learnt(struct clr *clr) {
    const char *name = clr->options->symbols ? clr_learnt_name(clr) : NULL;
    struct err err = {0};
    struct bytes file;
    if (!name || !clr_open_file(clr, name, accept_any, NULL, &file))
        return false;
    contract_clear(&clr->contract);
    if (!contract_parse(&clr->contract, file, NULL, 0, &err)) {
        builder_warn(clr->b, ABSENT, "%s: %s", name, err.msg);
        return false;
    }
    if (clr_offsets_fit(clr)) {
        builder_note(clr->b, "offsets of the runtime are from %s", name);
        return true;
    }
    builder_warn(clr->b, ABSENT, "%s does not fit this dump", name);
    return false;
}
