/* A parcel of a spool folder: refused, or its names and snapshot can be put together again. */
#include "tests/fuzz/fuzz.h"

#include "history/parcel.h"
#include "model/snapfile.h"
#include "model/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct parcel p, again;
    struct snapshot s;
    struct strbuf out;
    struct err err = {.msg = ""};
    strbuf_init(&out);
    snapshot_init(&s);
    if (!parcel_take(&p, (struct bytes){data, size}, &err)) {
        FUZZ_CHECK(err.code == ERR_FORMAT && err.msg[0]);
    } else if (snapfile_decode(p.snap, &s, &err)) {
        FUZZ_CHECK(parcel_put(&out, &p.key, p.requests, &s, &err));
        FUZZ_CHECK(parcel_take(&again, (struct bytes){(const uint8_t *)out.ptr, out.len}, &err));
        FUZZ_CHECK(strcmp(again.key.instance, p.key.instance) == 0);
        FUZZ_CHECK(again.requests == p.requests);
        parcel_deinit(&again);
    }
    parcel_deinit(&p);
    snapshot_deinit(&s);
    strbuf_deinit(&out);
    return 0;
}
