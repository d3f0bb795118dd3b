/* elfutils is not there: nothing is answered, so that all threads are missing and no name known. */
#include "memory/stacks/symbol_table.h"
#include "memory/stacks/unwind.h"

void unwind_all(struct space *s, const struct stack_copies *copies, int fd) {
    (void)s;
    (void)copies;
    (void)fd;
}

void symbol_table_write(void *context, int fd) {
    (void)context;
    (void)fd;
}
