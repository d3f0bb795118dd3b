/* Section address-summary: address -summary. */
#include "tests/fuzz/fuzz_section.h"
