/*
 * Other readers of minidumps: LLVM's obj2yaml and Breakpad's minidump_dump (packages llvm; minidump
 * of npm, its minidump_dump in the PATH or in MINIDUMP_DUMP).
 */
#ifndef DUMPDIFF_TESTS_MINIDUMP_PEER_H
#define DUMPDIFF_TESTS_MINIDUMP_PEER_H

#include "base/bytes.h"

struct minidump_peer;
extern const struct minidump_peer minidump_obj2yaml, minidump_breakpad;

/* Says on stdout when it is not. */
bool minidump_peer_is_here(const struct minidump_peer *peer);

/* Fails the test unless it says the same as we do of threads, modules and regions. */
void minidump_peer_agrees(const struct minidump_peer *peer, struct bytes dump);

#endif
