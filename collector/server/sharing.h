/*
 * The topics by which collectors that share a queue tell each other what they match and what they know (collect/intake.h, dw_group). Thread: the collector's loop.
 */
#ifndef DOGWATCH_COLLECTOR_SHARING_H
#define DOGWATCH_COLLECTOR_SHARING_H

#include "dogwatch/collect/intake.h"
#include "dogwatch/transport/kafka.h"

enum { SHARING_NAME_MAX = 100 /* of topic and of group */, SHARING_NAME_CAP = 700 };
struct sharing {
    struct dw_group group; /* what the intake is given */
    struct dw_kafka_conf conf;
    struct dw_publisher *matches;
    struct dw_states *states;
    bool said_too_large;
    char matches_topic[SHARING_NAME_CAP], states_topic[SHARING_NAME_CAP], own_group[SHARING_NAME_CAP];
};

/* Opens both; names of topic and group have SHARING_NAME_MAX bytes at most. What `conf`, that of the topic of frames, points to is borrowed until it is closed. DW_ECONFIG (said), DW_ENOMEM. */
DW_MUST_USE int sharing_open(struct sharing *s, const struct dw_kafka_conf *conf);
/* Opens what receives the matches, also our own, behind what is archived. DW_ECONFIG (said), DW_ENOMEM. */
DW_MUST_USE int sharing_receive(struct sharing *s, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret);
/* When the receivers are closed. One that was never opened is fine. */
void sharing_close(struct sharing *s);

#endif
