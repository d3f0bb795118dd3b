/* Section debugdiag. */
#include "tests/fuzz/fuzz_section.h"
