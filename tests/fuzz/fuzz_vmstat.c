/* Section vmstat. */
#include "tests/fuzz/fuzz_section.h"
