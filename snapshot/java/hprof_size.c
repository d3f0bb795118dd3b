#include "java/hprof_size.h"

#define GAPS_MAX  8u
#define DEPTH_MAX 64u /* of superclasses */
/* Fewer addresses may all be even by chance. */
#define ALIGNED_MIN 32u

const struct hprof_layout hprof_layouts[] = {
    {"compressed references", 8, 12, 16, 4},
    {"compressed classes, whole references", 8, 12, 16, 8},
    {"whole references", 8, 16, 24, 8},
    {"compressed references, whole classes", 8, 16, 24, 4},
    {"whole references, elements at 20", 8, 16, 20, 8}, /* JDK 23 and later, as the next */
    {"compressed references, whole classes, elements at 20", 8, 16, 20, 4},
    {"compact headers", 8, 8, 12, 4},
    {"compact headers, whole references", 8, 8, 12, 8},
    {"32 bits", 4, 8, 12, 4},
};
const unsigned hprof_layout_count = sizeof(hprof_layouts) / sizeof(*hprof_layouts);
_Static_assert(sizeof(hprof_layouts) / sizeof(*hprof_layouts) < HPROF_LAYOUTS, "votes");

/* -- Arrays ------------------------------------------------------------------------------------ */

uint64_t hprof_arrays_size(const struct hprof_sizes *s, const struct hprof_array *a,
                           unsigned element_bytes) {
    uint64_t start = hprof_array_size(s->layout, 1, 0, element_bytes), sum = 0, objects = 0;
    for (unsigned n = 0; n < 16; n++) {
        uint64_t unpadded = start + (uint64_t)n * element_bytes;
        sum += a->of_length[n] * (hprof_align(unpadded, s->alignment) - unpadded);
        objects += a->of_length[n];
    }
    return sum + objects * start + a->elements * element_bytes;
}

/* -- Instances --------------------------------------------------------------------------------- */

/* Where the fields of a class end, and what is free before. */
struct placing {
    uint64_t end;
    struct {
        uint64_t at, size;
    } gaps[GAPS_MAX];
    unsigned gap_count;
};

static void add_gap(struct placing *p, uint64_t at, uint64_t size) {
    if (size && p->gap_count < GAPS_MAX) {
        p->gaps[p->gap_count].at = at;
        p->gaps[p->gap_count++].size = size;
    }
}

/* One field into the smallest gap that takes it. */
static bool fill_gap(struct placing *p, unsigned size) {
    unsigned best = GAPS_MAX;
    for (unsigned i = 0; i < p->gap_count; i++) {
        uint64_t at = hprof_align(p->gaps[i].at, size);
        if (at + size <= p->gaps[i].at + p->gaps[i].size &&
            (best == GAPS_MAX || p->gaps[i].size < p->gaps[best].size))
            best = i;
    }
    if (best == GAPS_MAX)
        return false;
    uint64_t from = p->gaps[best].at, to = from + p->gaps[best].size;
    uint64_t at = hprof_align(from, size);
    p->gaps[best].size = at - from;
    if (at == from)
        p->gaps[best] = p->gaps[--p->gap_count];
    add_gap(p, at + size, to - at - size);
    return true;
}

static void hprof_size_place(struct placing *p, uint32_t count, unsigned size) {
    while (count && fill_gap(p, size))
        count--;
    if (!count)
        return;
    uint64_t at = hprof_align(p->end, size);
    add_gap(p, p->end, at - p->end);
    p->end = at + (uint64_t)count * size;
}

/* Since JDK 15: large ones first, references last, all into gaps where they fit. */
static void place_packed(struct placing *p, const struct hprof_fields *f, unsigned reference) {
    hprof_size_place(p, f->of_8, 8);
    hprof_size_place(p, f->of_4, 4);
    hprof_size_place(p, f->of_2, 2);
    hprof_size_place(p, f->of_1, 1);
    hprof_size_place(p, f->references, reference);
}

/*
 * Before: fields begin behind those of the superclass, rounded to the size of a reference; only the
 * gap in front of the first long is filled, in the order of int, short, byte, reference.
 */
static void place_old(struct placing *p, const struct hprof_fields *f, unsigned reference) {
    p->gap_count = 0;
    p->end = hprof_align(p->end, reference);
    struct hprof_fields rest = *f;
    if (rest.of_8 && p->end % 8) {
        add_gap(p, p->end, 8 - p->end % 8);
        p->end = hprof_align(p->end, 8);
        while (rest.of_4 && fill_gap(p, 4))
            rest.of_4--;
        while (rest.of_2 && fill_gap(p, 2))
            rest.of_2--;
        while (rest.of_1 && fill_gap(p, 1))
            rest.of_1--;
        while (rest.references && fill_gap(p, reference))
            rest.references--;
    }
    p->gap_count = 0;
    hprof_size_place(p, rest.of_8, 8);
    hprof_size_place(p, rest.of_4, 4);
    hprof_size_place(p, rest.of_2, 2);
    hprof_size_place(p, rest.of_1, 1);
    p->gap_count = 0;
    if (rest.references)
        p->end = hprof_align(p->end, reference) + (uint64_t)rest.references * reference;
}

/*
 * Fields of the machine's own, which no dump shows: pointers to its structures, and the like.
 * Source: INJECTED_FIELDS in javaClasses.hpp of JDK 17; those of threads of JDK 25.
 */
static const struct {
    const char *name;
    struct hprof_fields fields;
    enum { ALWAYS, BEFORE_JDK_19, SINCE_JDK_19 } when;
} injected[] = {
    {"java/lang/Class", {2, 2, 0, 0, 3}, ALWAYS},
    {"java/lang/ClassLoader", {1, 0, 0, 0, 0}, ALWAYS},
    {"java/lang/Module", {1, 0, 0, 0, 0}, ALWAYS},
    {"java/lang/String", {0, 0, 0, 1, 0}, ALWAYS},
    {"java/lang/Thread", {1, 1, 1, 1, 0}, SINCE_JDK_19},
    {"java/lang/StackFrameInfo", {0, 0, 1, 0, 0}, ALWAYS},
    {"java/lang/InternalError", {0, 0, 0, 1, 0}, ALWAYS},
    {"java/lang/invoke/MemberName", {1, 0, 0, 0, 0}, ALWAYS},
    {"java/lang/invoke/ResolvedMethodName", {1, 0, 0, 0, 0}, ALWAYS},
    {"java/lang/invoke/ResolvedMethodName", {0, 0, 0, 0, 1}, BEFORE_JDK_19},
    {"java/lang/invoke/MethodHandleNatives$CallSiteContext", {2, 0, 0, 0, 0}, ALWAYS},
};

/* Fields that nothing else may share a cache line with: so much in front of them and behind. */
#define CONTENDED_BYTES 128u

static const struct {
    const char *name;
    struct hprof_fields fields;
} contended[] = {
    {"java/lang/Thread", {1, 2, 0, 0, 0}},
    {"java/util/concurrent/ConcurrentHashMap$CounterCell", {1, 0, 0, 0, 0}},
    {"java/util/concurrent/ForkJoinPool", {1, 0, 0, 0, 0}},
    {"java/util/concurrent/ForkJoinPool$WorkQueue", {0, 2, 0, 0, 0}},
    {"java/util/concurrent/atomic/Striped64$Cell", {1, 0, 0, 0, 0}},
};
#define CONTENDED (sizeof(contended) / sizeof(*contended))
#define THREAD    0u /* the first of them */

static void add_fields(struct hprof_fields *sum, const struct hprof_fields *more) {
    sum->of_8 += more->of_8;
    sum->of_4 += more->of_4;
    sum->of_2 += more->of_2;
    sum->of_1 += more->of_1;
    sum->references += more->references;
}

/* All of a class's own, and of them those that are set apart. */
static void hprof_size_fields_of(const struct hprof_sizes *s, const struct hprof_class *c,
                                 struct hprof_fields *ret_all, struct hprof_fields *ret_apart) {
    struct hprof_fields none = {0};
    *ret_all = c->fields;
    *ret_apart = none;
    if (!c->name)
        return;
    struct str name = s->h->names[c->name - 1];
    for (size_t i = 0; i < sizeof(injected) / sizeof(*injected); i++)
        if (str_eq(name, str_of(injected[i].name)) &&
            injected[i].when != (s->has_virtual_threads ? BEFORE_JDK_19 : SINCE_JDK_19))
            add_fields(ret_all, &injected[i].fields);
    for (size_t i = 0; i < CONTENDED; i++)
        if (s->apart >> i & 1 && str_eq(name, str_of(contended[i].name)) &&
            ret_all->of_8 >= contended[i].fields.of_8 && ret_all->of_4 >= contended[i].fields.of_4)
            *ret_apart = contended[i].fields;
}

static uint64_t hprof_size_bytes_of(const struct hprof_fields *f, unsigned reference) {
    return (uint64_t)f->of_8 * 8 + (uint64_t)f->of_4 * 4 + (uint64_t)f->of_2 * 2 + f->of_1 +
           (uint64_t)f->references * reference;
}

static void set_apart(struct placing *p, const struct hprof_fields *f) {
    p->gap_count = 0;
    p->end = hprof_align(p->end + CONTENDED_BYTES, 8) + (uint64_t)f->of_8 * 8 +
             (uint64_t)f->of_4 * 4 + CONTENDED_BYTES;
}

/* False: a class on the way up was not dumped, or there are too many. */
static bool calculate(const struct hprof_sizes *s, const struct hprof_class *c, uint64_t *ret_size,
                      uint64_t *ret_least) {
    const struct hprof_class *chain[DEPTH_MAX];
    unsigned depth = 0, reference = s->layout->reference;
    for (; c; c = hprof_find(s->h, c->super)) {
        if (!c->is_dumped || depth == DEPTH_MAX)
            return false;
        chain[depth++] = c;
        if (c->super == 0)
            break;
    }
    if (!c)
        return false;
    struct placing p = {.end = s->layout->header};
    uint64_t sum = s->layout->header;
    while (depth-- > 0) {
        struct hprof_fields all, apart;
        hprof_size_fields_of(s, chain[depth], &all, &apart);
        sum += hprof_size_bytes_of(&chain[depth]->fields, reference);
        all.of_8 -= apart.of_8;
        all.of_4 -= apart.of_4;
        (s->packs ? place_packed : place_old)(&p, &all, reference);
        if (apart.of_8 || apart.of_4)
            set_apart(&p, &apart);
    }
    *ret_size = hprof_align(p.end, s->alignment);
    *ret_least = hprof_align(sum, s->alignment);
    return true;
}

/* -- Which layout ------------------------------------------------------------------------------ */

static const struct hprof_class *class_named(const struct hprof *h, const char *name) {
    for (uint32_t i = 0; i < h->class_count; i++)
        if (h->classes[i].name && str_eq(h->names[h->classes[i].name - 1], str_of(name)))
            return &h->classes[i];
    return NULL;
}

/*
 * Objects that are closer to their neighbours show that nothing is. The fields of threads no longer
 * are since JDK 25, whatever is of others; before, the machine was told to set none apart.
 */
static void look_what_is_apart(struct hprof_sizes *s) {
    s->apart = ((uint32_t)1 << CONTENDED) - 1;
    for (size_t i = 0; i < CONTENDED; i++) {
        const struct hprof_class *c = class_named(s->h, contended[i].name);
        uint64_t size, least;
        if (c && calculate(s, c, &size, &least) && c->least_step < size)
            s->apart &= i == THREAD && !s->has_virtual_threads ? 0 : ~((uint32_t)1 << i);
    }
}

void hprof_sizes_init(struct hprof_sizes *s, const struct hprof *h) {
    *s = (struct hprof_sizes){.h = h, .alignment = 8};
    unsigned best = HPROF_LAYOUTS;
    for (unsigned i = 0; i < hprof_layout_count; i++)
        if (hprof_layouts[i].id_bytes == h->id_bytes &&
            (best == HPROF_LAYOUTS || h->votes[i] > h->votes[best]))
            best = i;
    s->layout = &hprof_layouts[best];
    s->is_seen = h->votes[best] > h->voters / 2;
    for (unsigned alignment = 16; alignment <= 256 && h->objects >= ALIGNED_MIN; alignment *= 2)
        if (!(h->all_ids & (alignment - 1)))
            s->alignment = alignment;
    /* Loaded by every machine since JDK 14. */
    s->packs = class_named(h, "java/lang/Record") != NULL;
    s->has_virtual_threads = class_named(h, "java/lang/VirtualThread") != NULL;
    look_what_is_apart(s);
}

/* -- Answers ----------------------------------------------------------------------------------- */

uint64_t hprof_instance_size(const struct hprof_sizes *s, const struct hprof_class *c,
                             enum hprof_certainty *ret_certainty) {
    uint64_t size, least, step = c->least_step;
    *ret_certainty = HPROF_CALCULATED;
    if (s->h->is_android && c->is_dumped && c->instance_bytes)
        return hprof_align(c->instance_bytes, s->alignment);
    if (!calculate(s, c, &size, &least)) {
        *ret_certainty = HPROF_GUESSED;
        return hprof_align(s->layout->header + (uint64_t)c->data_bytes, s->alignment);
    }
    /* Further apart: just no neighbours. Closer than all its fields: not in the order of addresses.
     */
    if (step > size || step % s->alignment || step < least)
        return size;
    *ret_certainty = HPROF_MEASURED;
    return step;
}

static uint64_t mirror_size(const struct hprof_sizes *s, uint64_t size,
                            const struct hprof_class *c) {
    return hprof_align(size + hprof_size_bytes_of(&c->statics, s->layout->reference), s->alignment);
}

uint64_t hprof_mirror_size(const struct hprof_sizes *s, const struct hprof_class *of_class,
                           const struct hprof_class *c) {
    enum hprof_certainty certainty;
    return mirror_size(s, hprof_instance_size(s, of_class, &certainty), c);
}

uint64_t hprof_mirrors_size(const struct hprof_sizes *s, const struct hprof_class *of_class) {
    enum hprof_certainty certainty;
    uint64_t size, sum = 0;
    if (!of_class)
        return 0;
    size = hprof_instance_size(s, of_class, &certainty); /* those of primitive types */
    for (uint32_t i = 0; i < s->h->class_count; i++)
        if (s->h->classes[i].is_dumped)
            sum += mirror_size(s, size, &s->h->classes[i]);
    return sum;
}
