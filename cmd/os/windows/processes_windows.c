#include "cmd/processes.h"

bool processes_find(struct processes *p, struct err *err) {
    *p = (struct processes){.count = 0};
    arena_init(&p->arena);
    return err_set(err, ERR_UNSUPPORTED,
                   "processes of Windows are not listed: take a dump of yours, and give it to "
                   "`dumpdiff show`");
}

void processes_deinit(struct processes *p) {
    arena_deinit(&p->arena);
    *p = (struct processes){.count = 0};
}
