/* Section gdb: native stacks of gdb and pstack. */
#include "tests/fuzz/fuzz_section.h"
