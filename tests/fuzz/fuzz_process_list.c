/* Section process-list. */
#include "tests/fuzz/fuzz_section.h"
