/*
 * Takes away, one after the other, what raw dumps are read from: registers, stacks, code, the
 * tables of the runtime, notes. No rule that needs it may be clear then: it is skipped with the
 * reason, or a hit on what there still is.
 */
#include "tests/support/runtime_rules.h"

#include "base/file.h"
#include "dotnet/gc.h"
#include "input/dump/dump.h"
#include "memory/arch/arch.h"
#include "memory/elf/elf.h"
#include "memory/unpack/unpack.h"
#include "model/snapshot.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- Cores ------------------------------------------------------------------------------------- */

/* Where things are that can be taken away; 0: this runtime has none. */
struct places {
    uint64_t handle_map, sync_table, queue, generations, invalid_count, code_map, thread_store;
    uint64_t heap_start, heap_end; /* the largest stretch of objects */
    uint64_t runtime, runtime_end; /* the image of the runtime */
    uint64_t threads[8];           /* Thread objects of the runtime */
    uint32_t thread_count;
};

struct core {
    const char *path;
    uint8_t *file;
    size_t size;
    struct places at;
};

static void global_of(struct clr *clr, enum contract_global g, uint64_t *ret_value) {
    if (!clr_global(clr, g, ret_value))
        *ret_value = 0;
}

static void look_for_heap(struct places *at, const struct gc_state *gc) {
    at->queue = gc->heaps[0].finalize_queue;
    at->generations = gc->heaps[0].generation_table;
    for (uint32_t i = 0; i < gc->span_count; i++)
        if (gc->spans[i].end - gc->spans[i].start > at->heap_end - at->heap_start) {
            at->heap_start = gc->spans[i].start;
            at->heap_end = gc->spans[i].end;
        }
}

static void look_for_places(struct core *c) {
    static const struct dotnet_options options = {.sysroot = "/nowhere"};
    struct err err = {.msg = ""};
    struct space s;
    struct snapshot snapshot;
    struct strbuf why;
    struct clr clr;
    struct gc_state gc;
    uint64_t cut;
    snapshot_init(&snapshot);
    strbuf_init(&why);
    assert_true(elf_core_open(&s, (struct bytes){c->file, c->size}, &cut, &err));
    struct builder *b = builder_new(&snapshot, &err);
    assert_non_null(b);
    clr_init(&clr, &s, b, &options);
    assert_int_equal(clr_find(&clr, &why, &err), CLR_READY);
    assert_true(gc_read(&clr, &gc, &err));
    look_for_heap(&c->at, &gc);
    c->at.runtime = clr.image->base;
    c->at.runtime_end = clr.image->end + ((uint64_t)1 << 20); /* with the variables behind it */
    c->at.handle_map = clr.gc.slot[GC_HANDLE_TABLE_MAP];
    c->at.invalid_count = clr.gc.slot[GC_INVALID_COUNT];
    global_of(&clr, G_SYNC_TABLE, &c->at.sync_table);
    c->at.code_map = clr.contract.global[G_CODE_RANGE_MAP];
    global_of(&clr, G_THREAD_STORE, &c->at.thread_store);
    c->at.thread_count = clr.thread_count < 8 ? clr.thread_count : 8;
    memcpy(c->at.threads, clr.threads, c->at.thread_count * sizeof(*c->at.threads));
    gc_free(&gc);
    clr_deinit(&clr);
    strbuf_deinit(&why);
    builder_free(b);
    snapshot_deinit(&snapshot);
    space_deinit(&s);
}

static void core_load(struct core *c, const char *path) {
    struct file f;
    struct unpack_report report;
    struct err err = {.msg = ""};
    *c = (struct core){.path = path};
    assert_true(file_open(&f, path, &err) && unpack_file(&f, NULL, &report, &err));
    c->size = f.bytes.size;
    c->file = malloc(c->size);
    assert_non_null(c->file);
    memcpy(c->file, f.bytes.data, c->size);
    file_close(&f);
    look_for_places(c);
}

/* -- Taking away ------------------------------------------------------------------------------- */

/* The memory from start on is not in the dump. */
static void take_memory(struct space *s, uint64_t start, uint64_t end) {
    size_t room = (size_t)s->range_count * 2 + 1;
    struct space_range *ranges = arena_array(&s->arena, room, sizeof(*ranges));
    uint32_t n = 0;
    assert_non_null(ranges);
    for (uint32_t i = 0; i < s->range_count; i++) {
        struct space_range r = s->ranges[i];
        if (r.end <= start || r.start >= end) {
            ranges[n++] = r;
            continue;
        }
        if (r.start < start)
            ranges[n++] = (struct space_range){r.start, start, r.data, r.flags};
        if (r.end > end)
            ranges[n++] = (struct space_range){end, r.end, r.data + (end - r.start), r.flags};
    }
    s->ranges = ranges;
    s->range_count = n;
    s->last_range = 0;
}

static void take_registers(struct space *s, const struct places *at) {
    (void)at;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct space_thread *t = &s->threads[i];
        t->register_count = 0;
        t->ip = t->sp = t->fp = t->thread_pointer = 0;
    }
}

/* As of a processor of which nobody here knows how its stacks are walked. */
static void take_unwinder(struct space *s, const struct places *at) {
    static struct arch without;
    (void)at;
    without = arch_x64;
    without.unwinder = NULL;
    s->arch = &without;
}

static void take_threads(struct space *s, const struct places *at) {
    (void)at;
    s->thread_count = 0;
}

static void take_mappings(struct space *s, const struct places *at) {
    (void)at;
    s->mapping_count = 0;
}

static void take_notes(struct space *s, const struct places *at) {
    take_threads(s, at);
    take_mappings(s, at);
    s->module_count = 0;
}

static void take_runtime(struct space *s, const struct places *at) {
    take_memory(s, at->runtime, at->runtime_end);
}

static void take_assemblies(struct space *s, const struct places *at) {
    (void)at;
    for (uint32_t i = 0; i < s->module_count; i++)
        if (str_ends(str_of(s->modules[i].path), STR(".dll")))
            take_memory(s, s->modules[i].base, s->modules[i].end);
}

static void take_stacks(struct space *s, const struct places *at) {
    (void)at;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct space_range *r = space_range_at(s, s->threads[i].sp);
        if (r)
            take_memory(s, r->start, r->end);
    }
}

static void take_code(struct space *s, const struct places *at) {
    (void)at;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->range_count; i++)
        if (!(s->ranges[i].flags & MAP_EXEC))
            s->ranges[kept++] = s->ranges[i];
    s->range_count = kept;
    s->last_range = 0;
}

static void take_code_map(struct space *s, const struct places *at) {
    take_memory(s, at->code_map, at->code_map + 2048);
}

static void take_handle_map(struct space *s, const struct places *at) {
    take_memory(s, at->handle_map, at->handle_map + 24);
}

static void take_sync_table(struct space *s, const struct places *at) {
    take_memory(s, at->sync_table, at->sync_table + 16 * 1024);
}

static void take_queue(struct space *s, const struct places *at) {
    take_memory(s, at->queue, at->queue + 72);
}

static void take_generations(struct space *s, const struct places *at) {
    take_memory(s, at->generations, at->generations + 2048);
}

static void take_invalid_count(struct space *s, const struct places *at) {
    take_memory(s, at->invalid_count, at->invalid_count + 4);
}

static void take_heap(struct space *s, const struct places *at) {
    take_memory(s, at->heap_start, at->heap_end);
}

static void take_half_the_heap(struct space *s, const struct places *at) {
    take_memory(s, at->heap_start + (at->heap_end - at->heap_start) / 2, at->heap_end);
}

static void take_thread_store(struct space *s, const struct places *at) {
    take_memory(s, at->thread_store, at->thread_store + 512);
}

static void take_thread_objects(struct space *s, const struct places *at) {
    for (uint32_t i = 0; i < at->thread_count; i++)
        take_memory(s, at->threads[i], at->threads[i] + 1024);
}

/* What is taken, and which rules need it; `why`: of what one of them says, of some core. */
struct taking {
    const char *what;
    void (*take)(struct space *s, const struct places *at);
    bool no_times; /* the sidecar with the CPU times is not there */
    bool machine;  /* the header says another processor */
    const char *why;
    const char *rules[24]; /* of one dump, or of two */
};

#define TAKINGS (sizeof(takings) / sizeof(*takings))

static const struct taking takings[] = {
    {.what = "registers",
     .take = take_registers,
     .why = "registers of threads are not in the dump",
     .rules = {"finalizer-stuck", "threadpool-starvation", "threads-unchanged"}},
    {.what = "the unwinder of the processor",
     .take = take_unwinder,
     .why = "managed stacks are not read on this processor (x64)",
     .rules = {"finalizer-stuck", "threadpool-starvation", "threads-unchanged"}},
    {.what = "the processor of the header",
     .machine = true,
     .why = "thread status notes are shorter than this CPU's",
     .rules = {"finalizer-stuck", "threadpool-starvation", "threads-unchanged", "thread-runaway",
               "thread-leak", "threads-new", "threads-gone", "deadlock", "exceptions-on-threads",
               "threads-dead"}},
    {.what = "threads",
     .take = take_threads,
     .why = "the dump lists no threads",
     .rules = {"finalizer-stuck", "threadpool-starvation", "threads-unchanged", "thread-runaway",
               "thread-leak", "threads-new", "threads-gone"}},
    {.what = "mappings",
     .take = take_mappings,
     .why = "the dump does not list what was mapped",
     .rules = {"native-growth", "loader-growth", "largest-free-shrinking"}},
    {.what = "all notes",
     .take = take_notes,
     .why = "the dump does not say which files were loaded",
     .rules = {RULES_OF_A_RUNTIME, "native-growth"}},
    {.what = "the runtime's own data",
     .take = take_runtime,
     .rules = {RULES_OF_A_RUNTIME, "threads-unchanged"}},
    {.what = "assemblies",
     .take = take_assemblies,
     .rules = {"finalizer-stuck", "threads-unchanged"}},
    {.what = "stacks",
     .take = take_stacks,
     .why = "stacks of threads, or their code, are not in the dump",
     .rules = {"finalizer-stuck", "threads-unchanged", "growing-type"}},
    {.what = "code pages", .take = take_code, .rules = {"finalizer-stuck", "threads-unchanged"}},
    {.what = "the map of code",
     .take = take_code_map,
     .why = "stacks of threads, or their code, are not in the dump",
     .rules = {"finalizer-stuck", "threads-unchanged"}},
    {.what = "the handle table",
     .take = take_handle_map,
     .why = "the handle table is not in the dump",
     .rules = {"handles-growing"}},
    {.what = "sync blocks",
     .take = take_sync_table,
     .why = "sync blocks are not in the dump",
     .rules = {"locks-held", "deadlock"}},
    {.what = "the finalization queue",
     .take = take_queue,
     .why = "finalization queues are not in the dump",
     .rules = {"finalizer-stuck", "finalizer-queue-growth"}},
    {.what = "the generations of the GC",
     .take = take_generations,
     .rules = {"growing-type", "heap-growth", "fragmentation", "cache-counts", "new-type",
               "gone-type", "large-object", "loh-growth", "poh-growth", "exceptions-growing",
               "committed-vs-allocated", "locks-held"}},
    {.what = "the counter of collections",
     .take = take_invalid_count,
     .why = "whether a garbage collection was running",
     .rules = {"gc-in-progress"}},
    {.what = "the heap",
     .take = take_heap,
     .rules = {"growing-type", "heap-growth", "fragmentation", "cache-counts", "new-type",
               "gone-type", "loh-growth", "exceptions-growing", "locks-held"}},
    {.what = "half of the heap",
     .take = take_half_the_heap,
     .why = "bytes of the GC heap could not be walked",
     .rules = {"growing-type", "heap-growth", "fragmentation", "cache-counts", "new-type",
               "gone-type", "exceptions-growing", "locks-held"}},
    {.what = "the thread store",
     .take = take_thread_store,
     .rules = {"finalizer-stuck", "threads-dead", "exceptions-on-threads", "growing-type",
               "locks-held", "handles-growing", "threadpool-starvation"}},
    {.what = "Thread objects",
     .take = take_thread_objects,
     .rules = {"finalizer-stuck", "exceptions-on-threads", "threadpool-starvation"}},
    {.what = "CPU times",
     .no_times = true,
     .why = "none are in the dump (give a file of them with --threads)",
     .rules = {"thread-runaway"}},
};

/* -- Reading and judging ----------------------------------------------------------------------- */

static void core_read(const struct core *c, const struct taking *taking, struct snapshot *s) {
    static const struct input_options options = {.sysroot = "/nowhere"};
    struct err err = {.msg = ""};
    struct space space;
    uint64_t cut;
    uint16_t machine = taking && taking->machine ? EM_AARCH64 : EM_X86_64;
    memcpy(c->file + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
    assert_true(elf_core_open(&space, (struct bytes){c->file, c->size}, &cut, &err));
    if (taking && taking->take)
        taking->take(&space, &c->at);
    snapshot_init(s);
    struct builder *b = builder_new(s, &err);
    assert_non_null(b);
    bool times = !(taking && taking->no_times) && space.thread_count;
    if (!dump_read_space(&space, times ? c->path : NULL, &options, b, &err) ||
        !input_finish(b, &err))
        fail_msg("%s", err.msg);
    builder_free(b);
    space_deinit(&space);
}

struct judged {
    struct series series;
    struct findings f;
};

static void judge(struct judged *j, const struct snapshot *const *all, uint32_t count) {
    struct series_options options;
    struct limits limits;
    struct err err = {.msg = ""};
    series_options_init(&options);
    limits_init(&limits);
    findings_init(&j->f);
    assert_true(series_init(&j->series, all, count, &options, &err));
    assert_true(rules_run(&j->series, &limits, &j->f, &err));
}

static void absent_sources_judged_deinit(struct judged *j) {
    findings_deinit(&j->f);
    series_deinit(&j->series);
}

static const struct finding *finding_of(const struct findings *f, const char *id) {
    for (uint32_t i = 0; i < f->count; i++)
        if (strcmp(f->items[i].rule->id, id) == 0)
            return &f->items[i];
    fail_msg("no finding of %s", id);
    return NULL;
}

static bool said[TAKINGS]; /* its reason was quoted */

static const char of_first[] = "the first dump";

/* Rules that judge the newest dump: what the first lacks is nothing to them. */
static bool is_of_newest(const char *id) {
    static const char *const ids[] = {
        "threadpool-starvation", "threads-dead",           "exceptions-on-threads", "deadlock",
        "fragmentation",         "committed-vs-allocated", "large-object",          "cache-counts"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

/* Counts what is wrong, aloud. */
static unsigned check(const struct judged *whole, const struct judged *taken, size_t number,
                      const char *of) {
    const struct taking *taking = &takings[number];
    unsigned wrong = 0;
    for (uint32_t i = 0; i < whole->f.count; i++) {
        const char *id = whole->f.items[i].rule->id;
        if (whole->f.items[i].status == STATUS_HIT &&
            finding_of(&taken->f, id)->status == STATUS_CLEAR) {
            print_message("without %s of %s: %s was a hit and is clear\n", taking->what, of, id);
            wrong++;
        }
    }
    for (size_t i = 0; taking->rules[i]; i++) {
        const struct finding *finding = finding_of(&taken->f, taking->rules[i]);
        if (finding->status == STATUS_CLEAR &&
            !(of == of_first && is_of_newest(taking->rules[i]))) {
            print_message("without %s of %s: %s is clear\n", taking->what, of, taking->rules[i]);
            wrong++;
        }
        if (getenv("ABSENT_LIST"))
            print_message("%s | %s | %s | %s | %s\n", of, taking->what, taking->rules[i],
                          finding_status_names[finding->status],
                          finding->status == STATUS_SKIPPED ? finding->summary : "");
        said[number] |=
            finding->status != STATUS_CLEAR && taking->why && strstr(finding->summary, taking->why);
    }
    return wrong;
}

static void no_rule_is_clear_for_want_of_a_source(void **state) {
    (void)state;
    const char *const names[] = {of_first, "the second", "both"};
    struct core cores[2];
    struct snapshot whole[2], taken[2];
    struct judged judged_whole, judged_taken;
    unsigned wrong = 0;
    core_load(&cores[0], "demo/dumps/before.core.zst");
    core_load(&cores[1], "demo/dumps/after.core.zst");
    for (int i = 0; i < 2; i++)
        core_read(&cores[i], NULL, &whole[i]);
    judge(&judged_whole, (const struct snapshot *const[]){&whole[0], &whole[1]}, 2);
    assert_int_equal(finding_of(&judged_whole.f, "finalizer-stuck")->status, STATUS_HIT);
    for (size_t t = 0; t < TAKINGS; t++) {
        for (int i = 0; i < 2; i++)
            core_read(&cores[i], &takings[t], &taken[i]);
        for (int which = 0; which < 3; which++) {
            const struct snapshot *all[2] = {which != 1 ? &taken[0] : &whole[0],
                                             which != 0 ? &taken[1] : &whole[1]};
            judge(&judged_taken, all, 2);
            /* Two dumps of different processors are not compared at all. */
            if (!judged_taken.series.not_comparable)
                wrong += check(&judged_whole, &judged_taken, t, names[which]);
            absent_sources_judged_deinit(&judged_taken);
        }
        snapshot_deinit(&taken[0]);
        snapshot_deinit(&taken[1]);
    }
    absent_sources_judged_deinit(&judged_whole);
    for (int i = 0; i < 2; i++) {
        snapshot_deinit(&whole[i]);
        free(cores[i].file);
    }
    assert_int_equal(wrong, 0);
}

/* The rules of one dump, for every runtime that there is a small core of. */
static void no_rule_of_one_dump_is_clear_for_want_of_a_source(void **state) {
    (void)state;
    static const char *const paths[] = {
        "tests/fuzz/base/net3.core.zst", "tests/fuzz/base/net8.core.zst",
        "tests/fuzz/base/net9.core.zst", "tests/fuzz/base/server.core.zst",
        "tests/fuzz/base/workstation.core.zst"};
    unsigned wrong = 0;
    for (size_t p = 0; p < sizeof(paths) / sizeof(*paths); p++) {
        struct core core;
        struct snapshot whole, taken;
        struct judged judged_whole, judged_taken;
        core_load(&core, paths[p]);
        core_read(&core, NULL, &whole);
        judge(&judged_whole, (const struct snapshot *const[]){&whole}, 1);
        for (size_t t = 0; t < TAKINGS; t++) {
            core_read(&core, &takings[t], &taken);
            judge(&judged_taken, (const struct snapshot *const[]){&taken}, 1);
            wrong += check(&judged_whole, &judged_taken, t, paths[p]);
            absent_sources_judged_deinit(&judged_taken);
            snapshot_deinit(&taken);
        }
        absent_sources_judged_deinit(&judged_whole);
        snapshot_deinit(&whole);
        free(core.file);
    }
    assert_int_equal(wrong, 0);
}

/* After the others: which reasons were quoted. */
static void each_source_has_its_reason(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (size_t t = 0; t < TAKINGS; t++)
        if (takings[t].why && !said[t]) {
            print_message("without %s: no rule says \"%s\"\n", takings[t].what, takings[t].why);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rule_is_clear_for_want_of_a_source),
        cmocka_unit_test(no_rule_of_one_dump_is_clear_for_want_of_a_source),
        cmocka_unit_test(each_source_has_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
