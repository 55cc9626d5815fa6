/*
 * Files that `dogwatch up` keeps open for the agent, so that what is deleted while the agent is dead can still be read.
 */
#ifndef DOGWATCH_CLI_UP_KEEP_H
#define DOGWATCH_CLI_UP_KEEP_H

#include "cli_int.h"

#include "dogwatch/conf/service.h"

struct up_keep {
    int ours, theirs; /* the ends of a pair of sockets; -1: there is none, and nothing is kept */
    struct dw_service_fd *item;
    uint32_t count, cap;
};

/* Without sockets nothing is kept, and that is said. */
void up_keep_open(struct up_keep *k);
void up_keep_close(struct up_keep *k);
/* Waits for messages, so long at most, and obeys them. */
void up_keep_wait(struct up_keep *k, int wait_ms);
/* In the child, before execve(2): hands over what is kept, and the way to keep more. Its descriptors from 3 on are replaced. */
void up_keep_pass(const struct up_keep *k);

#endif
