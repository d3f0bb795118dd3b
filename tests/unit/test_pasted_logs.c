/* However a log was pasted, quoted or saved: it says the same. */
#include "base/file.h"
#include "input/log/transcript.h"
#include "model/snapfile.h"
#include "tests/support/read_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const fixtures[] = {
    "runaway_all.txt",         "clrthreads_core.txt",
    "clrthreads_old.txt",      "clrstack_all.txt",
    "clrstack_elided.txt",     "threads-special_list.txt",
    "threads_dump.txt",        "k_all.txt",
    "syncblk_all.txt",         "threadpool_old.txt",
    "threadpool_portable.txt", "address-summary_new.txt",
    "address_new.txt",         "address_old.txt",
    "maddress_summary.txt",    "vadump_sop.txt",
    "heap-s_new.txt",          "vertarget_open.txt",
    "process_attach.txt",      "umdh_press_after.txt",
    "heap-stat_after.txt",     "heap-l_press.txt",
    "smaps_press.txt",         "smaps_rollup.txt",
    "pmap_small.txt",          "pmap_large.txt",
    "top_threads.txt",         "umdh-diff_press.txt",
    "umdh-diff_chain.txt",
};

/* What is put before and behind each line. */
struct pasting {
    const char *name, *start, *before, *behind;
    bool utf16;
};

static const struct pasting pastings[] = {
    {"CRLF", "", "", "\r\n", false},
    {"BOM", "\xef\xbb\xbf", "", "\n", false},
    {"UTF-16", "\xef\xbb\xbf", "", "\r\n", true},
    {"indented", "", "    ", "\n", false},
    {"comment signs", "", "# ", "\n", false},
    {"trailing blanks", "", "", "      \n", false},
    {"fence", "```text\n", "", "\n", false},
    {"double-spaced", "", "", "\n\n", false},
};

static void paste(const struct pasting *how, struct str text, struct strbuf *out) {
    struct strbuf narrow;
    struct str line;
    strbuf_init(&narrow);
    strbuf_adds(&narrow, how->start);
    while (str_next_line(&text, &line)) {
        strbuf_adds(&narrow, how->before);
        strbuf_add(&narrow, line);
        strbuf_adds(&narrow, how->behind);
    }
    struct str s = strbuf_str(&narrow);
    if (!how->utf16) {
        strbuf_add(out, s);
    } else {
        strbuf_add(out, STR("\xff\xfe"));
        for (size_t i = 3; i < s.len; i++) { /* fixtures are ASCII behind the mark */
            strbuf_addc(out, s.ptr[i]);
            strbuf_addc(out, '\0');
        }
    }
    strbuf_deinit(&narrow);
}

/* The .snap file of a log. */
static void snap_of(struct str log, const char *name, struct strbuf *ret_file) {
    static const struct input_options options = {0};
    struct snapshot s;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    struct bytes bytes = {(const uint8_t *)log.ptr, log.len};
    if (!input_read_bytes(bytes, name, &input_transcript, &options, &s, &err))
        fail_msg("%s: %s", name, err.msg);
    strbuf_init(ret_file);
    assert_true(snapfile_encode(&s, ret_file, &err));
    snapshot_deinit(&s);
}

static void a_log_says_the_same_however_it_was_pasted(void **state) {
    (void)state;
    for (size_t f = 0; f < sizeof(fixtures) / sizeof(*fixtures); f++) {
        char path[256];
        struct file file;
        struct err err;
        struct strbuf plain;
        snprintf(path, sizeof(path), "tests/fixture/transcripts/%s", fixtures[f]);
        assert_true(file_open(&file, path, &err));
        struct str text = {(const char *)file.bytes.data, file.bytes.size};
        snap_of(text, fixtures[f], &plain);
        for (size_t p = 0; p < sizeof(pastings) / sizeof(*pastings); p++) {
            struct strbuf log, pasted;
            strbuf_init(&log);
            paste(&pastings[p], text, &log);
            snap_of(strbuf_str(&log), fixtures[f], &pasted);
            if (!str_eq(strbuf_str(&plain), strbuf_str(&pasted)))
                fail_msg("%s reads differently: %s", fixtures[f], pastings[p].name);
            strbuf_deinit(&log);
            strbuf_deinit(&pasted);
        }
        strbuf_deinit(&plain);
        file_close(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_says_the_same_however_it_was_pasted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
