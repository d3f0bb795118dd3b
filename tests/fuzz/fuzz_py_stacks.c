/* Section py-stacks: stacks of Python. */
#include "tests/fuzz/fuzz_section.h"
