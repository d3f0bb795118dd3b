/*
 * gcroot: over what the roots of the process refer to an object.
 *
 *     Thread 1a2c:
 *         000000C3E1B7E8D0 00007FF9A1B20F41 Shop.Till.Run(System.String[]) [C:\shop\Till.cs @ 31]
 *             rbp-18: 000000c3e1b7e8f8
 *                 ->  0000021C80001230 Shop.Basket
 *                 ->  0000021C80001260 System.Byte[]
 *
 *     HandleTable:
 *         0000021CFA3113F8 (strong handle)
 *         -> 0000021C80008FE0 System.Object[]
 *         -> 0000021C80001260 System.Byte[] (static variable: Shop.Till.s_buffer)
 *
 *     Found 2 unique roots (run 'gcroot -all' to see all roots).
 *
 * and before .NET 4, also where all of it lost its line ends:
 *
 *     Scan Thread 0 OSTHread 3a8
 *     DOMAIN(001E5E08):HANDLE(Pinned):12312f0:Root:0226c498(System.Object[])->
 *     018aeb48(Shop.Basket)
 *     ESP:12f2c4:Root:018aeb48(Shop.Basket)
 *
 * Figures are those of the paths: an object that was asked for is one, its size is not said.
 * Source: GCRootCommand.cs of dotnet/diagnostics; strike.cpp and gcroot.cpp of older SOS.
 */
#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/vec.h"
#include "input/log/scan.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>

/* A longer path is one through a list: what is behind them is passed over, but for the last. */
#define STEPS_MOST 4096u
/* How far below its heading a path begins. */
#define HEADING_LINES 6u

struct gcroot_step {
    uint64_t address;
    const char *type;
};

struct gcroot_reading {
    struct transcript *t;
    struct strbuf
        root;        /* "handle pinned", "stack of thread 0x1a2c in Shop.Till.Run"; empty: none */
    struct str kind; /* "Thread 1a2c", "HandleTable", "Finalizer Queue" */
    struct gcroot_step *steps;
    size_t count, capacity;
    struct str last; /* the type of the last step where its brackets are still open; else empty */
    uint64_t paths, cut;
    uint64_t found; /* [count] roots as the command says; ABSENT: it does not */
    bool any;       /* a line of it was understood */
    bool left_out;  /* another source tells of paths */
};

/* -- Paths ------------------------------------------------------------------------------------- */

/* The row of (parent, root, type), root empty below another; ABSENT: out of memory. */
static uint64_t gcroot_node(struct gcroot_reading *r, uint64_t parent, struct str root,
                            const char *type, struct err *err) {
    struct builder *b = r->t->b;
    const char *name = parent == ABSENT ? builder_string(b, root, err) : NULL;
    if (parent == ABSENT && !name)
        return ABSENT;
    uint64_t key = key_with(key_with(parent, (uintptr_t)name), (uintptr_t)type);
    struct path_row *row;
    while ((row = builder_find(b, PART_PATHS, key)) &&
           (row->parent != parent || row->root != name || row->type != type))
        key = key_with(key, 1);
    uint32_t count;
    if (!row) {
        row = builder_row(b, PART_PATHS, err);
        if (!row || !builder_index(b, PART_PATHS, key, err))
            return ABSENT;
        row->parent = parent;
        row->root = name;
        row->type = type;
        row->objects = row->own_objects = 0;
    }
    const struct path_row *rows = builder_rows(b, PART_PATHS, &count);
    return (uint64_t)(row - rows);
}

/* The object at the end is one more below all of them. */
static void gcroot_count(struct builder *b, uint64_t node) {
    uint32_t count;
    struct path_row *rows = builder_rows(b, PART_PATHS, &count);
    rows[node].own_objects++;
    for (uint64_t n = node; n != ABSENT; n = rows[n].parent)
        rows[n].objects++;
}

static bool gcroot_end_path(struct gcroot_reading *r, struct err *err) {
    struct str root = r->root.len ? strbuf_str(&r->root) : STR("[root not told]");
    uint64_t node = ABSENT;
    if (!r->count)
        return true;
    for (size_t i = 0; i < r->count && !r->left_out; i++) {
        node = gcroot_node(r, node, node == ABSENT ? root : STR(""), r->steps[i].type, err);
        if (node == ABSENT)
            return false;
    }
    if (!r->left_out)
        gcroot_count(r->t->b, node);
    r->paths++;
    r->count = 0;
    r->last = STR("");
    return true;
}

static bool gcroot_add_step(struct gcroot_reading *r, uint64_t address, struct str type,
                            struct err *err) {
    if (r->count == STEPS_MOST) { /* the object that was asked for is the last */
        r->cut++;
        r->count--;
    }
    if (!VEC_ROOM(r->steps, r->count, r->capacity, err))
        return false;
    const char *name = builder_string(r->t->b, type.len ? type : STR("[type not told]"), err);
    r->steps[r->count++] = (struct gcroot_step){address, name};
    return name != NULL;
}

/* -- As SOS of .NET 4 and later prints it ------------------------------------------------------ */

/* "Thread 1a2c:", "HandleTable:", "Finalizer Queue:" */
static bool gcroot_heading(struct str text, struct str *ret_kind) {
    static const char *const names[] = {"HandleTable",     "Finalizer Queue", "Older Generation",
                                        "AsyncPinned",     "Statics",         "Stack",
                                        "Additional roots"};
    uint64_t id;
    if (text.len < 6 || text.len > 64 || !str_ends(text, STR(":")))
        return false;
    struct str kind = str_take(text, text.len - 1);
    *ret_kind = kind;
    return STR_IS_ONE_OF(kind, names) ||
           (str_starts(kind, STR("Thread ")) && num_hex(str_trim(str_drop(kind, 7)), &id));
}

/*
 * "-> 0000021C80001230 Shop.Basket"; but not "-> 0x561c639ba1c4 <+28>: movl %edx, %eax", where lldb
 * stands in the code.
 */
static bool gcroot_step(struct str text, uint64_t *ret_address, struct str *ret_type) {
    if (!str_starts(text, STR("->")))
        return false;
    struct str rest = str_drop(text, 2), address = str_next_field(&rest);
    *ret_type = str_trim(rest);
    return scan_address(address, ret_address) && !str_starts(*ret_type, STR("<+"));
}

/* "Shop.Cache (static variable: Shop.Till.s_cache)"; *type is what is in front. */
static struct str gcroot_take_static(struct str *type) {
    static const struct str marks[] = {STR_INIT("(static variable: "),
                                       STR_INIT("(thread static variable: ")};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        size_t at = str_find(*type, marks[i], 0);
        if (at == STR_NOT_FOUND || !str_ends(*type, STR(")")))
            continue;
        struct str name = str_drop(*type, at + marks[i].len);
        *type = str_trim(str_take(*type, at));
        return str_take(name, name.len - 1);
    }
    if (str_ends(*type, STR(" (dependent handle)")))
        *type = str_trim(str_take(*type, type->len - 19));
    return STR("");
}

static bool gcroot_is_open(struct str type) {
    size_t depth = 0;
    for (size_t i = 0; i < type.len; i++) {
        depth += type.ptr[i] == '[' || type.ptr[i] == '<';
        depth -= depth && (type.ptr[i] == ']' || type.ptr[i] == '>');
    }
    return depth > 0;
}

static bool gcroot_take_step(struct gcroot_reading *r, uint64_t address, struct str type,
                             struct err *err) {
    struct str name = gcroot_take_static(&type);
    if (name.len) { /* the array that holds all statics says nothing beside the variable */
        strbuf_clear(&r->root);
        strbuf_adds(&r->root, ROOT_STATIC);
        strbuf_add(&r->root, name);
        r->count = 0;
    }
    r->last = gcroot_is_open(type) ? type : STR("");
    return gcroot_add_step(r, address, type, err);
}

/* "handle Strong", as dumps themselves call it, of "strong". */
static void gcroot_handle_root(struct gcroot_reading *r, struct str kind) {
    kind = str_take(kind, 64);
    strbuf_adds(&r->root, "handle ");
    if (kind.len && str_first(kind) >= 'a' && str_first(kind) <= 'z')
        strbuf_addc(&r->root, (char)(str_first(kind) - 'a' + 'A'));
    strbuf_add(&r->root,
               str_drop(kind, kind.len && str_first(kind) >= 'a' && str_first(kind) <= 'z'));
}

/* "0000021CFA3113F8 (strong handle)": in front of a path */
static bool gcroot_handle(struct gcroot_reading *r, struct str text) {
    struct str rest = text, kind = {"", 0};
    uint64_t address;
    if (!scan_address(str_next_field(&rest), &address))
        return false;
    rest = str_trim(rest);
    if (str_starts(rest, STR("(")) && str_ends(rest, STR(" handle)")))
        kind = str_take(str_drop(rest, 1), rest.len - 9);
    else if (rest.len && !str_starts(rest, STR("(")))
        return false;
    strbuf_clear(&r->root);
    if (str_eq(r->kind, STR("Finalizer Queue")))
        strbuf_adds(&r->root, ROOT_FINALIZER);
    else if (kind.len)
        gcroot_handle_root(r, kind);
    else if (r->kind.len)
        strbuf_add(&r->root, r->kind);
    return true;
}

/* "000000C3E1B7E8D0 00007FF9A1B20F41 Shop.Till.Run(System.String[]) [C:\shop\Till.cs @ 31]" */
static bool gcroot_frame(struct gcroot_reading *r, struct str text) {
    struct str f[2], method;
    uint64_t address;
    if (!str_starts(r->kind, STR("Thread ")) || scan_fields(text, f, 2, &method) != 2 ||
        !scan_address(f[0], &address) || !scan_address(f[1], &address) || !method.len)
        return false;
    struct str id = str_trim(str_drop(r->kind, 7));
    strbuf_clear(&r->root);
    strbuf_addf(&r->root, "stack of thread 0x%.*s in ", (int)id.len, id.ptr);
    strbuf_add(&r->root, scan_without_source(method));
    return true;
}

/* "rbp-18: 000000c3e1b7e8f8", "rdi:", "r11-44: 7e90171c (interior)" */
static bool gcroot_register(struct str text) {
    size_t colon = str_find(str_take(text, 16), STR(":"), 0);
    struct str rest = colon == STR_NOT_FOUND ? text : str_trim(str_drop(text, colon + 1)), field;
    uint64_t value;
    if (colon == STR_NOT_FOUND || colon < 2 || !char_is_letter(str_first(text)))
        return false;
    for (size_t i = 0; i < colon; i++)
        if (!char_is_word(text.ptr[i]) && !strchr("+-", text.ptr[i]))
            return false;
    field = str_next_field(&rest);
    rest = str_trim(rest);
    return (!field.len || str_starts(field, STR("(")) || num_hex(field, &value)) &&
           (!rest.len || str_starts(rest, STR("(")));
}

/* "Found 2 unique roots (run 'gcroot -all' to see all roots)." */
static bool gcroot_found(struct str text, uint64_t *ret_count) {
    struct str f[4] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
    return str_starts(text, STR("Found ")) && scan_fields(text, f, 4, NULL) >= 3 &&
           num_grouped(f[1], ret_count) &&
           (str_starts(f[2], STR("root")) ||
            (str_eq(f[2], STR("unique")) && str_starts(f[3], STR("root"))));
}

/* -- As older ones do -------------------------------------------------------------------------- */

/* "0226c498(System.Object[])"; *rest is what comes behind, with the arrow. */
static bool gcroot_old_step(struct str *rest, uint64_t *ret_address, struct str *ret_type) {
    struct str text = str_trim(*rest);
    size_t open = str_find(str_take(text, 20), STR("("), 0);
    if (open == STR_NOT_FOUND || !num_hex(str_take(text, open), ret_address) || open < 6)
        return false;
    size_t depth = 0, end = open;
    for (; end < text.len; end++) {
        depth += text.ptr[end] == '(';
        depth -= text.ptr[end] == ')';
        if (!depth)
            break;
    }
    if (end == text.len)
        return false;
    *ret_type = str_trim(str_take(str_drop(text, open + 1), end - open - 1));
    *rest = str_drop(text, end + 1);
    return true;
}

/* "DOMAIN(001E5E08):HANDLE(Pinned):12312f0:Root:": where the path begins; STR_NOT_FOUND: nowhere.
 */
static size_t gcroot_old_root(struct gcroot_reading *r, struct str text) {
    size_t at = str_find(text, STR(":Root:"), 0);
    if (at == STR_NOT_FOUND)
        return STR_NOT_FOUND;
    size_t begin = at;
    while (begin > 0 && text.ptr[begin - 1] != ' ' && text.ptr[begin - 1] != '\t')
        begin--;
    struct str label = str_drop(str_take(text, at), begin);
    struct str step = str_drop(text, at + 6), type;
    uint64_t address;
    if (!gcroot_old_step(&step, &address, &type))
        return STR_NOT_FOUND;
    if (!r)
        return at;
    size_t handle = str_find(label, STR("HANDLE("), 0);
    strbuf_clear(&r->root);
    if (handle != STR_NOT_FOUND) {
        struct str kind = str_drop(label, handle + 7);
        kind = str_take(kind, str_find(kind, STR(")"), 0));
        gcroot_handle_root(r, kind);
    } else {
        strbuf_adds(&r->root, "stack");
    }
    return at + 6;
}

/* "->0226c498(Shop.Till)", whose root stands nowhere: what is behind the arrow; else the text. */
static struct str gcroot_old_arrow(struct str text) {
    return str_starts(text, STR("->")) ? str_trim(str_drop(text, 2)) : text;
}

/* All paths of one line, or the next steps of the last one. */
static bool gcroot_old_line(struct gcroot_reading *r, struct str text, bool *ret_mine,
                            struct err *err) {
    uint64_t address;
    struct str type;
    size_t at;
    *ret_mine = false;
    for (;;) {
        struct str rest = gcroot_old_arrow(text);
        bool arrow = rest.len < text.len;
        if (gcroot_old_step(&rest, &address, &type) && (r->count || arrow)) {
            if (!gcroot_add_step(r, address, type, err))
                return false;
        } else if ((at = gcroot_old_root(r, text)) != STR_NOT_FOUND) {
            if (!gcroot_end_path(r, err))
                return false;
            rest = str_drop(text, at);
            if (gcroot_old_step(&rest, &address, &type) && !gcroot_add_step(r, address, type, err))
                return false;
        } else {
            return true;
        }
        *ret_mine = true;
        rest = str_trim(rest);
        text = str_starts(rest, STR("->")) ? str_trim(str_drop(rest, 2)) : rest;
        if (!str_starts(rest, STR("->")) && !gcroot_end_path(r, err))
            return false;
        if (!text.len)
            return true;
    }
}

static bool gcroot_is_remark(struct str text) {
    static const char *const starts[] = {"Note: Roots found on stacks", "more info.",
                                         "Scan Thread ", "Caching GC roots", "Subsequent runs"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts(text, str_of(starts[i])))
            return true;
    return false;
}

/* -- Section ----------------------------------------------------------------------------------- */

/* The rest of a name that was wrapped. */
static bool gcroot_join(struct gcroot_reading *r, struct str text, struct err *err) {
    struct strbuf name;
    strbuf_init(&name);
    strbuf_add(&name, r->last);
    strbuf_addc(&name, ' ');
    strbuf_add(&name, text);
    const char *copy =
        strbuf_ok(&name, err) ? builder_string(r->t->b, strbuf_str(&name), err) : NULL;
    strbuf_deinit(&name);
    if (!copy)
        return false;
    r->steps[r->count - 1].type = copy;
    r->last = gcroot_is_open(str_of(copy)) ? str_of(copy) : STR("");
    return true;
}

static bool gcroot_take(void *context, bool *ret_mine, struct err *err) {
    struct gcroot_reading *r = context;
    struct str text = r->t->line.text, kind, type, command;
    uint64_t address;
    *ret_mine = r->found == ABSENT;
    if (!*ret_mine)
        return true;
    if (gcroot_step(text, &address, &type))
        return gcroot_take_step(r, address, type, err);
    if (r->last.len && !transcript_is_command(&r->t->line, &command))
        return gcroot_join(r, text, err);
    if (!gcroot_old_line(r, text, ret_mine, err))
        return false;
    if (*ret_mine)
        return true;
    *ret_mine = true;
    if (gcroot_found(text, &r->found))
        return gcroot_end_path(r, err);
    if (gcroot_is_remark(text))
        return true;
    if (!gcroot_end_path(r, err))
        return false;
    if (gcroot_heading(text, &kind)) {
        r->kind = kind;
        strbuf_clear(&r->root);
        if (str_starts(kind, STR("Thread ")))
            strbuf_addf(&r->root, "stack of thread 0x%.*s", (int)(kind.len - 7), kind.ptr + 7);
        return true;
    }
    if (gcroot_frame(r, text) || gcroot_handle(r, text) || gcroot_register(text))
        return true;
    *ret_mine = false;
    return true;
}

static bool gcroot_store(struct gcroot_reading *r, struct err *err) {
    struct builder *b = r->t->b;
    if (strbuf_failed(&r->root))
        return strbuf_ok(&r->root, err);
    if (r->found == 0 && !r->paths) {
        struct str command = r->t->command;
        builder_note(b, "gcroot found nothing that holds %.*s: the next collection takes it",
                     (int)num_min(str_behind_last(command, ' ').len, 32),
                     str_behind_last(command, ' ').ptr);
        return true;
    }
    if (r->left_out) {
        builder_note(b,
                     "gcroot: its paths are left out, since the dump itself tells who holds what");
        return true;
    }
    if (r->cut)
        builder_note(b, "gcroot: paths longer than %u objects: the middle of them is left out",
                     STEPS_MOST);
    if (r->found != ABSENT && r->found > r->paths)
        transcript_lacks(r->t, r->found - r->paths, "gcroot: roots that it found are not listed");
    builder_present(b, PART_PATHS);
    builder_absent(b, PART_BIT(PART_PATHS), ASPECT_ROWS, ABSENT,
                   "gcroot shows what holds the objects that were asked for, and no others");
    return true;
}

static bool gcroot_read(struct transcript *t, struct err *err) {
    struct gcroot_reading r = {.t = t, .found = ABSENT};
    struct scan_loss loss = {0};
    r.left_out = !t->gcroot_read && snapshot_has(builder_snapshot(t->b), PART_PATHS);
    strbuf_init(&r.root);
    bool ok = scan_table(t, &loss, gcroot_take, &r, err) && gcroot_end_path(&r, err);
    if (ok && !r.paths && r.found != 0)
        transcript_hollow(t, "gcroot: a heading without a path");
    else
        ok = ok && gcroot_store(&r, err);
    t->gcroot_read |= r.paths > 0 && !r.left_out;
    if (ok)
        scan_loss_report(t, &loss);
    transcript_command_done(t);
    strbuf_deinit(&r.root);
    free(r.steps);
    return ok;
}

/* Does a path begin within a few lines? */
static bool gcroot_path_follows(const struct transcript *t) {
    struct line line;
    uint64_t address;
    struct str type;
    for (unsigned i = 1; i <= HEADING_LINES && transcript_peek(t, i, &line); i++)
        if (gcroot_step(line.text, &address, &type))
            return true;
    return false;
}

static bool gcroot_starts(const struct transcript *t) {
    struct str text = t->line.text, type;
    uint64_t value;
    switch (str_first(text)) {
    case '-': {
        struct str rest = gcroot_old_arrow(text);
        return rest.len < text.len && ((gcroot_step(text, &value, &type) && type.len > 0) ||
                                       gcroot_old_step(&rest, &value, &type));
    }
    case 'F':
        if (gcroot_found(text, &value))
            return value == 0 && transcript_last_command_is(t, "gcroot");
        break;
    default:
        break;
    }
    if (gcroot_heading(text, &type))
        return gcroot_path_follows(t);
    return str_contains(text, STR(":Root:")) && gcroot_old_root(NULL, text) != STR_NOT_FOUND;
}

const struct section section_gcroot = {
    .name = "gcroot",
    .summary = "gcroot: over what the roots of the process refer to an object (SOS of every .NET)",
    .may_give = PART_BIT(PART_PATHS),
    .starts = gcroot_starts,
    .read = gcroot_read,
};
