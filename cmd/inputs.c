#include "cmd/inputs.h"
#include "cmd/session.h"

#include "base/arena.h"
#include "base/chars.h"
#include "base/file.h"
#include "base/num.h"
#include "base/os/os.h"
#include "base/vec.h"
#include "input/argument.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool inputs_add(struct options *o, const char *argument, const char *option,
                       struct err *err) {
    if (!argument)
        return err_nomem(err);
    if (o->argument_count == ARGUMENTS_MAX)
        return err_set(err, ERR_USAGE, "%s: more than %u dumps", option, ARGUMENTS_MAX);
    o->arguments[o->argument_count++] = argument;
    return true;
}

/* "FOLDER/NAME", in the arena. */
static const char *inputs_join(struct inputs *in, struct str folder, struct str name) {
    struct strbuf path;
    strbuf_init(&path);
    strbuf_add(&path, folder);
    if (folder.len && !os_is_separator(str_last(folder)))
        strbuf_addc(&path, '/');
    strbuf_add(&path, name);
    const char *copy =
        strbuf_failed(&path) ? NULL : arena_copy(&in->arena, strbuf_cstr(&path), path.len);
    strbuf_deinit(&path);
    return copy;
}

static bool inputs_is_absolute(struct str line) {
    char head[4] = {0};
    memcpy(head, line.ptr, line.len < 3 ? line.len : 3);
    return os_is_absolute(head);
}

static bool inputs_add_list(struct inputs *in, struct options *o, struct err *err) {
    struct file file;
    struct str line, folder = str_of(o->list);
    if (!file_open(&file, o->list, err))
        return err_prefix(err, "%s", o->list);
    folder.len = os_folder_length(o->list);
    struct str rest = {(const char *)file.bytes.data, file.bytes.size};
    bool ok = true;
    while (ok && str_next_line(&rest, &line)) {
        line = str_trim(line);
        if (line.len && str_first(line) != '#')
            ok = inputs_add(o, inputs_join(in, inputs_is_absolute(line) ? STR("") : folder, line),
                            "--list", err);
    }
    file_close(&file);
    return ok;
}

/* How many characters of both are digits of a number, and which number is larger. */
static int order_numbers(const char **a, const char **b) {
    const char *x = *a, *y = *b;
    while (*x == '0')
        x++;
    while (*y == '0')
        y++;
    size_t digits_x = 0, digits_y = 0;
    while (char_is_digit(x[digits_x]))
        digits_x++;
    while (char_is_digit(y[digits_y]))
        digits_y++;
    *a = x + digits_x;
    *b = y + digits_y;
    if (digits_x != digits_y)
        return digits_x < digits_y ? -1 : 1;
    return memcmp(x, y, digits_x);
}

/* "dump-2" before "dump-10": numbers by what they are, the rest by bytes, not by the locale. */
static int by_name(const void *one, const void *other) {
    const char *const *x = one, *const *y = other;
    const char *a = *x, *b = *y;
    while (*a && *b) {
        if (char_is_digit(*a) && char_is_digit(*b)) {
            int order = order_numbers(&a, &b);
            if (order)
                return order;
            continue;
        }
        if (*a != *b)
            break;
        a++;
        b++;
    }
    int order = (unsigned char)*a - (unsigned char)*b;
    return order ? order : strcmp(*x, *y);
}

/* Names of what a folder holds, in the arena. */
struct inputs_names {
    struct inputs *in;
    const char **names;
    size_t count, capacity;
    bool no_memory;
};

static bool inputs_add_name(void *context, const char *name) {
    struct inputs_names *n = context;
    if (name[0] == '.' || argument_is_beside(str_of(name)))
        return true;
    if (!VEC_ROOM_IN(&n->in->arena, n->names, n->count, n->capacity, NULL) ||
        !(n->names[n->count] = arena_copy(&n->in->arena, name, strlen(name))))
        return !(n->no_memory = true);
    n->count++;
    return true;
}

static bool add_series(struct inputs *in, struct options *o, struct err *err) {
    struct inputs_names n = {.in = in};
    bool ok = true;
    if (!os_list_folder(o->series, inputs_add_name, &n))
        return n.no_memory ? err_nomem(err)
                           : err_set(err, ERR_IO, "%s: cannot be read as a folder: %s", o->series,
                                     strerror(errno));
    if (n.count)
        qsort(n.names, n.count, sizeof(*n.names), by_name);
    for (size_t i = 0; ok && i < n.count; i++) {
        const char *path = inputs_join(in, str_of(o->series), str_of(n.names[i]));
        if (path && file_is_special(path))
            say("--series: an entry of %s is no file, and was passed over", o->series);
        else
            ok = inputs_add(o, path, "--series", err);
    }
    return ok && (n.count || err_set(err, ERR_IO, "%s: the folder is empty", o->series));
}

bool inputs_find(struct inputs *in, struct options *o, struct err *err) {
    arena_init(&in->arena);
    return (!o->list || inputs_add_list(in, o, err)) && (!o->series || add_series(in, o, err));
}

void inputs_deinit(struct inputs *in) {
    arena_deinit(&in->arena);
}

uint64_t inputs_moment(const char *argument, struct str *ret_path) {
    uint64_t moment = 0;
    const char *at = strrchr(argument, '@');
    *ret_path = str_of(argument);
    if (!at || at == argument || os_is_there(argument) || !num_dec(str_of(at + 1), &moment) ||
        moment == 0)
        return 0;
    *ret_path = str_take(*ret_path, (size_t)(at - argument));
    return moment;
}
