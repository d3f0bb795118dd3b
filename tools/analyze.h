/*
 * Included in front of each file that `make analyze` looks at, but err.c. The analyser sees one file at a time, and
 * would go on behind `ok = p || err_nomem(err)` as if an error were success.
 */
#include "base/err.h"

#define err_set(...)    (err_set(__VA_ARGS__), false)
#define err_at(...)     (err_at(__VA_ARGS__), false)
#define err_prefix(...) (err_prefix(__VA_ARGS__), false)
#define err_nomem(err)  (err_nomem(err), false)
