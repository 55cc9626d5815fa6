/*
 * sim_watch: a kernel that tells: inotify(7) and what else agent/watch.c and agent/told.c ask the C library for, so both are under test too.
 *
 * Idea: the files tell here what happens to them; it waits until the agent reads it, and by then may be old.
 *
 * Invariants:
 *   (1) A watch is of a folder and not of its path: of another folder that is made in its place nothing is told. It ends when nobody has the folder any more.
 *   (2) Of a file is told under the name that it has in its folder now. Of one without a name under its last one, or, in other worlds, nothing.
 *   (3) What does not fit is told as an overflow, once, and what comes until that is read is not told.
 *   (4) Of a folder that other hosts write to nothing is told.
 */
#include "sim.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

#define WRAP(name) __wrap_##name /* NOLINT(bugprone-reserved-identifier): the linker's word */

enum { QUEUE_CAP = 512, WATCHES_CAP = 64, NAME_PAD = 16, EXT4 = 0xEF53 };

struct said {
    int wd;
    uint32_t mask;
    char name[SIM_NAME];
};

static struct {
    bool open, overflown;
    int last_wd;
    struct {
        int wd;
        uint64_t folder; /* its number; no two folders that are there have one */
    } watch[WATCHES_CAP];
    uint32_t watch_count;
    struct said queue[QUEUE_CAP];
    uint32_t said_count;
} kernel;

int WRAP(inotify_init1)(int flags);
int WRAP(inotify_add_watch)(int fd, const char *path, uint32_t mask);
int WRAP(inotify_rm_watch)(int fd, int wd);
int WRAP(statfs)(const char *path, struct statfs *out);
ssize_t WRAP(readlink)(const char *path, char *out, size_t cap);
char *WRAP(realpath)(const char *path, char *out);

static void say(int wd, uint32_t mask, const char *name)
{
    const struct said *last = kernel.said_count ? &kernel.queue[kernel.said_count - 1] : NULL;
    if (kernel.overflown || (last && last->wd == wd && last->mask == mask && strcmp(last->name, name) == 0))
        return;
    if (kernel.said_count + 1 >= sim.queue_max) {
        sim_note("the kernel's queue is full");
        kernel.overflown = true;
        wd = -1;
        mask = IN_Q_OVERFLOW;
        name = "";
    }
    struct said *s = &kernel.queue[kernel.said_count++];
    *s = (struct said){.wd = wd, .mask = mask};
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    if (sim.verbose)
        sim_note("the kernel tells: %d %x %s", wd, mask, name);
}

static bool is_shared(const struct sim_inode *folder)
{
    bool is = false;
    for (uint32_t i = 0; i < sim.log_count && !is; i++)
        is = sim.log[i].shared && sim_find(sim.log[i].folder, false) == folder;
    return is;
}

void sim_tell(const struct sim_inode *folder, const char *name, uint32_t mask)
{
    for (uint32_t i = 0; i < kernel.watch_count; i++)
        if (kernel.watch[i].folder == folder->number && !is_shared(folder))
            say(kernel.watch[i].wd, mask, name);
}

void sim_tell_file(const struct sim_inode *i, uint32_t mask)
{
    if (i->in && (i->links || sim.tells_of_nameless))
        sim_tell(i->in, i->name, mask);
}

static void end_watch(uint32_t i)
{
    say(kernel.watch[i].wd, IN_IGNORED, "");
    kernel.watch[i] = kernel.watch[--kernel.watch_count];
}

void sim_tell_gone(const struct sim_inode *folder)
{
    for (uint32_t i = kernel.watch_count; i > 0; i--)
        if (kernel.watch[i - 1].folder == folder->number)
            end_watch(i - 1);
}

bool sim_tells_something(void)
{
    return kernel.said_count > 0;
}

void sim_watch_begin(void)
{
    memset(&kernel, 0, sizeof kernel);
}

void sim_watch_close(void)
{
    kernel.open = kernel.overflown = false;
    kernel.watch_count = kernel.said_count = 0;
}

ssize_t sim_watch_read(void *out, size_t cap)
{
    size_t len = 0;
    uint32_t n = 0;
    int err = sim_call(CALL_LOOK, NULL);
    if (err || !kernel.open || !kernel.said_count) {
        errno = err ? err : kernel.open ? EAGAIN : EBADF;
        return -1;
    }
    for (; n < kernel.said_count; n++) {
        const struct said *s = &kernel.queue[n];
        size_t name = s->name[0] ? (strlen(s->name) / NAME_PAD + 1) * NAME_PAD : 0;
        struct inotify_event e = {.wd = s->wd, .mask = s->mask, .len = (uint32_t)name};
        char padded[2 * SIM_NAME] = {0};
        if (len + sizeof e + name > cap)
            break;
        (void)snprintf(padded, sizeof padded, "%s", s->name);
        memcpy((char *)out + len, &e, sizeof e);
        memcpy((char *)out + len + sizeof e, padded, name);
        len += sizeof e + name;
    }
    kernel.said_count -= n;
    memmove(kernel.queue, kernel.queue + n, kernel.said_count * sizeof *kernel.queue);
    kernel.overflown &= kernel.said_count > 0;
    return (ssize_t)len;
}

int WRAP(inotify_init1)(int flags)
{
    (void)flags;
    DW_ASSERT(!kernel.open);
    kernel.open = true;
    return SIM_FD_WATCH;
}

int WRAP(inotify_add_watch)(int fd, const char *path, uint32_t mask)
{
    int err = sim_call(CALL_LOOK, NULL);
    const struct sim_inode *folder = sim_find(path, true);
    (void)fd;
    (void)mask;
    if (err || !kernel.open)
        err = EBADF;
    else if (!folder || !S_ISDIR(folder->mode))
        err = folder ? ENOTDIR : ENOENT;
    for (uint32_t i = 0; i < kernel.watch_count && !err; i++)
        if (kernel.watch[i].folder == folder->number)
            return kernel.watch[i].wd;
    bool full = kernel.watch_count == sim.watches_max || kernel.watch_count == WATCHES_CAP;
    if (!err && (full || (!sim.quiet && sim_chance(2000))))
        err = full ? ENOSPC : ENOMEM;
    if (err) {
        errno = err;
        return -1;
    }
    kernel.watch[kernel.watch_count].wd = ++kernel.last_wd;
    kernel.watch[kernel.watch_count++].folder = folder->number;
    if (sim.verbose)
        sim_note("watch %d: %s, inode %llu", kernel.last_wd, path, (unsigned long long)folder->number);
    return kernel.last_wd;
}

int WRAP(inotify_rm_watch)(int fd, int wd)
{
    (void)fd;
    for (uint32_t i = 0; i < kernel.watch_count; i++) {
        if (kernel.watch[i].wd != wd)
            continue;
        end_watch(i);
        return 0;
    }
    errno = EINVAL;
    return -1;
}

/* ---- what else tells whether a log is told of ---- */

int WRAP(statfs)(const char *path, struct statfs *out)
{
    const struct sim_inode *folder = sim_find(path, true);
    if (!folder) {
        errno = ENOENT;
        return -1;
    }
    *out = (struct statfs){.f_type = is_shared(folder) ? NFS_SUPER_MAGIC : EXT4};
    return 0;
}

ssize_t WRAP(readlink)(const char *path, char *out, size_t cap)
{
    int err = sim_call(CALL_LOOK, NULL);
    const struct sim_inode *i = sim_find(path, false);
    if (err || !i || !S_ISLNK(i->mode)) {
        errno = err ? err : i ? EINVAL : ENOENT;
        return -1;
    }
    size_t n = i->bytes.len < cap ? i->bytes.len : cap;
    memcpy(out, i->bytes.ptr, n);
    return (ssize_t)n;
}

/* No folder of the simulation is a link. */
char *WRAP(realpath)(const char *path, char *out)
{
    int err = sim_call(CALL_LOOK, NULL);
    if (err || !sim_find(path, true)) {
        errno = err ? err : ENOENT;
        return NULL;
    }
    memcpy(out, path, strlen(path) + 1);
    return out;
}
