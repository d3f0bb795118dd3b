/*
 * What Debian's libstdc++ and libgcc ask of glibc and musl does not have, so that a runtime built
 * for musl finds a C++ library where there is no Alpine: loaded before them (LD_PRELOAD) by
 * make-musl.sh.
 */
#define _GNU_SOURCE
#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded; /* 0: it never is */
struct {
    unsigned vendor, type, subtype, features[16];
} __cpu_model; /* 0: nothing is known of the processor */

int __cpu_indicator_init(void) {
    return 0;
}

size_t __strftime_l(char *to, size_t size, const char *format, const struct tm *when,
                    locale_t locale) {
    return strftime_l(to, size, format, when, locale);
}

uint32_t arc4random(void) {
    uint32_t value = 0;
    (void)!getrandom(&value, sizeof(value), 0);
    return value;
}

/* -- Unwind data by address -------------------------------------------------------------------- */

struct dl_find_object {
    unsigned long long flags;
    void *start, *end;
    struct link_map *map;
    void *eh_frame;
    unsigned long long reserved[7];
};

struct search {
    uintptr_t pc;
    struct dl_find_object *found;
};

static int looks_into(struct dl_phdr_info *object, size_t size, void *context) {
    struct search *s = context;
    uintptr_t start = UINTPTR_MAX, end = 0, eh_frame = 0;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &object->dlpi_phdr[i];
        uintptr_t at = object->dlpi_addr + h->p_vaddr;
        if (h->p_type == PT_GNU_EH_FRAME)
            eh_frame = at;
        if (h->p_type != PT_LOAD)
            continue;
        start = at < start ? at : start;
        end = at + h->p_memsz > end ? at + h->p_memsz : end;
    }
    if (s->pc < start || s->pc >= end || !eh_frame)
        return 0;
    *s->found = (struct dl_find_object){
        .start = (void *)start, .end = (void *)end, .eh_frame = (void *)eh_frame};
    return 1;
}

int _dl_find_object(void *pc, struct dl_find_object *found) {
    struct search s = {(uintptr_t)pc, found};
    return dl_iterate_phdr(looks_into, &s) ? 0 : -1;
}

/* -- What is called when a thread ends --------------------------------------------------------- */

struct last_call {
    void (*function)(void *);
    void *argument;
    struct last_call *next;
};

static pthread_key_t calls;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void call_all(void *first) {
    for (struct last_call *c = first; c;) {
        struct last_call *next = c->next;
        c->function(c->argument);
        free(c);
        c = next;
    }
}

static void make_key(void) {
    (void)pthread_key_create(&calls, call_all);
}

int __cxa_thread_atexit_impl(void (*function)(void *), void *argument, void *object) {
    struct last_call *c = malloc(sizeof(*c));
    (void)object;
    if (!c)
        return -1;
    (void)pthread_once(&once, make_key);
    *c = (struct last_call){function, argument, pthread_getspecific(calls)};
    return pthread_setspecific(calls, c);
}
