/* Section eeheap-gc. */
#include "tests/fuzz/fuzz_section.h"
