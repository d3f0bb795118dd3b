#include "input/log/listing.h"

void listing_row(struct listing *l, uint64_t bytes) {
    if (l->rows && (l->falls ? bytes > l->last : bytes < l->last))
        l->out_of_order = true;
    if (l->in_gap && !l->falls)
        l->most = num_max(l->most, bytes);
    l->in_gap = false;
    l->last = bytes;
    l->rows++;
}

void listing_gap(struct listing *l) {
    l->in_gap = true;
    if (l->falls)
        l->most = l->rows ? num_max(l->most, l->last) : ABSENT;
}

void listing_lost(struct listing *l) {
    l->most = ABSENT;
}

void listing_nameless(struct listing *l, uint64_t bytes) {
    listing_row(l, bytes);
    l->most = num_max(l->most, bytes);
}

uint64_t listing_most(const struct listing *l) {
    return l->out_of_order || (l->in_gap && !l->falls) ? ABSENT : l->most;
}
