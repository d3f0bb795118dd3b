/* Section pstacks: merged managed stacks. */
#include "tests/fuzz/fuzz_section.h"
