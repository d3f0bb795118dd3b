/* Section leaktrack_sample. */
#include "tests/fuzz/fuzz_section.h"
