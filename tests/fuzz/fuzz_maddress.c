/* Section maddress: maddress. */
#include "tests/fuzz/fuzz_section.h"
