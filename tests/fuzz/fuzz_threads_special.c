/* Section threads-special: threads -special. */
#include "tests/fuzz/fuzz_section.h"
