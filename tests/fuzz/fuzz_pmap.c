/* Section pmap: pmap -x, -X. */
#include "tests/fuzz/fuzz_section.h"
