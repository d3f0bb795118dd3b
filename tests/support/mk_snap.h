/*
 * Makes snapshots from text, for tests of what comes after reading.
 *
 * A line a row: the part's name, then its fields by their JSON names (see spec.h). A word alone
 * makes a part present without rows. Lists are separated by '|', cells are OBJECTS/BYTES by the
 * name of their generation, and so are numbers by generation; `note`, `warn` and `unusable` with
 * text= say how far the snapshot is to be trusted.
 *
 *   origin process=shop pid=7
 *   types name="App.A" gen2=10/1000 loh=1/90000
 *   threads os_id=0x13 index=2 frames="System.Threading.Monitor.Enter(O)|App.A.Run()"
 *   locks
 */
#ifndef DUMPDIFF_TESTS_MK_SNAP_H
#define DUMPDIFF_TESTS_MK_SNAP_H

#include "model/builder.h"

/* Fills and finishes a snapshot that is initialised and empty. Mistakes in the text abort. */
void mk_snap(struct snapshot *snapshot, const char *text);

#endif
