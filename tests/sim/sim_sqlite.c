/*
 * sim_sqlite: SQLite's files in the simulation, so that a kill and a power cut leave of a checkpoint what they leave of it on a disk.
 *
 * The index of a write-ahead log is shared memory, and nobody else opens the checkpoint: it is plain memory here, and gone with the agent, as after a real kill.
 */
#include "sim.h"

#include "dogwatch/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>

enum { REGIONS_MAX = 64 };

struct file {
    sqlite3_file base; /* first: SQLite's */
    int fd;
    char path[SIM_PATH];
    bool deletes; /* once closed */
    void *region[REGIONS_MAX];
};

static int x_close(sqlite3_file *base)
{
    struct file *f = (struct file *)base;
    (void)sim_close(f->fd);
    if (f->deletes)
        (void)sim_unlink(f->path);
    return SQLITE_OK;
}

static int x_read(sqlite3_file *base, void *out, int len, sqlite3_int64 at)
{
    size_t done = 0, n = 1, want = (size_t)len;
    while (done < want && n) {
        if (sim_pread(((struct file *)base)->fd, (char *)out + done, want - done, (uint64_t)at + done, &n))
            return SQLITE_IOERR_READ;
        done += n;
    }
    memset((char *)out + done, 0, want - done);
    return done == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    int err = sim_pwrite(((struct file *)base)->fd, bytes, (size_t)len, (uint64_t)at);
    return err == 0 ? SQLITE_OK : err == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct sim_fd *f = sim_fd_of(((struct file *)base)->fd);
    if (sim_call(CALL_NAME, NULL) || !f)
        return SQLITE_IOERR_TRUNCATE;
    sim_cut(f->inode, (uint64_t)size);
    return SQLITE_OK;
}

/* The entry of the folder goes with it, as in SQLite's own. */
static int x_sync(sqlite3_file *base, int flags)
{
    struct sim_fd *f = sim_fd_of(((struct file *)base)->fd);
    (void)flags;
    if (sim_call(CALL_SYNC, NULL) || !f)
        return SQLITE_IOERR_FSYNC;
    sim_synced(f->inode);
    sim_synced(sim_find("/w/data/agent", false));
    return SQLITE_OK;
}

static int x_size(sqlite3_file *base, sqlite3_int64 *ret)
{
    struct sim_fd *f = sim_fd_of(((struct file *)base)->fd);
    if (!f)
        return SQLITE_IOERR_FSTAT;
    *ret = (sqlite3_int64)f->inode->bytes.len;
    return SQLITE_OK;
}

static int x_lock(sqlite3_file *base, int how)
{
    (void)base;
    (void)how;
    return SQLITE_OK;
}

static int x_reserved(sqlite3_file *base, int *ret)
{
    (void)base;
    *ret = 0;
    return SQLITE_OK;
}

static int x_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int x_device(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int x_map(sqlite3_file *base, int number, int size, int extend, void volatile **ret)
{
    struct file *f = (struct file *)base;
    DW_ASSERT(number < REGIONS_MAX);
    if (!f->region[number] && extend)
        f->region[number] = dw_calloc(1, (size_t)size);
    *ret = f->region[number];
    return SQLITE_OK;
}

static int x_shm_lock(sqlite3_file *base, int at, int n, int flags)
{
    (void)base;
    (void)at;
    (void)n;
    (void)flags;
    return SQLITE_OK;
}

static void x_barrier(sqlite3_file *base)
{
    (void)base;
}

static int x_unmap(sqlite3_file *base, int delete)
{
    struct file *f = (struct file *)base;
    (void)delete;
    for (int i = 0; i < REGIONS_MAX; i++) {
        dw_free(f->region[i]);
        f->region[i] = NULL;
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {.iVersion = 2, .xClose = x_close, .xRead = x_read, .xWrite = x_write, .xTruncate = x_truncate,
    .xSync = x_sync, .xFileSize = x_size, .xLock = x_lock, .xUnlock = x_lock, .xCheckReservedLock = x_reserved, .xFileControl = x_control,
    .xSectorSize = x_sector, .xDeviceCharacteristics = x_device, .xShmMap = x_map, .xShmLock = x_shm_lock, .xShmBarrier = x_barrier,
    .xShmUnmap = x_unmap};

static int x_open(sqlite3_vfs *v, const char *path, sqlite3_file *base, int flags, int *ret_flags)
{
    struct file *f = (struct file *)base;
    static unsigned temp;
    (void)v;
    *f = (struct file){.fd = -1};
    if (path)
        (void)snprintf(f->path, sizeof f->path, "%s", path);
    else
        (void)snprintf(f->path, sizeof f->path, "/w/data/agent/temp%u", temp++);
    int err = sim_open(f->path, O_RDWR | (flags & SQLITE_OPEN_CREATE ? O_CREAT : 0), &f->fd);
    if (err)
        return SQLITE_CANTOPEN;
    f->deletes = flags & SQLITE_OPEN_DELETEONCLOSE;
    f->base.pMethods = &methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *v, const char *path, int sync)
{
    (void)v;
    int err = sim_unlink(path);
    if (err == 0 && sync)
        sim_synced(sim_find("/w/data/agent", false));
    return err == 0 ? SQLITE_OK : err == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
}

static int x_access(sqlite3_vfs *v, const char *path, int flags, int *ret)
{
    (void)v;
    const struct sim_inode *i = sim_find(path, true);
    *ret = i && (flags != SQLITE_ACCESS_EXISTS || i->bytes.len > 0); /* an empty journal is none */
    return SQLITE_OK;
}

static int x_full(sqlite3_vfs *v, const char *path, int cap, char *out)
{
    (void)v;
    (void)snprintf(out, (size_t)cap, "%s", path);
    return SQLITE_OK;
}

static int x_random(sqlite3_vfs *v, int len, char *out)
{
    (void)v;
    for (int i = 0; i < len; i++)
        out[i] = (char)dw_rng_next(&sim.chance);
    return len;
}

static int x_sleep(sqlite3_vfs *v, int us)
{
    (void)v;
    sim.mono_ns += (int64_t)us * 1000;
    sim.real_ns += (int64_t)us * 1000;
    return us;
}

static int x_now(sqlite3_vfs *v, sqlite3_int64 *ret)
{
    (void)v;
    *ret = sim.real_ns / DW_NS_PER_MS + INT64_C(210866760000000);
    return SQLITE_OK;
}

static int x_now_days(sqlite3_vfs *v, double *ret)
{
    sqlite3_int64 ms;
    (void)x_now(v, &ms);
    *ret = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int x_error(sqlite3_vfs *v, int cap, char *out)
{
    (void)v;
    (void)cap;
    (void)out;
    return 0;
}

void sim_sqlite_begin(void)
{
    static sqlite3_vfs vfs = {.iVersion = 2, .szOsFile = sizeof(struct file), .mxPathname = SIM_PATH, .zName = "sim", .xOpen = x_open,
        .xDelete = x_delete, .xAccess = x_access, .xFullPathname = x_full, .xRandomness = x_random, .xSleep = x_sleep,
        .xCurrentTime = x_now_days, .xCurrentTimeInt64 = x_now, .xGetLastError = x_error};
    int rc = sqlite3_vfs_register(&vfs, 1);
    DW_ASSERT(rc == SQLITE_OK);
    sqlite3_randomness(0, NULL); /* the generator begins anew, out of this seed */
}
