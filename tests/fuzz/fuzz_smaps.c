/* Section smaps: /proc/PID/smaps. */
#include "tests/fuzz/fuzz_section.h"
