/* Section memcheck. */
#include "tests/fuzz/fuzz_section.h"
