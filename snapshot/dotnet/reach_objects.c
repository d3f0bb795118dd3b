/* Looking at the objects of a heap one by one, beside the traversal. */
#include "dotnet/reach_impl.h"

uint64_t reach_number(const struct reach *r, uint64_t address) {
    uint32_t range = find_range(r, address);
    return range == NO_RANGE || address & 7 ? REACH_NO_NUMBER : number_of(r, range, address);
}

bool reach_object_at(struct reach *r, uint64_t address, struct reach_object *ret) {
    uint32_t range = find_range(r, address);
    if (range == NO_RANGE || address & 7)
        return false;
    uint64_t left = r->in.ranges[range].end - address;
    const uint8_t *at = r->in.ranges[range].data + (address - r->in.ranges[range].start);
    if (left < MIN_OBJECT_BYTES)
        return false;
    uint64_t size;
    uint32_t type = reach_look(r, at, left, &size);
    if (size == 0)
        return false;
    *ret = (struct reach_object){address, size, at, type};
    return true;
}

uint64_t reach_next_live(const struct reach *r, uint64_t from, uint64_t *ret_address) {
    const struct reach_state *s = r->state;
    uint64_t words = s->number_end / 64 + 1, word = from / 64;
    if (word >= words)
        return REACH_NO_NUMBER;
    uint64_t bits = s->marks[word] & (UINT64_MAX << (from % 64));
    while (!bits && ++word < words)
        bits = s->marks[word];
    if (!bits)
        return REACH_NO_NUMBER;
    uint64_t number = word * 64 + (uint64_t)__builtin_ctzll(bits);
    uint32_t range = s->range_of_number_page[number >> (PAGE_SHIFT - 3)];
    *ret_address = r->in.ranges[range].start + (number - s->first_number[range]) * 8;
    return number;
}

const uint64_t *reach_marks(const struct reach *r, uint64_t *ret_words) {
    *ret_words = r->state->number_end / 64 + 1;
    return r->state->marks;
}

void reach_tell(struct reach *r, const struct reach_object *object) {
    uint64_t number = reach_number(r, object->address);
    if (number == REACH_NO_NUMBER || !r->in.on_reference)
        return;
    r->state->telling = true;
    uint64_t edges = r->counts.edges, references = r->types[object->type].references;
    reach_follow(r, number << PATH_NODE_BITS);
    r->counts.edges = edges; /* were counted when they were followed */
    r->types[object->type].references = references;
    r->state->telling = false;
}
