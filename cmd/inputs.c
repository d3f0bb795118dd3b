#include "cmd/inputs.h"
#include "cmd/session.h"

#include "base/arena.h"
#include "base/chars.h"
#include "base/file.h"
#include "base/num.h"
#include "input/argument.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
    if (folder.len && folder.ptr[folder.len - 1] != '/')
        strbuf_addc(&path, '/');
    strbuf_add(&path, name);
    const char *copy =
        strbuf_failed(&path) ? NULL : arena_copy(&in->arena, strbuf_cstr(&path), path.len);
    strbuf_deinit(&path);
    return copy;
}

static bool inputs_add_list(struct inputs *in, struct options *o, struct err *err) {
    struct file file;
    struct str line, folder = str_of(o->list);
    if (!file_open(&file, o->list, err))
        return err_prefix(err, "%s", o->list);
    while (folder.len && folder.ptr[folder.len - 1] != '/')
        folder.len--;
    struct str rest = {(const char *)file.bytes.data, file.bytes.size};
    bool ok = true;
    while (ok && str_next_line(&rest, &line)) {
        line = str_trim(line);
        if (line.len && line.ptr[0] != '#')
            ok = inputs_add(o, inputs_join(in, line.ptr[0] == '/' ? STR("") : folder, line),
                            "--list", err);
    }
    file_close(&file);
    return ok;
}

static int is_dump(const struct dirent *entry) {
    struct str name = str_of(entry->d_name);
    return name.ptr[0] != '.' && !argument_is_beside(name);
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
static int by_name(const struct dirent **one, const struct dirent **other) {
    const char *a = (*one)->d_name, *b = (*other)->d_name;
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
    return order ? order : strcmp((*one)->d_name, (*other)->d_name);
}

static bool add_series(struct inputs *in, struct options *o, struct err *err) {
    struct dirent **entries;
    int count = scandir(o->series, &entries, is_dump, by_name);
    bool ok = true;
    if (count < 0)
        return err_set(err, ERR_IO, "%s: cannot be read as a folder: %s", o->series,
                       strerror(errno));
    for (int i = 0; i < count; i++) {
        const char *path = inputs_join(in, str_of(o->series), str_of(entries[i]->d_name));
        if (path && file_is_special(path))
            say("--series: an entry of %s is no file, and was passed over", o->series);
        else
            ok = ok && inputs_add(o, path, "--series", err);
        free(entries[i]);
    }
    free(entries);
    return ok && (count || err_set(err, ERR_IO, "%s: the folder is empty", o->series));
}

bool inputs_find(struct inputs *in, struct options *o, struct err *err) {
    arena_init(&in->arena);
    return (!o->list || inputs_add_list(in, o, err)) && (!o->series || add_series(in, o, err));
}

void inputs_deinit(struct inputs *in) {
    arena_deinit(&in->arena);
}

uint64_t inputs_moment(const char *argument, struct str *ret_path) {
    struct stat st;
    uint64_t moment = 0;
    const char *at = strrchr(argument, '@');
    *ret_path = str_of(argument);
    if (!at || at == argument || stat(argument, &st) == 0 || !num_dec(str_of(at + 1), &moment) ||
        moment == 0)
        return 0;
    *ret_path = str_take(*ret_path, (size_t)(at - argument));
    return moment;
}
