#include "clrmd.h"

#include "base/file.h"
#include "base/num.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct compare {
    const struct snapshot *s;
    unsigned differences;
    struct clrmd_counts counts;
    uint64_t objects, bytes; /* of the "# objects" line */
};

#define FIELDS_MAX 12u

/* Fields of a line, split at tabs. */
struct fields {
    struct str item[FIELDS_MAX];
    uint32_t count;
};

static struct fields split(struct str line) {
    struct fields f = {.count = 0};
    for (bool more = true; more && f.count < FIELDS_MAX;) {
        size_t tab = str_find(line, STR("\t"), 0);
        more = tab != STR_NOT_FOUND;
        f.item[f.count++] = more ? str_take(line, tab) : line;
        line = more ? str_drop(line, tab + 1) : line;
    }
    return f;
}

static uint64_t dec(struct str s) {
    uint64_t value;
    return num_dec(s, &value) ? value : ABSENT;
}

static uint64_t clrmd_hex(struct str s) {
    uint64_t value;
    return num_hex(s, &value) ? value : ABSENT;
}

static void expect(struct compare *c, uint64_t found, uint64_t expected, const char *what,
                   struct str where) {
    if (found == expected)
        return;
    if (c->differences++ < 20)
        fprintf(stderr, "%.*s: %s: found %" PRIu64 ", ClrMD %" PRIu64 "\n", (int)where.len,
                where.ptr, what, found, expected);
}

static enum generation clrmd_generation_of(struct str name) {
    static const char *const names[] = {
        [GEN_0] = "Generation0", [GEN_1] = "Generation1", [GEN_2] = "Generation2",
        [GEN_LOH] = "Large",     [GEN_POH] = "Pinned",    [GEN_FROZEN] = "Frozen"};
    for (int g = GEN_0; g <= GEN_FROZEN; g++)
        if (str_eq(name, str_of(names[g])))
            return (enum generation)g;
    return GEN_UNKNOWN;
}

static void clrmd_compare_type(struct compare *c, const struct fields *f, struct str line) {
    SNAPSHOT_ROWS(c->s, PART_TYPES, struct type_row, rows, count);
    enum generation g = clrmd_generation_of(f->item[2]);
    struct cell cell = {0};
    bool alike = false;
    for (uint32_t i = 0; i < count; i++)
        alike = alike || (rows[i].gen[g].objects == dec(f->item[3]) &&
                          rows[i].gen[g].bytes == dec(f->item[4]));
    if (c->counts.unnamed) {
        expect(c, alike, 1, "a type of so many objects and bytes", line);
        c->counts.types++;
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(f->item[1], str_of(rows[i].name))) {
            cell.objects += rows[i].gen[g].objects;
            cell.bytes += rows[i].gen[g].bytes;
        }
    expect(c, cell.objects, dec(f->item[3]), "objects", line);
    expect(c, cell.bytes, dec(f->item[4]), "bytes", line);
    c->counts.types++;
}

/* "commit 1ef20000-1ef30000": both numbers. */
static bool clrmd_range_of(struct str field, struct str word, uint64_t *ret_start,
                           uint64_t *ret_end) {
    if (!str_starts(field, word))
        return false;
    field = str_trim(str_drop(field, word.len));
    size_t dash = str_find(field, STR("-"), 0);
    return dash != STR_NOT_FOUND && num_hex(str_take(field, dash), ret_start) &&
           num_hex(str_drop(field, dash + 1), ret_end);
}

static void compare_region(struct compare *c, const struct fields *f, struct str line) {
    SNAPSHOT_ROWS(c->s, PART_REGIONS, struct region_row, rows, count);
    uint64_t start = clrmd_hex(f->item[3]), end = clrmd_hex(f->item[4]);
    uint64_t commit = 0, commit_end = 0, reserve = 0, reserve_end = 0;
    for (uint32_t i = 5; i < f->count; i++) {
        (void)clrmd_range_of(f->item[i], STR("commit"), &commit, &commit_end);
        (void)clrmd_range_of(f->item[i], STR("reserved"), &reserve, &reserve_end);
    }
    c->counts.regions++;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].start != start)
            continue;
        expect(c, rows[i].allocated, end - start, "allocated", line);
        expect(c, rows[i].committed, commit_end - commit, "committed", line);
        if (reserve_end)
            expect(c, rows[i].reserved, reserve_end - commit, "reserved", line);
        enum generation g = clrmd_generation_of(f->item[1]);
        if (g != GEN_UNKNOWN)
            expect(c, rows[i].generation, g, "generation", line);
        return;
    }
    expect(c, 0, 1, "region", line);
}

/* Sum over the lines `word` of that type: FQ and FR are by type and generation. */
static uint64_t sum_lines(struct str answer, struct str word, struct str type) {
    uint64_t sum = 0;
    struct str line;
    while (str_next_line(&answer, &line)) {
        struct fields f = split(line);
        if (f.count >= 4 && str_eq(f.item[0], word) && str_eq(f.item[1], type))
            sum += dec(f.item[3]);
    }
    return sum;
}

/* ClrMD counts the ready ones among the finalizable, too. */
static void compare_finalizable(struct compare *c, struct str answer) {
    SNAPSHOT_ROWS(c->s, PART_FINALIZABLE, struct finalizable_row, rows, count);
    uint64_t all = 0, ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct str type = str_of(rows[i].type);
        uint64_t fr = sum_lines(answer, STR("FR"), type);
        if (!c->counts.unnamed) {
            expect(c, rows[i].ready, fr, "ready", type);
            expect(c, rows[i].objects + rows[i].ready, sum_lines(answer, STR("FQ"), type),
                   "finalizable", type);
        }
        all += rows[i].objects;
        ready += rows[i].ready;
    }
    c->counts.finalizable = (uint32_t)all;
    c->counts.ready = (uint32_t)ready;
    const struct finalizer_row *finalizer = snapshot_row(c->s, PART_FINALIZER);
    uint64_t registered = 0;
    for (int g = 0; finalizer && g < GEN_COUNT; g++)
        registered += finalizer->finalizable[g] == ABSENT ? 0 : finalizer->finalizable[g];
    struct str line, rest = answer;
    while (str_next_line(&rest, &line)) {
        if (str_starts(line, STR("# finalizable ")))
            expect(c, registered + (finalizer ? finalizer->ready : 0), dec(str_drop(line, 14)),
                   "finalizable", line);
        if (str_starts(line, STR("# freachable ")))
            expect(c, finalizer ? finalizer->ready : 0, dec(str_drop(line, 13)), "ready", line);
    }
}

/* THR<tab>m1<tab>os 204<tab>fin True ... */
static void compare_thread(struct compare *c, const struct fields *f, struct str line) {
    SNAPSHOT_ROWS(c->s, PART_THREADS, struct thread_row, rows, count);
    uint64_t managed = dec(str_drop(f->item[1], 1));
    struct str rest = f->item[2];
    str_next_field(&rest);
    uint64_t os_id = dec(str_next_field(&rest));
    if (os_id == ABSENT)
        os_id = dec(str_trim(rest));
    c->counts.threads++;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].managed_id == managed) {
            if (os_id != 0)
                expect(c, rows[i].os_id, os_id, "OS id", line);
            return;
        }
    expect(c, 0, 1, "thread", line);
}

static void compare_handles(struct compare *c, const struct fields *f, struct str line) {
    SNAPSHOT_ROWS(c->s, PART_HANDLES, struct handle_row, rows, count);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(str_of(rows[i].kind), f->item[1]))
            sum += rows[i].count;
    expect(c, sum, dec(f->item[2]), "handles", line);
    c->counts.handles++;
}

/* SB<tab>2<tab>obj 7fe43e006e98<tab>mon True own 1192050 rec 1 wait 1: held ones. */
static void compare_lock(struct compare *c, const struct fields *f, struct str line) {
    if (!str_starts(f->item[3], STR("mon True")))
        return;
    SNAPSHOT_ROWS(c->s, PART_LOCKS, struct lock_row, rows, count);
    uint64_t address = clrmd_hex(str_drop(f->item[2], 4));
    size_t wait = str_find(f->item[3], STR("wait "), 0);
    c->counts.locks++;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].address == address) {
            expect(c, rows[i].held, 1, "held", line);
            if (wait != STR_NOT_FOUND)
                expect(c, rows[i].waiters, dec(str_drop(f->item[3], wait + 5)), "waiters", line);
            return;
        }
    expect(c, 0, 1, "lock", line);
}

/* What the snapshot has and ClrMD has not. */
static void compare_back(struct compare *c) {
    SNAPSHOT_ROWS(c->s, PART_TYPES, struct type_row, types, type_count);
    uint64_t cells = 0;
    for (uint32_t i = 0; i < type_count; i++)
        for (int g = 0; g < GEN_COUNT; g++)
            cells += types[i].gen[g].objects > 0;
    expect(c, cells, c->counts.types, "types by generation", STR("all"));
    uint32_t regions, threads;
    snapshot_rows(c->s, PART_REGIONS, &regions);
    expect(c, regions, c->counts.regions, "regions", STR("all"));
    const struct thread_row *rows = snapshot_rows(c->s, PART_THREADS, &threads);
    uint64_t managed = 0;
    for (uint32_t i = 0; i < threads; i++)
        managed += rows[i].managed_id != ABSENT;
    expect(c, managed, c->counts.threads, "managed threads", STR("all"));
    struct snapshot_totals totals = snapshot_totals(c->s);
    expect(c, totals.objects, c->objects, "objects", STR("all"));
    expect(c, totals.bytes, c->bytes, "bytes", STR("all"));
}

unsigned clrmd_compare(const struct snapshot *s, struct str answer,
                       struct clrmd_counts *ret_counts) {
    struct compare c = {.s = s, .counts.unnamed = ret_counts->unnamed};
    struct str rest = answer, line;
    while (str_next_line(&rest, &line)) {
        struct fields f = split(line);
        if (str_eq(f.item[0], STR("T")) && f.count >= 5)
            clrmd_compare_type(&c, &f, line);
        else if (str_eq(f.item[0], STR("SEG")) && f.count >= 6)
            compare_region(&c, &f, line);
        else if (str_eq(f.item[0], STR("THR")) && f.count >= 3)
            compare_thread(&c, &f, line);
        else if (str_eq(f.item[0], STR("H")) && f.count >= 3)
            compare_handles(&c, &f, line);
        else if (str_eq(f.item[0], STR("SB")) && f.count >= 4)
            compare_lock(&c, &f, line);
        if (str_starts(line, STR("# objects "))) {
            struct str numbers = str_drop(line, 10);
            c.objects = dec(str_next_field(&numbers));
            str_next_field(&numbers);
            c.bytes = dec(str_next_field(&numbers));
        }
    }
    compare_finalizable(&c, answer);
    compare_back(&c);
    *ret_counts = c.counts;
    return c.differences;
}

void clrmd_agrees(const struct snapshot *s, const char *answer_path,
                  const struct clrmd_counts *expected) {
    struct file answer;
    struct clrmd_counts counts = {.unnamed = expected->unnamed};
    struct err err = {.msg = ""};
    if (!file_open(&answer, answer_path, &err))
        fail_msg("%s: %s", answer_path, err.msg);
    struct str text = {(const char *)answer.bytes.data, answer.bytes.size};
    assert_int_equal(clrmd_compare(s, text, &counts), 0);
    assert_int_equal(counts.types, expected->types);
    assert_int_equal(counts.regions, expected->regions);
    assert_int_equal(counts.ready, expected->ready);
    assert_int_equal(counts.finalizable, expected->finalizable);
    assert_int_equal(counts.threads, expected->threads);
    assert_int_equal(counts.handles, expected->handles);
    assert_int_equal(counts.locks, expected->locks);
    file_close(&answer);
}

/* -- Stacks ------------------------------------------------------------------------------------ */

static const struct thread_row *clrmd_thread(const struct snapshot *s, uint64_t managed_id) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].managed_id == managed_id)
            return &rows[i];
    return NULL;
}

/* "  FR sp ip ManagedMethod  SIGNATURE MODULE": the signature; false: another kind of line. */
static bool clrmd_method_in(struct str line, struct str *ret_signature) {
    size_t at = str_find(line, STR(" ManagedMethod  "), 0);
    if (!str_starts(line, STR("  FR ")) || at == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(line, at + 16);
    size_t module = str_find(rest, STR(" /"), 0);
    if (module == STR_NOT_FOUND)
        module = str_find(rest, STR(":\\"), 0) - 2; /* " Z:\srv" */
    if (module > rest.len)
        module = STR_NOT_FOUND;
    *ret_signature = str_trim(str_take(rest, module == STR_NOT_FOUND ? rest.len : module));
    return ret_signature->len > 0; /* nameless: an address of native code */
}

static bool clrmd_same_frame(const struct thread_row *thread, uint32_t frame, struct str wanted) {
    const char *ours = frame < thread->frames.count ? thread->frames.items[frame] : "(none)";
    if (str_eq(str_of(ours), wanted))
        return true;
    fprintf(stderr, "thread %" PRIu64 " frame %u: %s, ClrMD %.*s\n", thread->managed_id, frame,
            ours, (int)wanted.len, wanted.ptr);
    return false;
}

unsigned clrmd_compare_stacks(const struct snapshot *s, struct str answer, uint32_t *ret_frames) {
    const struct thread_row *thread = NULL;
    uint32_t compared = 0, frame = 0;
    unsigned differences = 0;
    struct str line, signature;
    bool more;
    do {
        more = str_next_line(&answer, &line);
        if ((!more || str_starts(line, STR("THR\tm"))) && thread)
            differences += thread->frames.count != frame;
        if (more && str_starts(line, STR("THR\tm"))) {
            thread = clrmd_thread(s, (uint64_t)strtoull(line.ptr + 5, NULL, 10));
            differences += !thread;
            frame = 0;
        } else if (more && thread && clrmd_method_in(line, &signature)) {
            differences += !clrmd_same_frame(thread, frame++, signature);
            compared++;
        }
    } while (more);
    *ret_frames = compared;
    return differences;
}

/* -- Without the heap -------------------------------------------------------------------------- */

static bool clrmd_has_registers(const struct space *s, unsigned long os_id) {
    unsigned found = 0;
    for (uint32_t k = 0; k < s->thread_count; k++)
        found += s->threads[k].os_id == os_id && s->threads[k].sp != 0;
    if (found != 1)
        fprintf(stderr, "thread %lu: %u times with registers\n", os_id, found);
    return found == 1;
}

static bool clrmd_has_image(const struct space *s, uint64_t base, const char *line) {
    const struct space_module *m = space_module_at(s, base);
    bool found = m && m->base == base && strstr(line, m->path);
    if (!found)
        fprintf(stderr, "no image at %" PRIx64 " for %s\n", base, line);
    return found;
}

unsigned clrmd_compare_space(const struct space *s, struct str answer, uint32_t *ret_threads,
                             uint32_t *ret_modules) {
    unsigned differences = 0;
    *ret_threads = *ret_modules = 0;
    for (struct str line; str_next_line(&answer, &line);) {
        unsigned long id, base;
        char text[512];
        snprintf(text, sizeof(text), "%.*s", (int)(line.len < 511 ? line.len : 511), line.ptr);
        if (sscanf(text, "THR m%*d os %lu", &id) == 1) {
            differences += !clrmd_has_registers(s, id);
            ++*ret_threads;
        } else if (sscanf(text, "MOD %*x %lx", &base) == 1) {
            differences += !clrmd_has_image(s, base, text);
            ++*ret_modules;
        }
    }
    return differences;
}
