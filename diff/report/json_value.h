/*
 * JSON by cJSON, a row at a time: a report of 50,000 types is never one tree in memory.
 *
 * Numbers beyond 2^53 go out as strings, since most readers take numbers for doubles; absent is
 * null. What returns a value gives it away, NULL when out of memory: whoever takes it (json_put,
 * json_add, ...) makes that an error that sticks, so that nobody else has to ask.
 */
#ifndef DUMPDIFF_REPORT_JSON_VALUE_H
#define DUMPDIFF_REPORT_JSON_VALUE_H

#include "model/part_fields.h"

#include <cJSON.h>

/* An object being written: its keys one a line, items of its arrays one a line. */
struct json {
    struct strbuf *out;
    bool any_key, any_item;
    struct err err; /* the first error sticks; ERR_NONE while all is well */
};

/* The object cannot be made: `why` sticks, unless an error does already or `why` is none. */
void json_fail(struct json *j, const struct err *why);

/* true: the object is whole. Errors: the first one that stuck, that of the text included. */
bool json_ok(struct json *j, struct err *err) MUST_CHECK;

void json_begin(struct json *j, struct strbuf *out);
void json_end(struct json *j);
/* Writes and frees value; NULL counts as out of memory. */
void json_put(struct json *j, const char *key, cJSON *value);
void json_array_begin(struct json *j, const char *key);
void json_array_put(struct json *j, cJSON *value);
void json_array_end(struct json *j);

/* Values; ABSENT and NULL become null. All return NULL when out of memory. */
cJSON *json_number(uint64_t value);
cJSON *json_delta(int64_t value);
cJSON *json_hex(uint64_t value);
cJSON *json_time(uint64_t ns);
cJSON *json_bool(uint64_t value);
cJSON *json_text(const char *text);
cJSON *json_strings(const struct strings *strings);
cJSON *json_numbers(const uint64_t *values, uint32_t count);
/*
 * Cells of all generations; null for one without anything where the source does not tell
 * generations, and for objects that were not counted.
 */
cJSON *json_cells(const struct cell *cells, bool known);
/* Numbers by generation as a list that ends with the last one known. */
cJSON *json_generations(const uint64_t *numbers);
cJSON *json_field(const struct field *field, const void *row);

/* Adds to an object; key must live as long (a literal or a part's). */
void json_add(struct json *j, cJSON *object, const char *key, cJSON *value);
/* Appends to an array. */
void json_append(struct json *j, cJSON *array, cJSON *value);

/* A row as its field table describes it, without the field called `skip` (or NULL). */
cJSON *json_row(struct json *j, enum part part, const void *row, const char *skip);

#endif
