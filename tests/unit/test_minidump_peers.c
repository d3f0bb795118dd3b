/*
 * The same minidumps read by others: LLVM's obj2yaml and Breakpad's minidump_dump, where they are
 * installed (packages llvm; minidump of npm, its minidump_dump in the PATH or in MINIDUMP_DUMP).
 */
#include "base/file.h"
#include "base/num.h"
#include "memory/minidump/minidump.h"
#include "memory/unpack/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What a peer says of one thing; begins anew with each `first` key. */
enum key {
    KEY_NONE,
    THREAD_ID,
    THREAD_TEB,
    THREAD_IP,
    THREAD_SP,
    MODULE_BASE,
    MODULE_SIZE,
    MODULE_TIME,
    REGION_BASE,
    REGION_SIZE,
    KEY_COUNT
};

struct peer {
    const char *command; /* %s: the dump */
    const char separator;
    struct {
        const char *text;
        enum key key;
    } keys[16];
};

static const struct peer obj2yaml = {
    "obj2yaml '%s' 2>/dev/null",
    ':',
    {{"- Thread Id", THREAD_ID},
     {"Environment Block", THREAD_TEB},
     {"- Base of Image", MODULE_BASE},
     {"Size of Image", MODULE_SIZE},
     {"Time Date Stamp", MODULE_TIME},
     {"- Base Address", REGION_BASE},
     {"Region Size", REGION_SIZE}},
};

static const struct peer breakpad = {
    "${MINIDUMP_DUMP:-minidump_dump} '%s' 2>/dev/null",
    '=',
    {{"thread_id", THREAD_ID},
     {"teb", THREAD_TEB},
     {"rip", THREAD_IP},
     {"rsp", THREAD_SP},
     {"base_of_image", MODULE_BASE},
     {"size_of_image", MODULE_SIZE},
     {"time_date_stamp", MODULE_TIME},
     {"base_address", REGION_BASE},
     {"region_size", REGION_SIZE}},
};

struct compare {
    struct space *s;
    struct minidump_info *info;
    uint64_t thread, module, region; /* index of what is being spoken of; UINT64_MAX: none */
    uint32_t said[KEY_COUNT];
};

static void minidump_peers_find(struct compare *c, enum key key, uint64_t value) {
    if (key == THREAD_ID) {
        c->thread = UINT64_MAX;
        for (uint32_t i = 0; i < c->s->thread_count; i++)
            if (c->s->threads[i].os_id == value)
                c->thread = i;
        assert_true(c->thread != UINT64_MAX);
    } else if (key == MODULE_BASE) {
        c->module = UINT64_MAX;
        for (uint32_t i = 0; i < c->s->module_count; i++)
            if (c->s->modules[i].base == value)
                c->module = i;
        assert_true(c->module != UINT64_MAX);
    } else if (key == REGION_BASE) {
        c->region++;
        assert_true(c->region < c->info->region_count);
        assert_true(minidump_region(c->info, (uint32_t)c->region).base == value);
    }
}

static void minidump_peers_check(struct compare *c, enum key key, uint64_t value) {
    const struct space *s = c->s;
    minidump_peers_find(c, key, value);
    c->said[key]++;
    if (key == THREAD_TEB)
        assert_true(c->info->threads[c->thread].teb == value);
    else if (key == THREAD_IP)
        assert_true(s->threads[c->thread].ip == value);
    else if (key == THREAD_SP)
        assert_true(s->threads[c->thread].sp == value);
    else if (key == MODULE_SIZE)
        assert_true(s->modules[c->module].image_size == value);
    else if (key == MODULE_TIME && c->module != UINT64_MAX)
        assert_true(s->modules[c->module].timestamp == value);
    else if (key == REGION_SIZE)
        assert_true(minidump_region(c->info, (uint32_t)c->region).size == value);
}

/* "  Region Size:     0x2000" or "  region_size   = 0x2000". */
static void minidump_peers_read_line(struct compare *c, const struct peer *peer, struct str line) {
    char separator[2] = {peer->separator, 0};
    size_t at = str_find(line, str_of(separator), 0);
    if (at == STR_NOT_FOUND)
        return;
    struct str key = str_trim(str_take(line, at)), rest = str_drop(line, at + 1);
    struct str number = str_next_field(&rest);
    uint64_t value;
    for (size_t i = 0; peer->keys[i].text; i++)
        if (str_eq(key, str_of(peer->keys[i].text)) &&
            (str_starts(number, STR("0x")) ? num_hex(number, &value) : num_dec(number, &value)))
            minidump_peers_check(c, peer->keys[i].key, value);
}

static bool minidump_peers_run(struct compare *c, const struct peer *peer, const char *path) {
    char command[1024], line[65536];
    snprintf(command, sizeof(command), peer->command, path);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    c->thread = c->module = c->region = UINT64_MAX;
    while (fgets(line, sizeof(line), out)) {
        line[strcspn(line, "\n")] = '\0';
        minidump_peers_read_line(c, peer, str_trim(str_of(line)));
    }
    return pclose(out) == 0;
}

static bool installed(const char *test) {
    if (system(test) == 0)
        return true;
    print_message("skipped: no other reader of minidumps (%s)\n", test);
    return false;
}

/* Writes the fixture unpacked to a file that others can read. */
static bool unpack_fixture(struct file *file, char path[32]) {
    const char *shared = getenv("DUMPDIFF_SHARED");
    char from[512];
    struct unpack_report report;
    struct err err;
    snprintf(from, sizeof(from), "%s/fixtures/shop-net10-1.dmp.zst", shared ? shared : "../shared");
    if (!file_open(file, from, &err)) {
        print_message("skipped: %s is not there (set DUMPDIFF_SHARED)\n", from);
        return false;
    }
    assert_true(unpack_file(file, NULL, &report, &err));
    snprintf(path, 32, "/tmp/peer.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct str text = {(const char *)file->bytes.data, file->bytes.size};
    assert_true(file_write(path, text, &err));
    return true;
}

static void compare_with(const struct peer *peer, const char *test, bool registers) {
    struct file file;
    struct space s;
    struct minidump_info *info;
    struct err err;
    char path[32];
    if (!installed(test) || !unpack_fixture(&file, path))
        skip();
    space_init(&s);
    assert_true(minidump_open(&s, file.bytes, &info, &err));
    struct compare c = {.s = &s, .info = info};
    (void)minidump_peers_run(&c, peer, path);
    unlink(path);
    assert_int_equal(c.said[THREAD_ID], s.thread_count);
    assert_int_equal(c.said[THREAD_TEB], s.thread_count);
    assert_int_equal(c.said[THREAD_IP], registers ? s.thread_count : 0);
    assert_int_equal(c.said[THREAD_SP], registers ? s.thread_count : 0);
    assert_int_equal(c.said[MODULE_BASE], s.module_count);
    assert_int_equal(c.said[MODULE_SIZE], s.module_count);
    assert_true(c.said[MODULE_TIME] >= s.module_count);
    assert_int_equal(c.said[REGION_BASE], info->region_count);
    assert_int_equal(c.said[REGION_SIZE], info->region_count);
    space_deinit(&s);
    file_close(&file);
}

static void minidump_reads_what_obj2yaml_reads(void **state) {
    (void)state;
    compare_with(&obj2yaml, "command -v obj2yaml > /dev/null 2>&1", false);
}

static void minidump_reads_what_breakpad_reads(void **state) {
    (void)state;
    compare_with(&breakpad, "command -v ${MINIDUMP_DUMP:-minidump_dump} > /dev/null 2>&1", true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minidump_reads_what_obj2yaml_reads),
        cmocka_unit_test(minidump_reads_what_breakpad_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
