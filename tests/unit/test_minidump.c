/* Windows minidumps: streams, hostile and cut files. */
#include "base/file.h"
#include "memory/arch/arch.h"
#include "memory/minidump/minidump.h"
#include "tests/support/made_format.h"
#include "tests/support/mk_minidump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/* A small dump of everything. */
static const char good[] =
    "header time=1700000100 flags=0x1826\n"
    "system arch=9 major=10 minor=0 build=22631 platform=2 csd=\"Service Pack 9\"\n"
    "misc pid=4711 create=1700000000 user=12 kernel=3\n"
    "thread id=0x10 teb=0x7000 stack=0x1010 stack_size=0x30 ip=0x140001234 sp=0x1010 fp=0x1020\n"
    "thread id=0x20 teb=0x8000 ip=0x140005678 sp=0x2000 context=1407\n"
    "thread id=0x30 context=0\n"
    "threadinfo id=0x20 user=20700000000 kernel=10000000 create=133444736100000000 "
    "start=0x140005000\n"
    "threadinfo id=0x10 create=133444736000000000\n"
    "threadinfo id=0x99 user=5\n"
    "threadname id=0x20 name=\"pump\"\n"
    "threadname id=0x30 name=\"\"\n"
    "module base=0x140000000 size=0x10000 time=0x5f5e1000 name=\"C:\\app\\Mill.exe\" "
    "version=\"4.3.2.1\" pdb=1\n"
    "module base=0x7ff800000000 size=0x2000 name=\"C:\\Windows\\ntdll.dll\"\n"
    "unloaded base=0x200000 size=0x1000 time=7 name=\"gone.dll\"\n"
    "region base=0 size=0x1000 state=0x10000 protect=1 type=0 aprotect=0\n"
    "region base=0x1000 size=0x2000\n"
    "region base=0x140000000 size=0x1000 protect=2 type=0x1000000 aprotect=0x80\n"
    "region base=0x140001000 alloc=0x140000000 size=0xf000 protect=0x20 type=0x1000000\n"
    "memory at=0x1000 hex=\"a0 a1 a2 a3\"\n"
    "exception id=0x20 code=0xc0000005 address=0x140005678 param0=1 param1=0xdead ip=0x140005678 "
    "sp=0x2000\n"
    "handle type=\"Event\" times=3\n"
    "handle type=\"Mutant\"\n"
    "handle times=2\n"
    "counters flags=6 working_set=1000 virtual=5000 private2=700 faults=3\n"
    "stream type=0xfff0 hex=\"01 02 03\"\n"
    "memory64 at=0x2000 hex=\"00 01 02 03 04 05 06 07\"\n"
    "memory64 at=0x2008 hex=\"08 09\"\n"
    "memory64 at=0x140000000 fill=0x4d size=64\n";

struct dump {
    struct bytes file;
    struct space space;
    struct minidump_info *info;
    struct err err;
    bool ok;
};

static void dump_of(struct dump *d, struct bytes file) {
    *d = (struct dump){.file = file};
    space_init(&d->space);
    d->ok = minidump_open(&d->space, file, &d->info, &d->err);
}

static void open_spec(struct dump *d, const char *spec) {
    dump_of(d, mk_minidump(spec));
}

static void minidump_close_dump(struct dump *d) {
    space_deinit(&d->space);
    free((void *)(uintptr_t)d->file.data);
}

static bool minidump_warned(const struct dump *d, const char *text, uint64_t count) {
    for (uint32_t i = 0; i < d->space.warning_count; i++)
        if (strcmp(d->space.warnings[i].text, text) == 0)
            return d->space.warnings[i].count == count;
    return false;
}

static const struct space_thread *minidump_thread_of(const struct dump *d, uint64_t id,
                                                     uint32_t *ret_index) {
    for (uint32_t i = 0; i < d->space.thread_count; i++)
        if (d->space.threads[i].os_id == id) {
            *ret_index = i;
            return &d->space.threads[i];
        }
    fail_msg("no thread 0x%llx", (unsigned long long)id);
    return NULL;
}

static void minidump_gives_process_and_system(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, good);
    assert_true(d.ok);
    assert_int_equal(d.space.warning_count, 0);
    assert_string_equal(d.space.arch->name, "x64");
    assert_int_equal(d.space.pid, 4711);
    assert_string_equal(d.space.process, "Mill.exe");
    assert_true(d.info->captured_ns == 1700000100u * (uint64_t)1000000000);
    assert_true(d.info->process_start_ns == 1700000000u * (uint64_t)1000000000);
    assert_true(d.info->user_ns == 12000000000u);
    assert_true(d.info->kernel_ns == 3000000000u);
    assert_int_equal(d.info->system.build, 22631);
    assert_string_equal(d.info->system.service_pack, "Service Pack 9");
    assert_string_equal(d.info->system_name, "Windows");
    assert_int_equal(d.info->counters.working_set, 1000);
    assert_int_equal(d.info->counters.virtual_size, 5000);
    assert_int_equal(d.info->counters.private_usage, 700);
    assert_true(d.info->counters.shared_commit == MDMP_ABSENT);
    minidump_close_dump(&d);
}

static void minidump_joins_threads_with_times_names_and_registers(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, good);
    assert_true(d.ok);
    assert_int_equal(d.space.thread_count, 3);
    uint32_t i;
    const struct space_thread *t = minidump_thread_of(&d, 0x20, &i);
    assert_string_equal(t->name, "pump");
    assert_true(t->user_ns == 2070000000000u);
    assert_true(t->kernel_ns == 1000000000u);
    assert_true(t->elapsed_ns == 90000000000u);
    assert_true(t->ip == 0x140005678);
    assert_true(t->sp == 0x2000);
    assert_true(t->registers[16] == t->ip);
    assert_true(t->registers[19] == t->sp);
    assert_true(d.info->threads[i].start_address == 0x140005000);
    t = minidump_thread_of(&d, 0x10, &i);
    assert_true(t->fp == 0x1020);
    assert_null(t->name);
    assert_true(t->user_ns == 0); /* recorded: it did not run */
    assert_true(d.info->threads[i].teb == 0x7000);
    t = minidump_thread_of(&d, 0x30, &i);
    assert_null(t->name);
    assert_true(t->user_ns == UINT64_MAX); /* not recorded */
    assert_false(d.info->threads[i].has_context);
    assert_true(d.info->exception.present);
    assert_int_equal(d.info->exception.thread_id, 0x20);
    assert_int_equal(d.info->exception.parameters[1], 0xdead);
    minidump_close_dump(&d);
}

static void minidump_lists_modules_and_handles(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, good);
    assert_true(d.ok);
    assert_int_equal(d.space.module_count, 2);
    assert_string_equal(d.space.modules[0].path, "C:\\app\\Mill.exe");
    assert_string_equal(d.space.modules[0].version, "4.3.2.1");
    assert_string_equal(d.info->modules[0].pdb_id, "0403020106050807090A0B0C0D0E0F107");
    assert_int_equal(d.space.modules[0].timestamp, 0x5f5e1000);
    assert_int_equal(d.space.modules[0].image_size, 0x10000);
    assert_null(d.space.modules[1].version);
    assert_int_equal(d.info->unloaded_count, 1);
    assert_string_equal(d.info->unloaded[0].name, "gone.dll");
    assert_int_equal(d.info->handle_count, 6);
    static const struct minidump_handle_type types[] = {
        {"<unnamed>", 2}, {"Event", 3}, {"Mutant", 1}};
    assert_int_equal(d.info->handle_type_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(d.info->handle_types[i].type, types[i].type);
        assert_int_equal(d.info->handle_types[i].count, types[i].count);
    }
    minidump_close_dump(&d);
}

static void minidump_reads_across_adjacent_ranges(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, good);
    assert_true(d.ok);
    uint8_t out[10];
    assert_true(space_read(&d.space, 0x2000, out, 10));
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(out[i], i);
    assert_false(space_read(&d.space, 0x2004, out, 10));
    uint32_t word;
    assert_true(space_u32(&d.space, 0x1000, &word));
    assert_int_equal(word, 0xa3a2a1a0);
    assert_int_equal(space_range_at(&d.space, 0x1000)->flags, MAP_READ | MAP_WRITE);
    assert_int_equal(space_range_at(&d.space, 0x140000000)->flags, MAP_READ);
    const struct space_mapping *m = space_mapping_at(&d.space, 0x140001500);
    assert_non_null(m);
    assert_int_equal(m->flags, MAP_READ | MAP_EXEC);
    assert_string_equal(m->file, "C:\\app\\Mill.exe");
    assert_int_equal(m->file_offset, 0x1000);
    assert_null(space_mapping_at(&d.space, 0x10));
    assert_string_equal(space_mapping_at(&d.space, 0x1800)->file, "[stack]");
    assert_int_equal(d.space.threads[0].stack_top, 0x1040);
    assert_int_equal(d.info->region_count, 4);
    struct minidump_region r = minidump_region(d.info, 3);
    assert_true(r.allocation_base == 0x140000000);
    assert_int_equal(r.type, REGION_IMAGE);
    minidump_close_dump(&d);
}

static void minidump_reads_contexts_of_each_processor(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        const char *arch; /* NULL: not known */
        uint32_t ip_index;
        bool read;
    } cases[] = {
        {"system arch=9\nthread id=1 ip=0x11 sp=0x22 fp=0x33\n", "x64", 16, true},
        {"system arch=0\nthread id=1 ip=0x11 sp=0x22 fp=0x33\n", "x86", 12, true},
        {"system arch=12\nthread id=1 ip=0x11 sp=0x22 fp=0x33\n", "arm64", 32, true},
        {"system arch=0x8003 platform=0x8203\nthread id=1 ip=0x11\n", NULL, 0, false},
        {"system arch=9\nthread id=1 ip=0x11 context=100\n", "x64", 0, false},
        {"system arch=9\nthread id=1 ip=0x11 context_rva=0xfffffff0\n", "x64", 0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct dump d;
        open_spec(&d, cases[i].spec);
        assert_true(d.ok);
        if (cases[i].arch)
            assert_string_equal(d.space.arch->name, cases[i].arch);
        else
            assert_null(d.space.arch->name);
        const struct space_thread *t = &d.space.threads[0];
        assert_int_equal(d.info->threads[0].has_context, cases[i].read);
        if (cases[i].read) {
            assert_int_equal(t->ip, 0x11);
            assert_int_equal(t->sp, 0x22);
            assert_int_equal(t->fp, 0x33);
            assert_int_equal(t->registers[cases[i].ip_index], 0x11);
        } else {
            assert_true(minidump_warned(&d, "threads whose registers could not be read", 1));
        }
        minidump_close_dump(&d);
    }
}

static void minidump_takes_the_exceptions_registers_where_the_thread_has_none(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, "system arch=9\nthread id=7 context=0\nexception id=7 code=0xe0434352 ip=0x55\n");
    assert_true(d.ok);
    assert_int_equal(d.space.threads[0].ip, 0x55);
    minidump_close_dump(&d);
}

/* The thread's own are in the handler, or in the call in which it waits for the writer. */
static void minidump_takes_the_registers_of_the_crash(void **state) {
    (void)state;
    static const struct {
        const char *exception;
        uint64_t ip;
    } cases[] = {
        {"exception id=7 code=0xc0000005 ip=0x55 sp=0x2000", 0x55},
        {"exception id=8 code=0xc0000005 ip=0x55 sp=0x2000", 0x11},  /* another thread's */
        {"exception id=7 code=0x0517a7ed ip=0x55 sp=0x2000", 0x11},  /* nobody's */
        {"exception id=7 code=0xc0000005 ip=0x55 context=16", 0x11}, /* cut */
        {"exception id=7 code=0xc0000005", 0x11},                    /* left empty */
        {"exception id=7 code=0xc0000005 ip=0 sp=0x2000", 0},        /* a call of nothing */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct dump d;
        struct strbuf spec;
        strbuf_init(&spec);
        strbuf_addf(&spec,
                    "system arch=9\nthread id=7 ip=0x11 sp=0x1000\nthread id=8 ip=0x22\n%s\n",
                    cases[i].exception);
        open_spec(&d, strbuf_cstr(&spec));
        assert_true(d.ok);
        assert_int_equal(d.space.threads[0].ip, cases[i].ip);
        minidump_close_dump(&d);
        strbuf_deinit(&spec);
    }
}

static void minidump_names_dumps_that_are_none(void **state) {
    (void)state;
    static const struct {
        const char *head, *message;
        enum err_code code;
        bool probe;
    } cases[] = {
        {"PAGEDU64................................", "is a kernel dump (PAGEDU64", ERR_UNSUPPORTED,
         true},
        {"PAGEDUMP................................", "is a kernel dump (PAGEDUMP", ERR_UNSUPPORTED,
         true},
        {"USERDU64................................", "is a user dump in the format before",
         ERR_UNSUPPORTED, true},
        {"\x7f"
         "ELF.....................................",
         "is no minidump: starts with", ERR_FORMAT, false},
        {"MDMP........................................", "minidump version is 0x2e2e", ERR_FORMAT,
         true},
        {"MDMP", "minidump header needs more bytes", ERR_TRUNCATED, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bytes file = {(const uint8_t *)cases[i].head, strlen(cases[i].head)};
        struct minidump_info *info;
        struct space s;
        struct err err;
        assert_int_equal(minidump_probe(file), cases[i].probe);
        space_init(&s);
        assert_false(minidump_open(&s, file, &info, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_memory_equal(err.msg, cases[i].message, strlen(cases[i].message));
        space_deinit(&s);
    }
}

static void minidump_recognises_breakpad_and_crashpad(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, "system arch=9 platform=0x8201\nlist of=thread pad=1\nthread id=1 ip=5\n"
                  "stream type=0x47670003 hex=\"00\"\nstream type=0x47670004 hex=\"00\"\n");
    assert_true(d.ok);
    assert_true(d.info->foreign);
    assert_string_equal(d.info->writer, "Breakpad");
    assert_string_equal(d.info->system_name, "Linux");
    assert_int_equal(d.space.thread_count, 1);
    assert_int_equal(d.space.threads[0].os_id, 1);
    assert_int_equal(d.space.threads[0].ip, 5);
    minidump_close_dump(&d);
    open_spec(&d, "system arch=9\nstream type=0x43500001 hex=\"00\"\n");
    assert_string_equal(d.info->writer, "Crashpad");
    assert_false(d.info->foreign);
    minidump_close_dump(&d);
}

/* A count, size or offset that lies: a warning each, and what fits is read. */
static void minidump_does_not_believe_counts_and_offsets(void **state) {
    (void)state;
    static const struct {
        const char *spec, *warning;
        uint64_t count;
    } cases[] = {
        {"thread id=1 context=0\nlist of=thread count=0xffffffff\n",
         "thread list: entries past its end were skipped", 0xfffffffe},
        {"module base=1\nlist of=module count=3\n",
         "module list: entries past its end were skipped", 2},
        {"module base=1\nlist of=module size=2\n", "module list: is cut off", UINT64_MAX},
        {"memory at=1 size=1\nlist of=memory count=2\n",
         "memory list: entries past its end were skipped", 1},
        {"memory64 at=1 size=1\nlist of=memory64 count=0xffffffffffffffff\n",
         "64-bit memory list: entries past its end were skipped", 0xfffffffffffffffe},
        {"memory64 at=1 size=1\nlist of=memory64 size=8\n", "64-bit memory list: is cut off",
         UINT64_MAX},
        {"region base=0 size=1\nlist of=region count=0x1000000000000001\n",
         "memory info list: entries past its end were skipped", 0x1000000000000000},
        {"region base=0 size=1\nlist of=region entry=47\n",
         "memory info list: a head of 16 and entries of 47 bytes make no sense", UINT64_MAX},
        {"region base=0xfffffffffffff000 size=0x2000\n",
         "memory info list: entries without sense were skipped", 1},
        {"threadinfo id=1\nlist of=threadinfo entry=0\n",
         "thread info list: a head of 12 and entries of 0 bytes make no sense", UINT64_MAX},
        {"handle type=\"x\"\nlist of=handle entry=8\n",
         "handle data: a head of 16 and entries of 8 bytes make no sense", UINT64_MAX},
        {"handle type=\"x\"\nlist of=handle rva=0xfffffff0\n",
         "handle data: bytes past the end of the file", 48},
        {"unloaded base=1\nlist of=unloaded count=9\n",
         "unloaded module list: entries past its end were skipped", 8},
        {"threadname id=1 name=\"x\"\nlist of=threadname count=2\n",
         "thread names: entries past its end were skipped", 1},
        {"exception id=1\nlist of=exception size=100\n", "exception: is cut off", UINT64_MAX},
        {"misc pid=1\nlist of=misc size=8\n", "misc info: is cut off", UINT64_MAX},
        {"counters revision=7\n", "process VM counters: revision 7 is not known", UINT64_MAX},
        {"module base=0xffffffffffffff00 size=0x1000\n",
         "modules reach past the end of the address space", 1},
        {"module base=1 rva=0xfffffff0\n", "names lie past the end of the file", 1},
        {"module base=1 rva=0x14\n", "names lie past the end of the file", 1},
        {"thread id=1 context=0\nthread id=1 context=0\n", "threads listed twice", 1},
        {"memory64 at=0x1000 size=4 claim=0x4141414141414141\n",
         "bytes of memory are missing: the file was cut", 0x4141414141414141 - 4},
        {"memory64 at=0xfffffffffffffffe size=4\n",
         "memory ranges reach past the end of the address space", 1},
        {"memory at=0x1000 size=4 rva=0xffffffff\n",
         "bytes of memory are missing: the file was cut", 4},
        {"header streams=1791\n", "streams of the directory are past the file's end", 1778},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct dump d;
        open_spec(&d, cases[i].spec);
        assert_true(d.ok);
        if (!minidump_warned(&d, cases[i].warning, cases[i].count))
            fail_msg("%s: no warning \"%s\"", cases[i].spec, cases[i].warning);
        minidump_close_dump(&d);
    }
}

static void minidump_refuses_a_directory_past_the_end(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, "header directory=0xfffffff0\n");
    assert_false(d.ok);
    assert_int_equal(d.err.code, ERR_FORMAT);
    assert_int_equal(d.err.offset, 0xfffffff0);
    minidump_close_dump(&d);
}

static void minidump_of_a_writer_that_was_killed_has_no_memory(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, "thread id=1 ip=1\nmodule base=1 name=\"a.exe\"\n"
                  "memory64 at=0x1000 size=4096\nlist of=memory64 drop=1\n");
    assert_true(d.ok);
    assert_false(d.info->has_memory);
    assert_true(minidump_warned(
        &d, "no memory in this dump (its writer was stopped, or was not asked for it)",
        UINT64_MAX));
    assert_int_equal(d.space.thread_count, 1);
    minidump_close_dump(&d);
}

static void minidump_clips_overlapping_and_sorts_unsorted_ranges(void **state) {
    (void)state;
    struct dump d;
    open_spec(&d, "memory64 at=0x3000 fill=3 size=16\nmemory64 at=0x1000 fill=1 size=16\n"
                  "memory64 at=0x1008 fill=2 size=16\nmemory at=0x1004 fill=4 size=4\n"
                  "memory64 at=0x1000 fill=1 size=8\n");
    assert_true(d.ok);
    assert_int_equal(d.space.range_count, 3);
    uint8_t out[24];
    assert_true(space_read(&d.space, 0x1000, out, sizeof(out)));
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(out[i], i < 16 ? 1 : 2);
    assert_true(space_read(&d.space, 0x3000, out, 16));
    assert_int_equal(d.info->note_count, 1);
    assert_int_equal(d.info->notes[0].count, 8 + 8 + 4);
    minidump_close_dump(&d);
}

static void minidump_of_94800_tiny_ranges_opens_at_once(void **state) {
    (void)state;
    static const char *const specs[] = {
        "memory64 at=0x10000 step=16 times=94800 size=8 fill=7\n",
        "memory at=0x10000 step=8 times=94800 size=8 fill=7\n",
        "memory at=0x7fff0000 step=0xfffffffffffffff8 times=94800 size=8 fill=7\n",
        "memory at=0x10000 step=1 times=94800 size=8 fill=7\n",
    };
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        struct bytes file = mk_minidump(specs[i]);
        struct dump d;
        dump_of(&d, file);
        assert_true(d.ok);
        uint8_t byte;
        for (uint64_t at = 0x10000; at < 0x10000 + 94800 * 8; at += 4096)
            if (!space_u8(&d.space, at, &byte) && i == 1)
                fail();
        minidump_close_dump(&d);
    }
}

/* Each prefix in memory of exactly its size, so that one byte too far is seen. */
static void minidump_opens_or_refuses_every_prefix(void **state) {
    (void)state;
    struct bytes file = mk_minidump(good);
    uint32_t opened = 0;
    for (size_t n = 0; n < file.size; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, file.data, n);
        struct dump d;
        dump_of(&d, (struct bytes){copy, n});
        if (d.ok) {
            opened++;
            assert_true(d.space.warning_count > 0);
        } else {
            assert_true(d.err.msg[0] != 0);
        }
        minidump_close_dump(&d);
    }
    assert_true(opened > file.size / 2);
    free((void *)(uintptr_t)file.data);
}

static void minidump_cut_in_its_memory_reads_the_rest(void **state) {
    (void)state;
    struct bytes file = mk_minidump(good);
    struct dump d;
    file.size -= 1;
    dump_of(&d, file);
    assert_true(d.ok);
    assert_int_equal(d.info->cut_bytes, 1);
    uint8_t out[63];
    assert_true(space_read(&d.space, 0x140000000, out, 63));
    assert_false(space_u8(&d.space, 0x140000000 + 63, out));
    minidump_close_dump(&d);
}

/* Payload beyond 4 GB: only the running sum can find it. The file is a hole but for its ends. */
static void minidump_over_4_gb_is_read_by_the_running_sum(void **state) {
    (void)state;
    const uint64_t gap = (uint64_t)4800 << 20;
    struct bytes small = mk_minidump("memory64 at=0x100000000 size=16 fill=1 claim=5033164800\n"
                                     "memory64 at=0x700000000 hex=\"de ad be ef\"\n");
    uint8_t *big = mmap(NULL, small.size + gap, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (big == MAP_FAILED) {
        print_message("no address space for 5 GB\n");
        free((void *)(uintptr_t)small.data);
        skip();
    }
    memcpy(big, small.data, small.size - 4);
    memcpy(big + small.size - 20 + gap, small.data + small.size - 4, 4);
    struct dump d;
    dump_of(&d, (struct bytes){big, small.size + gap});
    assert_true(d.ok);
    assert_int_equal(d.info->cut_bytes, 0);
    uint32_t word;
    assert_true(space_u32(&d.space, 0x700000000, &word));
    assert_int_equal(word, 0xefbeadde);
    space_deinit(&d.space);
    munmap(big, small.size + gap);
    free((void *)(uintptr_t)small.data);
}

/* A million modules that share one long name must not cost a million names. */
static void minidump_names_have_a_budget(void **state) {
    (void)state;
    struct strbuf spec;
    strbuf_init(&spec);
    strbuf_adds(&spec, "stream type=0xfff0 hex=\"ff ff 00 00\"\n");
    strbuf_adds(&spec, "stream type=0xfff1 hex=\"");
    for (size_t i = 0; i < 70000; i++)
        strbuf_adds(&spec, "41");
    strbuf_adds(&spec, "\"\n");
    for (size_t i = 0; i < 1000; i++)
        strbuf_adds(&spec, "module base=1 rva=212\n");
    struct dump d;
    open_spec(&d, strbuf_cstr(&spec));
    assert_true(d.ok);
    assert_true(minidump_warned(&d, "names beyond 32 MiB of them were skipped", 488));
    assert_true(d.space.arena.used_bytes < (size_t)64 << 20);
    minidump_close_dump(&d);
    strbuf_deinit(&spec);
}

/* The golden cases and the fuzzer use these dumps. */
static void minidump_corpus_is_made_of_its_texts(void **state) {
    (void)state;
    static const struct made_format format = {"minidump", "dmp", mk_minidump, NULL};
    static const char *const names[] = {"mill", "crashpad-linux", "old-lying"};
    made_corpus_is_that(&format, names, sizeof(names) / sizeof(*names));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minidump_gives_process_and_system),
        cmocka_unit_test(minidump_joins_threads_with_times_names_and_registers),
        cmocka_unit_test(minidump_lists_modules_and_handles),
        cmocka_unit_test(minidump_reads_across_adjacent_ranges),
        cmocka_unit_test(minidump_reads_contexts_of_each_processor),
        cmocka_unit_test(minidump_takes_the_exceptions_registers_where_the_thread_has_none),
        cmocka_unit_test(minidump_takes_the_registers_of_the_crash),
        cmocka_unit_test(minidump_names_dumps_that_are_none),
        cmocka_unit_test(minidump_recognises_breakpad_and_crashpad),
        cmocka_unit_test(minidump_does_not_believe_counts_and_offsets),
        cmocka_unit_test(minidump_refuses_a_directory_past_the_end),
        cmocka_unit_test(minidump_of_a_writer_that_was_killed_has_no_memory),
        cmocka_unit_test(minidump_clips_overlapping_and_sorts_unsorted_ranges),
        cmocka_unit_test(minidump_of_94800_tiny_ranges_opens_at_once),
        cmocka_unit_test(minidump_opens_or_refuses_every_prefix),
        cmocka_unit_test(minidump_cut_in_its_memory_reads_the_rest),
        cmocka_unit_test(minidump_over_4_gb_is_read_by_the_running_sum),
        cmocka_unit_test(minidump_names_have_a_budget),
        cmocka_unit_test(minidump_corpus_is_made_of_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
