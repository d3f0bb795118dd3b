/* Section heap-l: heap -l. */
#include "tests/fuzz/fuzz_section.h"
