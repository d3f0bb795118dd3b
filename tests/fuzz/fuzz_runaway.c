/* Section runaway: thread times. */
#include "tests/fuzz/fuzz_section.h"
