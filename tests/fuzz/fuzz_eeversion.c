/* Section eeversion. */
#include "tests/fuzz/fuzz_section.h"
