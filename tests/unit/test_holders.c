/*
 * Who holds what, in dumps of a program that holds objects in fifteen ways (tests/e2e/holders).
 *
 * DUMPDIFF_HOLDERS names another dump or a snapshot of it: tests/e2e/holders.sh sets it for those
 * made on the spot.
 */
#include "base/file.h"
#include "dotnet/clr.h"
#include "input/input.h"
#include "memory/elf/elf.h"
#include "memory/unpack/unpack.h"
#include "tests/support/read_bytes.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct input_options no_options = {.symbols = NULL};

static const char *const own_dumps[] = {"tests/dumps/holders.core.zst",
                                        "tests/dumps/holders-net11.core.zst"};

static const char *dump_path(size_t number) {
    const char *path = getenv("DUMPDIFF_HOLDERS");
    return path ? path : own_dumps[number];
}

static size_t dump_count(void) {
    return getenv("DUMPDIFF_HOLDERS") ? 1 : COUNT(own_dumps);
}

/* `path`: the root and the edges, without types. A * stands for anything. */
struct holder_case {
    const char *type, *path;
    uint64_t objects;
};

static const struct holder_case holder_cases[] = {
    {"HeldByStatic", "static Holders.Program.items -> _items -> []", 200},
    {"HeldByGenericStatic", "static Holders.Cell<System.String>.Items -> _items -> []", 200},
    {"HeldByThreadStatic", "thread static Holders.Program.perThread -> []", 200},
    {"HeldByEvent", "static Holders.Publisher.Happened -> _invocationList -> [] -> _target", 200},
    {"HeldByTimer",
     "static System.Threading.TimerQueue.<Instances>k__BackingField -> [] -> _longTimers -> "
     "_timerCallback -> _target",
     200},
    {"HeldByToken",
     "static Holders.Program.shutdown -> _registrations -> Callbacks -> CallbackState -> _target",
     200},
    {"HeldByTask",
     "static Holders.Program.Never -> _task -> m_continuationObject -> _items -> [] -> "
     "StateMachine.held",
     200},
    {"HeldByWeakTable", "static Holders.Program.keys -> [] -> (dependent)", 200},
    {"HeldByDependentHandle", "static Holders.Program.others -> [] -> (dependent)", 200},
    {"HeldByPin[]", "handle Pinned", 1},
    {"HeldByLocal", "stack of thread * has a local -> []", 200},
    {"HeldByList", "static Holders.Program.head", 200},
    {"HeldByEntry", "static Holders.Program.entries -> _entries -> [].value.Value", 200},
    {"HeldByArrays", "static Holders.Program.arrays -> [] -> [] -> []", 200},
    {"HeldByPlugin", "static Holders.Program.plugin -> Own -> []", 100},
    {"HeldByPlugin",
     "static Holders.Program.plugin -> (loader allocator) -> (static Holders.Plugin.Items) -> "
     "_items -> []",
     100},
};

static void holders_read_dump(size_t number, struct snapshot *s) {
    struct err err = {.msg = ""};
    snapshot_init(s);
    if (!input_read(dump_path(number), &no_options, s, &err))
        fail_msg("%s", err.msg);
}

/* The root and the edges that lead to a row of PART_PATHS. */
static void holders_path_of(const struct path_row *rows, const struct path_row *row,
                            struct strbuf *out) {
    const struct path_row *steps[64];
    size_t depth = 0;
    for (; row->parent != ABSENT && depth < COUNT(steps); row = &rows[row->parent])
        steps[depth++] = row;
    strbuf_clear(out);
    strbuf_adds(out, row->root ? row->root : "?");
    while (depth)
        strbuf_addf(out, " -> %s", steps[--depth]->edge);
}

static bool fits(const char *path, const char *pattern) {
    const char *star = strchr(pattern, '*');
    size_t before = star ? (size_t)(star - pattern) : strlen(pattern), length = strlen(path);
    if (!star)
        return strcmp(path, pattern) == 0;
    size_t after = strlen(star + 1);
    return length >= before + after && strncmp(path, pattern, before) == 0 &&
           strcmp(path + length - after, star + 1) == 0;
}

/* A delegate with several handlers keeps them in another field since .NET 11. */
static const char *expected_path(const struct holder_case *c, const struct snapshot *s) {
    bool since_11 = str_starts(str_of(snapshot_origin(s)->runtime), STR("CoreCLR 11"));
    return since_11 && strcmp(c->type, "HeldByEvent") == 0
               ? "static Holders.Publisher.Happened -> _helperObject -> [] -> _target"
               : c->path;
}

static void check_holders(size_t number) {
    struct snapshot s;
    struct strbuf path;
    holders_read_dump(number, &s);
    strbuf_init(&path);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    SNAPSHOT_ROWS(&s, PART_PATHS, struct path_row, rows, count);
    for (size_t i = 0; i < COUNT(holder_cases); i++) {
        const struct holder_case *c = &holder_cases[i];
        const char *expected = expected_path(c, &s);
        uint64_t found = 0;
        for (uint32_t k = 0; k < count; k++) {
            if (!rows[k].type || strncmp(rows[k].type, "Holders.", 8) != 0 ||
                strcmp(rows[k].type + 8, c->type) != 0)
                continue;
            holders_path_of(rows, &rows[k], &path);
            if (fits(strbuf_cstr(&path), expected))
                found += rows[k].own_objects;
        }
        if (found != c->objects)
            fail_msg("%s: %llu objects held by %s, not %llu", c->type, (unsigned long long)found,
                     expected, (unsigned long long)c->objects);
    }
    strbuf_deinit(&path);
    snapshot_deinit(&s);
}

static void each_holder_is_told_right(void **state) {
    (void)state;
    for (size_t i = 0; i < dump_count(); i++)
        check_holders(i);
}

/* Live objects of a type; ABSENT: there is none of it. */
static uint64_t live(const struct snapshot *s, const char *name, uint64_t *ret_objects) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *ret_objects = type_total(&rows[i]).objects;
            return rows[i].live_objects;
        }
    return ABSENT;
}

static void check_live(size_t number) {
    struct snapshot s;
    uint64_t objects;
    char name[64];
    holders_read_dump(number, &s);
    for (size_t i = 0; i < COUNT(holder_cases); i++) {
        const char *type = holder_cases[i].type;
        snprintf(name, sizeof(name), "Holders.%s", type);
        assert_int_equal(live(&s, name, &objects), strcmp(type, "HeldByPin[]") == 0 ? 1 : 200);
        assert_int_equal(objects, strcmp(type, "HeldByPin[]") == 0 ? 1 : 200);
    }
    /* Two that hold each other, and no one them; the last may still be on the stack. */
    assert_true(live(&s, "Holders.Garbage", &objects) <= 2);
    assert_int_equal(objects, 10000);
    /* What the frame of Main holds: it has no Frame of the runtime above it. */
    assert_int_equal(live(&s, "System.IO.FileStream", &objects), 1);
    snapshot_deinit(&s);
}

static void all_that_is_held_is_live_and_nothing_else(void **state) {
    (void)state;
    for (size_t i = 0; i < dump_count(); i++)
        check_live(i);
}

/* -- In the middle of a collection ------------------------------------------------------------- */

/* The dump with the count of the GC set that says that its structures are not valid. */
static void open_in_collection(struct file *file, struct bytes *ret_copy) {
    struct err err;
    struct unpack_report report;
    struct space space;
    struct snapshot scratch;
    struct clr clr;
    struct strbuf why;
    struct dotnet_options options = {.symbols = NULL};
    uint64_t cut;
    assert_true(file_open(file, dump_path(0), &err) && unpack_file(file, NULL, &report, &err));
    if (!elf_core_probe(file->bytes)) {
        file_close(file);
        skip(); /* a snapshot of the living program */
    }
    uint8_t *copy = malloc(file->bytes.size);
    assert_non_null(copy);
    memcpy(copy, file->bytes.data, file->bytes.size);
    *ret_copy = (struct bytes){copy, file->bytes.size};
    assert_true(elf_core_open(&space, *ret_copy, &cut, &err));
    snapshot_init(&scratch);
    strbuf_init(&why);
    struct builder *b = builder_new(&scratch, &err);
    assert_non_null(b);
    clr_init(&clr, &space, b, &options);
    assert_int_equal(clr_find(&clr, &why, &err), CLR_READY);
    uint64_t address = clr.gc.slot[GC_INVALID_COUNT];
    const struct space_range *range = space_range_at(&space, address);
    assert_non_null(range);
    copy[range->data - copy + (ptrdiff_t)(address - range->start)] = 1;
    clr_deinit(&clr);
    builder_free(b);
    strbuf_deinit(&why);
    snapshot_deinit(&scratch);
    space_deinit(&space);
}

static void in_the_middle_of_a_collection_nobody_is_said_to_hold_anything(void **state) {
    (void)state;
    struct file file;
    struct bytes copy;
    struct snapshot s;
    struct err err = {.msg = ""};
    open_in_collection(&file, &copy);
    snapshot_init(&s);
    if (!input_read_bytes(copy, "holders.core", NULL, &no_options, &s, &err))
        fail_msg("%s", err.msg);
    assert_false(snapshot_has(&s, PART_PATHS));
    assert_false(snapshot_has(&s, PART_LIVE));
    assert_true(snapshot_has(&s, PART_TYPES));
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    SNAPSHOT_ROWS(&s, PART_REASONS, struct reason_row, reasons, count);
    bool said = false;
    for (uint32_t i = 0; i < count; i++)
        said |= strstr(reasons[i].text, "in the middle of a collection") && reasons[i].lowers_trust;
    assert_true(said);
    SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, types, type_count);
    for (uint32_t i = 0; i < type_count; i++)
        assert_true(types[i].live_objects == ABSENT);
    snapshot_deinit(&s);
    free((void *)(uintptr_t)copy.data);
    file_close(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_holder_is_told_right),
        cmocka_unit_test(all_that_is_held_is_live_and_nothing_else),
        cmocka_unit_test(in_the_middle_of_a_collection_nobody_is_said_to_hold_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
