/* Section pprof-text. */
#include "tests/fuzz/fuzz_section.h"
