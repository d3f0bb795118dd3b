/* Section malloc-info. */
#include "tests/fuzz/fuzz_section.h"
