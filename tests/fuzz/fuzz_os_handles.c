/* Section os-handles. */
#include "tests/fuzz/fuzz_section.h"
