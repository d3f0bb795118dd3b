/* Section heaptrack-print. */
#include "tests/fuzz/fuzz_section.h"
