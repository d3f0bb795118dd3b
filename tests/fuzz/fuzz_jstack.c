/* Section jstack: thread dumps of Java. */
#include "tests/fuzz/fuzz_section.h"
