/*
 * Folders of which the kernel tells: inotify(7) behind one descriptor. Thread: loop.
 */
#ifndef DOGWATCH_AGENT_WATCH_H
#define DOGWATCH_AGENT_WATCH_H

#include "dogwatch/base/assert.h"

#include <stdbool.h>

struct watches;

enum watched {
    WATCH_TOLD,      /* what happens there is told from now on */
    WATCH_BY_CLOCK,  /* it is there, and has to be looked at from time to time */
    WATCH_NO_FOLDER, /* nothing is there, no folder, or none that we may read: the folder above tells when that changes */
};

enum watch_what {
    WATCH_WRITTEN, /* its bytes are others now */
    WATCH_CAME,    /* it was made, renamed to this name, or others may read it than before */
    WATCH_WENT,
};

/* Who hears. `change` is of a name; both strings are borrowed for the call. `missed`: something happened that is not told in full, so all has to be looked at. */
struct watch_ear {
    void *arg;
    void (*change)(void *arg, const char *dir, const char *name, enum watch_what what);
    void (*missed)(void *arg);
};

/* *ret is given. DW_EFILES and others: there is no inotify to be had. */
DW_MUST_USE int watches_new(struct watches **ret);
void watches_free(struct watches *w);
/* Readable when there is something to hear; stays the watches' own. */
int watches_fd(const struct watches *w);
/* A folder that is watched already costs one system call. */
enum watched watch_add(struct watches *w, const char *dir);
/* Hears a bounded share of what is there; never waits. False: there may be more. */
bool watches_hear(struct watches *w, const struct watch_ear *ear);

#endif
