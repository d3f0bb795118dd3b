/* Section dlk: locks as SOSEX finds them. */
#include "tests/fuzz/fuzz_section.h"
