/*
 * sim_folders: listing and globbing, as the C library offers them.
 *
 * Invariant: between two names of one listing the world may move, as it may between two calls of readdir(3) that ask the kernel.
 */
#include "sim.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>

#define WRAP(name) __wrap_##name /* NOLINT(bugprone-reserved-identifier): the linker's word */

struct listing {
    struct sim_inode *folder;
    uint32_t at;
    struct dirent e;
};

DIR *WRAP(opendir)(const char *path);
struct dirent *WRAP(readdir)(DIR *dir);
int WRAP(closedir)(DIR *dir);
int WRAP(glob)(const char *pattern, int flags, int (*failed)(const char *path, int err), glob_t *g);
void WRAP(globfree)(glob_t *g);

DIR *WRAP(opendir)(const char *path)
{
    int err = sim_call(CALL_OPEN, NULL);
    struct sim_inode *folder = err ? NULL : sim_find(path, true);
    if (!folder || !S_ISDIR(folder->mode)) {
        errno = err ? err : folder ? ENOTDIR : ENOENT;
        return NULL;
    }
    struct listing *l = dw_calloc(1, sizeof *l);
    DW_ASSERT(l);
    l->folder = folder;
    sim_hold(folder);
    return (DIR *)(void *)l;
}

struct dirent *WRAP(readdir)(DIR *dir)
{
    struct listing *l = (struct listing *)(void *)dir;
    int err = l->at % 8 == 0 ? sim_call(CALL_LOOK, NULL) : 0;
    if (err) {
        errno = err;
        return NULL;
    }
    while (l->at < l->folder->entry_count && !l->folder->entry[l->at].inode)
        l->at++;
    if (l->at >= l->folder->entry_count)
        return NULL;
    (void)snprintf(l->e.d_name, sizeof l->e.d_name, "%s", l->folder->entry[l->at++].name);
    return &l->e;
}

int WRAP(closedir)(DIR *dir)
{
    struct listing *l = (struct listing *)(void *)dir;
    sim_release(l->folder);
    dw_free(l);
    return 0;
}

static void found(glob_t *g, const char *path)
{
    g->gl_pathv = dw_resize(g->gl_pathv, (g->gl_pathc + 1) * sizeof *g->gl_pathv);
    DW_ASSERT(g->gl_pathv);
    g->gl_pathv[g->gl_pathc++] = dw_strndup(path, strlen(path));
}

/* `done`: what of the pattern is a path already. */
static void match(glob_t *g, const char *done, const char *rest)
{
    char part[SIM_PATH], path[2 * SIM_PATH];
    size_t len = strcspn(rest, "/");
    bool last = rest[len] == '\0';
    struct sim_inode *folder = sim_find(*done ? done : "/", true);
    (void)snprintf(part, sizeof part, "%.*s", (int)len, rest);
    for (uint32_t i = 0; folder && S_ISDIR(folder->mode) && i < folder->entry_count; i++) {
        const struct sim_entry *e = &folder->entry[i];
        if (!e->inode || fnmatch(part, e->name, FNM_PERIOD) != 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", done, e->name);
        if (last)
            found(g, path);
        else
            match(g, path, rest + len + 1);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int WRAP(glob)(const char *pattern, int flags, int (*failed)(const char *path, int err), glob_t *g)
{
    (void)flags;
    *g = (glob_t){0};
    int err = sim_call(CALL_OPEN, NULL);
    if (err)
        return failed && failed(pattern, err) ? GLOB_ABORTED : GLOB_NOMATCH;
    match(g, "", pattern + 1);
    if (g->gl_pathc)
        qsort(g->gl_pathv, g->gl_pathc, sizeof *g->gl_pathv, by_text);
    return g->gl_pathc ? 0 : GLOB_NOMATCH;
}

void WRAP(globfree)(glob_t *g)
{
    for (size_t i = 0; i < g->gl_pathc; i++)
        dw_free(g->gl_pathv[i]);
    dw_free(g->gl_pathv);
}
