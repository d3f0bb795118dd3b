/* Section vadump: vadump -sop. */
#include "tests/fuzz/fuzz_section.h"
