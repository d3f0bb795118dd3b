/* Section jmap. */
#include "tests/fuzz/fuzz_section.h"
