/* Section threadpool: the thread pool. */
#include "tests/fuzz/fuzz_section.h"
