/* Section goroutines: goroutines of Go. */
#include "tests/fuzz/fuzz_section.h"
