/* Section malloc-stats. */
#include "tests/fuzz/fuzz_section.h"
