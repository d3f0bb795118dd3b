/* Section syncblk: locks. */
#include "tests/fuzz/fuzz_section.h"
