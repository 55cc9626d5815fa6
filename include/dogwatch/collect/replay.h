/*
 * Replay: the alerts that follow from an archive, by the machine that a collector runs (collector/ingest/detect.c). Only reads, so it may run
 * beside a collector and on a copy that nobody may write. Memory: that of a collector, and some 200 bytes an alert. Thread: whoever owns it.
 */
#ifndef DOGWATCH_COLLECT_REPLAY_H
#define DOGWATCH_COLLECT_REPLAY_H

#include "dogwatch/collect/alerts.h"
#include "dogwatch/collect/kept_rules.h"
#include "dogwatch/correlate/ruleset.h"
#include "dogwatch/store/archive.h"

/* What a corrected replay says of an alert. */
enum dw_replay_kind {
    DW_REPLAY_SAME, /* the faithful one makes it too, with as many events */
    DW_REPLAY_NEW,  /* it is there, or has so many events, only because late events were put in their place */
};

struct dw_replay {
    const struct dw_fs *fs;
    const char *archive;
    struct dw_keys *keys;
    const struct dw_ruleset *rules;
    struct dw_past_rules *past; /* not NULL: where the archive names the rules that were in force, by these; else, and before the first, by `rules` */
    uint32_t match_threads;     /* match_pool.h; 0: one */
    int64_t lateness_ns;        /* as the collector had it */
    const uint8_t *listed; /* agents that alone were agreed to; NULL: the first of a host was */
    uint32_t listed_count;
    /* False: faithful, the lines of alerts.log in their order. True: events that came late take their place in correlations; alerts about one
     * event, and of silences, which stay as they are, come in order of intake, then those of correlations in order of event time. */
    bool corrected;
    /* Borrows the alert. A code < 0 ends the replay, which answers it. */
    int (*each)(void *arg, const struct dw_alert *alert, enum dw_replay_kind kind);
    /* A corrected replay: an alert of the faithful one that is not there (its id and rule). May be NULL. */
    void (*gone)(void *arg, const char *id, const char *rule);
    void (*progress)(void *arg, uint64_t intake); /* now and then; may be NULL */
    void *arg;
    /* answers */
    uint64_t frames, events, unread; /* unread: parts that cannot be read; each is an alert too */
    uint64_t refused;                /* matches for which a corrected replay had no room: it is not whole */
    uint64_t changes;                /* times other rules were in force from there on */
    uint64_t expired;                /* times a state stood for segments that were let go: alerts of these are not made */
    int64_t first_ns;                /* least event time; INT64_MAX: no event */
};
/* Runs to the end of the archive. DW_ENOMEM, codes of dw_archive_reader_open and of `each`. */
DW_MUST_USE int dw_replay_run(struct dw_replay *r);

#endif
