/*
 * kafka_receive_int: what receiving from a topic (kafka_receive.c), being a member of its group (kafka_group.c) and sharing it with other
 * collectors (kafka_handover.c) have in common.
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
    bool asked;   /* the group could not say how far it is, or the topic of states is to be asked: nothing is taken before they have answered */
    bool lost;    /* the broker has no record where we go on: it is to be asked why */
    bool moved;   /* a commit is due */
    bool silent;  /* since it was taken again nothing came of it, not even its end */
    bool at_end;  /* the broker said that nothing is behind what was handed out */
    bool ours;    /* it was handed out as taken, and not as given since */
    bool leaving; /* it is to be let go */
    bool gone;    /* it is to be handed out as given */
    int64_t seek; /* where to go on as soon as the broker lets us; NO_SEEK: nowhere */
    uint64_t behind_gap; /* the record that came where one before it was due: if it comes again, there is none before it */
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
    struct dw__kafka_make make;
    struct partition *partition; /* by number */
    uint32_t count;
    rd_kafka_message_t *held;
    struct dw__kafka_trouble trouble;
    int64_t look_ns, mend_ns, commit_ns;
    int64_t retaken_ns; /* when ours were taken again, until all of them spoke; 0: they did */
    bool has_topic, subscribed;
    bool away; /* a broker did not answer, and since then not all partitions have */
    uint32_t elsewhere; /* partitions that are not ours */
    uint32_t parts;     /* partitions that there are; 0: not known yet */
    bool unheard; /* nothing comes from the leader of a partition that is ours, not even that there is nothing */
    bool taken_part; /* partitions were assigned once */
    bool topic_went; /* partitions were deleted while they were ours */
    bool committing; /* a commit is under way */
    bool retake;     /* since then ours were not taken again */
    bool fatal;      /* the client does nothing any more */
    bool closing;    /* the client leaves its group: nothing is waited for */
    int failed;
    /* with other collectors */
    struct dw_states *states; /* borrowed; NULL: none share */
    struct dw_buf part;       /* handed out last */
    int64_t ask_ns;           /* when the topic of states may be asked again */
    rd_kafka_topic_partition_list_t *leaving; /* what the group takes from us and we did not let go yet; NULL: nothing */
    uint64_t *leaving_source;                 /* of these, those that were handed out as taken */
    uint32_t leaving_count;
};

/* The partition of that number, entered when it is new. NULL without memory, or when there cannot be so many. */
struct partition *dw__group_partition(struct kafka_receiver *r, uint64_t number);
/* Commits what is due, without waiting. */
void dw__group_commit(struct kafka_receiver *r);
/* There is no other commit after this one: it waits for somebody to take it. */
void dw__group_commit_last(struct kafka_receiver *r);
/* librdkafka's rebalance_cb; `arg` is the receiver's trouble. */
void dw__group_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *arg);
/* Commits what is due and gives partitions up. */
void dw__group_unassign(struct kafka_receiver *r, rd_kafka_topic_partition_list_t *list);
/* How far the group is in a partition, which it could not say before. */
void dw__group_ask_again(struct kafka_receiver *r, int32_t partition);
/* `offset` is the next to be taken; what stands before it cannot be known again. */
void dw__group_go_on_at(struct partition *p, uint64_t offset);
/* Where a partition is looked at first: at what was taken last, by which it is known again, or at its beginning. */
int64_t dw__group_look_from(struct partition *p);
/* Goes on elsewhere. What is under way of the partition is dropped until librdkafka has let us: then p->seek says that it is to be tried
 * again. */
void dw__group_seek(struct kafka_receiver *r, int32_t partition, int64_t offset);

/* kafka_handover.c */
/* Hands out a partition that came, with its part, as soon as the topic of states has answered. DW_ENOENT: there is none now; DW_ENOMEM. */
DW_MUST_USE int dw__handover_taken(struct kafka_receiver *r, struct dw_received *ret);
/* Hands out a partition that went. DW_ENOENT: there is none. */
DW_MUST_USE int dw__handover_given(struct kafka_receiver *r, struct dw_received *ret);
/* The partition is not assigned any more. */
void dw__handover_gone(struct partition *p);
/* Whether a revocation waits for the owner. Else it is to be unassigned at once. */
bool dw__handover_hold(struct kafka_receiver *r, const rd_kafka_topic_partition_list_t *list);
/* Gives up what waits. Nothing happens when nothing does. */
void dw__handover_let_go(struct kafka_receiver *r);

#endif
