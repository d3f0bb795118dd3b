/* Section k: native stacks. */
#include "tests/fuzz/fuzz_section.h"
