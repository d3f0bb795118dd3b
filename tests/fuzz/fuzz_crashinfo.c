/* Section crashinfo. */
#include "tests/fuzz/fuzz_section.h"
