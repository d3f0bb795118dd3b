/* Section heapcheck. */
#include "tests/fuzz/fuzz_section.h"
