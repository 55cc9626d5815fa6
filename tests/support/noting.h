/*
 * A file system that notes what is made durable in which order.
 */
#ifndef DOGWATCH_TESTS_NOTING_H
#define DOGWATCH_TESTS_NOTING_H

#include "support.h"

struct noting_fs {
    struct dw_fs fs;
    struct dw_buf log; /* a word a call: the name of a file opened with O_CREAT, sync, sync-dir, rename, unlink */
    int dir_fd;
};

/* Free n->log when done. */
void noting_fs_init(struct noting_fs *n);

#endif
