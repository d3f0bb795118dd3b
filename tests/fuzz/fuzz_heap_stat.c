/* Section heap-stat: heap -stat -h. */
#include "tests/fuzz/fuzz_section.h"
