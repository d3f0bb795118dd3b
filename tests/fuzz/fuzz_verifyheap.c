/* Section verifyheap. */
#include "tests/fuzz/fuzz_section.h"
