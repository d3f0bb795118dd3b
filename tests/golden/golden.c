/*
 * Golden cases: one folder of golden/ each.
 *
 *   cmd    shell lines, run in the root of the repository; $DUMPDIFF is the program, $TMP an empty
 *          folder, $SHARED a folder of dumps too large to keep here, $MK_SNAP and $MK_WINDOWS the
 *          makers of snapshots and of minidumps (mk_snap_main.c, mk_windows_main.c)
 *   out    what has to come on stdout; no such file: nothing
 *   err    what has to come on stderr; no such file: nothing
 *   exit   the exit status; no such file: 0
 *   must   hand-written lines that have to occur in out or err, whatever `make golden` rewrites
 *   needs  files without which the case is left out, aloud; one a line
 *   like   with needs: the case that shows the same on an input of our own (tools/likes.sh)
 *
 * The two folders that differ from machine to machine are written back as "$TMP" and "$SHARED".
 *
 * usage: golden [--update] [PATTERN...]
 */
#include "base/file.h"
#include "base/sandbox.h"
#include "base/str.h"

#include <dirent.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CASES_MAX       2000u
#define CASE_SECONDS    300u
#define DIFFERENCES_MAX 12u

struct result {
    struct strbuf out, err;
    int exit;
};

static void golden_path_of(struct strbuf *path, const char *name, const char *file) {
    strbuf_init(path);
    strbuf_addf(path, "golden/%s/%s", name, file);
}

/* Text of a file of the case; false and empty when there is none. */
static bool slurp(const char *path, struct strbuf *text) {
    struct file file;
    struct err err;
    strbuf_init(text);
    if (!file_open(&file, path, &err))
        return false;
    strbuf_add(text, (struct str){(const char *)file.bytes.data, file.bytes.size});
    file_close(&file);
    return true;
}

static bool slurp_of(const char *name, const char *file, struct strbuf *text) {
    struct strbuf path;
    golden_path_of(&path, name, file);
    bool there = slurp(path.ptr, text);
    strbuf_deinit(&path);
    return there;
}

static void replace_all(struct strbuf *text, const char *what, const char *with) {
    struct str in = strbuf_str(text), needle = str_of(what);
    if (!needle.len || !str_contains(in, needle))
        return;
    struct strbuf out;
    strbuf_init(&out);
    size_t at = 0;
    for (size_t hit; (hit = str_find(in, needle, at)) != STR_NOT_FOUND; at = hit + needle.len) {
        strbuf_add(&out, (struct str){in.ptr + at, hit - at});
        strbuf_adds(&out, with);
    }
    strbuf_add(&out, str_drop(in, at));
    strbuf_deinit(text);
    *text = out;
}

static bool sandbox_whole(void) {
    struct strbuf text;
    strbuf_init(&text);
    sandbox_describe(&text);
    bool whole = str_contains(strbuf_str(&text), STR("Landlock ")); /* "Landlock 7" */
    strbuf_deinit(&text);
    return whole;
}

/* In the child: the same environment on every machine. */
static void run_child(const char *cmd, const char *tmp, const char *out, const char *err) {
    static const char *const unset[] = {"NO_COLOR",    "COLUMNS", "CLICOLOR_FORCE", "LANG",
                                        "LC_MESSAGES", "LC_TIME", "LC_NUMERIC",     "LANGUAGE"};
    for (size_t i = 0; i < sizeof(unset) / sizeof(*unset); i++)
        unsetenv(unset[i]);
    setenv("LC_ALL", "C", 1);
    setenv("TZ", "UTC", 1);
    setenv("TMP", tmp, 1);
    /* Reports say where the sandbox is not whole. */
    if (!sandbox_whole())
        setenv("DUMPDIFF_NO_SANDBOX", "1", 1);
    if (!freopen("/dev/null", "r", stdin) || !freopen(out, "w", stdout) ||
        !freopen(err, "w", stderr))
        _exit(126);
    alarm(CASE_SECONDS);
    execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
    _exit(127);
}

static void golden_remove_folder(const char *path) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static bool golden_run_case(const char *name, struct result *r) {
    char dir[] = "/tmp/dumpdiff-golden-XXXXXX";
    struct strbuf cmd, out, err, tmp;
    strbuf_init(&r->out);
    strbuf_init(&r->err);
    r->exit = -1;
    if (!slurp_of(name, "cmd", &cmd) || !mkdtemp(dir))
        return false;
    strbuf_init(&out);
    strbuf_init(&err);
    strbuf_init(&tmp);
    strbuf_addf(&out, "%s/out", dir);
    strbuf_addf(&err, "%s/err", dir);
    strbuf_addf(&tmp, "%s/tmp", dir);
    int status = 0;
    if (mkdir(tmp.ptr, 0700) == 0) {
        fflush(NULL); /* or the child writes what is buffered once more */
        pid_t pid = fork();
        if (pid == 0)
            run_child(cmd.ptr, tmp.ptr, out.ptr, err.ptr);
        if (pid > 0 && waitpid(pid, &status, 0) == pid)
            r->exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    bool ok = r->exit >= 0 && slurp(out.ptr, &r->out) && slurp(err.ptr, &r->err);
    const char *shared = getenv("SHARED");
    struct strbuf *both[] = {&r->out, &r->err};
    for (size_t i = 0; i < 2; i++) {
        replace_all(both[i], tmp.ptr, "$TMP");
        replace_all(both[i], shared, "$SHARED");
    }
    golden_remove_folder(dir);
    strbuf_deinit(&cmd);
    strbuf_deinit(&out);
    strbuf_deinit(&err);
    strbuf_deinit(&tmp);
    return ok;
}

static void result_deinit(struct result *r) {
    strbuf_deinit(&r->out);
    strbuf_deinit(&r->err);
}

/* The first line of must that does not occur; false when all do. A case has to have one. */
static bool unmet(const char *name, const struct result *r, struct strbuf *ret_line) {
    struct strbuf must;
    strbuf_init(ret_line);
    bool there = slurp_of(name, "must", &must), found = false;
    struct str rest = strbuf_str(&must), line;
    size_t lines = 0;
    while (!found && str_next_line(&rest, &line)) {
        if (str_trim(line).len == 0)
            continue;
        lines++;
        found =
            !str_contains(strbuf_str(&r->out), line) && !str_contains(strbuf_str(&r->err), line);
        if (found)
            strbuf_add(ret_line, line);
    }
    if (!found && (!there || !lines)) {
        strbuf_adds(ret_line, "(the case has no must)");
        found = true;
    }
    strbuf_deinit(&must);
    return found;
}

/* A file that the case needs and that is not here; false when all are. */
static bool golden_missing(const char *name, struct strbuf *ret_path) {
    struct strbuf needs;
    strbuf_init(ret_path);
    slurp_of(name, "needs", &needs);
    struct str rest = strbuf_str(&needs), line;
    bool found = false;
    while (!found && str_next_line(&rest, &line)) {
        strbuf_clear(ret_path);
        strbuf_add(ret_path, str_trim(line));
        replace_all(ret_path, "$SHARED", getenv("SHARED"));
        found = ret_path->len && access(ret_path->ptr, R_OK) != 0;
    }
    strbuf_deinit(&needs);
    return found;
}

static void print_differences(const char *what, struct str want, struct str got) {
    struct str w = {0}, g = {0};
    unsigned shown = 0;
    for (unsigned line = 1; shown < DIFFERENCES_MAX; line++) {
        bool more_want = str_next_line(&want, &w), more_got = str_next_line(&got, &g);
        if (!more_want && !more_got)
            return;
        if (more_want && more_got && str_eq(w, g))
            continue;
        if (more_want)
            print_message("%s:%u: - %.*s\n", what, line, (int)w.len, w.ptr);
        if (more_got)
            print_message("%s:%u: + %.*s\n", what, line, (int)g.len, g.ptr);
        shown++;
    }
    print_message("%s: ...\n", what);
}

static bool golden_same_text(const char *name, const char *file, const struct strbuf *got) {
    struct strbuf want;
    slurp_of(name, file, &want);
    bool same = str_eq(strbuf_str(&want), strbuf_str(got));
    if (!same)
        print_differences(file, strbuf_str(&want), strbuf_str(got));
    strbuf_deinit(&want);
    return same;
}

static int wanted_exit(const char *name) {
    struct strbuf text;
    int status = 0;
    if (slurp_of(name, "exit", &text))
        status = (int)strtol(strbuf_cstr(&text), NULL, 10);
    strbuf_deinit(&text);
    return status;
}

static void the_case_prints_what_it_should(void **state) {
    const char *name = *state;
    struct result r;
    struct strbuf line;
    assert_true(golden_run_case(name, &r));
    bool ok = golden_same_text(name, "out", &r.out);
    ok = golden_same_text(name, "err", &r.err) && ok;
    if (r.exit != wanted_exit(name)) {
        print_message("exit: %d instead of %d\n", r.exit, wanted_exit(name));
        ok = false;
    }
    if (unmet(name, &r, &line)) {
        print_message("must: %s\n", line.ptr);
        ok = false;
    }
    strbuf_deinit(&line);
    result_deinit(&r);
    assert_true(ok);
}

/* -- Rewriting --------------------------------------------------------------------------------- */

static bool golden_put(const char *name, const char *file, struct str text, bool keep) {
    struct strbuf path;
    struct err err = {.msg = ""};
    golden_path_of(&path, name, file);
    bool ok = true;
    if (keep)
        ok = file_write(path.ptr, fit_bytes(text), &err);
    else
        unlink(path.ptr);
    if (!ok)
        fprintf(stderr, "golden: %s: %s\n", path.ptr, err.msg);
    strbuf_deinit(&path);
    return ok;
}

static bool golden_update(const char *name) {
    struct result r;
    struct strbuf line;
    if (golden_missing(name, &line)) {
        printf("%s: left out, there is no %s\n", name, line.ptr);
        strbuf_deinit(&line);
        return true;
    }
    strbuf_deinit(&line);
    bool ok = golden_run_case(name, &r);
    if (ok && unmet(name, &r, &line)) {
        printf("%s: refused, its must is unmet: %s\n", name, line.ptr);
        printf("--- out\n%s--- err\n%s--- exit %d\n", strbuf_cstr(&r.out), strbuf_cstr(&r.err),
               r.exit);
        ok = false;
    }
    char text[16];
    snprintf(text, sizeof(text), "%d\n", r.exit);
    ok = ok && golden_put(name, "out", strbuf_str(&r.out), r.out.len > 0);
    ok = ok && golden_put(name, "err", strbuf_str(&r.err), r.err.len > 0);
    ok = ok && golden_put(name, "exit", str_of(text), true);
    result_deinit(&r);
    return ok;
}

/* -- Cases ------------------------------------------------------------------------------------- */

static int golden_cmp_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool golden_wanted(const char *name, char **patterns) {
    bool ok = !*patterns;
    for (; *patterns && !ok; patterns++)
        ok = fnmatch(*patterns, name, 0) == 0;
    return ok;
}

static size_t find_cases(char **names, char **patterns) {
    size_t count = 0;
    DIR *dir = opendir("golden");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct strbuf path;
        golden_path_of(&path, entry->d_name, "cmd");
        if (entry->d_name[0] != '.' && count < CASES_MAX && access(path.ptr, R_OK) == 0 &&
            golden_wanted(entry->d_name, patterns))
            names[count++] = strdup(entry->d_name);
        strbuf_deinit(&path);
    }
    if (dir)
        closedir(dir);
    qsort(names, count, sizeof(*names), golden_cmp_names);
    return count;
}

/* Keeps the cases of which all is there. */
static size_t leave_out(struct CMUnitTest *tests, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct strbuf path;
        if (golden_missing(tests[i].name, &path))
            printf("[ LEFT OUT ] 1 test(s): there is no %s\n", path.ptr);
        else
            tests[kept++] = tests[i];
        strbuf_deinit(&path);
    }
    return kept;
}

static int golden_run_all(char **names, size_t count) {
    struct CMUnitTest *tests = calloc(count ? count : 1, sizeof(*tests));
    if (!tests)
        return 5;
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = the_case_prints_what_it_should,
                                       .initial_state = names[i]};
    int failed = _cmocka_run_group_tests("golden", tests, leave_out(tests, count), NULL, NULL);
    free(tests);
    return failed ? 1 : 0;
}

static int update_all(char **names, size_t count) {
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += !golden_update(names[i]);
    printf("%zu cases, %d refused or failed\n", count, failed);
    return failed ? 1 : 0;
}

int main(int argc, char **argv) {
    static char *names[CASES_MAX];
    const char *shared = getenv("DUMPDIFF_SHARED");
    setenv("SHARED", shared && *shared ? shared : "../shared", 1);
    if (!getenv("DUMPDIFF"))
        setenv("DUMPDIFF", "build/dumpdiff", 1);
    if (!getenv("MK_SNAP"))
        setenv("MK_SNAP", "build/tests/golden/mk_snap_main", 1);
    if (!getenv("MK_WINDOWS"))
        setenv("MK_WINDOWS", "build/tests/golden/mk_windows_main", 1);
    bool updating = argc > 1 && strcmp(argv[1], "--update") == 0;
    size_t count = find_cases(names, argv + (updating ? 2 : 1));
    int status = 0;
    if (updating)
        status = update_all(names, count);
    else
        status = golden_run_all(names, count);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return status;
}
