/* Section vertarget: vertarget and .time. */
#include "tests/fuzz/fuzz_section.h"
