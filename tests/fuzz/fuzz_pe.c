/* Section pe. */
#include "tests/fuzz/fuzz_section.h"
