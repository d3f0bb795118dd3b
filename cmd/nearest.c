/* "Did you mean": the name that is most like a mistyped one. */
#include "cmd/options.h"

#include <string.h>

/* Edits (insert, drop, change, swap of neighbours) between two short words; 99 when too long. */
static unsigned distance(const char *a, const char *b) {
    enum { MOST = 32 };
    unsigned d[MOST + 1][MOST + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST)
        return 99;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *nearest_name(const char *name, const char *const *names, uint32_t count) {
    const char *nearest = NULL;
    unsigned least = 99;
    for (uint32_t i = 0; i < count; i++) {
        unsigned edits = distance(name, names[i]);
        /* "compare" is no "explain": a third of the letters may be wrong, and three at most. */
        if (edits > least || edits > 3 || edits * 3 > strlen(names[i]) + 1)
            continue;
        /* Of two that are as near, the one that starts alike: few slip on the first letter. */
        if (nearest && edits == least && names[i][0] != name[0])
            continue;
        least = edits;
        nearest = names[i];
    }
    return nearest;
}
