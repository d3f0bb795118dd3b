/* Section dumpheap. */
#include "tests/fuzz/fuzz_section.h"
