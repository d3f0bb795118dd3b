/*
 * `pmap PID`, `pmap -x PID`, `pmap -X PID`, `pmap -XX PID`, `pmap -d PID`: memory of a Linux
 * process by mapping, in KiB.
 *
 *     19415:   bash
 *     000055a5054ee000     44K rw---   [ anon ]                           plain
 *      total             5332K
 *
 *     19415:   bash
 *     Address           Kbytes     RSS   Dirty Mode  Mapping             -x
 *     000055a5054ee000      44      44      44 rw---   [ anon ]
 *     ---------------- ------- ------- -------
 *     total kB            5332    4264    1316
 *
 *     19415:   bash
 *              Address Perm   Offset Device  Inode Size  Rss ... Mapping  -X: columns by name
 *         55a5054ee000 rw-p 00000000  00:00      0   44   44 ...
 *                                                  ==== ==== ...
 *                                                  5332 4264 ... KB
 *
 * Rows of the first two may come without the heading. Several outputs about one process in one log
 * are as many moments. The total is of all mappings, also of those that are not listed.
 */
#include "input/log/linux/linux_map.h"

#include "base/chars.h"
#include "base/num.h"
#include "model/rows_origin.h"

#define COLUMNS_MAX 64

enum column {
    COLUMN_NONE,
    COLUMN_ADDRESS,
    COLUMN_MODE,
    COLUMN_SIZE,
    COLUMN_RSS,
    COLUMN_PSS,
    COLUMN_PRIVATE,
    COLUMN_ANONYMOUS,
    COLUMN_SWAP,
    COLUMN_MAPPING
};

struct heading {
    enum column columns[COLUMNS_MAX];
    size_t count; /* without that of the mapping, which is the last */
    bool flags;   /* words of two letters stand in front of the mapping (-XX) */
};

struct reading {
    struct transcript *t;
    struct heading heading;
    struct linux_map map;
    struct linux_use sums, total; /* of our rows; as printed */
    bool headed, closed, has_stack;
    struct scan_loss loss;
};

/* Rows that have no heading, or none any more. */
static const struct heading unheaded[] = {
    {{COLUMN_ADDRESS, COLUMN_SIZE, COLUMN_MODE}, 3, false},
    {{COLUMN_ADDRESS, COLUMN_SIZE, COLUMN_RSS, COLUMN_NONE, COLUMN_MODE}, 5, false},
};
#define HEADING_PLAIN (&unheaded[0])

/* -- Lines ------------------------------------------------------------------------------------- */

static bool pmap_parse_heading(struct str text, struct heading *ret_heading) {
    static const struct {
        struct str name;
        enum column column;
    } names[] = {
        {STR_INIT("Address"), COLUMN_ADDRESS},
        {STR_INIT("Perm"), COLUMN_MODE},
        {STR_INIT("Mode"), COLUMN_MODE},
        {STR_INIT("Size"), COLUMN_SIZE},
        {STR_INIT("Kbytes"), COLUMN_SIZE},
        {STR_INIT("Rss"), COLUMN_RSS},
        {STR_INIT("RSS"), COLUMN_RSS},
        {STR_INIT("Pss"), COLUMN_PSS},
        {STR_INIT("Private_Clean"), COLUMN_PRIVATE},
        {STR_INIT("Private_Dirty"), COLUMN_PRIVATE},
        {STR_INIT("Private_Hugetlb"), COLUMN_PRIVATE},
        {STR_INIT("Anonymous"), COLUMN_ANONYMOUS},
        {STR_INIT("Swap"), COLUMN_SWAP},
        {STR_INIT("Mapping"), COLUMN_MAPPING},
    };
    struct heading h = {.count = 0};
    bool has[COLUMN_MAPPING + 1] = {false};
    for (struct str name; (name = str_next_field(&text)).len;) {
        enum column column = COLUMN_NONE;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
            if (str_eq(name, names[i].name))
                column = names[i].column;
        has[column] = true;
        if (column == COLUMN_MAPPING)
            break;
        if ((h.flags = str_eq(name, STR("VmFlags"))))
            continue; /* any number of words */
        if (h.count == COLUMNS_MAX)
            return false;
        h.columns[h.count++] = column;
    }
    /* -X prints Private_Hugetlb only: that is not what is private */
    if (has[COLUMN_PRIVATE]) {
        size_t private_columns = 0;
        for (size_t i = 0; i < h.count; i++)
            private_columns += h.columns[i] == COLUMN_PRIVATE;
        for (size_t i = 0; i < h.count && private_columns < 2; i++)
            if (h.columns[i] == COLUMN_PRIVATE)
                h.columns[i] = COLUMN_NONE;
    }
    if (!has[COLUMN_ADDRESS] || !has[COLUMN_MODE] || !has[COLUMN_SIZE] || !has[COLUMN_MAPPING] ||
        str_trim(text).len || h.columns[0] != COLUMN_ADDRESS)
        return false;
    *ret_heading = h;
    return true;
}

/* "19415:   bash /dev/fd/3" */
static bool pmap_parse_process(struct str text, uint64_t *ret_pid, struct str *ret_program) {
    size_t colon = str_find(str_take(text, 12), STR(":"), 0);
    if (colon == STR_NOT_FOUND || !num_dec(str_take(text, colon), ret_pid) || *ret_pid == 0 ||
        *ret_pid > UINT32_MAX || text.len < colon + 3 || text.ptr[colon + 1] != ' ')
        return false;
    struct str rest = str_drop(text, colon + 1), program = str_next_field(&rest);
    program = str_behind_last(program, '/');
    *ret_program = program;
    return program.len > 0;
}

static bool pmap_take_value(struct linux_use *use, enum column column, struct str field) {
    uint64_t kib;
    if (str_ends(field, STR("K"))) /* plain */
        field = str_take(field, field.len - 1);
    if (!num_dec(field, &kib) || kib >= (uint64_t)1 << 50)
        return false;
    struct linux_use one = LINUX_USE;
    uint64_t *value = column == COLUMN_SIZE        ? &one.size
                      : column == COLUMN_RSS       ? &one.rss
                      : column == COLUMN_PSS       ? &one.pss
                      : column == COLUMN_PRIVATE   ? &one.private_bytes
                      : column == COLUMN_ANONYMOUS ? &one.anonymous
                      : column == COLUMN_SWAP      ? &one.swap
                                                   : NULL;
    if (value)
        *value = kib * 1024;
    linux_use_add(use, &one);
    return true;
}

/* "[ anon ]" of -x is no name, "[ stack ]" is the kernel's "[stack]". */
static struct str mapping_name(struct str name) {
    if (str_eq(name, STR("[ anon ]")) || str_eq(name, STR("[anon]")))
        return STR("");
    return str_eq(name, STR("[ stack ]")) ? STR("[stack]") : name;
}

/* "rd wr mr mw me ac sd  ink" without the flags */
static struct str without_flags(struct str name) {
    for (struct str rest = name, word; (word = str_next_field(&rest)).len == 2; name = rest)
        if (str_first(word) < 'a' || str_first(word) > 'z' || word.ptr[1] < 'a' ||
            word.ptr[1] > 'z')
            break;
    return str_trim(name);
}

static bool pmap_parse_row(const struct heading *h, struct str text,
                           struct linux_region *ret_region) {
    struct str f[COLUMNS_MAX], name;
    if (h->count == 0 || scan_fields(text, f, h->count, &name) != h->count)
        return false;
    if (h->flags)
        name = without_flags(name);
    *ret_region = (struct linux_region){.name = mapping_name(name), .use = LINUX_USE};
    for (size_t i = 0; i < h->count; i++) {
        bool ok = true;
        if (h->columns[i] == COLUMN_ADDRESS)
            ok = scan_address(f[i], &ret_region->start);
        else if (h->columns[i] == COLUMN_MODE)
            ok = linux_flags_parse(f[i], &ret_region->flags);
        else if (h->columns[i] != COLUMN_NONE)
            ok = pmap_take_value(&ret_region->use, h->columns[i], f[i]);
        if (!ok)
            return false;
    }
    return true;
}

/* "total kB   5332  4264  1316", and below -X "5332 4264 ... KB", from the column of sizes on. */
static bool pmap_parse_total(const struct heading *h, struct str text,
                             struct linux_use *ret_total) {
    struct str unit[2], rest = text;
    bool small = scan_fields(text, unit, 2, &rest) == 2 && str_eq(unit[0], STR("total"));
    if (small && !str_eq(unit[1], STR("kB"))) {
        *ret_total = LINUX_USE;
        return str_ends(unit[1], STR("K")) && pmap_take_value(ret_total, COLUMN_SIZE, unit[1]);
    }
    if (!small && !str_ends(text, STR(" KB")))
        return false;
    rest = small ? rest : str_take(text, text.len - 3);
    *ret_total = LINUX_USE;
    size_t i = 0;
    while (i < h->count && h->columns[i] != COLUMN_SIZE)
        i++;
    for (struct str field; i < h->count && (field = str_next_field(&rest)).len; i++)
        if (h->columns[i] != COLUMN_NONE && h->columns[i] != COLUMN_MODE &&
            !pmap_take_value(ret_total, h->columns[i], field))
            return false;
    return ret_total->size != ABSENT;
}

static bool is_rule(struct str text) {
    return transcript_is_rule(str_take(text, 4)) || str_starts(text, STR("=="));
}

/* "mapped: 5332K    writeable/private: 1024K    shared: 28K" below -d */
static bool pmap_parse_mapped(struct str text, struct linux_use *ret_total) {
    struct str f[2];
    *ret_total = LINUX_USE;
    return str_starts(text, STR("mapped: ")) && scan_fields(text, f, 2, NULL) == 2 &&
           str_ends(f[1], STR("K")) && pmap_take_value(ret_total, COLUMN_SIZE, f[1]);
}

/* The heading that rows have which stand without one; NULL: they are none. */
static const struct heading *pmap_unheaded(struct str text) {
    struct linux_region region;
    struct str f[2];
    if (scan_fields(str_take(text, 64), f, 2, NULL) < 2)
        return NULL;
    bool plain = str_ends(f[1], STR("K"));
    const struct heading *heading = plain ? HEADING_PLAIN : &unheaded[1];
    return pmap_parse_row(heading, text, &region) ? heading : NULL;
}

static bool pmap_looks_like_row(struct str text) {
    struct str f[2];
    size_t n = scan_fields(str_take(text, 64), f, 2, NULL);
    return n >= 1 && (scan_is_address(f[0]) || (n == 2 && str_eq(f[0], STR("total"))));
}

/* -- Section ----------------------------------------------------------------------------------- */

/*
 * -x does not name what the kernel maps for the process: what is above the stack, and code of two
 * pages behind pages that can only be read (its data).
 */
static void name_kernel_pages(struct reading *r, struct linux_region *region) {
    r->has_stack |= str_eq(region->name, STR("[stack]"));
    if (region->name.len)
        return;
    if (r->has_stack)
        region->name = STR("[vdso]");
    if (region->flags != (LINUX_READ | LINUX_EXEC) || region->use.size > 8192)
        return;
    uint64_t start = region->start;
    for (uint32_t i = r->map.count; i-- > 0;) {
        struct linux_region *before = &r->map.items[i];
        if (before->flags != LINUX_READ || before->name.len ||
            before->start + before->use.size != start)
            break;
        before->name = STR("[vvar]");
        region->name = STR("[vdso]");
        start = before->start;
    }
}

static bool pmap_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, program, command;
    struct linux_region region;
    uint64_t pid;
    *ret_mine = !r->closed;
    if (r->closed)
        return true;
    const struct heading *guess = r->headed ? NULL : pmap_unheaded(text);
    if (guess) {
        r->heading = *guess;
        r->headed = true;
    }
    if (pmap_parse_row(&r->heading, text, &region)) {
        linux_use_add(&r->sums, &region.use);
        r->has_stack |= str_eq(region.name, STR("[stack]"));
        name_kernel_pages(r, &region);
        return linux_map_add(&r->map, &region, err);
    }
    if (r->headed &&
        (pmap_parse_total(&r->heading, text, &r->total) || pmap_parse_mapped(text, &r->total))) {
        r->closed = true;
        return true;
    }
    struct heading again;
    bool begins = pmap_parse_process(text, &pid, &program) || pmap_parse_heading(text, &again);
    if (begins) { /* only at the start; what comes later is another output */
        *ret_mine = !r->headed;
        r->headed |= pmap_parse_heading(text, &r->heading);
        return true;
    }
    if (is_rule(text))
        return true;
    *ret_mine = pmap_looks_like_row(text) && !transcript_is_command(&r->t->line, &command);
    r->loss.unparsed += *ret_mine;
    return true;
}

static bool pmap_say_process(struct builder *b, uint64_t pid, struct str program, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    builder_say(b, &origin->pid, pid, "the process id");
    return builder_say_string(b, &origin->process, program, "the name of the program", err);
}

static bool pmap_store(struct reading *r, uint64_t pid, struct str program, struct err *err) {
    struct builder *b = r->t->b;
    if (pid && !pmap_say_process(b, pid, program, err))
        return false;
    if (!transcript_moment(r->t))
        return true;
    if (!r->closed)
        transcript_lacks(r->t, ABSENT, "pmap: the total is missing, and perhaps mappings");
    else if (r->total.size != r->sums.size || r->total.rss != r->sums.rss)
        transcript_lacks(r->t, ABSENT, "pmap: the mappings do not add up to the total");
    bool whole = r->closed && r->total.size == r->sums.size && r->total.rss == r->sums.rss;
    return linux_map_store(r->t, &r->map, r->closed ? &r->total : NULL, whole, "pmap", err);
}

static bool pmap_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .sums = LINUX_USE, .total = LINUX_USE};
    uint64_t pid = 0;
    struct str program = {"", 0};
    if (!pmap_parse_process(t->line.text, &pid, &program))
        pid = 0;
    bool ok = scan_table(t, &r.loss, pmap_take_line, &r, err);
    if (ok && r.map.count == 0)
        transcript_hollow(t, "pmap: a heading without mappings");
    else if (ok)
        ok = pmap_store(&r, pid, program, err);
    if (ok)
        scan_loss_report(t, &r.loss);
    linux_map_deinit(&r.map);
    return ok;
}

/* Two rows, or one and the total: no other list has them. */
static bool pmap_rows_follow(const struct transcript *t, unsigned ahead) {
    struct line line;
    const struct heading *first;
    struct linux_use total;
    if (!transcript_peek(t, ahead, &line) || !(first = pmap_unheaded(line.text)) ||
        !transcript_peek(t, ahead + 1, &line))
        return false;
    return pmap_unheaded(line.text) == first || pmap_parse_total(first, line.text, &total);
}

static bool pmap_starts(const struct transcript *t) {
    struct str text = t->line.text, program;
    struct heading heading;
    struct line next;
    uint64_t pid;
    if (str_first(text) == 'A')
        return pmap_parse_heading(text, &heading);
    if (char_is_hex(str_first(text)) && pmap_rows_follow(t, 0))
        return true;
    return str_first(text) >= '1' && str_first(text) <= '9' &&
           pmap_parse_process(text, &pid, &program) && transcript_peek(t, 1, &next) &&
           (pmap_parse_heading(next.text, &heading) || pmap_rows_follow(t, 1) ||
            (next.text.len == 0 && transcript_peek(t, 2, &next) &&
             pmap_parse_heading(next.text, &heading)));
}

const struct section section_pmap = {
    .name = "pmap",
    .summary = "pmap, pmap -x, -X, -XX, -d: memory of a Linux process by mapping",
    .may_give = PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_COUNTERS),
    .starts = pmap_starts,
    .read = pmap_read,
};
