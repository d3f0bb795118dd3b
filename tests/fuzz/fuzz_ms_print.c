/* Section ms-print. */
#include "tests/fuzz/fuzz_section.h"
