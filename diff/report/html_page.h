/* What the files of the HTML report share: a page in the making. */
#ifndef DUMPDIFF_REPORT_HTML_PAGE_H
#define DUMPDIFF_REPORT_HTML_PAGE_H

#include "diff/report/charts/markup.h"
#include "diff/report/doc.h"

/* The rows, findings and causes of one kind that are on the page, by their number. */
struct page_marks {
    const char **names; /* [count] what links call it; NULL: it is not there */
    uint32_t count;
};

struct html_page {
    const struct doc *d;
    struct strbuf *out;
    struct arena arena;
    struct page_marks marks[MARK_CAUSE + 1];
    const char *heading; /* of the section that is open; NULL: none is */
    uint32_t headings, charts, causes;
    struct err err; /* the first error */
};

/* Appends <a href="#t12">, where the page has that; false: it has not. */
bool page_link(const struct html_page *p, struct doc_mark to);
/* Appends " id=t12" where it is something that others lead to. */
void page_id(const struct html_page *p, struct doc_mark mark);
/* Appends links to the causes that lead to it. */
void page_causes_of(const struct html_page *p, struct doc_mark mark);
/* Appends text in which `commands` are code. */
void page_prose(struct strbuf *out, const char *text);
/* Appends a name that may be broken behind its points and the like. */
void page_name(struct strbuf *out, const char *name);

/* Which column of a table names its rows. */
uint32_t page_name_column(const struct doc_table *t);
void page_table(struct html_page *p, const struct doc_table *t);
void page_cause(struct html_page *p, const struct doc_block *b);
void page_finding(struct html_page *p, const struct doc_block *b);

/* What the build has made of report.js and report.css: texts, and their hashes as a policy has
 * them ("sha256-..."). */
extern const char page_script[], page_style[], page_script_hash[], page_style_hash[];

#endif
