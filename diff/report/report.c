#include "diff/report/report.h"

#include <string.h>

/* THE list of reports. A report is its file and its line here. */
#define REPORTS(REPORT) \
    REPORT(text) \
    REPORT(json) \
    REPORT(markdown) \
    REPORT(csv) \
    REPORT(html) \
    REPORT(brief) \
    REPORT(brief_json) \
    REPORT(folded) \
    REPORT(pprof) \
    REPORT(speedscope) \
    REPORT(perfetto)

#define REPORT_DECLARED(name) extern const struct report report_##name;
REPORTS(REPORT_DECLARED)

#define REPORT_ENTRY(name) &report_##name,
const struct report *const reports[] = {REPORTS(REPORT_ENTRY) NULL};

const struct report *report_find(const char *name) {
    for (size_t i = 0; reports[i]; i++)
        if (strcmp(reports[i]->name, name) == 0)
            return reports[i];
    return NULL;
}
