/* Section dumpexceptions: exception objects. */
#include "tests/fuzz/fuzz_section.h"
