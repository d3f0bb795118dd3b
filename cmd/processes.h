/* The .NET processes of this machine, by what /proc says of them: none is asked or stopped. */
#ifndef DUMPDIFF_CMD_PROCESSES_H
#define DUMPDIFF_CMD_PROCESSES_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

/* All texts are of the arena; NULL: not known. Figures: ABSENT where they are not known. */
struct process {
    uint64_t pid;
    const char *program; /* its entry assembly without folder, else its executable */
    const char *runtime; /* version, as the folder of its libcoreclr.so is called */
    const char *user;    /* name, else number */
    uint64_t age_ns;
    uint64_t resident_bytes;  /* in memory now, of every kind (VmRSS) */
    uint64_t anonymous_bytes; /* of these what is no file: heaps, managed and native, and stacks */
};

struct processes {
    struct arena arena;
    struct process *items; /* by number */
    uint32_t count, capacity;
    uint64_t *sockets; /* whose there are, of processes that may have ended */
    uint32_t socket_count, socket_capacity;
};

/*
 * Those that have a libcoreclr.so mapped, as far as we may look at their maps (our own without
 * root), and those that left a diagnostic socket (dotnet-diagnostic-PID-*) in TMPDIR or /tmp.
 * To be deinited either way. Errors: ERR_IO (no /proc), ERR_NOMEM.
 *
 * Sources: proc(5); dotnet/diagnostics, documentation/design-docs/ipc-protocol.md (the socket).
 */
bool processes_find(struct processes *p, struct err *err) MUST_CHECK;
void processes_deinit(struct processes *p);

#endif
