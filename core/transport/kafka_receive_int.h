/*
 * kafka_receive_int: what receiving from a topic (kafka_receive.c) and being a member of its group (kafka_group.c) share.
 *
 * Thread: whoever polls; librdkafka calls back from within its polls.
 */
#ifndef DOGWATCH_TRANSPORT_KAFKA_RECEIVE_INT_H
#define DOGWATCH_TRANSPORT_KAFKA_RECEIVE_INT_H

#include "kafka_int.h"

enum { ASK_MS = 5000, LOOK_MS = 1000, PARTITIONS_MAX = 10000, NO_SEEK = RD_KAFKA_OFFSET_INVALID };

/* A partition that was ours since the start. */
struct partition {
    bool assigned;
    bool known;   /* `last` says what was taken or told last */
    bool check;   /* the next record must be what was taken last, and is not handed out again */
    bool first;   /* nothing is known: what stood before the next record was let go */
    bool asked;   /* the group could not say how far it is: it is to be asked again, and nothing is taken before it has */
    bool lost;    /* the broker has no record where we go on: it is to be asked why */
    bool moved;   /* a commit is due */
    bool silent;  /* since it was taken again nothing came of it, not even its end */
    bool at_end;  /* the broker said that nothing is behind what was handed out */
    int64_t seek; /* where to go on as soon as the broker lets us; NO_SEEK: nowhere */
    struct dw_resume last;
    uint64_t commit; /* offset to commit */
};

struct kafka_receiver {
    struct dw_receiver base; /* first: ops find us by it */
    rd_kafka_t *rk;
    rd_kafka_conf_t *conf;     /* of every client */
    rd_kafka_queue_t *commits; /* what became of them */
    char *topic, *brokers;
    uint64_t first_source; /* of partition 0 */
    uint32_t new_partitions;
    int16_t copies;
    rd_kafka_resp_err_t refused; /* why the topic could not be made, as said last */
    struct partition *partition; /* by number */
    uint32_t count;
    rd_kafka_message_t *held;
    struct dw__kafka_trouble trouble;
    int64_t look_ns, make_ns, mend_ns, commit_ns;
    int64_t retaken_ns; /* when ours were taken again, until all of them spoke; 0: they did */
    bool has_topic, subscribed;
    bool away; /* a broker did not answer, and since then not all partitions have */
    uint32_t elsewhere; /* partitions that are not ours */
    bool unheard; /* nothing comes from the leader of a partition that is ours, not even that there is nothing */
    bool taken_part; /* partitions were assigned once */
    bool topic_went; /* partitions were deleted while they were ours */
    bool committing; /* a commit is under way */
    bool retake;     /* since then ours were not taken again */
    bool fatal;      /* the client does nothing any more */
    int failed;
};

/* The partition of that number, entered when it is new. NULL without memory, or when there cannot be so many. */
struct partition *dw__group_partition(struct kafka_receiver *r, uint64_t number);
/* Commits what is due, without waiting. */
void dw__group_commit(struct kafka_receiver *r);
/* There is no other commit after this one: it waits for somebody to take it. */
void dw__group_commit_last(struct kafka_receiver *r);
/* librdkafka's rebalance_cb; `arg` is the receiver's trouble. */
void dw__group_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *arg);
/* How far the group is in a partition, which it could not say before. */
void dw__group_ask_again(struct kafka_receiver *r, int32_t partition);
/* `offset` is the next to be taken; what stands before it cannot be known again. */
void dw__group_go_on_at(struct partition *p, uint64_t offset);
/* Where a partition is looked at first: at what was taken last, by which it is known again, or at its beginning. */
int64_t dw__group_look_from(struct partition *p);
/* Goes on elsewhere. What is under way of the partition is dropped until librdkafka has let us: then p->seek says that it is to be tried
 * again. */
void dw__group_seek(struct kafka_receiver *r, int32_t partition, int64_t offset);

#endif
