/* Section memleak. */
#include "tests/fuzz/fuzz_section.h"
