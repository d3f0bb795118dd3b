/* Section native-memory. */
#include "tests/fuzz/fuzz_section.h"
