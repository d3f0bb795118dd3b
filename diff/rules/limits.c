/* Thresholds by key; THE list of them is in limits.h. */
#include "diff/rules/rule.h"

#include "base/chars.h"
#include "base/num.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DESC(kind, field, key, fallback, meaning) \
    {key, meaning, LIMIT_##kind, (uint32_t)offsetof(struct limits, field), fallback},
const struct limit_desc limit_descs[] = {LIMITS(LIMIT_DESC){0}};
#undef LIMIT_DESC

static bool is_double(const struct limit_desc *desc) {
    return desc->kind == LIMIT_PERCENT || desc->kind == LIMIT_RATIO;
}

static void limits_store(struct limits *limits, const struct limit_desc *desc, double value) {
    unsigned char *field = (unsigned char *)limits + desc->offset;
    if (is_double(desc)) {
        memcpy(field, &value, sizeof(value));
    } else {
        uint64_t number = (uint64_t)value;
        memcpy(field, &number, sizeof(number));
    }
}

void limits_init(struct limits *limits) {
    *limits = (struct limits){0};
    for (const struct limit_desc *desc = limit_descs; desc->key; desc++)
        limits_store(limits, desc, desc->fallback);
}

static const struct limit_desc *limit_find(const char *key) {
    for (const struct limit_desc *desc = limit_descs; desc->key; desc++)
        if (strcmp(desc->key, key) == 0)
            return desc;
    return NULL;
}

bool limits_set(struct limits *limits, const char *key, const char *value, struct err *err) {
    const struct limit_desc *desc = limit_find(key);
    if (!desc)
        return err_set(err, ERR_USAGE, "no limit is called '%s'", key);
    char *end;
    double number = strtod(value, &end);
    bool starts = char_is_digit(*value) || *value == '.';
    if (!starts || *end || !isfinite(number))
        return err_set(err, ERR_USAGE, "limit %s: '%s' is not a number of 0 or more", key, value);
    if (!is_double(desc) && (number >= 9007199254740992.0 || number != (double)(uint64_t)number))
        return err_set(err, ERR_USAGE, "limit %s: '%s' is not a whole number up to 2^53", key,
                       value);
    limits_store(limits, desc, number);
    return true;
}

void limits_apply(const struct limits *limits, struct series_options *options) {
    options->floor_heap_percent = limits->growing_type_heap_percent;
    options->floor_self_percent = limits->growing_type_self_percent;
    options->floor_bytes = limits->growing_type_min_bytes ? limits->growing_type_min_bytes : ABSENT;
    options->floor_objects =
        limits->growing_type_min_objects ? limits->growing_type_min_objects : ABSENT;
    options->needs[NEED_HANDLES] =
        (struct series_need){limits->handle_growth_percent, limits->handle_growth_min};
    options->needs[NEED_OS_HANDLES] =
        (struct series_need){limits->os_handle_growth_percent, limits->os_handle_growth_min};
    options->needs[NEED_MODULES] = (struct series_need){0, limits->loader_growth_min_modules};
    options->needs[NEED_COUNTERS] = (struct series_need){limits->growing_type_self_percent, 0};
    options->needs[NEED_STACKS] =
        (struct series_need){limits->stack_growth_percent, limits->stack_growth_min_bytes};
    options->runaway_share = limits->runaway_share;
    options->runaway_min_ns = limits->runaway_min_ns;
}
