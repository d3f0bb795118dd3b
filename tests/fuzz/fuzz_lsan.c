/* Section lsan. */
#include "tests/fuzz/fuzz_section.h"
