/* Section objsize. */
#include "tests/fuzz/fuzz_section.h"
