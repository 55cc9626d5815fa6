/*
 * watch: folders of which the kernel tells (inotify(7)).
 *
 * Idea: one descriptor for all of them. A folder that has two paths has one watch and an entry for each, and what happens in it is told of both.
 *
 * Invariants:
 *   (1) After watch_add said WATCH_TOLD everything that comes, goes or is written in the folder is told, or that something was missed.
 *   (2) By clock: what stands on a file system that other hosts write to, and a folder that is a link, with all below, for it may be set anew. Whether the uppermost
 *       folder that was asked for is still the same is its user's to know: its own end may be told late, when the last file in it is closed.
 */
#include "watch.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { WATCHES_MAX = 1000000, WATCH_PATH_MAX = PATH_MAX, EVENT_BYTES = 64 * 1024, ROUNDS = 16 };

#define WATCH_MASK \
    (IN_ONLYDIR | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF)

/* A folder: its path, or its name below one that has an entry too. */
struct entry {
    struct dw_node by_wd, by_path;
    struct entry *above;
    uint32_t uses; /* its watch, and entries below */
    bool watched;  /* it is in both tables, else in `paths` for those below */
    bool by_clock; /* much is told, but not all */
    char name[];
};

struct watches {
    int fd;
    struct dw_table entries; /* by watch descriptor */
    struct dw_table paths;   /* the same by path */
    bool full;               /* said that the kernel takes no more */
};

int watches_new(struct watches **ret)
{
    struct watches *w = dw_calloc(1, sizeof *w);
    if (!w)
        return DW_ENOMEM;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0) {
        dw_free(w);
        return dw_err_from_errno(errno);
    }
    *ret = w;
    return DW_OK;
}

int watches_fd(const struct watches *w)
{
    return w->fd;
}

static void let_go(struct watches *w, struct entry *e)
{
    while (e && --e->uses == 0) {
        struct entry *above = e->above;
        dw_table_remove(&w->paths, &e->by_path);
        dw_free(e);
        e = above;
    }
}

/* Entries of a folder whose watch is over. */
static void drop(struct watches *w, int wd)
{
    struct dw_node *n = dw_table_find(&w->entries, (uint64_t)wd);
    while (n) {
        struct dw_node *next = dw_table_next(n);
        struct entry *e = DW_ITEM(n, struct entry, by_wd);
        dw_table_remove(&w->entries, n);
        e->watched = false;
        let_go(w, e);
        n = next;
    }
}

void watches_free(struct watches *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; w->entries.slot && i < w->entries.slot_count; i++)
        while (w->entries.slot[i])
            drop(w, (int)w->entries.slot[i]->hash);
    while (w->entries.few)
        drop(w, (int)w->entries.few->hash);
    dw_table_fini(&w->entries);
    dw_table_fini(&w->paths);
    dw_fs_close(w->fd);
    dw_free(w);
}

/* Where others write, too, of whom this kernel hears nothing. Those without a name in linux/magic.h: ceph, lustre, gpfs, ocfs2, gfs2. */
static bool is_shared(const char *dir)
{
    struct statfs fs;
    if (statfs(dir, &fs) != 0)
        return true;
    switch ((unsigned long)fs.f_type) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
    case V9FS_MAGIC:
    case AFS_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
    case 0x00C36400UL:
    case 0x0BD00BD0UL:
    case 0x47504653UL:
    case OCFS2_SUPER_MAGIC:
    case 0x01161970UL:
        return true;
    default:
        return false;
    }
}

static bool is_link(const char *dir)
{
    struct dw_stat st;
    return dw_fs_lstat(dir, &st) == DW_OK && S_ISLNK(st.mode);
}

static uint64_t hash_of(const char *dir, size_t len)
{
    return dw_hash(dw_hash_process_key(), dw_str_make(dir, len));
}

/* The path of an entry into `out`; false: it is too long. */
static bool path_of(const struct entry *e, char out[WATCH_PATH_MAX])
{
    if (!e->above)
        return snprintf(out, WATCH_PATH_MAX, "%s", e->name) < WATCH_PATH_MAX;
    if (!path_of(e->above, out))
        return false;
    size_t len = strlen(out);
    return snprintf(out + len, WATCH_PATH_MAX - len, "/%s", e->name) < (int)(WATCH_PATH_MAX - len);
}

static struct entry *find(const struct watches *w, const char *dir, size_t len)
{
    char path[WATCH_PATH_MAX];
    for (struct dw_node *n = dw_table_find(&w->paths, hash_of(dir, len)); n; n = dw_table_next(n)) {
        struct entry *e = DW_ITEM(n, struct entry, by_path);
        if (path_of(e, path) && strlen(path) == len && memcmp(path, dir, len) == 0)
            return e;
    }
    return NULL;
}

static struct entry *enter(struct watches *w, const char *dir)
{
    const char *slash = strrchr(dir, '/');
    struct entry *above = slash && slash > dir ? find(w, dir, (size_t)(slash - dir)) : NULL;
    const char *name = above ? slash + 1 : dir;
    size_t bytes = strlen(name) + 1;
    struct entry *e = dw_calloc(1, sizeof *e + bytes);
    if (!e)
        return NULL;
    e->above = above;
    if (above)
        above->uses++;
    e->by_clock = (above && (above->by_clock || is_link(dir))) || is_shared(dir);
    memcpy(e->name, name, bytes);
    dw_table_add(&w->paths, &e->by_path, hash_of(dir, strlen(dir)));
    return e;
}

/* A folder may have been exchanged for another one since. */
static void set_watch(struct watches *w, struct entry *e, int wd)
{
    if (e->watched && e->by_wd.hash == (uint64_t)wd)
        return;
    int old = e->watched ? (int)e->by_wd.hash : -1;
    if (e->watched)
        dw_table_remove(&w->entries, &e->by_wd);
    else
        e->uses++;
    e->watched = true;
    dw_table_add(&w->entries, &e->by_wd, (uint64_t)wd);
    if (old >= 0 && !dw_table_find(&w->entries, (uint64_t)old))
        (void)inotify_rm_watch(w->fd, old); /* nobody asks for it any more */
}

/* The kernel takes no more: without this being said nobody would know why it costs more. */
static void say_full(struct watches *w)
{
    if (!w->full)
        dw_warn("the kernel watches no more folders (fs.inotify.max_user_watches); logs are looked at by the clock instead");
    w->full = true;
}

enum watched watch_add(struct watches *w, const char *dir)
{
    errno = ENOSPC;
    int wd = w->entries.count < WATCHES_MAX ? inotify_add_watch(w->fd, dir, WATCH_MASK) : -1;
    if (wd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return WATCH_NO_FOLDER;
    if (wd < 0) {
        if (errno == ENOSPC)
            say_full(w);
        return WATCH_BY_CLOCK;
    }
    struct entry *e = find(w, dir, strlen(dir));
    if (!e)
        e = enter(w, dir);
    if (e)
        set_watch(w, e, wd);
    return e && !e->by_clock ? WATCH_TOLD : WATCH_BY_CLOCK;
}

static void tell(struct watches *w, const struct inotify_event *ev, const struct watch_ear *ear)
{
    char path[WATCH_PATH_MAX];
    enum watch_what what = ev->mask & (IN_DELETE | IN_MOVED_FROM) ? WATCH_WENT : ev->mask & IN_MODIFY ? WATCH_WRITTEN : WATCH_CAME;
    bool folder_moved = (ev->mask & IN_ISDIR) && (ev->mask & IN_MOVED_FROM);
    bool rights = (ev->mask & IN_ATTRIB) && ev->len == 0; /* of the folder itself */
    if (ev->mask & (IN_Q_OVERFLOW | IN_MOVE_SELF | IN_UNMOUNT) || folder_moved || rights)
        ear->missed(ear->arg);
    if (ev->mask & IN_MOVE_SELF)
        (void)inotify_rm_watch(w->fd, ev->wd); /* its paths are wrong now; IN_IGNORED follows */
    for (struct dw_node *n = dw_table_find(&w->entries, (uint64_t)ev->wd); n && ev->len; n = dw_table_next(n))
        if (path_of(DW_ITEM(n, struct entry, by_wd), path))
            ear->change(ear->arg, path, ev->name, what);
    if (ev->mask & IN_IGNORED)
        drop(w, ev->wd);
}

bool watches_hear(struct watches *w, const struct watch_ear *ear)
{
    _Alignas(struct inotify_event) char bytes[EVENT_BYTES];
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t n = read(w->fd, bytes, sizeof bytes);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *ev = (const struct inotify_event *)(const void *)(bytes + at);
            tell(w, ev, ear);
            at += (ssize_t)(sizeof *ev + ev->len);
        }
    }
    return false;
}
