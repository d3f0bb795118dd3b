/* Section gcdump-report. */
#include "tests/fuzz/fuzz_section.h"
