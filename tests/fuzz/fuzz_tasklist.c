/* Section tasklist. */
#include "tests/fuzz/fuzz_section.h"
