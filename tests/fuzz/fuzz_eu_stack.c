/* Section eu-stack: native stacks of elfutils. */
#include "tests/fuzz/fuzz_section.h"
