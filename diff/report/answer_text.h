/* Answers to the questions of `show`, as every format tells them. */
#ifndef DUMPDIFF_REPORT_ANSWER_TEXT_H
#define DUMPDIFF_REPORT_ANSWER_TEXT_H

#include "diff/report/json_value.h"
#include "model/answers.h"

/* The path to a row of PART_PATHS: see path_text. Appends. */
void answer_path_text(const struct snapshot *tree, uint32_t row, bool full, struct strbuf *out);

/* "Shop.Basket<Shop.Cart>._items", "root: static P.cache". Appends. */
void answer_holder_text(const struct holder_row *row, struct strbuf *out);

/* Adds a key for each question that was answered. */
void json_answers(struct json *j, const struct answers *a);

/* One answer as comma-separated values; it has been answered. */
void csv_answer(const struct answers *a, enum question_kind kind, struct strbuf *out);

#endif
