/* intake_int: what the files of the intake share: the engine, and decisions. */
#ifndef DOGWATCH_COLLECTOR_INGEST_INTAKE_INT_H
#define DOGWATCH_COLLECTOR_INGEST_INTAKE_INT_H

#include "group.h"
#include "places.h"
#include "shipped.h"

#include "dogwatch/collect/inbox.h"
#include "dogwatch/collect/kept_rules.h"

enum { DW__INTAKE_PATH = 4096 };

struct dw_intake_engine {
    /* set once */
    struct dw_intake_conf conf;
    char archive_dir[DW__INTAKE_PATH], rejected_dir[DW__INTAKE_PATH], alerts_dir[DW__INTAKE_PATH];
    /* loop thread */
    struct dw_archive *archive;
    struct dw__detect detect;
    struct dw_alerts *alerts;
    struct dw_receiver *receiver;
    struct dw_decoder *decoder;
    struct dw_encoder *encoder; /* of decisions, and of what others shipped */
    struct dw_chain chain;      /* ... so too */
    struct dw__shipped *shipped; /* NULL until there is some */
    struct dw__places places;
    struct dw__group group;
    struct dw_inbox archive_inbox;
    struct dw_past_rules past; /* the rules in use, and those that were */
    bool keeps_rules;
    int64_t segment_since_ns;
    int64_t expired_ns;     /* when it was last looked whether segments are too old */
    bool state_refused;     /* one was too large to be kept, which was said */
    bool rules_changed;     /* while it worked: what is far back in the archive was matched by others */
    bool goes_on;           /* from a state, at its start */
    int64_t cut_off_ns;     /* since when the queue cannot be read to its end; 0: it can */
    int64_t readable_ns;    /* since when it can again; 0: ever since */
};

/* Makes a decision a frame of the collector's chain. `at`: where the queue is read on after it. */
DW_MUST_USE int dw__intake_decide(struct dw_intake_engine *e, const struct dw_decision *d, struct dw_position at);
/* Bytes that are no frame: kept, and a decision in the archive, so that they are said again at any reading. */
DW_MUST_USE int dw__intake_set_aside(struct dw_intake_engine *e, const struct dw_received *got, enum dw_problem_kind kind);

/* ---- intake_group.c ---- */
/* Whether the queue is shared is decided where it changes: at a start, when the archive was read again. */
DW_MUST_USE int dw__intake_begin_group(struct dw_intake_engine *e);
/* A partition was taken or given. */
DW_MUST_USE int dw__intake_partition(struct dw_intake_engine *e, const struct dw_received *got);
/* A record of the topic of matches. */
DW_MUST_USE int dw__intake_matches(struct dw_intake_engine *e, const struct dw_received *got);
/* All that is archived is synced: tells the others; `all`: also what is known of each partition, though it is not time. DW_EAGAIN: not all of it is durable yet. */
DW_MUST_USE int dw__intake_tell_group(struct dw_intake_engine *e, bool all);
/* Whether partitions are to be given up. */
bool dw__intake_leaving(const struct dw_intake_engine *e);

#endif
