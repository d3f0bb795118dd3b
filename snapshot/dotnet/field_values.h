/* Which values the fields of live objects have: the question --values. */
#ifndef DUMPDIFF_DOTNET_FIELD_VALUES_H
#define DUMPDIFF_DOTNET_FIELD_VALUES_H

#include "base/err.h"

struct answers;
struct clr_heap;

/*
 * Answers QUESTION_VALUES where it is asked: numbers, enums by name, types of what is referred to;
 * texts are told apart, and only told themselves when contents are asked for. What holds the
 * objects was looked for. Errors: ERR_NOMEM, ERR_USAGE (a pattern that is none).
 */
bool field_values_answer(struct clr_heap *h, struct answers *a, struct err *err) MUST_CHECK;

#endif
