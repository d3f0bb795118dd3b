#include "tests/support/minidump_peer.h"

#include "base/num.h"
#include "memory/minidump/minidump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

struct minidump_peer {
    const char *test;    /* succeeds where the peer is installed */
    const char *command; /* %s: the dump */
    bool registers;      /* it prints those of threads */
    const char separator;
    struct {
        const char *text;
        enum key key;
    } keys[16];
};

const struct minidump_peer minidump_obj2yaml = {
    "command -v obj2yaml > /dev/null 2>&1",
    "obj2yaml '%s' 2>/dev/null",
    false,
    ':',
    {{"- Thread Id", THREAD_ID},
     {"Environment Block", THREAD_TEB},
     {"- Base of Image", MODULE_BASE},
     {"Size of Image", MODULE_SIZE},
     {"Time Date Stamp", MODULE_TIME},
     {"- Base Address", REGION_BASE},
     {"Region Size", REGION_SIZE}},
};

const struct minidump_peer minidump_breakpad = {
    "command -v ${MINIDUMP_DUMP:-minidump_dump} > /dev/null 2>&1",
    "${MINIDUMP_DUMP:-minidump_dump} '%s' 2>/dev/null",
    true,
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

struct peer_compare {
    struct space *s;
    struct minidump_info *info;
    uint64_t thread, module, region; /* index of what is being spoken of; UINT64_MAX: none */
    uint32_t said[KEY_COUNT];
};

static void minidump_peer_find(struct peer_compare *c, enum key key, uint64_t value) {
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

static void minidump_peer_check(struct peer_compare *c, enum key key, uint64_t value) {
    const struct space *s = c->s;
    minidump_peer_find(c, key, value);
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
static void minidump_peer_read_line(struct peer_compare *c, const struct minidump_peer *peer,
                                    struct str line) {
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
            minidump_peer_check(c, peer->keys[i].key, value);
}

static bool minidump_peer_run(struct peer_compare *c, const struct minidump_peer *peer,
                              const char *path) {
    char command[1024], line[65536];
    snprintf(command, sizeof(command), peer->command, path);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    c->thread = c->module = c->region = UINT64_MAX;
    while (fgets(line, sizeof(line), out)) {
        line[strcspn(line, "\n")] = '\0';
        minidump_peer_read_line(c, peer, str_trim(str_of(line)));
    }
    return pclose(out) == 0;
}

bool minidump_peer_is_here(const struct minidump_peer *peer) {
    if (system(peer->test) == 0)
        return true;
    print_message("this reader of minidumps is not installed: %s\n", peer->test);
    return false;
}

void minidump_peer_agrees(const struct minidump_peer *peer, struct bytes dump) {
    struct space s;
    struct minidump_info *info;
    struct err err = {.msg = ""};
    char path[] = "/tmp/peer.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_true(
        file_write(path, fit_bytes((struct str){(const char *)dump.data, dump.size}), &err));
    space_init(&s);
    assert_true(minidump_open(&s, dump, &info, &err));
    struct peer_compare c = {.s = &s, .info = info};
    (void)minidump_peer_run(&c, peer, path);
    unlink(path);
    assert_int_equal(c.said[THREAD_ID], s.thread_count);
    assert_int_equal(c.said[THREAD_TEB], s.thread_count);
    assert_int_equal(c.said[THREAD_IP], peer->registers ? s.thread_count : 0);
    assert_int_equal(c.said[THREAD_SP], peer->registers ? s.thread_count : 0);
    assert_int_equal(c.said[MODULE_BASE], s.module_count);
    assert_int_equal(c.said[MODULE_SIZE], s.module_count);
    assert_true(c.said[MODULE_TIME] >= s.module_count);
    assert_int_equal(c.said[REGION_BASE], info->region_count);
    assert_int_equal(c.said[REGION_SIZE], info->region_count);
    space_deinit(&s);
}
