/*
 * Streams of FastSerialization, in which PerfView, Visual Studio and dotnet-gcdump write objects.
 *
 *   int32 20, "!FastSerialization.1", then one object, then
 *   int32 count, that many labels: where forward references lead; the trailer: the label of that
 *   count; last of all the label of the trailer
 *
 * An object is a tag, its type (an object again, whose own type is null), its fields without tags,
 * fields of later versions with tags, and the tag that ends it. A label is an offset in the file,
 * of 4 bytes or 8: nothing says which, but only one of them finds its way from the end of the file
 * to the trailer. Source: FastSerialization.cs and StreamReaderWriter.cs of PerfView.
 */
#ifndef DUMPDIFF_INPUT_GCDUMP_FAST_SERIALIZATION_H
#define DUMPDIFF_INPUT_GCDUMP_FAST_SERIALIZATION_H

#include "base/bytes.h"
#include "base/str.h"

enum fs_tag {
    FS_NULL_REFERENCE = 1,
    FS_OBJECT_REFERENCE,  /* label */
    FS_FORWARD_REFERENCE, /* int32 number of a label, then a type */
    FS_BEGIN_OBJECT,
    FS_BEGIN_PRIVATE_OBJECT,
    FS_END_OBJECT,
    FS_FORWARD_DEFINITION, /* int32, then FS_BEGIN_OBJECT */
    FS_BYTE,
    FS_INT16,
    FS_INT32,
    FS_INT64,
    FS_SKIP_REGION, /* int32 number of the label behind what may be skipped */
    FS_STRING,
    FS_BLOB, /* int32 size */
};

/* Longer names of types of objects are none. */
#define FS_TYPE_NAME_MAX 512u

struct fs_stream {
    struct reader r;
    unsigned label_bytes;   /* 4 or 8 */
    uint64_t labels_at;     /* of the forward references */
    uint32_t forward_count; /* 0: none, or the end of the file is not there */
    bool has_trailer;
};

struct fs_type {
    struct str name; /* of the class, with its namespace */
    uint32_t version, min_reader;
};

enum fs_what {
    FS_IS_NULL,
    FS_IS_OBJECT,    /* its fields follow; to be ended by fs_end_object */
    FS_IS_REFERENCE, /* to an object elsewhere, read before or not */
    FS_IS_BROKEN     /* s->r.failed */
};

/* Do these bytes begin such a stream? Pure. */
bool fs_probe(struct bytes head);

/* False: no such stream. in is borrowed for as long as the stream is read. */
bool fs_open(struct fs_stream *s, struct bytes in) MUST_CHECK;

/*
 * A string, lent; ptr NULL where the source has null. Characters beyond the first 65,536 are pairs
 * of surrogates of 3 bytes each, which is no UTF-8; a builder makes U+FFFD of them.
 */
struct str fs_string(struct fs_stream *s);

/*
 * Begins to read what stands where an object is expected.
 * ret_label  of an object its own, of a reference where it leads; UINT64_MAX: not known
 */
enum fs_what fs_begin_object(struct fs_stream *s, struct fs_type *ret_type, uint64_t *ret_label);

/* Skips what later versions added, up to and with the end of the object. */
void fs_end_object(struct fs_stream *s);

/* Takes the tag when it comes next; of optional fields. False at the end, too. */
bool fs_tagged(struct fs_stream *s, enum fs_tag tag);

/* Goes to where a forward reference leads; false (nothing moved): it leads nowhere. */
bool fs_goto_forward(struct fs_stream *s, uint32_t number) MUST_CHECK;

#endif
