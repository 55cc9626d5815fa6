/*
 * told: of which logs the kernel tells.
 *
 * Idea: everything on the way to a log's bytes has a name in some folder: the log itself, and each file that a link leads to. Where all these folders are told of
 * (watch.c), nothing can happen to the log unseen, and it need not be looked at by the clock. Of the folders where all begins nobody tells when they are made,
 * exchanged or mounted: they are few, so the clock does.
 *
 * Invariants:
 *   (1) A folder is watched before its names are listed.
 *   (2) A log is told of only while all of its way is.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOPS_MAX = 8 };

/* A place that a log's links lead to. */
struct hop {
    struct dw_node by_path;
    struct hop *next;
    struct found *log;
    char path[];
};

/* Cuts a path to its folder; false: it had none. */
static bool cut_to_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || path[1] == '\0')
        return false;
    slash[slash == path] = '\0';
    return true;
}

static enum watched watch(struct agent *a, const char *dir)
{
    return a->watches ? watch_add(a->watches, dir) : WATCH_BY_CLOCK;
}

static bool is_told(struct agent *a, const char *dir)
{
    return watch(a, dir) != WATCH_BY_CLOCK;
}

void told_folder(struct agent *a, const char *dir)
{
    a->untold |= !is_told(a, dir);
}

static void look_at_root(struct root *r)
{
    struct dw_stat st;
    bool there = dw_fs_stat(r->path, &st) == DW_OK;
    r->device = there ? st.device : 0;
    r->inode = there ? st.inode : 0;
}

void told_root(struct agent *a, const char *dir)
{
    uint32_t i = 0;
    while (i < a->root_count && strcmp(a->root[i].path, dir) != 0)
        i++;
    if (i == a->root_count) {
        struct root *more = dw_resize(a->root, (i + 1) * sizeof *more);
        a->root = more ? more : a->root;
        char *path = more ? dw_strndup(dir, strlen(dir)) : NULL;
        if (!path) {
            a->untold = true;
            return;
        }
        a->root[a->root_count++] = (struct root){.path = path};
    }
    look_at_root(&a->root[i]); /* before it is listed: what is put in its place meanwhile is seen the next time */
    enum watched got = watch(a, dir);
    bool unreadable = got == WATCH_NO_FOLDER && a->root[i].inode; /* nobody tells when that changes */
    a->untold |= got == WATCH_BY_CLOCK || unreadable;
}

bool told_roots_changed(const struct agent *a)
{
    for (uint32_t i = 0; i < a->root_count; i++) {
        struct root now = a->root[i];
        look_at_root(&now);
        if (now.device != a->root[i].device || now.inode != a->root[i].inode)
            return true;
    }
    return false;
}

void told_close(struct agent *a)
{
    for (uint32_t i = 0; i < a->root_count; i++)
        dw_free(a->root[i].path);
    dw_free(a->root);
    dw_table_fini(&a->hops);
}

/* Whether the folder of a path is told of; a link on its way to there would not be. */
static bool is_file_told(struct agent *a, const char *path, bool by_link)
{
    char dir[AGENT_PATH_MAX], real[PATH_MAX];
    (void)snprintf(dir, sizeof dir, "%s", path);
    return cut_to_folder(dir) && is_told(a, dir) && (!by_link || (realpath(dir, real) && strcmp(real, dir) == 0));
}

static bool add_hop(struct agent *a, struct found *f, const char *path)
{
    size_t bytes = strlen(path) + 1;
    struct hop *h = dw_alloc(sizeof *h + bytes);
    if (!h)
        return false;
    memcpy(h->path, path, bytes);
    h->log = f;
    h->next = f->hop;
    f->hop = h;
    dw_table_add(&a->hops, &h->by_path, hash_of_path(path));
    return true;
}

/* Where a link leads, as a path; *ret_link: it is one. */
static bool read_link(const char *path, char out[AGENT_PATH_MAX], bool *ret_link)
{
    char to[AGENT_PATH_MAX], dir[AGENT_PATH_MAX];
    ssize_t n = readlink(path, to, sizeof to - 1);
    *ret_link = n >= 0;
    if (n < 0)
        return errno == EINVAL;
    to[n] = '\0';
    if (to[0] == '/')
        return snprintf(out, AGENT_PATH_MAX, "%s", to) < AGENT_PATH_MAX;
    (void)snprintf(dir, sizeof dir, "%s", path);
    return cut_to_folder(dir) && dw_path_join(out, AGENT_PATH_MAX, dir, to) == DW_OK;
}

void told_forget(struct agent *a, struct found *f)
{
    f->told = false;
    while (f->hop) {
        struct hop *h = f->hop;
        f->hop = h->next;
        dw_table_remove(&a->hops, &h->by_path);
        dw_free(h);
    }
}

void told_log(struct agent *a, struct found *f)
{
    char path[AGENT_PATH_MAX], next[AGENT_PATH_MAX];
    bool link = true, told = is_file_told(a, f->path, false);
    told_forget(a, f);
    (void)snprintf(path, sizeof path, "%s", f->path);
    for (int i = 0; i <= HOPS_MAX && link && told; i++) {
        told = read_link(path, next, &link);
        if (!told || !link)
            break;
        memcpy(path, next, sizeof path);
        told = i < HOPS_MAX && is_file_told(a, path, true) && add_hop(a, f, path);
    }
    f->told = told;
}

void told_logs_at(struct agent *a, const char *path, void (*each)(struct agent *a, struct found *f))
{
    for (struct dw_node *n = dw_table_find(&a->hops, hash_of_path(path)), *next; n; n = next) {
        struct hop *h = DW_ITEM(n, struct hop, by_path);
        next = dw_table_next(n);
        if (strcmp(h->path, path) == 0)
            each(a, h->log);
    }
}
