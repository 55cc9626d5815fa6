/*
 * What a collector tells the others with which it shares a queue: matches, and what it knows of each partition. Thread: the collector's loop.
 */
#ifndef DOGWATCH_COLLECTOR_INGEST_GROUP_H
#define DOGWATCH_COLLECTOR_INGEST_GROUP_H

#include "intake_detect.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/intake.h"

/* A partition that is ours. */
struct dw__owned {
    uint64_t source, next, put; /* up to where it is archived, and up to where others can know it */
    int64_t put_ns;             /* since when `put` stands */
};
struct dw__group {
    const struct dw_group *to; /* NULL: alone */
    const struct dw_clock *clock;
    struct dw__owned *item;
    uint32_t count, cap;
    int64_t cut_ns, all_ns; /* when marks were sent last, and when all of them were */
};

void dw__group_fini(struct dw__group *g);
/* The partition is ours from there on; `put`: what is known of it there is where the others find it. DW_ENOMEM. */
DW_MUST_USE int dw__group_taken(struct dw__group *g, uint64_t source, uint64_t next, bool put);
/* Whether it is; `group` is one. */
bool dw__group_has(void *group, uint64_t source);
void dw__group_given(struct dw__group *g, uint64_t source);
/* A frame of it is archived. */
void dw__group_moved(struct dw__group *g, struct dw_position at);
/* Everything archived is synced: sends the matches so far, and marks if it is time or `all`. DW_EAGAIN: not all of them are durable yet. `partitions`: of the queue. */
DW_MUST_USE int dw__group_send(struct dw__group *g, struct dw__detect *d, uint32_t partitions, bool all);
/* ... and they were sent: puts what is known of the partitions of which it is time, or of all. DW_EAGAIN: not all are put yet. */
DW_MUST_USE int dw__group_put(struct dw__group *g, const struct dw__detect *d, bool all);

#endif
