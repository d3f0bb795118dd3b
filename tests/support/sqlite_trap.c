#include "tests/support/sqlite_trap.h"

#include <signal.h>
#include <sqlite3.h>
#include <string.h>

static struct {
    int left; /* changes until it happens; 0: never */
    bool kill;
    sqlite3_vfs *real;
} trap;

struct trap_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static bool sprung(void) {
    if (trap.left == 0 || --trap.left > 0)
        return false;
    trap.left = 1; /* a full disk stays full */
    if (trap.kill)
        raise(SIGKILL);
    return true;
}

#define REAL(f) (((struct trap_file *)(f))->real)

static int t_close(sqlite3_file *f) {
    int code = REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
    sqlite3_free(REAL(f));
    return code;
}
static int t_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    return REAL(f)->pMethods->xRead(REAL(f), to, n, at);
}
static int t_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    return sprung() ? SQLITE_FULL : REAL(f)->pMethods->xWrite(REAL(f), from, n, at);
}
static int t_truncate(sqlite3_file *f, sqlite3_int64 size) {
    return sprung() ? SQLITE_FULL : REAL(f)->pMethods->xTruncate(REAL(f), size);
}
static int t_sync(sqlite3_file *f, int flags) {
    if (trap.kill) /* a full disk fails when written to */
        sprung();
    return REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int t_size(sqlite3_file *f, sqlite3_int64 *size) {
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}
static int t_lock(sqlite3_file *f, int level) {
    return REAL(f)->pMethods->xLock(REAL(f), level);
}
static int t_unlock(sqlite3_file *f, int level) {
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}
static int t_reserved(sqlite3_file *f, int *out) {
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}
static int t_control(sqlite3_file *f, int op, void *arg) {
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int t_sector(sqlite3_file *f) {
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int t_device(sqlite3_file *f) {
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int t_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out);
}
static int t_shm_lock(sqlite3_file *f, int offset, int n, int flags) {
    return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}
static void t_shm_barrier(sqlite3_file *f) {
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int t_shm_unmap(sqlite3_file *f, int remove) {
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods trap_methods = {
    2,          t_close,       t_read,      t_write,   t_truncate, t_sync,   t_size,
    t_lock,     t_unlock,      t_reserved,  t_control, t_sector,   t_device, t_shm_map,
    t_shm_lock, t_shm_barrier, t_shm_unmap, NULL,      NULL,
};

static int t_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out) {
    (void)vfs;
    struct trap_file *file = (struct trap_file *)f;
    file->base.pMethods = NULL;
    file->real = sqlite3_malloc(trap.real->szOsFile);
    if (!file->real)
        return SQLITE_NOMEM;
    memset(file->real, 0, (size_t)trap.real->szOsFile);
    int code = trap.real->xOpen(trap.real, name, file->real, flags, out);
    if (code == SQLITE_OK)
        file->base.pMethods = &trap_methods;
    else
        sqlite3_free(file->real);
    return code;
}

static int t_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    (void)vfs;
    if (trap.kill)
        sprung();
    return trap.real->xDelete(trap.real, name, sync);
}

void sqlite_trap_set(int changes, bool kills) {
    static sqlite3_vfs vfs;
    trap.real = sqlite3_vfs_find(NULL);
    vfs = *trap.real;
    vfs.zName = "trap";
    vfs.szOsFile = sizeof(struct trap_file);
    vfs.xOpen = t_open;
    vfs.xDelete = t_delete;
    trap.left = changes;
    trap.kill = kills;
    sqlite3_vfs_register(&vfs, 1);
}

void sqlite_trap_remove(void) {
    sqlite3_vfs_unregister(sqlite3_vfs_find("trap"));
    sqlite3_vfs_register(trap.real, 1);
}
