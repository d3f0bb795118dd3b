/* Section vs-stacks: call stacks of Visual Studio. */
#include "tests/fuzz/fuzz_section.h"
