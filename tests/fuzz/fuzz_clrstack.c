/* Section clrstack: managed stacks. */
#include "tests/fuzz/fuzz_section.h"
