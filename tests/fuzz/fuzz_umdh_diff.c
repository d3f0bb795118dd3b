/* Section umdh-diff: umdh OLD NEW. */
#include "tests/fuzz/fuzz_section.h"
