/* Section address: full address listings. */
#include "tests/fuzz/fuzz_section.h"
