/* Section leaktrack: leak reports of DebugDiag, as text and as pages. */
#include "tests/fuzz/fuzz_section.h"
