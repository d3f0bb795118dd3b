/* Section gcroot. */
#include "tests/fuzz/fuzz_section.h"
