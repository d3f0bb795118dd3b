/* Section threadpoolqueue: work that waits for the thread pool. */
#include "tests/fuzz/fuzz_section.h"
