/* Section eeheap-loader. */
#include "tests/fuzz/fuzz_section.h"
