/* Section gchandles. */
#include "tests/fuzz/fuzz_section.h"
