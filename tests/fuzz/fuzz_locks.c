/* Section locks: critical sections. */
#include "tests/fuzz/fuzz_section.h"
