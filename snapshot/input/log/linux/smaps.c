/*
 * /proc/PID/smaps and smaps_rollup: memory of a Linux process by mapping, or all together.
 *
 *     55827f458000-55827f45e000 r-xp 00002000 fe:00 247629                     /usr/bin/head
 *     Size:                 24 kB
 *     Rss:                  24 kB
 *     ...
 *     VmFlags: rd ex mr mw me
 *
 * The rollup is one such entry called [rollup]. One log may hold several, written one after the
 * other: each is a moment.
 */
#include "input/log/linux/linux_map.h"

#include "base/chars.h"
#include "base/num.h"

struct reading {
    struct transcript *t;
    struct linux_map map;
    struct linux_region region; /* the one being read */
    uint32_t fields, usual;     /* [count] lines of it; of the first */
    uint64_t last_end, cut;
    bool in_region, has_stack, has_vdso, rollup;
    struct scan_loss loss;
};

/* "55827f458000-55827f45e000 r-xp 00002000 fe:00 247629    /usr/bin/head" */
static bool smaps_parse_heading(struct str text, struct linux_region *ret_region,
                                uint64_t *ret_end) {
    struct str f[5], name;
    uint64_t offset, inode;
    if (scan_fields(text, f, 5, &name) != 5)
        return false;
    size_t dash = str_find(str_take(f[0], 17), STR("-"), 0);
    if (dash == STR_NOT_FOUND || !num_hex(str_take(f[0], dash), &ret_region->start) ||
        !num_hex(str_drop(f[0], dash + 1), ret_end) || *ret_end <= ret_region->start ||
        f[1].len != 4 || !linux_flags_parse(f[1], &ret_region->flags) || !num_hex(f[2], &offset) ||
        !str_contains(f[3], STR(":")) || !num_dec(f[4], &inode))
        return false;
    ret_region->name = name;
    ret_region->use = LINUX_USE;
    return true;
}

/* "Rss:                  24 kB", "VmFlags: rd ex": the name, and the number of bytes or ABSENT. */
static bool smaps_parse_field(struct str text, struct str *ret_name, uint64_t *ret_bytes) {
    size_t colon = str_find(str_take(text, 32), STR(":"), 0);
    if (colon == STR_NOT_FOUND || colon == 0 ||
        !(str_first(text) >= 'A' && str_first(text) <= 'Z') ||
        str_contains(str_take(text, colon), STR(" ")))
        return false;
    struct str rest = str_drop(text, colon + 1), f[2];
    uint64_t kib;
    *ret_name = str_take(text, colon);
    *ret_bytes = ABSENT;
    size_t n = scan_fields(rest, f, 2, NULL);
    if (n == 2 && str_eq(f[1], STR("kB")))
        return num_dec(f[0], &kib) && kib < (uint64_t)1 << 50 &&
               !__builtin_mul_overflow(kib, (uint64_t)1024, ret_bytes);
    return str_eq(*ret_name, STR("VmFlags")) ||
           (n == 1 && num_dec(f[0], &kib)); /* THPeligible, ProtectionKey */
}

static void take_field(struct linux_use *use, struct str name, uint64_t bytes) {
    const struct linux_use one = {
        .size = str_eq(name, STR("Size")) ? bytes : ABSENT,
        .rss = str_eq(name, STR("Rss")) ? bytes : ABSENT,
        .pss = str_eq(name, STR("Pss")) ? bytes : ABSENT,
        .private_bytes = str_eq(name, STR("Private_Clean")) || str_eq(name, STR("Private_Dirty")) ||
                                 str_eq(name, STR("Private_Hugetlb"))
                             ? bytes
                             : ABSENT,
        .anonymous = str_eq(name, STR("Anonymous")) ? bytes : ABSENT,
        .swap = str_eq(name, STR("Swap")) ? bytes : ABSENT,
    };
    linux_use_add(use, &one);
}

static bool smaps_end_region(struct reading *r, struct err *err) {
    if (!r->in_region)
        return true;
    r->in_region = false;
    if (r->map.count == 0)
        r->usual = r->fields;
    /* Swap comes behind all that is kept. */
    r->cut += r->fields < r->usual || r->region.use.rss == ABSENT || r->region.use.swap == ABSENT;
    return linux_map_add(&r->map, &r->region, err);
}

static bool smaps_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, name;
    struct linux_region region;
    uint64_t end, bytes;
    *ret_mine = true;
    if (smaps_parse_heading(text, &region, &end)) {
        bool rollup = str_eq(region.name, STR("[rollup]"));
        /* Addresses ascend: another list begins. */
        if (r->t->line.number != r->t->section_line &&
            (rollup || r->rollup || region.start < r->last_end)) {
            *ret_mine = false;
            return true;
        }
        if (!smaps_end_region(r, err))
            return false;
        r->region = region;
        r->in_region = true;
        r->fields = 0;
        r->last_end = end;
        r->rollup = rollup;
        r->has_stack |= str_eq(region.name, STR("[stack]"));
        r->has_vdso |= str_eq(region.name, STR("[vdso]"));
        return true;
    }
    if (r->in_region && smaps_parse_field(text, &name, &bytes)) {
        r->fields++;
        take_field(&r->region.use, name, bytes);
        return true;
    }
    *ret_mine = false;
    return true;
}

/* The stack and the code of the kernel are above all else; which comes last depends on the CPU. */
static bool smaps_has_its_end(const struct reading *r) {
    static const struct str tops[] = {STR_INIT("[vdso]"), STR_INIT("[vsyscall]"),
                                      STR_INIT("[vectors]"), STR_INIT("[sigpage]")};
    struct str last = r->map.count ? r->map.items[r->map.count - 1].name : STR("");
    bool top = str_eq(last, STR("[stack]")) && r->has_vdso;
    for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++)
        top = top || str_eq(last, tops[i]);
    return r->has_stack && top;
}

static bool smaps_store(struct reading *r, struct err *err) {
    struct builder *b = r->t->b;
    if (!transcript_moment(r->t))
        return true;
    if (r->cut)
        transcript_lacks(r->t, r->cut, "smaps: mappings of which lines are missing");
    if (r->rollup)
        return linux_use_store(b, &r->map.items[0].use, err);
    bool ends = smaps_has_its_end(r);
    if (!r->has_stack)
        transcript_lacks(r->t, ABSENT,
                         "smaps: the stack is not in the list: its end is cut off, perhaps");
    else if (!ends)
        builder_absent(r->t->b, PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_COUNTERS), ASPECT_END, 0,
                       "smaps: the kernel's code is not in the list: its end is cut off, perhaps");
    bool whole = r->has_stack && !r->cut && !r->loss.elided && !r->loss.unparsed;
    return linux_map_store(r->t, &r->map, NULL, whole, "smaps", err);
}

static bool smaps_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t};
    bool ok = scan_table(t, &r.loss, smaps_take_line, &r, err) && smaps_end_region(&r, err);
    if (ok && r.map.count)
        ok = smaps_store(&r, err);
    else if (ok)
        transcript_hollow(t, "smaps: no mapping");
    if (ok)
        scan_loss_report(t, &r.loss);
    linux_map_deinit(&r.map);
    return ok;
}

static bool smaps_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct linux_region region;
    struct line next;
    uint64_t end;
    char c = str_first(text);
    return (char_is_digit(c) || (c >= 'a' && c <= 'f')) &&
           smaps_parse_heading(text, &region, &end) && transcript_peek(t, 1, &next) &&
           (next.text.len || transcript_peek(t, 2, &next)) &&
           (str_starts(next.text, STR("Size:")) || str_starts(next.text, STR("Rss:")));
}

const struct section section_smaps = {
    .name = "smaps",
    .summary = "/proc/PID/smaps, smaps_rollup: memory of a Linux process by mapping",
    .may_give = PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_COUNTERS),
    .starts = smaps_starts,
    .read = smaps_read,
};
