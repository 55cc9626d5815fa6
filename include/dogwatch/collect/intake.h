/*
 * Intake: frames out of a receiver, into the archive, through the rules, to alerts.
 *
 * Idea: one path for frames that come and frames that are read again from the archive, so a restart ends where it began. An alert
 * is written only after what it rests on is synced. Thread: the collector's loop.
 */
#ifndef DOGWATCH_COLLECT_INTAKE_H
#define DOGWATCH_COLLECT_INTAKE_H

#include "dogwatch/collect/account.h"
#include "dogwatch/collect/alerts.h"
#include "dogwatch/correlate/window.h"
#include "dogwatch/transport/transport.h"

/* How the other collectors are reached that share the queue. Both answer DW_OK when it is durable, and DW_EAGAIN when it is not yet: the same is asked again. */
struct dw_group {
    void *arg;
    int (*publish)(void *arg, struct dw_str batch); /* to the topic of matches, which all of them read */
    int (*put_part)(void *arg, uint64_t source, uint64_t next, struct dw_str part); /* what is known of a partition whose frames before `next` are done; DW_ELIMIT: it is too large */
};

struct dw_intake_conf {
    const struct dw_fs *fs;
    const struct dw_clock *clock;
    const char *json_topic;     /* whose records from DW_SOURCE_KAFKA_JSON on are; kept */
    const char *data;           /* DATA: archive/, alerts/ below */
    /* Opens the receiver behind what is archived: one place for a queue of files, one a partition for Kafka. */
    int (*open_receiver)(void *arg, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret);
    void *arg;
    const uint8_t *listed;      /* ids of agents, DW_AGENT_ID_BYTES each, that alone are agreed to; NULL: the first of a host is pinned */
    uint32_t listed_count;
    /* NULL: correlations are looked at behind the watermark alone. Else hears of provisional alerts (provisional.h), once the archive was read again; borrows the line. */
    void (*provisional)(void *arg, struct dw_str line);
    struct dw_keys *keys;
    const struct dw_ruleset *rules;
    const char *geoip;          /* the database of places that rules ask; NULL or "": none. For sets of before */
    struct dw_str rules_pack;   /* the files that they were made of (rulepack.h), which are kept in the archive; a NULL pointer: nothing is kept, and what is read
                                   again is read by these rules. Borrowed while it opens */
    struct dw_tally *tally;     /* of these rules; may be NULL */
    const struct dw_policy_settings *policy; /* NULL: no entry of a gateway policy is approved; kept */
    const struct dw_group *group; /* NULL: all of the queue comes here; kept */
    uint32_t match_threads;     /* match_pool.h; 0: one */
    int64_t lateness_ns;
    int64_t idle_after_ns;      /* an agent unheard for so long holds back nothing */
    uint64_t segment_max_bytes;
    int64_t seal_age_ns;
    int64_t retention_age_ns;   /* 0: segments are not let go by age */
    uint64_t retention_bytes;   /* 0: nor by size */
    uint64_t read_again_events; /* a start goes on from a state that has so many events behind it, which it reads again */
};

struct dw_intake_engine;
/* Opens archive, alerts and receiver, and reads the archive again to where it ended. */
DW_MUST_USE int dw_intake_open(const struct dw_intake_conf *conf, struct dw_intake_engine **ret);
void dw_intake_close(struct dw_intake_engine *e);
/* Takes up to a bounded number of frames, makes them durable, raises what they show. *ret_taken: how many; 0: nothing is there. */
DW_MUST_USE int dw_intake_turn(struct dw_intake_engine *e, uint32_t *ret_taken);
/* Somebody agreed to an agent (id: DW_AGENT_ID_BYTES): a decision, durable. */
DW_MUST_USE int dw_intake_approve(struct dw_intake_engine *e, const uint8_t *agent);
/* Goes on with other rules, which the engine keeps from now on in place of those before: their files (`pack`, as conf's) are kept, then a decision, durable; the
 * segment is sealed, and a state kept. *ret_taken: they are used; else nothing has changed (DW_ENOMEM, codes of dw_fs). Any failure after that ends the engine's use. */
DW_MUST_USE int dw_intake_rules(struct dw_intake_engine *e, const struct dw_ruleset *rules, struct dw_str pack, struct dw_tally *tally, bool *ret_taken);
/* Does what people asked of the archive (archive_asked.h), and makes what they said of alerts durable (dw_alerts_take_asked). */
DW_MUST_USE int dw_intake_take_asked(struct dw_intake_engine *e);
/* Something that stands in no frame, such as messages that could not be delivered: an alert in alerts.log alone, durable when it answers. */
DW_MUST_USE int dw_intake_tell(struct dw_intake_engine *e, const struct dw_problem *p);
/* How much of alerts.log is durable; what it rests on is, too. */
uint64_t dw_intake_alerts_durable(const struct dw_intake_engine *e);
/* How many parts of the queue go to other collectors, or to nobody yet (dw_receiver_elsewhere). */
uint32_t dw_intake_elsewhere(const struct dw_intake_engine *e);
/* Whether all that was sent is taken, and every agent has closed its epoch or is idle. */
bool dw_intake_all_closed(const struct dw_intake_engine *e);
/* Before it is closed where a queue is shared: others can go on where this one ends. What cannot be told to them now they take again. */
DW_MUST_USE int dw_intake_leave(struct dw_intake_engine *e);
/* At the end of work: provisional alerts that stand are withdrawn. DW_ENOMEM. */
DW_MUST_USE int dw_intake_end_provisional(struct dw_intake_engine *e);
/* At the end of input, once: a decision of it, by which correlations go to their end; the segment is sealed. */
DW_MUST_USE int dw_intake_finish(struct dw_intake_engine *e);

#endif
