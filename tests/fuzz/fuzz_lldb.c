/* Section lldb: native stacks of lldb. */
#include "tests/fuzz/fuzz_section.h"
