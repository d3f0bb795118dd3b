/* The dumps of the demo: a service of ours at two moments, each with what ClrMD said of it. */
#ifndef DUMPDIFF_TESTS_STORE_H
#define DUMPDIFF_TESTS_STORE_H

#include "tests/support/dump_pair.h"

extern const struct dump_pair store;

#endif
