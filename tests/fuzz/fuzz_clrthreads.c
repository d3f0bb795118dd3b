/* Section clrthreads: managed thread tables. */
#include "tests/fuzz/fuzz_section.h"
