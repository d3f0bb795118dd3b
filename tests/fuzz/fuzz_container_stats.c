/* Section container-stats. */
#include "tests/fuzz/fuzz_section.h"
