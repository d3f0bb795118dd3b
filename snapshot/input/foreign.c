#include "input/foreign.h"

#include "base/chars.h"
#include "base/str.h"

#include <string.h>

/* How a kind is told. */
enum foreign_sign {
    SIGN_BYTES,  /* the file begins so */
    SIGN_TEXT,   /* it begins so behind white space, which may also stand between the marks */
    SIGN_INSIDE, /* text of which the first 4 KiB hold it */
    SIGN_SUFFIX, /* the path ends so: the format begins with nothing of its own */
};

#define ETL \
    "is a trace of Windows events (.etl), which is not read: a minidump (`procdump -ma PID`) is, " \
    "and the .gcdump that PerfView takes"
#define VMMAP \
    "is a memory map of VMMap (.mmp), which is not read: what WinDbg's `!address -summary` " \
    "prints " \
    "is, and a dump of the process"
#define KERNEL \
    "is a dump of the Linux kernel (vmcore), not of a process: a core of the process is read"

static const struct {
    enum foreign_sign how;
    const char *sign;
    size_t sign_bytes;
    const char *says;
} kinds[] = {
#define BYTES(s)  SIGN_BYTES, s, sizeof(s) - 1
#define TEXT(s)   SIGN_TEXT, s, sizeof(s) - 1
#define INSIDE(s) SIGN_INSIDE, s, sizeof(s) - 1
#define SUFFIX(s) SIGN_SUFFIX, s, sizeof(s) - 1
    {BYTES("\0\x12portable heap dump"),
     "is a portable heap dump of OpenJ9 (PHD), which is not read: what `jcmd PID "
     "GC.class_histogram` prints is, and HPROF, which Eclipse MAT exports"},
    {INSIDE("0SECTION       TITLE subcomponent dump routine"),
     "is a javacore of OpenJ9, which is not read: what `jcmd PID GC.class_histogram` prints is"},
    {BYTES("Nettrace"),
     "is a recording of events (.nettrace), which is not read: what `dotnet-gcdump collect` and "
     "`dotnet-counters collect` write is"},
    {INSIDE("<GCHeapDump"),
     "is a heap of PerfView as XML (.gcdump.xml), which is not read: its .gcdump is"},
    {TEXT("<gcheap>"),
     "is a heap that `traverseheap -xml` of SOS wrote for the CLR Profiler, which is not read: the "
     "dump it is of is, and what `dumpheap -stat` prints of that"},
    {BYTES("FLR\0"),
     "is a recording of Java Flight Recorder (.jfr), which is not read: what `jcmd PID "
     "GC.heap_dump FILE` writes is, and what `jcmd PID GC.class_histogram` prints"},
    {SUFFIX(".etl"), ETL},
    {SUFFIX(".etl.zip"), ETL},
    {INSIDE("<VMMap"), VMMAP},
    {SUFFIX(".mmp"), VMMAP},
    {SUFFIX(".blg"),
     "is a binary log of the Windows performance monitor (.blg), which is not read: a dump of the "
     "process is, and what `dotnet-counters collect` writes"},
    {BYTES("KDUMP   "), KERNEL},
    {BYTES("DISKDUMP"), KERNEL},
    {BYTES("\xcf\xfa\xed\xfe"),
     "is a Mach-O file (a program or core of macOS), which is not read: what `dotnet-gcdump "
     "collect` writes is"},
#undef BYTES
#undef TEXT
#undef INSIDE
#undef SUFFIX
};

static size_t foreign_skip_blanks(struct bytes head, size_t at) {
    while (at < head.size && strchr(" \t\r\n", head.data[at]) && head.data[at])
        at++;
    return at;
}

/* Both without white space; a byte order mark in front is none of the text. */
static bool begins_as_text(struct bytes head, const char *sign, size_t sign_bytes) {
    bool marked = head.size >= 3 && memcmp(head.data, "\xef\xbb\xbf", 3) == 0;
    size_t at = marked ? 3 : 0;
    for (size_t i = 0; i < sign_bytes; i++, at++) {
        at = foreign_skip_blanks(head, at);
        if (at >= head.size || head.data[at] != (uint8_t)sign[i])
            return false;
    }
    return true;
}

static bool is_kind(size_t i, struct bytes head, struct str path) {
    const char *sign = kinds[i].sign;
    size_t n = kinds[i].sign_bytes;
    switch (kinds[i].how) {
    case SIGN_BYTES:
        return head.size >= n && memcmp(head.data, sign, n) == 0;
    case SIGN_TEXT:
        return begins_as_text(head, sign, n);
    case SIGN_INSIDE:
        return str_find((struct str){(const char *)head.data, head.size}, (struct str){sign, n},
                        0) != STR_NOT_FOUND;
    case SIGN_SUFFIX:
        return path.len > n && str_eq_nocase(str_drop(path, path.len - n), (struct str){sign, n});
    }
    return false;
}

const char *foreign_kind(struct bytes head, const char *path) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (is_kind(i, head, str_of(path)))
            return kinds[i].says;
    return NULL;
}
