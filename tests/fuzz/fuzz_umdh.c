/* Section umdh: umdh -p. */
#include "tests/fuzz/fuzz_section.h"
