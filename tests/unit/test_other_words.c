/* The same kinds in other words: other versions and options of tools whose usual outputs are
 * fixtures. */
#include "model/rows_process.h"
#include "model/rows_stacks.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"
#include "tests/support/logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* -- Counters ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text, *counter;
    uint64_t value;
} counted[] = {
    {"dotnet-counters of 3.0",
     "Press p to pause, r to resume, q to quit.\n"
     "  System.Runtime:\n"
     "    CPU Usage (%)                                      4\n"
     "    Working Set (MB)                                 902\n"
     "    ThreadPool Queue Length                           18\n",
     "threadpool-queue-length", 18},
    {"dotnet-counters of 3.1",
     "Press p to pause, r to resume, q to quit.\n"
     "    Status: Running\n"
     "\n"
     "[System.Runtime]\n"
     "    # of Assemblies Loaded                           137\n"
     "    % Time in GC (since last GC)                       2\n"
     "    Gen 2 Size (B)                           588,102,344\n"
     "    Number of Active Timers                        9,412\n",
     "gen-2-size", 588102344},
    {"crictl stats",
     "CONTAINER           NAME                CPU %               MEM                 DISK         "
     "INODES\n"
     "0a1b2c3d4e5f6       till                4.21                946.3MB             53.25kB      "
     "17\n"
     "1a2b3c4d5e6f7       proxy               0.12                43.1MB              41kB         "
     "12\n",
     "container.till.memory_bytes", 946300000},
    {"Node's documentation",
     "rss 40.21 MB\nheapTotal 4.53 MB\nheapUsed 3.5 MB\nexternal 1.25 MB\narrayBuffers 0.5 MB\n",
     "node.heap_used_bytes", 3670016},
    {"MemStats with all sizes",
     "{Alloc:47608 TotalAlloc:47608 Sys:12434448 Lookups:0 Mallocs:152 Frees:2 HeapAlloc:47608 "
     "HeapSys:3964928 NumGC:4 BySize:[{Size:0 Mallocs:7 Frees:1} {Size:8 Mallocs:9 Frees:1}]}\n",
     "go.mallocs", 152},
    {"NMT's diff of JDK 17",
     "4711:\n\nNative Memory Tracking:\n\n"
     "Total: reserved=3KB +1KB, committed=3KB +1KB\n\n"
     "-                     Class (reserved=2KB, committed=2KB)\n"
     "                            (classes #681)\n"
     "                           : (  Metadata)\n"
     "                            (    used=1KB)\n \n"
     "-                    Thread (reserved=1KB +1KB, committed=1KB +1KB)\n"
     "                            (thread #30)\n",
     "nmt.total.committed_bytes", 3072},
    {"kubectl top --containers",
     "POD                      NAME      CPU(cores)   MEMORY(bytes)\n"
     "till-7d9f4b6c5d-x2x4q    till      43m          902Mi\n"
     "till-7d9f4b6c5d-x2x4q    proxy     3m           41Mi\n"
     "worker-0                 worker    1            1204Mi\n",
     "pod.worker-0/worker.memory_bytes", 1204u << 20},
};

static void counters_are_told_in_other_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
        struct snapshot s;
        logs_read_text(counted[i].text, &s);
        uint64_t value = logs_counter(&s, counted[i].counter);
        if (value != counted[i].value || snapshot_trust(&s) != TRUST_EXACT)
            fail_msg("%s: %s is %llu", counted[i].name, counted[i].counter,
                     (unsigned long long)value);
        snapshot_deinit(&s);
    }
}

/* -- Threads ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
    uint32_t threads, frames; /* of the thread looked at */
    uint32_t thread;
    const char *outermost;
    bool native;
} stacked[] = {
    {"goroutines with labels",
     "goroutine profile: total 9\n"
     "6 @ 0x4388f6 0x406b4c\n"
     "# labels: {\"op\":\"grind\"}\n"
     "#\t0x4388f5\tmain.(*Mill).Grind+0x4f\t/srv/mill/mill.go:60\n"
     "#\t0x406b4b\tmain.worker+0x4f\t/srv/mill/mill.go:61\n"
     "\n"
     "3 @ 0x4313d6\n"
     "#\t0x4313d5\tmain.main+0x104\t/srv/mill/main.go:20\n",
     9, 2, 0, "main.worker", false},
    {"eu-stack -a",
     "PID 8801 - process\n"
     "TID 8801:\n"
     "#0  0x00007f360fc86f16     poll\n"
     "#1  0x00007f360fc8bce3 - 1 moor\n"
     "#2  0x0000561c639b82de - 1 main\n",
     1, 3, 0, "main", true},
};

static void stacks_are_told_in_other_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(stacked) / sizeof(*stacked); i++) {
        struct snapshot s;
        logs_read_text(stacked[i].text, &s);
        SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, threads, count);
        if (count != stacked[i].threads || snapshot_trust(&s) != TRUST_EXACT)
            fail_msg("%s: %u threads", stacked[i].name, count);
        const struct thread_row *thread = &threads[stacked[i].thread];
        struct strings frames = stacked[i].native ? thread->native_frames : thread->frames;
        if (frames.count != stacked[i].frames ||
            strcmp(frames.items[frames.count - 1], stacked[i].outermost) != 0)
            fail_msg("%s: %u frames", stacked[i].name, frames.count);
        snapshot_deinit(&s);
    }
}

/* Thread.dump_to_file -format=json: of 21 stacks alone, of 25 also what is waited for and held. */
static void threads_of_java_as_json(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("jstack_json_jdk21.txt", &s);
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, threads, count);
    assert_int_equal(count, 3);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(threads[i].frames.count, threads[i].managed_id == 9 ? 0 : 3);
    snapshot_deinit(&s);
    logs_read_fixture("jstack_json_jdk25.txt", &s);
    SNAPSHOT_ROWS(&s, PART_LOCKS, struct lock_row, locks, lock_count);
    assert_int_equal(lock_count, 1);
    assert_int_equal(locks[0].owner_managed_id, 36);
    assert_int_equal(locks[0].waiters, 1);
    assert_string_equal(locks[0].object_type, "quay.Chain");
    snapshot_deinit(&s);
}

/* As Python's documentation has people print the largest of Snapshot.statistics('traceback'). */
static void tracebacks_are_stacks(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text("250 memory blocks: 2.0 KiB\n"
                   "  File \"till/till.py\", line 80\n"
                   "    main()\n"
                   "  File \"/usr/lib/python3/dist-packages/lines.py\", line 31\n"
                   "    rows.append(Row())\n"
                   "3 memory blocks: 512 B\n"
                   "  File \"till/till.py\", line 7\n",
                   &s);
    SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, stacks, count);
    assert_int_equal(count, 2);
    for (uint32_t i = 0; i < count; i++) {
        bool first = stacks[i].count == 250;
        assert_int_equal(stacks[i].bytes, first ? 2048 : 512);
        assert_int_equal(stacks[i].frames.count, first ? 2 : 1);
        assert_string_equal(stacks[i].frames.items[0], first ? "lines.py:31" : "till/till.py:7");
    }
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_told_in_other_words),
        cmocka_unit_test(threads_of_java_as_json),
        cmocka_unit_test(tracebacks_are_stacks),
        cmocka_unit_test(stacks_are_told_in_other_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
