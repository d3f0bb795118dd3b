/* Script and style of the HTML report, as tools/embed.sh has made macros of them, with their
 * hashes. */
#include "diff/report/html_page.h"

const char page_script[] = {REPORT_JS};
const char page_style[] = {REPORT_CSS};
const char page_script_hash[] = REPORT_JS_HASH;
const char page_style_hash[] = REPORT_CSS_HASH;
