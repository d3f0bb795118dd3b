/*
 * What program a process runs: the entry assembly, where a host that runs any program was started.
 */
#ifndef DUMPDIFF_DOTNET_PROGRAM_H
#define DUMPDIFF_DOTNET_PROGRAM_H

#include "dotnet/module.h"

/*
 * Names the process of the snapshot after its entry assembly where the executable is a host
 * ("dotnet", IIS' w3wp.exe), without ".dll": `dotnet shop.dll` is shop. What is not told by the
 * modules (modules_load_all) stays as it was. Errors: ERR_NOMEM.
 */
bool program_report(struct modules *m, struct err *err) MUST_CHECK;

#endif
