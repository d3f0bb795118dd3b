/* Section top: top -H -b. */
#include "tests/fuzz/fuzz_section.h"
