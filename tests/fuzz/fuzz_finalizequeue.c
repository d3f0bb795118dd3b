/* Section finalizequeue. */
#include "tests/fuzz/fuzz_section.h"
