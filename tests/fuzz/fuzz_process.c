/* Section process: the process line. */
#include "tests/fuzz/fuzz_section.h"
