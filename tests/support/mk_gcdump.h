/*
 * .gcdump files for tests, out of a text that can be read and diffed.
 *
 * One line a thing: a word, then key=value; numbers as C writes them, text in double quotes (no
 * escapes). '#' starts a comment.
 *
 *   dump     version (10) graph_version (1) total (sum of sizes said) nodes (count said) root (0)
 *            bits (64; 0: not said) labels (4 or 8: bytes of a label) large=1 (counts of 8 bytes)
 *            addresses=0 (none) pid process machine tool log ticks (100 ns since year 1) commit
 *            working_set count_multiplier size_multiplier (in thousandths: 1000) js=1 (JSHeapInfo)
 *            com=1 (a region on COM, to be skipped) extra=1 (tagged fields of a later version)
 *            trailer=0 (none)
 *   type     name module size (of its nodes; they say so themselves where they differ) multiplier
 *            (in thousandths); id and in (number of a dll line): a deferred one, name its suffix
 *   dll      path
 *   node     type size children="1 2 +1 -3" (numbers of nodes, or relative to this one) address
 *            times (1) raw (hex in place of all of it) at (label said in place of its own)
 *   segment  start end gen0 gen1 gen2 gen3 gen4
 */
#ifndef DUMPDIFF_TESTS_MK_GCDUMP_H
#define DUMPDIFF_TESTS_MK_GCDUMP_H

#include "base/bytes.h"

/* Bytes to be freed; dies with a message where the text is wrong. */
struct bytes mk_gcdump(const char *spec);

#endif
