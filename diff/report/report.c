#include "diff/report/report.h"

#include <string.h>

extern const struct report report_text, report_json, report_markdown, report_csv, report_html,
    report_folded, report_pprof;

const struct report *const reports[] = {
    &report_text, &report_json,   &report_markdown, &report_csv,
    &report_html, &report_folded, &report_pprof,    NULL,
};

const struct report *report_find(const char *name) {
    for (size_t i = 0; reports[i]; i++)
        if (strcmp(reports[i]->name, name) == 0)
            return reports[i];
    return NULL;
}
