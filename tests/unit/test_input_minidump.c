/* From minidumps to snapshots: threads, memory map, heaps, handles, counters. */
#include "input/input.h"
#include "tests/support/mk_minidump.h"
#include "tests/support/read_bytes.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct input input_minidump;

static void read_blobs(struct snapshot *s, const char *spec, const struct bytes *blobs, size_t n) {
    static const struct input_options options = {0};
    struct err err = {.msg = ""};
    struct bytes file = mk_minidump_blobs(spec, blobs, n);
    snapshot_init(s);
    if (!input_read_bytes(file, "mill.dmp", &input_minidump, &options, s, &err))
        fail_msg("%s", err.msg);
    free((void *)(uintptr_t)file.data);
}

static void input_minidump_read_spec(struct snapshot *s, const char *spec) {
    read_blobs(s, spec, NULL, 0);
}

static const struct thread_row *input_minidump_thread(const struct snapshot *s, uint64_t os_id) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].os_id == os_id)
            return &rows[i];
    fail_msg("no thread %u", (unsigned)os_id);
    return NULL;
}

static const struct memory_row *input_minidump_memory(const struct snapshot *s, enum memory_by by,
                                                      const char *key) {
    SNAPSHOT_ROWS(s, PART_MEMORY_MAP, struct memory_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].by == by && strcmp(rows[i].key, key) == 0)
            return &rows[i];
    fail_msg("no row %s", key);
    return NULL;
}

static uint64_t input_minidump_counter(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_COUNTERS, struct counter_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return ABSENT;
}

static bool said(const struct snapshot *s, const char *part, bool lowers_trust) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strstr(rows[i].text, part) && rows[i].lowers_trust == lowers_trust)
            return true;
    return false;
}

#define HEAD \
    "header time=1700000100\n" \
    "system arch=9 major=10 build=22631\n" \
    "module base=0x140000000 size=0x10000 time=0x5f5e1000 name=\"C:\\app\\Mill.exe\" " \
    "version=\"4.3.2.1\"\n" \
    "module base=0x7ff800000000 size=0x2000 time=1 name=\"C:\\Windows\\ntdll.dll\"\n"

static void minidump_fills_origin_modules_and_counters(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(
        &s, HEAD "misc pid=4711 create=1700000000 user=12 kernel=3\n"
                 "counters flags=6 working_set=1000 virtual=5000 private2=700 faults=3\n"
                 "unloaded base=0x200000 size=0x1000 time=7 name=\"gone.dll\"\n"
                 "handle type=\"Event\" times=3\nhandle type=\"File\"\n"
                 "memory at=0x1000 size=16\n"
                 "thread id=1 ip=0x140001000\n");
    const struct origin_row *o = snapshot_origin(&s);
    assert_string_equal(o->format, "minidump");
    assert_string_equal(o->process, "Mill.exe");
    assert_string_equal(o->arch, "x64");
    assert_string_equal(o->os, "Windows 10.0.22631");
    assert_int_equal(o->pid, 4711);
    assert_int_equal(o->pointer_bytes, 8);
    assert_true(o->captured_at_ns == 1700000100u * (uint64_t)1000000000);
    assert_true(o->process_start_ns == 1700000000u * (uint64_t)1000000000);
    SNAPSHOT_ROWS(&s, PART_MODULES, struct module_row, modules, module_count);
    assert_int_equal(module_count, 2);
    assert_string_equal(modules[0].name, "Mill.exe");
    assert_string_equal(modules[0].version, "4.3.2.1");
    assert_string_equal(modules[0].id, "5F5E100010000");
    assert_null(modules[1].version);
    SNAPSHOT_ROWS(&s, PART_OS_HANDLES, struct os_handle_row, handles, handle_count);
    assert_int_equal(handle_count, 2);
    assert_string_equal(handles[0].type, "Event");
    assert_int_equal(handles[0].count, 3);
    assert_int_equal(input_minidump_counter(&s, "process.handles"), 4);
    assert_true(input_minidump_counter(&s, "process.user_time") == 12000000000u);
    assert_int_equal(input_minidump_counter(&s, "process.working_set"), 1000);
    assert_int_equal(input_minidump_counter(&s, "process.private_bytes"), 700);
    assert_int_equal(input_minidump_counter(&s, "modules.unloaded"), 1);
    assert_true(input_minidump_counter(&s, "process.private_working_set") == ABSENT);
    assert_false(snapshot_has(&s, PART_MEMORY_MAP));
    assert_false(snapshot_has(&s, PART_TYPES));
    snapshot_deinit(&s);
}

static void exceptions_have_the_names_of_their_system(void **state) {
    (void)state;
    static const struct {
        const char *spec, *name; /* NULL: no exception at all */
    } cases[] = {
        {"system arch=9 platform=0x8201\nexception id=1 code=11 address=0x10\n",
         "signal 11 SIGSEGV at 0x10"},
        {"system arch=9 platform=0x8203\nexception id=1 code=6\n", "signal 6 SIGABRT"},
        {"system arch=9 platform=0x8201\nexception id=1 code=0x80000003\n",
         "0x80000003 breakpoint"},
        {"system arch=9 platform=0x8201\nexception id=1 code=0xffffffff\n", NULL},
        {"system arch=9 platform=0x8101\nexception id=1 code=1 address=8\n",
         "EXC_BAD_ACCESS at 0x8"},
        {"system arch=9 platform=0x8101\nexception id=1 code=0x43507378\n", NULL},
        {"system arch=9 platform=2\nexception id=1 code=0x0517a7ed\n", NULL},
        {"system arch=9 platform=2\nexception id=1 code=0xffffffff\n", "0xFFFFFFFF"},
        {"system arch=9 platform=2\nexception id=1 code=0\n", NULL},
        {"system arch=9 platform=2\nexception id=1 code=11\n", "0x0000000B"},
        {"system arch=9 platform=2\nexception id=1 code=0x80000003 address=0x7ff800000123\n", NULL},
        {"system arch=9 platform=2\nexception id=1 code=0x80000003 address=0x140000123\n",
         "0x80000003 breakpoint"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct strbuf spec;
        strbuf_init(&spec);
        strbuf_addf(&spec,
                    "module base=0x140000000 size=0x100000 name=\"Mill.exe\"\n"
                    "module base=0x7ff800000000 size=0x100000 name=\"C:\\Windows\\ntdll.dll\"\n"
                    "thread id=1 ip=0x7ff800000010 sp=0x1010\n%s",
                    cases[i].spec);
        input_minidump_read_spec(&s, strbuf_cstr(&spec));
        const char *name = input_minidump_thread(&s, 1)->exception;
        if (!name != !cases[i].name || (name && strcmp(name, cases[i].name) != 0))
            fail_msg("case %zu is %s", i, name ? name : "none");
        snapshot_deinit(&s);
        strbuf_deinit(&spec);
    }
}

static void minidump_fills_threads(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(
        &s,
        HEAD "thread id=0x10 ip=0x7ff800000010 sp=0x1010\n"
             "thread id=0x20 ip=0x140005678 sp=0x2000\n"
             "thread id=0x30 context=0\n"
             "thread id=0x40 ip=0x7ff800000020 sp=0x1010\n"
             "threadinfo id=0x20 user=20700000000 kernel=10000000 create=133444736100000000\n"
             "threadinfo id=0x10 create=133444736000000000\n"
             "threadname id=0x20 name=\"pump\"\n"
             "exception id=0x20 code=0xc0000005 param0=1 param1=0xdead ip=0x140005678 sp=0x2000\n"
             "memory64 at=0x7ff80000000e hex=\"0f 05 c3\"\n"
             "memory64 at=0x7ff80000001e hex=\"90 90 c3\"\n");
    const struct thread_row *t = input_minidump_thread(&s, 0x20);
    assert_string_equal(t->name, "pump");
    assert_string_equal(t->exception, "0xC0000005 access violation writing 0xdead");
    assert_true(t->user_ns == 2070000000000u && t->kernel_ns == 1000000000u);
    assert_true(t->elapsed_ns == 90000000000u);
    assert_int_equal(t->user_mode, 1);
    assert_int_equal(t->index, 1);
    assert_int_equal(t->native_frames.count, 2);
    assert_string_equal(t->native_frames.items[0], "Mill+0x5678");
    assert_string_equal(t->native_frames.items[1], FRAME_CUT);
    assert_true(t->stack_hash == ABSENT); /* who called is not known */
    assert_int_equal(input_minidump_thread(&s, 0x10)->user_mode, 0);
    assert_int_equal(input_minidump_thread(&s, 0x40)->user_mode, 1);
    t = input_minidump_thread(&s, 0x30);
    assert_true(t->user_ns == ABSENT && t->user_mode == ABSENT);
    assert_int_equal(t->native_frames.count, 0);
    assert_true(said(&s, "native stacks of 3 of 4 threads end early", false));
    snapshot_deinit(&s);
}

static void minidump_sums_memory_by_usage_state_type_and_protection(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(
        &s,
        HEAD "thread id=0x10 ip=0x140001000 sp=0x13000 teb=0x40000\n"
             "region base=0 size=0x10000 state=0x10000 protect=1 type=0 aprotect=0\n"
             /* a stack: reserve, guard page, live part */
             "region base=0x10000 size=0x1000 state=0x2000 protect=0\n"
             "region base=0x11000 alloc=0x10000 size=0x1000 protect=0x104\n"
             "region base=0x12000 alloc=0x10000 size=0x2000\n"
             "region base=0x14000 size=0x2c000 state=0x10000 protect=1 type=0\n"
             "region base=0x40000 size=0x2000\n"
             "region base=0x50000 size=0x30000\n"
             "region base=0x90000 size=0x4000 type=0x40000 protect=2\n"
             "region base=0x140000000 size=0x1000 protect=2 type=0x1000000 aprotect=0x80\n"
             "region base=0x140001000 alloc=0x140000000 size=0xf000 protect=0x20 type=0x1000000\n"
             "region base=0x150000000 size=0x1000 protect=0x20 type=0x1000000\n"
             "region base=0x160000000 size=0x1000 protect=0x204\n"
             "region base=0x170000000 size=0x90000000 state=0x10000 protect=1 type=0\n");
    static const struct {
        enum memory_by by;
        const char *key;
        uint64_t regions, bytes;
    } rows[] = {
        {MEMORY_BY_USAGE, "stack", 2, 0x3000},
        {MEMORY_BY_USAGE, "teb", 1, 0x2000},
        {MEMORY_BY_USAGE, "native", 2, 0x31000},
        {MEMORY_BY_USAGE, "mapped-file", 1, 0x4000},
        {MEMORY_BY_USAGE, "image", 3, 0x11000},
        {MEMORY_BY_STATE, "MEM_FREE", 3, 0x9003c000},
        {MEMORY_BY_STATE, "MEM_RESERVE", 1, 0x1000},
        {MEMORY_BY_STATE, "MEM_COMMIT", 9, 0x4b000},
        {MEMORY_BY_TYPE, "MEM_PRIVATE", 6, 0x37000},
        {MEMORY_BY_TYPE, "MEM_MAPPED", 1, 0x4000},
        {MEMORY_BY_TYPE, "MEM_IMAGE", 3, 0x11000},
        {MEMORY_BY_PROTECT, "PAGE_READWRITE", 3, 0x34000},
        {MEMORY_BY_PROTECT, "PAGE_READWRITE | PAGE_GUARD", 1, 0x1000},
        {MEMORY_BY_PROTECT, "PAGE_READWRITE | PAGE_NOCACHE", 1, 0x1000},
        {MEMORY_BY_PROTECT, "PAGE_EXECUTE_READ", 2, 0x10000},
        {MEMORY_LARGEST, "Free", ABSENT, 0x90000000},
        {MEMORY_BY_BASE, "0x0000000000050000 PAGE_READWRITE", 1, 0x30000},
        {MEMORY_BY_BASE, "[smaller allocations]", 5, 0x6000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct memory_row *row = input_minidump_memory(&s, rows[i].by, rows[i].key);
        if (row->bytes != rows[i].bytes || row->regions != rows[i].regions)
            fail_msg("%s: %llu regions, 0x%llx bytes", rows[i].key,
                     (unsigned long long)row->regions, (unsigned long long)row->bytes);
    }
    snapshot_deinit(&s);
}

/* PEB with two heaps: one whose second segment is an allocation of its own, one without signature.
 */
static void minidump_gives_heaps_their_segments(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(
        &s, HEAD "thread id=0x10 ip=0x140001000 sp=0x13000 teb=0x40000\n"
                 "region base=0x100000 size=0x20000\n"
                 "region base=0x120000 alloc=0x100000 size=0xe0000 state=0x2000 protect=0\n"
                 "region base=0x300000 size=0x80000\n"
                 "region base=0x500000 size=0x40000\n"
                 "region base=0x700000 size=0x10000\n"
                 "memory64 at=0x40060 hex=\"00 00 05 00 00 00 00 00\"\n" /* TEB: PEB */
                 "memory64 at=0x500e8 hex=\"02 00 00 00 10 00 00 00 00 02 05 00 00 00 00 00\"\n"
                 "memory64 at=0x50200 hex=\"00 00 10 00 00 00 00 00 00 00 70 00 00 00 00 00\"\n"
                 "memory64 at=0x100010 hex=\"ee ff ee ff\"\n"
                 "memory64 at=0x100028 hex=\"00 00 10 00 00 00 00 00\"\n"
                 "memory64 at=0x300010 hex=\"ee ff ee ff\"\n"
                 "memory64 at=0x300028 hex=\"00 00 10 00 00 00 00 00\"\n"
                 /* looks like a segment, of a heap that is not in the list */
                 "memory64 at=0x500010 hex=\"ee ff ee ff\"\n"
                 "memory64 at=0x500028 hex=\"00 00 50 00 00 00 00 00\"\n"
                 "memory64 at=0x700010 hex=\"ee dd ee dd\"\n");
    SNAPSHOT_ROWS(&s, PART_NATIVE_HEAPS, struct native_heap_row, heaps, count);
    assert_int_equal(count, 1);
    assert_int_equal(heaps[0].address, 0x100000);
    assert_int_equal(heaps[0].committed, 0xa0000);
    assert_int_equal(heaps[0].reserved, 0x180000);
    assert_int_equal(
        input_minidump_memory(&s, MEMORY_BY_BASE, "0x0000000000100000 PAGE_READWRITE heap 0x100000")
            ->bytes,
        0x20000);
    assert_int_equal(
        input_minidump_memory(&s, MEMORY_BY_BASE, "0x0000000000300000 PAGE_READWRITE heap 0x100000")
            ->bytes,
        0x80000);
    assert_int_equal(
        input_minidump_memory(&s, MEMORY_BY_BASE, "0x0000000000500000 PAGE_READWRITE")->bytes,
        0x40000);
    snapshot_deinit(&s);
}

static void minidump_of_32_bits_gives_heaps_their_segments(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(&s,
                             "system arch=0 major=10 build=22631\n"
                             "thread id=0x10 ip=0x401000 sp=0x13000 teb=0x40000\n"
                             "module base=0x400000 size=0x2000 time=3 name=\"C:\\app\\old.exe\"\n"
                             "region base=0x100000 size=0x20000\n"
                             "region base=0x300000 size=0x80000\n"
                             "memory at=0x40030 hex=\"00 00 05 00\"\n"
                             "memory at=0x50088 hex=\"01 00 00 00 10 00 00 00 00 02 05 00\"\n"
                             "memory at=0x50200 hex=\"00 00 10 00\"\n"
                             "memory at=0x100008 hex=\"ee ff ee ff\"\n"
                             "memory at=0x100018 hex=\"00 00 10 00\"\n"
                             "memory at=0x300008 hex=\"ee ff ee ff\"\n"
                             "memory at=0x300018 hex=\"00 00 10 00\"\n");
    SNAPSHOT_ROWS(&s, PART_NATIVE_HEAPS, struct native_heap_row, heaps, count);
    assert_int_equal(count, 1);
    assert_int_equal(heaps[0].address, 0x100000);
    assert_int_equal(heaps[0].committed, 0xa0000);
    snapshot_deinit(&s);
}

/* Chains of frame pointers: on the stack, upwards, into modules, or not at all. */
static void minidump_follows_frame_pointers_where_there_are_no_tables(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(
        &s, "system arch=12 major=10 build=22631\n"
            "module base=0x140000000 size=0x10000 name=\"C:\\app\\Mill.exe\"\n"
            "thread id=1 ip=0x140000100 sp=0x2000 fp=0x2010 stack=0x2000 stack_size=0x40\n"
            "memory at=0x2000 hex=\"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
            " 20 20 00 00 00 00 00 00 00 02 00 40 01 00 00 00"
            " 10 20 00 00 00 00 00 00 00 03 00 40 01 00 00 00\"\n");
    const struct strings *frames = &input_minidump_thread(&s, 1)->native_frames;
    assert_int_equal(frames->count, 4);
    assert_string_equal(frames->items[0], "Mill+0x100");
    assert_string_equal(frames->items[1], "Mill+0x200");
    assert_string_equal(frames->items[2], "Mill+0x300");
    assert_string_equal(frames->items[3], FRAME_CUT); /* the chain went down the stack */
    snapshot_deinit(&s);
    input_minidump_read_spec(
        &s, "system arch=0 major=10 build=22631\n"
            "module base=0x400000 size=0x10000 name=\"C:\\app\\old.exe\"\n"
            "thread id=1 ip=0x400100 sp=0x2000 fp=0x2008 stack=0x2000 stack_size=0x40\n"
            "thread id=2 ip=0x400100 sp=0x3000 fp=0x1000 stack=0x2000 stack_size=0x40\n"
            "memory at=0x2000 hex=\"00 00 00 00 00 00 00 00 10 20 00 00 00 02 40 00"
            " 00 00 00 00 00 03 90 00\"\n");
    frames = &input_minidump_thread(&s, 1)->native_frames;
    assert_int_equal(frames->count, 3);
    assert_string_equal(frames->items[1], "old+0x200");
    assert_int_equal(input_minidump_thread(&s, 2)->native_frames.count, 2);
    snapshot_deinit(&s);
}

/* A thread that waits, with one word of its stack; runtime: a module of the process. */
static uint64_t hash_of_stack(const char *runtime, const char *word, bool map) {
    struct snapshot s;
    struct strbuf spec;
    strbuf_init(&spec);
    strbuf_addf(&spec,
                HEAD "module base=0x180000000 size=0x1000 time=2 name=\"C:\\fx\\%s\"\n"
                     "thread id=1 ip=0x7ff800000010 sp=0x13000 stack=0x13000 stack_size=0x100\n"
                     "memory at=0x13000 hex=\"%s 00 00\"\nmemory at=0x13008 size=248 fill=0\n",
                runtime, word);
    if (map)
        strbuf_adds(&spec, "region base=0x10000 size=0x4000\n"
                           "region base=0x7fe430000000 size=0x40000\n"
                           "region base=0x7fe430040000 alloc=0x7fe430000000 size=0x900000 "
                           "state=0x2000 protect=0\n"
                           "region base=0x7fe440000000 size=0x10000 type=0x40000\n");
    input_minidump_read_spec(&s, strbuf_cstr(&spec));
    uint64_t hash = input_minidump_thread(&s, 1)->live_stack_hash;
    assert_true(hash != ABSENT);
    strbuf_deinit(&spec);
    snapshot_deinit(&s);
    return hash;
}

/*
 * A dump without the runtime's pages does not say where its heap is. References that a collection
 * has changed are no sign of having run; a counter and a pointer to code are.
 */
static void minidump_takes_no_moved_object_for_a_sign_of_life(void **state) {
    (void)state;
    static const char base[] = "58 03 00 30 e4 7f";
    static const struct {
        const char *word;
        bool equal, equal_without_map;
    } cases[] = {
        {"08 02 01 30 e4 7f", true, true},   /* moved */
        {"08 02 40 30 e4 7f", true, true},   /* to a region that is given back */
        {"00 00 00 40 e4 7f", false, true},  /* into a file: only a map tells */
        {"07 00 00 00 00 00", false, false}, /* a counter */
        {"10 00 00 40 01 00", false, false}, /* the program's own code */
        {"80 30 01 00 00 00", false, false}, /* this stack */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t before = hash_of_stack("coreclr.dll", base, true);
        assert_int_equal(before == hash_of_stack("coreclr.dll", cases[i].word, true),
                         cases[i].equal);
        before = hash_of_stack("CLR.dll", base, false);
        assert_int_equal(before == hash_of_stack("CLR.dll", cases[i].word, false),
                         cases[i].equal_without_map);
        /* Nothing moves objects in a process without such a runtime. */
        assert_true(hash_of_stack("plain.dll", base, true) !=
                    hash_of_stack("plain.dll", cases[i].word, true));
    }
}

static void minidump_names_modules_that_were_unloaded(void **state) {
    (void)state;
    struct snapshot s;
    struct strbuf spec;
    strbuf_init(&spec);
    strbuf_adds(&spec, HEAD "memory at=0x1000 size=16\nthread id=1 ip=0x140001000\n");
    for (int i = 0; i < 9; i++)
        strbuf_addf(&spec, "unloaded base=0x200000 size=0x1000 time=7 name=\"p%d.dll\"\n", i);
    input_minidump_read_spec(&s, strbuf_cstr(&spec));
    assert_int_equal(input_minidump_counter(&s, "modules.unloaded"), 9);
    assert_true(said(&s,
                     "9 modules were unloaded: p0.dll, p1.dll, p2.dll, p3.dll, p4.dll, p5.dll, "
                     "p6.dll, p7.dll, ...",
                     false));
    strbuf_deinit(&spec);
    snapshot_deinit(&s);
}

static void minidump_names_runtimes_it_cannot_read(void **state) {
    (void)state;
    static const struct {
        const char *module, *says;
        bool lowers_trust;
    } cases[] = {
        {"name=\"C:\\fx\\clr.dll\" version=\"4.8.9181.0\"", ".NET Framework (clr.dll 4.8.9181.0)",
         false},
        {"name=\"C:\\fx\\CoreCLR.dll\" version=\"8.0.3326.1\" time=0x1234",
         "CoreCLR.dll 8.0.3326.1 (000012341000): .NET 8 and older do not describe themselves",
         true},
        {"name=\"C:\\fx\\coreclr.dll\" version=\"10.0.1226.42308\" time=0x1234",
         "coreclr.dll 10.0.1226.42308 (000012341000): its read-only pages are not in the dump",
         true},
        {"name=\"C:\\game\\mono-2.0-bdwgc.dll\"", "the process runs Mono (mono-2.0-bdwgc.dll)",
         false},
        {"name=\"C:\\game\\mono.dll\"", "the process runs Mono (mono.dll)", false},
        {"name=\"C:\\fx\\plain.dll\"", "no CoreCLR in this process", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf spec;
        struct snapshot s;
        strbuf_init(&spec);
        strbuf_addf(&spec,
                    HEAD "thread id=1 ip=0x140001000\nmemory at=0x1000 size=16\n"
                         "module base=0x180000000 size=0x1000 %s\n",
                    cases[i].module);
        input_minidump_read_spec(&s, strbuf_cstr(&spec));
        if (!said(&s, cases[i].says, cases[i].lowers_trust))
            fail_msg("not said: %s", cases[i].says);
        assert_int_equal(snapshot_trust(&s), cases[i].lowers_trust ? TRUST_PARTIAL : TRUST_EXACT);
        assert_false(snapshot_has(&s, PART_TYPES));
        strbuf_deinit(&spec);
        snapshot_deinit(&s);
    }
}

static void minidump_of_linux_is_named(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(
        &s, "system arch=9 platform=0x8201 major=0 build=0\nlist of=thread pad=1\n"
            "thread id=1 ip=0x401000\nmodule base=0x400000 size=0x2000 name=\"/opt/mill\"\n"
            "memory at=0x1000 size=16\nstream type=0x47670003 hex=\"00\"\n");
    assert_string_equal(snapshot_origin(&s)->tool, "Breakpad");
    assert_string_equal(snapshot_origin(&s)->process, "mill");
    assert_true(said(&s, "written by Breakpad for Linux", false));
    assert_string_equal(input_minidump_thread(&s, 1)->native_frames.items[0], "mill+0x1000");
    snapshot_deinit(&s);
}

static void minidump_that_lacks_everything_is_unusable(void **state) {
    (void)state;
    struct snapshot s;
    input_minidump_read_spec(&s, "stream type=0xfff0 hex=\"00\"\n");
    assert_int_equal(snapshot_trust(&s), TRUST_UNUSABLE);
    assert_true(said(&s, "no thread list", true));
    assert_true(said(&s, "no module list", true));
    assert_true(said(&s, "no memory in this dump", true));
    assert_true(said(&s, "no system info", true));
    snapshot_deinit(&s);
}

/* Many of everything at once: anything quadratic would take minutes. */
static void minidump_of_many_ranges_regions_and_threads_is_read_at_once(void **state) {
    (void)state;
    struct strbuf spec;
    struct snapshot s;
    strbuf_init(&spec);
    strbuf_adds(&spec, HEAD "memory at=0x10000 step=16 times=94800 size=8 fill=7\n");
    for (int i = 0; i < 1500; i++)
        strbuf_addf(&spec, "thread id=%d ip=0x140001000 sp=0x%x teb=0x%x\n", i + 1,
                    0x10000 + i * 64, 0x10000 + i * 128);
    for (int i = 0; i < 2000; i++)
        strbuf_addf(&spec, "region base=0x%x size=0x10000\n", 0x10000 + i * 0x20000);
    strbuf_adds(&spec, "handle type=\"Event\" times=50000\n");
    input_minidump_read_spec(&s, strbuf_cstr(&spec));
    assert_int_equal(input_minidump_counter(&s, "process.handles"), 50000);
    strbuf_deinit(&spec);
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minidump_fills_origin_modules_and_counters),
        cmocka_unit_test(minidump_fills_threads),
        cmocka_unit_test(exceptions_have_the_names_of_their_system),
        cmocka_unit_test(minidump_sums_memory_by_usage_state_type_and_protection),
        cmocka_unit_test(minidump_gives_heaps_their_segments),
        cmocka_unit_test(minidump_of_32_bits_gives_heaps_their_segments),
        cmocka_unit_test(minidump_follows_frame_pointers_where_there_are_no_tables),
        cmocka_unit_test(minidump_takes_no_moved_object_for_a_sign_of_life),
        cmocka_unit_test(minidump_names_modules_that_were_unloaded),
        cmocka_unit_test(minidump_names_runtimes_it_cannot_read),
        cmocka_unit_test(minidump_of_linux_is_named),
        cmocka_unit_test(minidump_that_lacks_everything_is_unusable),
        cmocka_unit_test(minidump_of_many_ranges_regions_and_threads_is_read_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
