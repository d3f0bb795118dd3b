#include "diff/names/memory_counters.h"

#define NATIVE_STACKS \
    "Record allocation stacks (heaptrack, jemalloc, memleak of bcc, UMDH) and diff these."

static const struct {
    enum memory_counter_kind kind;
    struct str begin, end; /* of the name; what stands between them is the instance's */
    const char *what, *next;
} counters[] = {
    {MEMORY_COUNTER_INSTANCE, STR_INIT("container."), STR_INIT(".memory_bytes"), "Container",
     "Look inside: two dumps of its process, or two of its runtime's own counters, say what grows; "
     "page cache counts, too."},
    {MEMORY_COUNTER_INSTANCE, STR_INIT("pod."), STR_INIT(".memory_bytes"), "Pod",
     "Look inside: two dumps of its process, or two of its runtime's own counters, say what "
     "grows."},
    {MEMORY_COUNTER_INSTANCE, STR_INIT("task."), STR_INIT(".working_set_bytes"), "Process",
     "Take two dumps of it (`procdump -ma PID`) and diff these."},
    {MEMORY_COUNTER_INSTANCE, STR_INIT("task."), STR_INIT(".rss_bytes"), "Process",
     "Take two dumps of it (`dumpdiff snapshot --pid PID`) and diff these."},

    {MEMORY_COUNTER_WHOLE, STR_INIT("process.private_bytes"), STR_INIT(""), "private memory",
     NATIVE_STACKS},
    {MEMORY_COUNTER_WHOLE, STR_INIT("process.anonymous_bytes"), STR_INIT(""),
     "anonymous memory that is resident", NATIVE_STACKS},
    {MEMORY_COUNTER_WHOLE, STR_INIT("process.rss_bytes"), STR_INIT(""), "resident memory",
     NATIVE_STACKS},
    {MEMORY_COUNTER_WHOLE, STR_INIT("process.working_set"), STR_INIT(""), "working set",
     NATIVE_STACKS},
    {MEMORY_COUNTER_WHOLE, STR_INIT("nmt.total.committed_bytes"), STR_INIT(""),
     "memory that HotSpot has committed",
     "Which category grows? `jcmd PID VM.native_memory detail.diff` names the stacks."},
    {MEMORY_COUNTER_WHOLE, STR_INIT("go.sys_bytes"), STR_INIT(""),
     "memory that Go has of the system",
     "Diff two heap profiles: `go tool pprof -top -inuse_space`, or /debug/pprof/heap."},
    {MEMORY_COUNTER_WHOLE, STR_INIT("process.virtual_bytes"), STR_INIT(""), "mapped memory",
     "Diff two `pmap -x` or /proc/PID/smaps: they say what is resident. " NATIVE_STACKS},

    {MEMORY_COUNTER_PART, STR_INIT("node.array_buffers_bytes"), STR_INIT(""),
     "ArrayBuffers and Buffers",
     "Look for Buffers that are kept: streams without an end, caches, sockets that are not "
     "closed."},
    {MEMORY_COUNTER_PART, STR_INIT("node.external_bytes"), STR_INIT(""),
     "memory of C++ objects bound to JavaScript",
     "Look for native modules and Buffers whose JavaScript objects are kept."},
    {MEMORY_COUNTER_PART, STR_INIT("node.heap_used_bytes"), STR_INIT(""), "V8's heap",
     "Compare two heap snapshots in the memory tab of Chrome (`node --inspect`), or two pprof heap "
     "profiles."},
    {MEMORY_COUNTER_PART, STR_INIT("go.alloc_bytes"), STR_INIT(""), "objects on Go's heap",
     "Diff two heap profiles: `go tool pprof -top -inuse_space`, or /debug/pprof/heap."},
    {MEMORY_COUNTER_PART, STR_INIT("go.heap_alloc_bytes"), STR_INIT(""), "objects on Go's heap",
     "Diff two heap profiles: `go tool pprof -top -inuse_space`, or /debug/pprof/heap."},
    {MEMORY_COUNTER_PART, STR_INIT("go.heap_live_bytes"), STR_INIT(""), "what lives on Go's heap",
     "Diff two heap profiles: `go tool pprof -top -inuse_space`, or /debug/pprof/heap."},
    {MEMORY_COUNTER_PART, STR_INIT("go.heap_inuse_bytes"), STR_INIT(""), "Go's heap",
     "Diff two heap profiles: `go tool pprof -top -inuse_space`, or /debug/pprof/heap."},
    {MEMORY_COUNTER_PART, STR_INIT("go.stack_inuse_bytes"), STR_INIT(""), "stacks of goroutines",
     "See how many goroutines there are, and where they wait: /debug/pprof/goroutine?debug=2."},
    {MEMORY_COUNTER_PART, STR_INIT("nmt.java-heap.committed_bytes"), STR_INIT(""), "the Java heap",
     "Diff two `jcmd PID GC.class_histogram`."},
    {MEMORY_COUNTER_PART, STR_INIT("nmt.class.committed_bytes"), STR_INIT(""), "classes",
     "Look for class loaders that are kept: `jcmd PID VM.classloader_stats`."},
    {MEMORY_COUNTER_PART, STR_INIT("nmt.metaspace.committed_bytes"), STR_INIT(""), "metaspace",
     "Look for class loaders that are kept: `jcmd PID VM.classloader_stats`."},
    {MEMORY_COUNTER_PART, STR_INIT("nmt.thread.committed_bytes"), STR_INIT(""), "stacks of threads",
     "See how many threads there are, and why: `jcmd PID Thread.print`."},
    {MEMORY_COUNTER_PART, STR_INIT("nmt.other.committed_bytes"), STR_INIT(""),
     "direct buffers and Unsafe (\"Other\")",
     "Look for direct ByteBuffers that are kept; -XX:MaxDirectMemorySize bounds them."},
    {MEMORY_COUNTER_PART, STR_INIT("nmt."), STR_INIT(".committed_bytes"), "category",
     "`jcmd PID VM.native_memory detail.diff` names the stacks."},
};

struct memory_counter memory_counter_of(const char *name) {
    struct str whole = str_of(name);
    struct memory_counter other = {.kind = MEMORY_COUNTER_OTHER};
    for (uint32_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
        struct str begin = counters[i].begin, end = counters[i].end;
        bool between = end.len && str_starts(whole, begin) && str_ends(whole, end) &&
                       whole.len > begin.len + end.len;
        if (!between && (end.len || !str_eq(whole, begin)))
            continue;
        struct str middle = between ? str_drop(str_take(whole, whole.len - end.len), begin.len)
                                    : (struct str){"", 0};
        return (struct memory_counter){counters[i].kind, i, counters[i].what, middle,
                                       counters[i].next};
    }
    return other;
}
