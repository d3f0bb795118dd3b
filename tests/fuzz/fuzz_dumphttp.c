/* Section dumphttp: HTTP requests. */
#include "tests/fuzz/fuzz_section.h"
