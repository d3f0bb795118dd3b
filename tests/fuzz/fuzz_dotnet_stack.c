/* Section dotnet-stack: managed stacks of a running process. */
#include "tests/fuzz/fuzz_section.h"
