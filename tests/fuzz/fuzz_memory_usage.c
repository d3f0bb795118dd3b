/* Section memory-usage. */
#include "tests/fuzz/fuzz_section.h"
