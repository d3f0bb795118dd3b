#include "memory/unpack/unpack.h"

#include "base/meter.h"
#include "base/os/os.h"
#include "memory/unpack/archive_api.h"
#include "memory/unpack/parallel.h"
#include "memory/unpack/spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BASE_BYTES   ((uint64_t)256 << 20)
#define RATIO        10000u /* a dump of zeros packs better than this, but holds nothing */
#define LAYERS_MAX   4u     /* a.core.zst in b.tar.gz in c.zip */
#define MEMBERS_MAX  100000u
#define TAR_MAGIC_AT 257u

static bool unpack_starts(struct bytes head, const char *magic, size_t size) {
    return head.size >= size && memcmp(head.data, magic, size) == 0;
}

bool unpack_probe(struct bytes head) {
    static const struct str magics[] = {
        {"\x28\xb5\x2f\xfd", 4},
        {"\x1f\x8b\x08", 3},
        {"\xfd"
         "7zXZ\0",
         6},
        {"\x04\x22\x4d\x18", 4},
        {"\x02\x21\x4c\x18", 4},
        {"PK\3\4", 4},
        {"PK\5\6", 4},
    };
    for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
        if (unpack_starts(head, magics[i].ptr, magics[i].len))
            return true;
    if (head.size >= 4 && (head.data[0] & 0xf0) == 0x50 &&
        unpack_starts((struct bytes){head.data + 1, 3}, "\x2a\x4d\x18", 3))
        return true; /* skippable frame of zstd or lz4 */
    if (head.size >= 10 && unpack_starts(head, "BZh", 3) && head.data[3] >= '1' &&
        head.data[3] <= '9' && memcmp(head.data + 4, "1AY&SY", 6) == 0)
        return true;
    return head.size > TAR_MAGIC_AT + 5 && memcmp(head.data + TAR_MAGIC_AT, "ustar", 5) == 0;
}

struct unpacking {
    struct archive_api lib;
    struct archive *archive;
    struct spool spool;
    struct unpack_report *report;
    uint64_t most; /* [bytes] the result may have */
    unsigned rank; /* of the member in the spool; 0: none yet */
    bool several;  /* members of that rank */
    bool only_raw; /* what is compressed is no archive */
};

static void say_damaged(struct unpacking *u) {
    u->report->damaged = true;
    snprintf(u->report->why, sizeof(u->report->why), "%s", archive_api_reason(&u->lib, u->archive));
}

static bool open_archive(struct unpacking *u, struct bytes in, struct err *err) {
    return (u->lib.library || archive_api_load(&u->lib, err)) &&
           archive_api_open(&u->lib, in, u->only_raw, &u->archive, err);
}

/* -- Members ----------------------------------------------------------------------------------- */

/* 2: a dump by its first bytes or name, 1: anything else. */
static unsigned unpack_rank_of(const char *name, struct bytes head) {
    static const struct str magics[] = {
        {"\x7f"
         "ELF",
         4},
        {"MDMP", 4},
        {"PAGEDU", 6},
        {"!FastSerialization", 18},
        {"Nettrace", 8},
        {"DDSNAP", 6},
    };
    static const struct str ends[] = {
        {".core", 5},  {".dmp", 4},  {".mdmp", 5}, {".dump", 5},     {".gcdump", 7},
        {".hprof", 6}, {".snap", 5}, {".heap", 5}, {".nettrace", 9},
    };
    for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
        if (head.size >= magics[i].len && memcmp(head.data, magics[i].ptr, magics[i].len) == 0)
            return 2;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (str_ends(str_of(name), ends[i]))
            return 2;
    return unpack_probe(head) ? 2 : 1;
}

static bool too_large(const struct unpacking *u, struct err *err) {
    return err_set(err, ERR_LIMIT,
                   "becomes larger than %llu MiB when unpacked, out of all proportion; unpack it "
                   "yourself if it is meant to be",
                   (unsigned long long)(u->most >> 20));
}

/* Fills up to the place of the next block: libarchive leaves holes of sparse members out. */
static bool add_zeros(struct unpacking *u, uint64_t until, struct err *err) {
    static const uint8_t zeros[64 * 1024];
    while (spool_size(&u->spool) < until) {
        uint64_t n = until - spool_size(&u->spool);
        if (n > sizeof(zeros))
            n = sizeof(zeros);
        if (!spool_add(&u->spool, (struct bytes){zeros, (size_t)n}, err))
            return false;
    }
    return true;
}

static bool unpack_read_member(struct unpacking *u, struct bytes block, uint64_t at,
                               struct err *err) {
    for (;;) {
        if (at < spool_size(&u->spool)) {
            say_damaged(u); /* blocks go backwards */
            return true;
        }
        if (at > u->most || block.size > u->most - at)
            return too_large(u, err);
        meter_set((uint64_t)u->lib.archive_filter_bytes(u->archive, -1));
        if (!add_zeros(u, at, err) || !spool_add(&u->spool, block, err))
            return false;
        const void *data;
        size_t size;
        la_int64_t offset;
        int r = u->lib.archive_read_data_block(u->archive, &data, &size, &offset);
        if (r == ARCHIVE_EOF)
            return true;
        if (r == ARCHIVE_RETRY)
            continue;
        if (r < ARCHIVE_OK) {
            say_damaged(u);
            if (r < ARCHIVE_WARN)
                return true;
        }
        block = (struct bytes){data, size};
        at = (uint64_t)offset;
    }
}

/* Looks at a member's first block, and takes the member when it is better than what we have. */
static bool consider(struct unpacking *u, struct archive_entry *entry, bool raw, struct err *err) {
    if (u->lib.archive_entry_filetype(entry) != AE_IFREG && !raw)
        return true;
    const char *name = raw ? "" : u->lib.archive_entry_pathname(entry);
    if (u->lib.archive_entry_is_encrypted(entry))
        return err_set(err, ERR_UNSUPPORTED, "%s is encrypted", name ? name : "archive");
    const void *data;
    size_t size;
    la_int64_t offset;
    int r = u->lib.archive_read_data_block(u->archive, &data, &size, &offset);
    if (r == ARCHIVE_EOF || (r >= ARCHIVE_WARN && size == 0))
        return true; /* empty */
    if (r < ARCHIVE_WARN) {
        if (u->rank == 0)
            say_damaged(u);
        return true;
    }
    struct bytes block = {data, size};
    unsigned rank = raw ? 1 : unpack_rank_of(name ? name : "", block);
    if (rank == u->rank)
        u->several = true;
    if (rank == 2 && u->several)
        return err_set(err, ERR_FORMAT, "holds several dumps (%.60s, %.60s): unpack the one meant",
                       u->report->member, name ? name : "?");
    if (rank <= u->rank)
        return true;
    u->rank = rank;
    u->several = false;
    u->report->damaged = false;
    snprintf(u->report->member, sizeof(u->report->member), "%s", name ? name : "");
    spool_clear(&u->spool);
    return unpack_read_member(u, block, (uint64_t)offset, err);
}

/* -- One layer --------------------------------------------------------------------------------- */

static bool read_archive(struct unpacking *u, struct bytes in, bool *ret_plain, struct err *err) {
    for (unsigned members = 0;; members++) {
        struct archive_entry *entry;
        int r = u->lib.archive_read_next_header(u->archive, &entry);
        if (r == ARCHIVE_EOF && members == 0 && !u->only_raw &&
            u->lib.archive_filter_count(u->archive) > 1) {
            /* Zeros are an empty tar, too. */
            u->only_raw = true;
            u->lib.archive_read_free(u->archive);
            if (!open_archive(u, in, err))
                return false;
            r = u->lib.archive_read_next_header(u->archive, &entry);
        }
        if (r == ARCHIVE_EOF)
            break;
        if (r < ARCHIVE_WARN) {
            say_damaged(u);
            break;
        }
        bool raw = u->lib.archive_format(u->archive) == ARCHIVE_FORMAT_RAW;
        if (raw && u->lib.archive_filter_count(u->archive) <= 1) {
            *ret_plain = true; /* looked like it, but is not */
            return true;
        }
        if (members == MEMBERS_MAX)
            return err_set(err, ERR_LIMIT, "archive of more than %u files", MEMBERS_MAX);
        if (!consider(u, entry, raw, err))
            return false;
    }
    if (u->rank == 0)
        return err_set(err, ERR_FORMAT, "cannot unpack: %s",
                       u->report->damaged ? u->report->why : "there is nothing in it");
    if (u->several)
        return err_set(err, ERR_FORMAT, "holds several files, none of them a dump by its name");
    return true;
}

/*
 * By several threads, where it comes in pieces. *ret_whole false: it does not, or not all of it is
 * as it should be, and nothing of it is kept.
 */
static bool unpack_in_pieces(struct unpacking *u, struct bytes in, bool *ret_whole,
                             struct err *err) {
    struct pieces pieces = {.count = 0};
    *ret_whole = false;
    bool ok = true;
    if (os_cpus() > 1 && pieces_find(&pieces, in, PIECES_LEAST)) {
        ok = (u->lib.library || archive_api_load(&u->lib, err)) &&
             parallel_unpack(&u->lib, &pieces, os_cpus(), u->most, &u->spool, ret_whole, err);
        if (!*ret_whole) {
            spool_clear(&u->spool);
            meter_set(0);
        }
    }
    pieces_free(&pieces);
    return ok;
}

/* By the size of the file itself: a bomb in a bomb is as small as one likes. */
static uint64_t unpack_most(const struct file *f, const struct unpack_limits *limits) {
    uint64_t base = limits && limits->base_bytes ? limits->base_bytes : BASE_BYTES;
    uint64_t ratio = limits && limits->ratio ? limits->ratio : RATIO, most;
    if (__builtin_mul_overflow(ratio, f->bytes.size, &most) ||
        __builtin_add_overflow(most, base, &most) || most > INT64_MAX)
        return INT64_MAX;
    return most;
}

/* Replaces *f by what is in it; *ret_plain: it is no archive after all. */
static bool unpack_layer(struct file *f, uint64_t most, uint64_t memory_most,
                         struct unpack_report *report, bool *ret_plain, struct err *err) {
    struct unpacking u = {.report = report, .most = most};
    spool_init(&u.spool);
    u.spool.memory_most = memory_most;
    struct file out = {0};
    meter_begin(METER_UNPACKING, f->bytes.size);
    bool whole;
    bool ok = unpack_in_pieces(&u, f->bytes, &whole, err) &&
              (whole ||
               (open_archive(&u, f->bytes, err) && read_archive(&u, f->bytes, ret_plain, err))) &&
              (*ret_plain || spool_finish(&u.spool, &out, err));
    if (u.archive)
        u.lib.archive_read_free(u.archive);
    archive_api_unload(&u.lib);
    meter_begin(METER_READING, 0); /* what was in it */
    spool_deinit(&u.spool);
    if (!ok)
        return report->member[0] ? err_prefix(err, "%s", report->member) : false;
    if (!*ret_plain)
        *f = out;
    return true;
}

bool unpack_file(struct file *f, const struct unpack_limits *limits,
                 struct unpack_report *ret_report, struct err *err) {
    struct unpack_report report = {0};
    struct file current = *f;
    const uint64_t most = unpack_most(f, limits), memory = limits ? limits->memory_most : 0;
    bool ok = true;
    for (unsigned layer = 0; ok && unpack_probe(bytes_slice(current.bytes, 0, 4096)); layer++) {
        if (layer == LAYERS_MAX) {
            ok = err_set(err, ERR_LIMIT, "packed more than %u times", LAYERS_MAX);
            break;
        }
        struct file next = current;
        struct unpack_report inner = {0};
        bool plain = false;
        ok = unpack_layer(&next, most, memory, &inner, &plain, err);
        if (ok && plain)
            break;
        if (current.bytes.data != f->bytes.data)
            file_close(&current);
        current = ok ? next : *f;
        report.unpacked = true;
        if (inner.damaged && !report.damaged) {
            report.damaged = true;
            memcpy(report.why, inner.why, sizeof(report.why));
        }
        if (inner.member[0])
            memcpy(report.member, inner.member, sizeof(report.member));
    }
    if (!ok) {
        if (current.bytes.data != f->bytes.data)
            file_close(&current);
        return false;
    }
    if (current.bytes.data != f->bytes.data)
        file_close(f);
    *f = current;
    *ret_report = report;
    return true;
}

bool unpack_spool_file(uint64_t size, uint64_t stored, int *ret_fd, struct err *err) {
    return spool_make_file(size, stored, ret_fd, err);
}
