/* Section tracemalloc. */
#include "tests/fuzz/fuzz_section.h"
