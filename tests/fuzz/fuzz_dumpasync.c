/* Section dumpasync. */
#include "tests/fuzz/fuzz_section.h"
