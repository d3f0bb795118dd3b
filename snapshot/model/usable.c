#include "model/usable.h"

#include "model/absence.h"
#include "model/part_fields.h"
#include "model/snapshot.h"

static bool field_says(const struct field *field, const unsigned char *row) {
    const void *at = row + field->offset;
    const uint64_t *number = at;
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        return *(const char *const *)at != NULL;
    case FIELD_STRS:
    case FIELD_CELLS:
        return true; /* no row that stands alone has any */
    case FIELD_GENS:
        for (int g = 0; g < GEN_COUNT; g++)
            if (number[g] != ABSENT)
                return true;
        return false;
    case FIELD_U64:
    case FIELD_BYTES:
    case FIELD_NS:
    case FIELD_TIME:
    case FIELD_HEX:
    case FIELD_BOOL:
        break;
    }
    return *number != ABSENT;
}

/* The row of a single-row part is added by whoever has one figure of it, or hopes for one. */
static bool row_says(const struct part_desc *desc, const unsigned char *row) {
    for (uint32_t i = 0; i < desc->field_count; i++)
        if (field_says(&desc->fields[i], row))
            return true;
    return false;
}

/* Rows of it, or that there are none: a table that is empty because it was not read is no fact. */
static bool part_says(const struct snapshot *s, enum part part) {
    const struct part_desc *desc = &part_descs[part];
    uint32_t count;
    const void *rows = snapshot_rows(s, part, &count);
    if (!snapshot_has(s, part) || desc->single)
        return count && row_says(desc, rows);
    return count ||
           (!snapshot_absence(s, part, ASPECT_ROWS) && !snapshot_absence(s, part, ASPECT_ALL));
}

bool snapshot_says_something(const struct snapshot *s) {
    for (int part = PART_TYPES; part < PART_END; part++)
        if (part_descs[part].name && part != PART_ABSENCES && part_says(s, (enum part)part))
            return true;
    return false;
}
