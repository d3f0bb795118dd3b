/* Section heapshot. */
#include "tests/fuzz/fuzz_section.h"
