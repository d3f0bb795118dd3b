/* Section heap-s: heap -s. */
#include "tests/fuzz/fuzz_section.h"
