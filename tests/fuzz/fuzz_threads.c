/* Section threads: dotnet-dump's thread list. */
#include "tests/fuzz/fuzz_section.h"
