/* Texts in which allocators, runtimes, containers and the kernel say what memory is used for. */
#include "input/log/transcript.h"
#include "model/snapfile.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KIB ((uint64_t)1024)
#define MIB (KIB * KIB)

static void posted_moment(const char *name, uint64_t moment, struct snapshot *s) {
    char path[160];
    struct err err = {.msg = ""};
    const struct input_options options = {.moment = moment};
    snprintf(path, sizeof(path), "tests/fixture/transcripts/%s", name);
    snapshot_init(s);
    if (!input_read(path, &options, s, &err))
        fail_msg("%s", err.msg);
}

static void figures_are_those_that_are_printed(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t moment;
        const char *counter;
        uint64_t value;
    } cases[] = {
        {"malloc-stats_till.txt", 1, "malloc.system_bytes", 2007040},
        {"malloc-stats_till.txt", 2, "heap.outstanding_bytes", 41267120},
        {"malloc-stats_jemalloc.txt", 0, "malloc.retained_bytes", 2035712},
        {"malloc-stats_tcmalloc.txt", 0, "malloc.resident_bytes", 8298496},
        {"malloc-info_till.txt", 0, "heap.outstanding_bytes", 1486848 - 230160 + 520192},
        {"native-memory_till.txt", 1, "nmt.other.committed_bytes", (74752 - 65024) * KIB},
        {"native-memory_till.txt", 2, "nmt.thread.count", 38},
        {"native-memory_till.txt", 1, "nmt.native-memory-tracking.reserved_bytes", 4420 * KIB},
        {"container-stats_till.txt", 1, "container.till-1.memory_bytes", 110729626},
        {"container-stats_till.txt", 2, "container.printer.pids", 2},
        {"container-stats_pods.txt", 0, "pod.shop/till-5d7c9b8f6d-2xkqp.memory_bytes", 345 * MIB},
        {"memory-usage_node.txt", 1, "node.array_buffers_bytes", 93860},
        {"memory-usage_node.txt", 2, "process.rss_bytes", 912356800},
        {"memory-usage_go.txt", 2, "go.alloc_bytes", 203 * MIB},
        {"memory-usage_gctrace.txt", 1, "go.heap_live_bytes", 3 * MIB},
        {"ms-print_till.txt", 1, "heap.outstanding_bytes", 3050},
        {"ms-print_till.txt", 2, "heap.overhead_bytes", 650},
        {"ms-print_till.txt", 0, "heap.outstanding_bytes", 34914},
        {"pprof-text_goroutines.txt", 0, "go.goroutines", 1204},
        {"tasklist_till.txt", 1, "task.till.exe:4711.working_set_bytes", 112356 * KIB},
        {"tasklist_till.txt", 2, "task.till.exe:4711.working_set_bytes", 1912356 * KIB},
        {"tasklist_till.txt", 2, "task.Till Display.exe:4700.working_set_bytes", 48016 * KIB},
        {"tasklist_one.txt", 0, "process.working_set", 912356 * KIB},
        {"tasklist_list.txt", 0, "process.working_set", 912356 * KIB},
        {"kernel-oom_till.txt", 0, "task.till.rss_bytes", 1041992 * 4 * KIB},
        {"kernel-oom_till.txt", 0, "process.rss_bytes", (4152300 + 15668) * KIB},
        {"counters-screen_till.txt", 1, "gen-2-size", 31744976},
        {"counters-screen_till.txt", 2, "working-set", 767000000},
        {"counters-screen_till.txt", 2, "till.shop.receipts", 7},
        {"counters-screen_till_net9.txt", 0, "dotnet.gc.last_collection.heap.size.gen2", 31744976},
        {"counters-screen_till_net9.txt", 0, "dotnet.process.cpu.time.user", 12500000000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        posted_moment(cases[i].name, cases[i].moment, &s);
        if (rows_counter(&s, cases[i].counter) != cases[i].value)
            fail_msg("%s: %s is %llu", cases[i].name, cases[i].counter,
                     (unsigned long long)rows_counter(&s, cases[i].counter));
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static const struct stack_row *posted_memory_stack(const struct snapshot *s, const char *inner) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].frames.count && strcmp(rows[i].frames.items[0], inner) == 0)
            return &rows[i];
    fail_msg("no stack of %s", inner);
    return NULL;
}

static void a_difference_tells_of_two_moments(void **state) {
    (void)state;
    struct snapshot s;
    posted_moment("tracemalloc_till_diff.txt", 1, &s);
    assert_int_equal(posted_memory_stack(&s, "/opt/till/lines.py:27")->bytes, 55 * KIB);
    assert_int_equal(posted_memory_stack(&s, "/opt/till/receipt.py:31")->count, 9400);
    assert_int_equal(posted_memory_stack(&s, "/opt/till/till.py:9")->bytes, 0);
    snapshot_deinit(&s);
    posted_moment("tracemalloc_till_diff.txt", 2, &s);
    assert_int_equal(posted_memory_stack(&s, "/opt/till/lines.py:27")->bytes, 4855 * KIB);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL); /* lines are not listed */
    snapshot_deinit(&s);
    posted_moment("native-memory_till_detail.txt", 0, &s);
    const struct stack_row *row = posted_memory_stack(&s, "os::malloc(unsigned long, MEMFLAGS)");
    assert_int_equal(row->bytes, 512 * KIB);
    assert_int_equal(row->count, 16);
    assert_int_equal(row->frames.count, 3);
    snapshot_deinit(&s);
}

/* The path that ends in this type and begins at this root. */
static bool posted_path(const struct snapshot *s, const char *root, const char *type) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = i;
        if (!rows[i].own_objects || strcmp(rows[i].type, type) != 0)
            continue;
        while (rows[at].parent != ABSENT)
            at = rows[at].parent;
        if (strcmp(rows[at].root, root) == 0)
            return true;
    }
    return false;
}

static void roots_are_called_as_dumps_call_them(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("gcroot_till.txt", &s);
    assert_true(posted_path(&s, "stack of thread 0x1a2c in Shop.Till.Run(System.String[])",
                            "System.Byte[]"));
    assert_true(posted_path(&s, "static Shop.Till.s_lines", "System.Byte[]"));
    assert_true(posted_path(&s, "handle Pinned", "System.Byte[]"));
    assert_true(posted_path(&s, "finalizer queue", "Shop.PrinterLink"));
    snapshot_deinit(&s);
    fixture_read("gcroot_till_netfx2.txt", &s);
    assert_true(posted_path(&s, "stack", "Shop.Basket"));
    assert_true(posted_path(&s, "handle Pinned", "Shop.Basket"));
    snapshot_deinit(&s);
    fixture_must_read_text("0:042> !GCRoot 0330e9a8 Note: Roots found on stacks may be false "
                           "positives. DOMAIN(001C1050):HANDLE(RefCnt):d31460:Root:0330edf8(Shop."
                           "Com)-> 0330eedc(Shop.Till)-> 0330e9a8(Shop.Basket)\n",
                           &s);
    assert_true(posted_path(&s, "handle RefCnt", "Shop.Basket"));
    snapshot_deinit(&s);
    fixture_must_read_text("0:004> !gcroot 00a63e2c\nScan Thread 0 OSTHread 1598\n\n"
                           "->00a63e88(Shop.List`1[[Shop.Till, shop]])\n",
                           &s);
    assert_true(posted_path(&s, "[root not told]", "Shop.List`1[[Shop.Till, shop]]"));
    snapshot_deinit(&s);
}

static void shots_of_mono_have_columns_of_their_own(void **state) {
    (void)state;
    struct snapshot s;
    posted_moment("heapshot_till.txt", 2, &s);
    assert_int_equal(snapshot_totals(&s).objects, 2613);
    assert_int_equal(snapshot_totals(&s).bytes, 250490);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static uint64_t posted_handles(const struct snapshot *s, const char *type) {
    SNAPSHOT_ROWS(s, PART_OS_HANDLES, struct os_handle_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].type, type) == 0)
            return rows[i].count;
    return 0;
}

static void handles_are_counted_by_type_however_they_are_listed(void **state) {
    (void)state;
    static const struct {
        const char *name, *type;
        uint64_t count, events;
    } cases[] = {
        {"os-handles_till.txt", "ALPC Port", 1, 2},
        {"os-handles_sysinternals.txt", "File", 2, 1},
        {"os-handles_summary.txt", "ALPC Port", 11, 2304},
        {"os-handles_kernel.txt", "Directory", 1, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        posted_moment(cases[i].name, 0, &s);
        assert_int_equal(posted_handles(&s, cases[i].type), cases[i].count);
        assert_int_equal(posted_handles(&s, "Event"), cases[i].events);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

/* What a log says is quoted in notes, and notes are kept in files. */
static void notes_quote_no_control_characters(void **state) {
    (void)state;
    struct snapshot s;
    struct err err;
    struct strbuf file;
    fixture_must_read_text("0:000> !foo\x1f"
                           "bar\nnothing to read\n0:000> !handle\nHandle 4\n"
                           "  Type  Event\n1 Handles\n",
                           &s);
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    SNAPSHOT_ROWS(&s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(str_is_clean(str_of(rows[i].text)));
    assert_int_equal(count, 2); /* what is not read, and a list that may go on */
    strbuf_deinit(&file);
    snapshot_deinit(&s);
}

static void lists_that_are_not_whole_say_so(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {"0:000> !handle\nHandle 4\n  Type  Event\nHandle 8\n  Type  Event\n5 Handles\n",
         "counted, but not listed"},
        {"0:000> !handle\nHandle 4\n  Type  Event\nHandle 8\n", "without a type"},
        {"till.exe pid: 4711 SHOP\\till\n  40: File  (RW-)   C:\\till\n", "only files"},
        {"Handle type summary:\n  Event  : 11\n  File  : 2\nTotal handles: 20\n",
         "counted, but not listed"},
        {"  n        time(i)         total(B)   useful-heap(B) extra-heap(B)    stacks(B)\n"
         "  0              0                0                0             0            0\n"
         "98.00% (90B) (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n"
         "->90.00% (80B) 0x1: a (a.c:1)\n  ->50.00% (40B) 0x1: b (a.c:1)\n",
         "sums of the tree differ"},
        {"Total: 2 objects\n 2 100.0% 100.0% 2 100.0% main.f\nType: delay\nShowing nodes "
         "accounting for "
         "3, 100% of 3 total\n flat flat% sum% cum cum%\n 3 100% 100% 3 100% main.wait\n",
         "of delay, not of memory"},
        {"Number of snapshots: 3\n Detailed snapshots: [1]\n"
         "  n        time(i)         total(B)   useful-heap(B) extra-heap(B)    stacks(B)\n"
         "  0              0                0                0             0            0\n"
         "  1              8               30               20            10            0\n",
         "tree is there no more"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void what_was_ever_allocated_is_not_outstanding(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("pprof-text_ever.txt", &s);
    SNAPSHOT_ROWS(&s, PART_ALLOCATIONS, struct allocation_row, rows, count);
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].bytes, ABSENT);
        assert_true(rows[i].total_bytes != ABSENT && rows[i].total_bytes < 4 * MIB);
    }
    snapshot_deinit(&s);
}

static void what_is_missing_of_memory_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {"Arena 2:\nsystem bytes = 10\nin use bytes = 5\nTotal (incl. mmap):\n"
         "system bytes = 20\nin use bytes = 9\nmax mmap regions = 0\nmax mmap bytes = 0\n",
         "malloc_stats: arenas are not listed"},
        {"Arena 0:\nsystem bytes = 10\nin use bytes = 5\n",
         "malloc_stats: the total is missing, and perhaps arenas"},
        {"<malloc version=\"1\">\n<heap nr=\"0\">\n<system type=\"current\" "
         "size=\"10\"/>\n</heap>\n",
         "malloc_info: the sums are missing, and perhaps arenas"},
        {"a.py:1: size=5 KiB, count=2, average=2 B\n",
         "tracemalloc: only the lines with most are listed"},
        {"- Java Heap (reserved=10KB, committed=10KB)\n",
         "native memory: the total is missing, and perhaps categories"},
        {"Heap shot 0 at 1 secs: size: 100, object count: 5, class count: 2\n"
         "Bytes Count Average Class name\n60 3 20 A\n",
         "heap shot: bytes of classes that are not listed"},
        {"[ 1.0] till invoked oom-killer: order=0\n[ 1.0] memory: usage 8kB, limit 8kB, failcnt "
         "1\n",
         "kernel: the report ends before it says what was killed"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void every_prefix_of_them_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {"malloc-stats_till.txt",
                                        "malloc-stats_jemalloc.txt",
                                        "malloc-stats_tcmalloc.txt",
                                        "malloc-info_till.txt",
                                        "tracemalloc_till.txt",
                                        "tracemalloc_till_diff.txt",
                                        "tracemalloc_till_pretty.txt",
                                        "native-memory_till.txt",
                                        "native-memory_till_detail.txt",
                                        "container-stats_till.txt",
                                        "ms-print_till.txt",
                                        "tasklist_till.txt",
                                        "tasklist_one.txt",
                                        "tasklist_list.txt",
                                        "os-handles_till.txt",
                                        "os-handles_sysinternals.txt",
                                        "os-handles_kernel.txt",
                                        "container-stats_pods.txt",
                                        "memory-usage_node.txt",
                                        "memory-usage_go.txt",
                                        "memory-usage_gctrace.txt",
                                        "kernel-oom_till.txt",
                                        "heapshot_till.txt",
                                        "counters-screen_till.txt",
                                        "counters-screen_till_net9.txt",
                                        "gcroot_till.txt",
                                        "gcroot_till_netfx2.txt",
                                        "pmap_plain.txt",
                                        "pmap_writeable.txt",
                                        "pmap_rows.txt",
                                        "pprof-text_ever.txt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_that_are_printed),
        cmocka_unit_test(a_difference_tells_of_two_moments),
        cmocka_unit_test(roots_are_called_as_dumps_call_them),
        cmocka_unit_test(shots_of_mono_have_columns_of_their_own),
        cmocka_unit_test(handles_are_counted_by_type_however_they_are_listed),
        cmocka_unit_test(notes_quote_no_control_characters),
        cmocka_unit_test(lists_that_are_not_whole_say_so),
        cmocka_unit_test(what_was_ever_allocated_is_not_outstanding),
        cmocka_unit_test(what_is_missing_of_memory_is_said),
        cmocka_unit_test(every_prefix_of_them_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
