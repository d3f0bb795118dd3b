/* Section sos-notes. */
#include "tests/fuzz/fuzz_section.h"
