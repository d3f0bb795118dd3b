/*
 * Real transcripts and dumps, which are other people's or too large to be part of the project: the
 * programs of tests/real find them in the folder that DUMPDIFF_SHARED names (../shared when it is
 * not set).
 */
#ifndef DUMPDIFF_TESTS_SHARED_H
#define DUMPDIFF_TESTS_SHARED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SHARED_PATH_MAX 512

/*
 * A test of tests/real, and the unit tests that ask the same of inputs of our own; or one that asks
 * of the collection whether each file has a test. tools/likes.sh looks whether they are there.
 */
#define LIKE(test, ...)         cmocka_unit_test(test)
#define OF_THE_COLLECTION(test) cmocka_unit_test(test)

/* Path of what the format names within that folder. false: it is not there. */
__attribute__((format(printf, 2, 3))) bool shared_path(char ret_path[SHARED_PATH_MAX],
                                                       const char *format, ...);

/*
 * Runs the tests where `folder` of the shared ones is there, and says how many were left out where
 * it is not: "[ LEFT OUT ] 13 test(s): there is no ../shared/corpus". Gives the exit status.
 */
int shared_run(const char *folder, const struct CMUnitTest *tests, size_t count);

#endif
