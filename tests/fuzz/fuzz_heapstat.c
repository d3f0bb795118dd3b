/* Section heapstat. */
#include "tests/fuzz/fuzz_section.h"
