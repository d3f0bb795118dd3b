/* Section sizestats. */
#include "tests/fuzz/fuzz_section.h"
