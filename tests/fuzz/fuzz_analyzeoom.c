/* Section analyzeoom. */
#include "tests/fuzz/fuzz_section.h"
