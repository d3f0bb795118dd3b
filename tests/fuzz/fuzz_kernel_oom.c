/* Section kernel-oom. */
#include "tests/fuzz/fuzz_section.h"
