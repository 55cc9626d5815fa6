/*
 * An inbox: a folder in which other processes leave, a file each, what they ask of a collector. It is the only one that does it, and need not be
 * running when somebody asks. Thread: leaving: any; taking: the collector's loop.
 */
#ifndef DOGWATCH_COLLECT_INBOX_H
#define DOGWATCH_COLLECT_INBOX_H

#include "dogwatch/base/fs.h"

enum { DW_INBOX_NAME = 40, DW_INBOX_OWNER = 256, DW_INBOX_PATH = 4096 };

/* Makes the folder: everybody of its group may leave something there, and what they leave the collector can read. */
DW_MUST_USE int dw_inbox_make(const struct dw_fs *fs, const char *path);
/* Makes a name by time and chance, so that names are in the order of asking. DW_ECRYPTO. */
DW_MUST_USE int dw_inbox_name(char ret[DW_INBOX_NAME]);
/* Leaves a file of that name. A text that failed (err) is answered with its code. */
DW_MUST_USE int dw_inbox_leave(const struct dw_fs *fs, const char *path, const char *name, const struct dw_buf *text);
/* Whether it was taken, done or refused. */
bool dw_inbox_answered(const char *path, const char *name);

/* One file. Borrowed during the call. */
struct dw_asked_file {
    const char *name;
    struct dw_str text;
    const char *owner; /* the account whose file it is: who asks */
    bool trusted;      /* that is root, or the collector's own, who may ask for others */
};
/* The collector's end. */
struct dw_inbox {
    /* set by the owner */
    const struct dw_fs *fs;
    const char *what; /* "a change of an alert": for messages */
    char path[DW_INBOX_PATH];
    int (*take)(void *arg, const struct dw_asked_file *f, const char **ret_why); /* does what a file asks for; *ret_why: why it is refused, NULL: it is not */
    int (*sync)(void *arg); /* makes all that was done durable */
    void *arg;
    bool closed; /* nothing is taken from it any more until the next start, and that was said */
};
/* Whether there is something to take. */
bool dw_inbox_asked(const struct dw_inbox *b);
/* Takes files in the order of asking, a bounded number, and only when all is durable they go. What cannot be read or is refused is said, and goes
 * too; what cannot be removed closes the inbox. *ret_refused: how many were. Codes of take and sync. */
DW_MUST_USE int dw_inbox_take(struct dw_inbox *b, uint32_t *ret_refused);

#endif
