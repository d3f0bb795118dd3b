/* Section counters-screen. */
#include "tests/fuzz/fuzz_section.h"
