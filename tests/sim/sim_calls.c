/*
 * sim_calls: the C library's calls of the agent, answered by the files of the simulation.
 *
 * Idea: the linker gives `open` of the agent's objects to `__wrap_open` (--wrap), so core/base/fs.c is under test too. Whenever a call begins, the world may move: a
 * program goes on, the writer's turn comes, the disk refuses, or the agent is killed. A killed agent still unwinds, but nothing that it does has an effect any more.
 *
 * Invariants:
 *   (1) A call that fails changed nothing, but for a write, which may have written a part.
 *   (2) Descriptors end with the agent.
 */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { DEVICE_MAJOR = 8, DEVICE_MINOR = 1, MOVES_MAX = 6 /* of programs during one turn, which is over in milliseconds */ };

#define REAL(name) __real_##name /* NOLINT(bugprone-reserved-identifier): the linker's word */
#define WRAP(name) __wrap_##name /* NOLINT(bugprone-reserved-identifier) */

ssize_t REAL(write)(int fd, const void *bytes, size_t len);
int REAL(clock_gettime)(clockid_t id, struct timespec *ts);
ssize_t REAL(getrandom)(void *out, size_t len, unsigned flags);

int WRAP(open)(const char *path, int flags, ...);
int WRAP(close)(int fd);
ssize_t WRAP(pread)(int fd, void *out, size_t len, off_t at);
ssize_t WRAP(read)(int fd, void *out, size_t len);
ssize_t WRAP(write)(int fd, const void *bytes, size_t len);
int WRAP(fdatasync)(int fd);
int WRAP(ftruncate)(int fd, off_t size);
int WRAP(rename)(const char *from, const char *to);
int WRAP(unlink)(const char *path);
int WRAP(mkdir)(const char *path, mode_t mode);
int WRAP(statx)(int dir, const char *path, int flags, unsigned mask, struct statx *out);
int WRAP(clock_gettime)(clockid_t id, struct timespec *ts);
ssize_t WRAP(getrandom)(void *out, size_t len, unsigned flags);

/* ---- what may happen meanwhile ---- */

void sim_die(void)
{
    sim.dead = true;
    sim.kill_in = 0;
    sim_note("the agent is killed%s", sim.power ? " by a power cut" : "");
    sim_watch_close();
    for (int i = 0; i < SIM_FDS; i++) {
        if (!sim.fd[i].inode)
            continue;
        sim_release(sim.fd[i].inode);
        sim.fd[i] = (struct sim_fd){0};
    }
    if (sim.power)
        sim_power_cut();
    sim.power = false;
    sim_reach();
}

static void meanwhile(void)
{
    bool in_fiber = sim.in_fiber;
    if (sim.moves < MOVES_MAX && sim_chance(50)) {
        sim.moves++;
        sim.in_agent = false;
        sim_programs_step();
        sim.in_agent = true;
    }
    if (in_fiber && sim_chance(12))
        sim_fiber_yield();
    else if (!in_fiber && sim_chance(30))
        sim_fiber_step();
    sim.in_agent = true;
    sim.in_fiber = in_fiber;
}

static int refusal(enum sim_call kind, struct sim_inode *about)
{
    static const uint64_t one_in[] = {[CALL_LOOK] = UINT64_MAX, [CALL_OPEN] = 3000, [CALL_READ] = 2000, [CALL_WRITE] = 2000, [CALL_SYNC] = 2000,
        [CALL_NAME] = 2000, [CALL_BROKER] = UINT64_MAX};
    if (kind == CALL_WRITE && sim.full)
        return ENOSPC;
    if (sim.seed % 3 == 0 || !sim_chance(one_in[kind])) /* every third world has good disks */
        return 0;
    if (about && kind == CALL_READ)
        about->refused = true;
    sim_note("call %llu: refused (kind %d)", (unsigned long long)sim.calls, (int)kind);
    return EIO;
}

int sim_call(enum sim_call kind, struct sim_inode *about)
{
    if (!sim.in_agent)
        return 0;
    sim.calls++;
    if (sim.dead)
        return EIO;
    if (sim.kill_in && --sim.kill_in == 0) {
        sim_die();
        return EIO;
    }
    if (sim.quiet)
        return 0;
    meanwhile();
    return sim.dead ? EIO : refusal(kind, about);
}

static int answer(int err)
{
    if (err == 0)
        return 0;
    errno = err;
    return -1;
}

/* ---- descriptors ---- */

struct sim_fd *sim_fd_of(int fd)
{
    int i = fd - SIM_FD_FIRST;
    return i >= 0 && i < SIM_FDS && sim.fd[i].inode ? &sim.fd[i] : NULL;
}

static int take_fd(struct sim_inode *i, int flags, int *ret_fd)
{
    int n = 0;
    while (n < SIM_FDS && sim.fd[n].inode)
        n++;
    if (n == SIM_FDS)
        return EMFILE;
    sim_hold(i);
    sim.fd[n] = (struct sim_fd){.inode = i, .flags = flags};
    *ret_fd = SIM_FD_FIRST + n;
    return 0;
}

int sim_open(const char *path, int flags, int *ret_fd)
{
    bool own = strncmp(path, "/w/data", 7) == 0; /* see sim_pread */
    int err = sim_call(own ? CALL_OPEN : CALL_LOOK, NULL);
    if (err)
        return err;
    struct sim_inode *i = sim_find(path, !(flags & O_NOFOLLOW));
    if (i && (flags & O_CREAT) && (flags & O_EXCL))
        return EEXIST;
    if (!i && (flags & O_CREAT)) {
        if (sim.full && sim.in_agent)
            return ENOSPC;
        i = sim_make(path, S_IFREG | 0600);
    }
    if (!i)
        return ENOENT;
    if (S_ISLNK(i->mode))
        return ELOOP;
    if ((flags & O_DIRECTORY) && !S_ISDIR(i->mode))
        return ENOTDIR;
    if (sim.in_agent && i->text && !(i->mode & 0444))
        return EACCES;
    err = take_fd(i, flags, ret_fd);
    if (sim.verbose && i->text)
        sim_note("opens %s, inode %llu, file %u: %d", path, (unsigned long long)i->number, i->text->number, err ? -1 : *ret_fd);
    if (err == 0 && (flags & O_TRUNC))
        sim_cut(i, 0);
    return err;
}

int sim_close(int fd)
{
    struct sim_fd *f = sim_fd_of(fd);
    if (fd == SIM_FD_WATCH)
        sim_watch_close();
    if (!f)
        return 0; /* it ended with the agent */
    if (sim.verbose && f->inode->text)
        sim_note("closes %d, inode %llu, file %u", fd, (unsigned long long)f->inode->number, f->inode->text->number);
    if (sim.in_agent && !sim.dead)
        sim_closed(f);
    sim_release(f->inode);
    *f = (struct sim_fd){0};
    if (sim.in_agent && !sim.dead)
        sim_reach();
    return 0;
}

int sim_pread(int fd, void *out, size_t len, uint64_t at, size_t *ret_len)
{
    struct sim_fd *f = sim_fd_of(fd);
    bool own = f && (f->tail || (f->inode->ours && f->inode->links)); /* what else is read tells one file from another: a disk that fails just there is not told from other bytes */
    int err = sim_call(own ? CALL_READ : CALL_LOOK, f ? f->inode : NULL);
    if (err)
        return err;
    if (!f)
        return EBADF;
    const struct dw_buf *b = &f->inode->bytes;
    size_t there = at < b->len ? b->len - at : 0, n = len < there ? len : there;
    if (n > 1 && !sim.quiet && sim_chance(100))
        n = 1 + sim_below(n - 1);
    if (n)
        memcpy(out, b->ptr + at, n);
    *ret_len = n;
    return 0;
}

int sim_pwrite(int fd, const void *bytes, size_t len, uint64_t at)
{
    struct sim_fd *f = sim_fd_of(fd);
    int err = sim_call(CALL_WRITE, f ? f->inode : NULL);
    if (err == EBADF || !f)
        return EIO;
    if (err && !sim.dead && len > 1)
        sim_put(f->inode, at, bytes, sim_below(len)); /* a part */
    if (err == 0)
        sim_put(f->inode, at, bytes, len);
    return err;
}

int WRAP(open)(const char *path, int flags, ...)
{
    int fd = -1;
    return answer(sim_open(path, flags, &fd)) < 0 ? -1 : fd;
}

int WRAP(close)(int fd)
{
    return sim_close(fd);
}

ssize_t WRAP(pread)(int fd, void *out, size_t len, off_t at)
{
    size_t n = 0;
    return answer(sim_pread(fd, out, len, (uint64_t)at, &n)) < 0 ? -1 : (ssize_t)n;
}

ssize_t WRAP(read)(int fd, void *out, size_t len)
{
    struct sim_fd *f = sim_fd_of(fd);
    size_t n = 0;
    if (fd == SIM_FD_WATCH)
        return sim_watch_read(out, len);
    if (answer(f ? sim_pread(fd, out, len, f->at, &n) : EBADF) < 0)
        return -1;
    f->at += n;
    return (ssize_t)n;
}

ssize_t WRAP(write)(int fd, const void *bytes, size_t len)
{
    if (fd == STDERR_FILENO)
        return sim.verbose ? REAL(write)(fd, bytes, len) : (ssize_t)len;
    struct sim_fd *f = sim_fd_of(fd);
    if (!f)
        return answer(sim.dead ? EIO : EBADF);
    uint64_t at = f->flags & O_APPEND ? f->inode->bytes.len : f->at;
    if (answer(sim_pwrite(fd, bytes, len, at)) < 0)
        return -1;
    f = sim_fd_of(fd);
    if (f)
        f->at = at + len;
    return (ssize_t)len;
}

int WRAP(fdatasync)(int fd)
{
    struct sim_fd *f = sim_fd_of(fd);
    int err = sim_call(CALL_SYNC, f ? f->inode : NULL);
    if (err == 0 && f)
        sim_synced(f->inode);
    return answer(err ? err : f ? 0 : EBADF);
}

int WRAP(ftruncate)(int fd, off_t size)
{
    struct sim_fd *f = sim_fd_of(fd);
    int err = sim_call(CALL_NAME, f ? f->inode : NULL);
    if (err == 0 && f)
        sim_cut(f->inode, (uint64_t)size);
    return answer(err ? err : f ? 0 : EBADF);
}

/* ---- names ---- */

int WRAP(rename)(const char *from, const char *to)
{
    int err = sim_call(CALL_NAME, NULL);
    return answer(err ? err : sim_move(from, to));
}

int sim_unlink(const char *path)
{
    int err = sim_call(CALL_NAME, NULL);
    return err ? err : sim_remove(path);
}

int WRAP(unlink)(const char *path)
{
    return answer(sim_unlink(path));
}

int WRAP(mkdir)(const char *path, mode_t mode)
{
    int err = sim_call(CALL_NAME, NULL);
    (void)mode;
    if (err == 0 && sim_find(path, true))
        err = EEXIST;
    if (err == 0 && !sim_make(path, S_IFDIR | 0750))
        err = ENOENT;
    return answer(err);
}

static struct statx_timestamp stamp_of(int64_t ns)
{
    return (struct statx_timestamp){.tv_sec = ns / DW_NS_PER_S, .tv_nsec = (uint32_t)(ns % DW_NS_PER_S)};
}

int WRAP(statx)(int dir, const char *path, int flags, unsigned mask, struct statx *out)
{
    (void)mask;
    int err = sim_call(CALL_LOOK, NULL);
    struct sim_fd *f = flags & AT_EMPTY_PATH ? sim_fd_of(dir) : NULL;
    struct sim_inode *i = f ? f->inode : flags & AT_EMPTY_PATH ? NULL : sim_find(path, !(flags & AT_SYMLINK_NOFOLLOW));
    if (err || !i)
        return answer(err ? err : ENOENT);
    if (f)
        f->seen = i->bytes.len;
    *out = (struct statx){.stx_mask = STATX_BASIC_STATS | (sim.births ? STATX_BTIME : 0), .stx_ino = i->number, .stx_nlink = i->links,
        .stx_size = i->bytes.len, .stx_mode = (uint16_t)i->mode, .stx_dev_major = DEVICE_MAJOR, .stx_dev_minor = DEVICE_MINOR};
    out->stx_btime = stamp_of(i->birth_ns);
    out->stx_mtime = stamp_of(i->mtime_ns);
    out->stx_ctime = stamp_of(i->ctime_ns);
    return 0;
}

/* ---- time and chance ---- */

int WRAP(clock_gettime)(clockid_t id, struct timespec *ts)
{
    int64_t ns = id == CLOCK_REALTIME ? sim.real_ns : sim.mono_ns;
    if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC)
        return REAL(clock_gettime)(id, ts);
    *ts = (struct timespec){.tv_sec = (time_t)(ns / DW_NS_PER_S), .tv_nsec = (long)(ns % DW_NS_PER_S)};
    return 0;
}

ssize_t WRAP(getrandom)(void *out, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)dw_rng_next(&sim.chance);
    return (ssize_t)len;
}

uint64_t sim_real_chance(void)
{
    uint64_t v = 0;
    ssize_t n = REAL(getrandom)(&v, sizeof v, 0);
    DW_ASSERT(n == (ssize_t)sizeof v);
    return v;
}
