/*
 * Makes a recording of heaptrack for the benchmarks, the same bytes on every machine: 16 million
 * allocations and frees by 60,000 stacks, some 110 MB.
 *
 * usage: make_native heaptrack FILE
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS 6000u
#define IPS     20000u
#define TRACES  100000u
#define KINDS   60000u
#define EVENTS  16000000u
#define LIVE    200000u
#define DEPTH   60u

static uint64_t make_native_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void put_stacks(FILE *out, uint64_t *state, unsigned *depths) {
    fputs("v 10400 3\nX ./shop --fast\nI 1000 3e44e5\n", out);
    for (unsigned i = 1; i <= STRINGS; i++) {
        char name[128];
        int n = i <= 20 ? snprintf(name, sizeof(name), "/srv/shop/lib/libpart%02u.so", i)
                        : snprintf(name, sizeof(name),
                                   "shop::area%u::Table<std::string, Record%u>::method%u(int)",
                                   i % 37, i % 977, i);
        fprintf(out, "s %x %s\n", (unsigned)n, name);
    }
    for (unsigned i = 1; i <= IPS; i++)
        fprintf(out, "i %llx %x %x %x %x\n", 0x7f0000000000ull + i * 16ull, 1 + i % 20,
                21 + (unsigned)(make_native_next(state) % (STRINGS - 20)), 21 + i % 900, i % 3000);
    /* Some 30 frames deep, as stacks are. */
    for (unsigned i = 1; i <= TRACES; i++) {
        unsigned parent = i - 1;
        while (parent && (depths[parent] >= DEPTH || (i % 12 == 0 && depths[parent] > 25)))
            parent = (unsigned)(make_native_next(state) % parent);
        depths[i] = depths[parent] + 1;
        fprintf(out, "t %x %x\n", 1 + (unsigned)(make_native_next(state) % IPS), parent);
    }
    for (unsigned i = 0; i < KINDS; i++)
        fprintf(out, "a %x %x\n", 8 + (unsigned)(make_native_next(state) % 4000),
                1 + (unsigned)(make_native_next(state) % TRACES));
}

/* Programs free most at once, some later, a few never. */
static void put_events(FILE *out, uint64_t *state, unsigned *live) {
    unsigned count = 0;
    for (unsigned i = 0; i < EVENTS; i++) {
        uint64_t r = make_native_next(state);
        if (i % 16000 == 0)
            fprintf(out, "c %x\nR %x\n", i / 1600, 20000 + count / 40);
        if (count < LIVE / 2 || (count < LIVE && r % 2)) {
            live[count] = (unsigned)(r >> 8) % KINDS;
            fprintf(out, "+ %x\n", live[count++]);
        } else {
            unsigned which = r % 3 ? count - 1 : (unsigned)(r >> 8) % count;
            fprintf(out, "- %x\n", live[which]);
            live[which] = live[--count];
        }
    }
    fprintf(out, "# strings: %u\n# ips: %u\n\n", STRINGS, IPS);
}

int main(int argc, char **argv) {
    unsigned *live = calloc(LIVE, sizeof(*live));
    FILE *out = argc == 3 && strcmp(argv[1], "heaptrack") == 0 ? fopen(argv[2], "w") : NULL;
    uint64_t state = 88172645463325252u;
    if (!out || !live) {
        fputs("usage: make_native heaptrack FILE\n", stderr);
        free(live);
        return 1;
    }
    put_stacks(out, &state, live); /* lent for their depths */
    memset(live, 0, LIVE * sizeof(*live));
    put_events(out, &state, live);
    free(live);
    return fclose(out) == 0 ? 0 : 1;
}
