/* ELF cores: threads, mappings, images; hostile and cut files. */
#include "base/file.h"
#include "input/input.h"
#include "memory/arch/arch.h"
#include "memory/elf/elf.h"
#include "memory/memory_use.h"
#include "memory/stacks/native_stacks.h"
#include "tests/support/mk_elf_core.h"
#include "tests/support/mk_library.h"
#include "model/rows_threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char good[] =
    "process pid=70 name=\"mill\"\n"
    "auxv page=4096\n"
    "file start=0x10000 end=0x11000 offset=0 name=\"/opt/mill/mill\"\n"
    "file start=0x11000 end=0x14000 offset=1 name=\"/opt/mill/mill\"\n"
    "file start=0x20000 end=0x22000 offset=0 name=\"/opt/mill/table.dat\"\n"
    "file start=0x30000 end=0x31000 offset=0 name=\"/lib/libgrind.so.2\"\n"
    "thread id=70 ip=0x10100 sp=0x40100 fp=0x40140 orig=202 fs=0\n"
    "fp fill=7\n"
    "thread id=71 ip=0x10200 sp=0x50010 orig=0xffffffffffffffff\n"
    "image at=0x10000 build=\"00 1f ab\" top=0x5000 flags=5\n"
    "segment at=0x11000 mem=0x3000 flags=5\n"
    "segment at=0x20000 mem=0x2000 flags=4\n"
    "segment at=0x40000 fill=1 size=0x200 flags=6\n"
    "segment at=0x40200 fill=2 size=0x100 flags=6\n"
    "segment at=0x50000 hex=\"00 01 02 03 04 05 06 07 08 09\" mem=0x1000 flags=6\n"
    "segment at=0x60000 mem=0x8000 flags=4\n"
    "segment at=0x70000 mem=0x8000 flags=0\n";

struct core {
    struct bytes file;
    struct space space;
    uint64_t cut;
    struct err err;
    bool ok;
};

static void core_of(struct core *c, const char *spec) {
    *c = (struct core){.file = mk_elf_core(spec)};
    c->ok = elf_core_open(&c->space, c->file, &c->cut, &c->err);
}

static void elf_core_drop(struct core *c) {
    if (c->ok)
        space_deinit(&c->space);
    free((void *)(uintptr_t)c->file.data);
}

static bool warns(const struct space *s, const char *part) {
    for (uint32_t i = 0; i < s->warning_count; i++)
        if (strstr(s->warnings[i].text, part))
            return true;
    return false;
}

static void core_gives_process_threads_and_memory(void **state) {
    (void)state;
    struct core c;
    core_of(&c, good);
    assert_true(c.ok);
    const struct space *s = &c.space;
    assert_int_equal(s->warning_count, 0);
    assert_int_equal(c.cut, 0);
    assert_string_equal(s->arch->name, "x64");
    assert_int_equal(s->pid, 70);
    assert_string_equal(s->process, "mill");
    assert_int_equal(s->thread_count, 2);
    assert_int_equal(s->threads[0].os_id, 70);
    assert_int_equal(s->threads[0].ip, 0x10100);
    assert_int_equal(s->threads[0].sp, 0x40100);
    assert_int_equal(s->threads[0].fp, 0x40140);
    assert_int_equal(s->threads[0].registers[15], 202);
    assert_true(s->threads[0].fp_hash != 0);
    assert_true(s->threads[1].registers[15] == UINT64_MAX);
    assert_int_equal(s->threads[1].fp_hash, 0);
    /* All zero: nobody recorded them. */
    assert_true(s->threads[0].user_ns == UINT64_MAX && s->threads[1].kernel_ns == UINT64_MAX);
    uint64_t word;
    assert_true(space_u64(&c.space, 0x401fc, &word));
    assert_true(word == 0x0202020201010101);
    assert_true(space_u64(&c.space, 0x50002, &word));
    assert_false(space_u64(&c.space, 0x50003, &word));
    assert_false(space_u64(&c.space, 0x11000, &word));
    elf_core_drop(&c);
}

static void core_joins_files_and_segments_to_mappings(void **state) {
    (void)state;
    static const struct {
        uint64_t start, end;
        const char *file;
        uint32_t flags;
    } expected[] = {
        {0x10000, 0x11000, "/opt/mill/mill", MAP_READ | MAP_EXEC},
        {0x11000, 0x14000, "/opt/mill/mill", MAP_READ | MAP_EXEC},
        {0x14000, 0x15000, NULL, MAP_READ | MAP_EXEC},
        {0x20000, 0x22000, "/opt/mill/table.dat", MAP_READ},
        {0x30000, 0x31000, "/lib/libgrind.so.2", 0},
        {0x40000, 0x40200, NULL, MAP_READ | MAP_WRITE},
        {0x40200, 0x40300, NULL, MAP_READ | MAP_WRITE},
        {0x50000, 0x51000, NULL, MAP_READ | MAP_WRITE},
        {0x60000, 0x68000, NULL, MAP_READ},
        {0x70000, 0x78000, NULL, 0},
    };
    struct core c;
    core_of(&c, good);
    assert_int_equal(c.space.mapping_count, sizeof(expected) / sizeof(*expected));
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        const struct space_mapping *m = &c.space.mappings[i];
        assert_int_equal(m->start, expected[i].start);
        assert_int_equal(m->end, expected[i].end);
        assert_int_equal(m->flags, expected[i].flags);
        assert_true((m->file != NULL) == (expected[i].file != NULL));
        if (m->file)
            assert_string_equal(m->file, expected[i].file);
    }
    elf_core_drop(&c);
}

static void core_lists_images_not_data_files(void **state) {
    (void)state;
    struct core c;
    core_of(&c, good);
    assert_int_equal(c.space.module_count, 2);
    assert_string_equal(c.space.modules[0].path, "/opt/mill/mill");
    assert_string_equal(c.space.modules[0].build_id, "001fab");
    assert_int_equal(c.space.modules[0].base, 0x10000);
    assert_int_equal(c.space.modules[0].end, 0x15000);
    /* Not in memory, but named as a library. */
    assert_string_equal(c.space.modules[1].path, "/lib/libgrind.so.2");
    assert_null(c.space.modules[1].build_id);
    assert_int_equal(c.space.missing_bytes, 0);
    elf_core_drop(&c);
}

static void core_sums_memory_by_use(void **state) {
    (void)state;
    struct core c;
    core_of(&c, good);
    struct memory_use uses[USE_COUNT];
    assert_true(space_claim(&c.space, 0x60000, 0x62000, USE_GC_HEAP, &c.err));
    assert_true(space_claim(&c.space, 0x61000, 0x63000, USE_GC_BOOKKEEPING, &c.err));
    assert_true(memory_use_sum(&c.space, uses, &c.err));
    static const uint64_t bytes[USE_COUNT] = {
        [USE_GC_HEAP] = 0x2000,     [USE_GC_BOOKKEEPING] = 0x1000, [USE_STACK] = 0x1200,
        [USE_IMAGE] = 0x6000,       [USE_MAPPED_FILE] = 0x2000,    [USE_NATIVE] = 0x100,
        [USE_UNACCOUNTED] = 0x5000,
    };
    uint64_t sum = 0, mapped = 0;
    for (int i = 0; i < USE_COUNT; i++) {
        assert_int_equal(uses[i].bytes, bytes[i]);
        sum += uses[i].bytes;
    }
    for (uint32_t i = 0; i < c.space.mapping_count; i++)
        mapped += c.space.mappings[i].end - c.space.mappings[i].start;
    assert_int_equal(sum, mapped - 0x8000); /* all but what is only reserved */
    assert_int_equal(uses[USE_STACK].held, 0x20a);
    assert_int_equal(uses[USE_GC_HEAP].regions, 1);
    elf_core_drop(&c);
}

static void core_calls_memory_between_code_the_loaders(void **state) {
    (void)state;
    struct core c;
    core_of(&c, "auxv\nthread id=1 sp=0x91000\n"
                "file start=0x43000 end=0x44000 name=\"/app/a.dll\"\n"
                "segment at=0x30000 mem=0x1000 flags=6\n" /* near, but not between: native */
                "segment at=0x41000 mem=0x1000 flags=5\n" /* code */
                "segment at=0x42000 mem=0x1000 flags=6\n" /* between, across the assembly */
                "segment at=0x44000 mem=0x1000 flags=6\n"
                "segment at=0x45000 mem=0x1000 flags=5\n" /* code */
                "segment at=0x46000 mem=0x1000 flags=6\n" /* behind: native */
                "segment at=0x90000 mem=0x2000 flags=6\n" /* a stack ends the run */
                "segment at=0x92000 mem=0x1000 flags=5\n");
    struct memory_use uses[USE_COUNT];
    assert_true(memory_use_sum(&c.space, uses, &c.err));
    assert_int_equal(uses[USE_LOADER_JIT].bytes, 0x5000);
    assert_int_equal(uses[USE_NATIVE].bytes, 0x2000);
    assert_int_equal(uses[USE_STACK].bytes, 0x2000);
    elf_core_drop(&c);
}

/* The kernel shows what is mapped right behind a stack as one mapping with it. */
static void core_ends_a_stack_with_its_control_block(void **state) {
    (void)state;
    struct core c;
    core_of(&c, "auxv\nthread id=1 sp=0x91000 fs=0x917c0\n"
                "segment at=0x90000 mem=0x20000 flags=6\n");
    struct memory_use uses[USE_COUNT];
    assert_true(memory_use_sum(&c.space, uses, &c.err));
    assert_int_equal(uses[USE_STACK].bytes, 0x3000);
    assert_int_equal(uses[USE_NATIVE].bytes, 0x1d000);
    elf_core_drop(&c);
}

static void core_of_the_kernel_gives_the_leader_its_own_time(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        uint64_t user, kernel; /* [us] of the leader */
        bool is_rest;
    } cases[] = {
        {"process pid=7 name=\"a\"\nthread id=8 user=3000000 kernel=10\n"
         "thread id=7 user=5000000 kernel=30\nsegment at=0x1000 size=8\n",
         2000000, 20, true},
        {"process pid=7 name=\"a\"\nthread id=7 user=5000000\nsegment at=0x1000 size=8\n", 5000000,
         0, false},
        /* less than the others together: it is no sum */
        {"process pid=7 name=\"a\"\nthread id=7 user=1\nthread id=8 user=5\nsegment at=0x1000 "
         "size=8\n",
         1, 0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct core c;
        core_of(&c, cases[i].spec);
        assert_true(c.ok);
        for (uint32_t k = 0; k < c.space.thread_count; k++)
            if (c.space.threads[k].os_id == 7) {
                assert_int_equal(c.space.threads[k].user_ns, cases[i].user * 1000);
                assert_int_equal(c.space.threads[k].kernel_ns, cases[i].kernel * 1000);
            }
        assert_int_equal(c.space.leader_time_is_rest, cases[i].is_rest);
        elf_core_drop(&c);
    }
}

static void core_takes_the_long_name_from_execfn(void **state) {
    (void)state;
    struct core c;
    core_of(&c, "process pid=7 name=\"order-service-w\"\nauxv exec=0x1000\nthread id=7\n"
                "segment at=0x1000 name=\"/srv/bin/order-service-worker\"\n");
    assert_string_equal(c.space.process, "order-service-worker");
    elf_core_drop(&c);
}

static void core_may_have_more_segments_than_the_header_can_count(void **state) {
    (void)state;
    struct core c;
    core_of(&c, "header extended=1\nthread id=7\nsegment at=0x1000 size=1 fill=9 times=70000 "
                "step=0x1000\n");
    assert_true(c.ok);
    assert_int_equal(c.space.range_count, 70000);
    uint8_t byte;
    assert_true(space_u8(&c.space, 0x1000 + 69999 * 0x1000, &byte));
    assert_int_equal(byte, 9);
    space_deinit(&c.space);
    /* The section header stands last, so that a cut takes it. */
    c.ok = elf_core_open(&c.space, bytes_slice(c.file, 0, c.file.size - 64), &c.cut, &c.err);
    assert_true(c.ok);
    assert_int_equal(c.space.range_count, 70000);
    assert_true(warns(&c.space, "number of segments is cut off"));
    elf_core_drop(&c);
}

static void core_refuses_what_it_cannot_read(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        enum err_code code;
        const char *says;
    } cases[] = {
        {"header class=1\n", ERR_UNSUPPORTED, "32-bit"},
        {"header data=2\n", ERR_UNSUPPORTED, "big-endian"},
        {"header class=9\n", ERR_FORMAT, "class 9"},
        {"header type=3\n", ERR_UNSUPPORTED, "program or library, not a core"},
        {"header phnum=0\n", ERR_FORMAT, "without program headers"},
        {"header phentsize=55\n", ERR_FORMAT, "55 bytes"},
        {"header phoff=0xffffffffffffffff\n", ERR_TRUNCATED, "behind the end"},
        {"header phoff=0x7fffffff phnum=0xffff\n", ERR_TRUNCATED, "behind the end"},
        {"segment at=0x1000 size=8 offset=0x100000\n", ERR_TRUNCATED, "holds nothing"},
        {"note type=1 hex=\"00\" owner=\"NetBSD-CORE\"\nsegment at=0x1000 size=8\n",
         ERR_UNSUPPORTED, "is a core of NetBSD"},
        {"note type=32 hex=\"00\" owner=\"NetBSD-CORE@1\"\nsegment at=0x1000 size=8\n",
         ERR_UNSUPPORTED, "is a core of NetBSD"},
        {"note type=1 hex=\"00\" owner=\"FreeBSD\"\nsegment at=0x1000 size=8\n", ERR_UNSUPPORTED,
         "is a core of FreeBSD"},
        {"thread id=1\nnote type=99 hex=\"00\" owner=\"VMCOREINFO\"\nsegment at=0x1000 size=8\n",
         ERR_UNSUPPORTED, "of the Linux kernel (vmcore), not of a process"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct core c;
        core_of(&c, cases[i].spec);
        if (c.ok)
            print_message("case %zu was taken\n", i);
        assert_false(c.ok);
        assert_int_equal(c.err.code, cases[i].code);
        assert_non_null(strstr(c.err.msg, cases[i].says));
        elf_core_drop(&c);
    }
}

static void core_says_what_it_skipped(void **state) {
    (void)state;
    static const struct {
        const char *spec, *says;
    } cases[] = {
        {"segment at=0x1000 size=8\n", "no threads"},
        {"thread id=1\nsegment at=0x1000 size=8\n", "no list of mapped files"},
        {"header machine=243\nthread id=1\nsegment at=0x1000 size=8\n",
         "processor is riscv64 (ELF machine 243): registers are not read"},
        {"header machine=9\nthread id=1\nsegment at=0x1000 size=8\n", "processor is not known"},
        {"thread id=0\nthread id=1\nsegment at=0x1000 size=8\n", "threads without a number"},
        {"thread id=1 size=320\nsegment at=0x1000 size=8\n", "shorter than this CPU's"},
        {"note type=1 hex=\"00\" size=5000\nsegment at=0x1000 size=8\n", "runs past its segment"},
        {"note type=1 hex=\"00\" name_size=0xffffffff\nsegment at=0x1000 size=8\n",
         "runs past its segment"},
        {"file start=1 end=2 name=\"a\" count=0x1000000000000000\nsegment at=0x1000 size=8\n",
         "runs past its note"},
        {"file start=1 end=2 name=\"a\" count=2\nsegment at=0x1000 size=8\n", "mapped files"},
        {"file start=2 end=1 name=\"a\"\nsegment at=0x1000 size=8\n", "end before they start"},
        {"header phnum=900\nthread id=1\nsegment at=0x1000 size=8\n", "headers are cut off"},
        {"segment at=0xfffffffffffffff0 size=8 mem=0x100\nsegment at=0x1000 size=8\n",
         "past the end of the address space"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct core c;
        core_of(&c, cases[i].spec);
        if (!c.ok)
            print_message("case %zu: %s\n", i, c.err.msg);
        assert_true(c.ok);
        if (!warns(&c.space, cases[i].says))
            print_message("case %zu does not say: %s\n", i, cases[i].says);
        assert_true(warns(&c.space, cases[i].says));
        elf_core_drop(&c);
    }
}

static void core_of_another_processor_says_which(void **state) {
    (void)state;
    struct core c;
    core_of(&c, "header machine=243\nthread id=1\nsegment at=0x1000 size=8\n");
    assert_true(c.ok);
    assert_string_equal(c.space.processor, "riscv64");
    assert_null(c.space.arch->name);
    elf_core_drop(&c);
    core_of(&c, "header machine=9\nthread id=1\nsegment at=0x1000 size=8\n");
    assert_true(c.ok);
    assert_null(c.space.processor);
    elf_core_drop(&c);
}

static void core_survives_overlapping_segments(void **state) {
    (void)state;
    struct core c;
    core_of(&c, "thread id=1\nsegment at=0x1000 fill=1 size=0x100\n"
                "segment at=0x1080 fill=2 size=0x100\nsegment at=0x1000 fill=3 size=0x10\n"
                "segment at=0 mem=0xffffffffffffffff\n");
    assert_true(c.ok);
    uint8_t byte;
    assert_true(space_u8(&c.space, 0x1000, &byte) && byte == 1);
    assert_true(space_u8(&c.space, 0x10ff, &byte) && byte == 1);
    assert_true(space_u8(&c.space, 0x1100, &byte) && byte == 2);
    elf_core_drop(&c);
}

/* 4,000 segments of the same 256 KiB would make a gigabyte out of half a megabyte. */
static void core_does_not_grow_by_segments_that_share_bytes(void **state) {
    (void)state;
    const uint32_t count = 4000;
    const size_t size = 512 << 10;
    uint8_t *file = calloc(1, size);
    struct space s;
    struct err err = {.msg = ""};
    uint64_t cut, bytes = 0;
    assert_non_null(file);
    memcpy(file, "\x7f\x45LF\2\1\1", 7);
    file[16] = 4;  /* ET_CORE */
    file[18] = 62; /* x86-64 */
    file[32] = 64; /* program headers */
    file[54] = 56;
    file[56] = (uint8_t)count;
    file[57] = (uint8_t)(count >> 8);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *p = file + 64 + 56 * i;
        uint64_t at = 0x10000000 + ((uint64_t)i << 20), held = 256 << 10, from = size - held;
        p[0] = 1; /* PT_LOAD */
        p[4] = 4;
        memcpy(p + 8, &from, 8);
        memcpy(p + 16, &at, 8);
        memcpy(p + 32, &held, 8);
        memcpy(p + 40, &held, 8);
    }
    assert_true(elf_core_open(&s, (struct bytes){file, size}, &cut, &err));
    for (uint32_t i = 0; i < s.range_count; i++)
        bytes += s.ranges[i].end - s.ranges[i].start;
    assert_in_range(bytes, size, 8 * size);
    assert_true(warns(&s, "share their bytes"));
    space_deinit(&s);
    free(file);
}

static void core_cut_anywhere_gives_what_is_there(void **state) {
    (void)state;
    struct bytes file = mk_elf_core(good);
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, file.data, size);
        struct space s;
        struct err err;
        uint64_t cut;
        if (elf_core_open(&s, (struct bytes){copy, size}, &cut, &err)) {
            assert_true(cut > 0 || s.warning_count > 0);
            space_deinit(&s);
        } else {
            assert_true(err.code != ERR_NONE && err.msg[0]);
        }
        free(copy);
    }
    free((void *)(uintptr_t)file.data);
}

/* -- Native stacks ----------------------------------------------------------------------------- */

static void native_stacks_stop_where_they_are_led_astray(void **state) {
    (void)state;
    /* rip in an image of which only the header is there, rbp in a circle */
    struct core c;
    core_of(&c, "auxv\nfile start=0x10000 end=0x11000 name=\"/lib/a.so\"\n"
                "thread id=1 ip=0x10100 sp=0x40000 fp=0x40000\n"
                "thread id=2 ip=0x77777 sp=0x40000\n"
                "image at=0x10000 build=\"01 02\" flags=5\n"
                "segment at=0x40000 hex=\"00 00 04 00 00 00 00 00 00 01 01 00 00 00 00 00\"\n");
    struct native_stack *stacks;
    uint32_t missing;
    assert_true(native_frames_read(&c.space, &stacks, &missing, &c.err));
    assert_true(stacks[0].count >= 1 && stacks[0].count <= NATIVE_FRAMES_MAX);
    assert_string_equal(stacks[0].frames[0], "a.so+0x100");
    assert_int_equal(stacks[1].count, 0);
    assert_int_equal(missing, 1);
    elf_core_drop(&c);
}

/* The text of a fixture, to be freed. */
static char *text_of(const char *folder, const char *name) {
    struct file text;
    struct err err;
    char path[128];
    snprintf(path, sizeof(path), "tests/fixture/%s/%s.txt", folder, name);
    assert_true(file_open(&text, path, &err));
    char *copy = malloc(text.bytes.size + 1);
    assert_non_null(copy);
    memcpy(copy, text.bytes.data, text.bytes.size);
    copy[text.bytes.size] = '\0';
    file_close(&text);
    return copy;
}

static void native_stacks_follow_call_frame_information(void **state) {
    (void)state;
    struct core c;
    char *spec = text_of("unwind", "calls");
    core_of(&c, spec);
    free(spec);
    static const char *const names[] = {"libmill.so!Leaf", "libmill.so!Wait", "libmill.so!Pump",
                                        "libmill.so!Start"};
    struct native_stack *stacks;
    uint32_t missing;
    assert_true(native_frames_read(&c.space, &stacks, &missing, &c.err));
    assert_int_equal(missing, 0);
    assert_int_equal(stacks[0].count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(stacks[0].frames[i], names[i]);
    elf_core_drop(&c);
}

/*
 * The binary files in tests/fuzz/corpus are made from the texts in tests/fixture; with
 * UPDATE_FIXTURES set they are written anew.
 */
static void corpora_are_made_of_their_texts(void **state) {
    (void)state;
    static const struct {
        const char *folder, *name, *ending;
        struct bytes (*make)(const char *spec);
    } files[] = {
        {"elf_core", "mill-1", "core", mk_elf_core},    {"elf_core", "mill-2", "core", mk_elf_core},
        {"elf_core", "kernel", "core", mk_elf_core},    {"unwind", "calls", "core", mk_elf_core},
        {"unwind", "expressions", "core", mk_elf_core}, {"symbolize", "mill", "so", mk_library}};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct file file;
        struct err err;
        char path[128], *spec = text_of(files[i].folder, files[i].name);
        struct bytes made = files[i].make(spec);
        snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/%s.%s", files[i].folder, files[i].name,
                 files[i].ending);
        if (getenv("UPDATE_FIXTURES"))
            assert_true(file_write(
                path, fit_bytes((struct str){(const char *)made.data, made.size}), &err));
        assert_true(file_open(&file, path, &err));
        assert_int_equal(file.bytes.size, made.size);
        assert_memory_equal(file.bytes.data, made.data, made.size);
        file_close(&file);
        free((void *)(uintptr_t)made.data);
        free(spec);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_gives_process_threads_and_memory),
        cmocka_unit_test(core_joins_files_and_segments_to_mappings),
        cmocka_unit_test(core_lists_images_not_data_files),
        cmocka_unit_test(core_sums_memory_by_use),
        cmocka_unit_test(core_calls_memory_between_code_the_loaders),
        cmocka_unit_test(core_ends_a_stack_with_its_control_block),
        cmocka_unit_test(core_of_the_kernel_gives_the_leader_its_own_time),
        cmocka_unit_test(core_takes_the_long_name_from_execfn),
        cmocka_unit_test(core_may_have_more_segments_than_the_header_can_count),
        cmocka_unit_test(core_refuses_what_it_cannot_read),
        cmocka_unit_test(core_says_what_it_skipped),
        cmocka_unit_test(core_of_another_processor_says_which),
        cmocka_unit_test(core_survives_overlapping_segments),
        cmocka_unit_test(core_does_not_grow_by_segments_that_share_bytes),
        cmocka_unit_test(core_cut_anywhere_gives_what_is_there),
        cmocka_unit_test(native_stacks_stop_where_they_are_led_astray),
        cmocka_unit_test(native_stacks_follow_call_frame_information),
        cmocka_unit_test(corpora_are_made_of_their_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
