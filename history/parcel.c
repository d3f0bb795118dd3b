#include "history/parcel.h"

#include "model/snapfile.h"

#include <string.h>

#define NAME_MOST ((uint64_t)1 << 20) /* [bytes] longer ones are no names */

bool parcel_put(struct strbuf *out, const struct history_key *key, uint64_t requests,
                const struct snapshot *snapshot, struct err *err) {
    const char *const names[] = {key->program, key->release, key->environment, key->instance};
    strbuf_adds(out, PARCEL_MAGIC);
    for (int i = 0; i < 4; i++) {
        struct str name = str_of(names[i]);
        strbuf_add_varint(out, name.len);
        strbuf_add(out, name);
    }
    strbuf_add_varint(out, requests);
    return snapfile_encode(snapshot, out, err) && strbuf_ok(out, err);
}

static bool parcel_name(struct parcel *p, struct reader *r, const char **ret_name,
                        struct err *err) {
    uint64_t length = reader_varint(r);
    if (r->failed || length > NAME_MOST || length > reader_left(r))
        return err_set(err, ERR_FORMAT, "is damaged: a name runs past its end");
    struct bytes name = reader_bytes(r, length);
    *ret_name = arena_copy_clean(&p->arena, (struct str){(const char *)name.data, name.size});
    return *ret_name || err_nomem(err);
}

bool parcel_take(struct parcel *p, struct bytes file, struct err *err) {
    struct reader r;
    *p = (struct parcel){.requests = 0};
    arena_init(&p->arena);
    reader_init(&r, file, 0);
    struct bytes magic = reader_bytes(&r, sizeof(PARCEL_MAGIC) - 1);
    if (r.failed || memcmp(magic.data, PARCEL_MAGIC, magic.size) != 0)
        return err_set(err, ERR_FORMAT, "is no parcel of dumpdiff");
    if (!parcel_name(p, &r, &p->key.program, err) || !parcel_name(p, &r, &p->key.release, err) ||
        !parcel_name(p, &r, &p->key.environment, err) || !parcel_name(p, &r, &p->key.instance, err))
        return false;
    p->requests = reader_varint(&r);
    p->snap = reader_bytes(&r, reader_left(&r));
    return !r.failed || err_set(err, ERR_FORMAT, "is damaged: it ends too early");
}

void parcel_deinit(struct parcel *p) {
    arena_deinit(&p->arena);
}
