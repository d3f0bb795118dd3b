/* Section vmmap. */
#include "tests/fuzz/fuzz_section.h"
