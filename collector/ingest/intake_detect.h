/*
 * intake_detect: from an archived frame to the alerts that follow from it.
 *
 * Idea: account, rules and windows are one machine that is fed frames in order of intake, by a collector at work, by one that starts, and by a
 * replay, which only differ in what `raise` does with an alert. It asks no clock, and touches no file.
 */
#ifndef DOGWATCH_COLLECTOR_INGEST_INTAKE_DETECT_H
#define DOGWATCH_COLLECTOR_INGEST_INTAKE_DETECT_H

#include "early.h"
#include "undecided.h"

#include "dogwatch/collect/raised.h"
#include "dogwatch/correlate/match_pool.h"
#include "dogwatch/correlate/matches.h"
#include "dogwatch/transport/transport.h"

/* A rule set whose files are kept (collect/kept_rules.h), from the frame of that intake number on. */
struct dw__epoch {
    uint64_t intake;
    uint8_t sha256[DW_SHA256_BYTES];
};

struct dw__detect {
    /* set by the owner */
    const struct dw_ruleset *rules;
    struct dw_tally *tally; /* of these rules; may be NULL */
    uint32_t match_threads; /* that match events against rules; 0: the caller alone */
    int64_t lateness_ns;
    const uint8_t *listed; /* agents that alone are agreed to; NULL: the first of a host is pinned */
    uint32_t listed_count;
    int (*raise)(void *arg, const struct dw_alert *alert); /* borrows it; a code < 0 ends the work */
    void *arg;
    struct dw_window *whole; /* NULL; else takes every match too, those that came late as well. The owner's, who advances it */
    /* Rules that a decision or a state names: the machine goes on by them, and keeps them until it is given others twice. NULL: it stays with its own. DW_ENOENT
     * and DW_ECORRUPT were told, and change nothing; any other failure ends the work. */
    int (*rules_of)(void *arg, const uint8_t sha256[DW_SHA256_BYTES], const struct dw_ruleset **ret, struct dw_tally **ret_tally);
    /* Before rules change by what is read; may be NULL. */
    int (*rules_end)(void *arg);
    void *rules_arg;
    /* made by dw__detect_init */
    const struct dw_ruleset *own; /* by which the machine begins */
    struct dw_tally *own_tally;
    struct dw__epoch *epoch; /* which rules were in force from which frame on; the last are so now */
    uint32_t epoch_count, epoch_cap;
    struct dw_account *account;
    struct dw_match_pool *pool;
    struct dw_window *window;
    struct dw__early *early;       /* NULL: nothing is said before the watermark */
    struct dw_matches *out;        /* with others of a group, who share the queue: matches for their topic. NULL: alone */
    struct dw_match_marks marks;   /* of the matches that came from there */
    uint8_t *mark; /* of the frame in hand, one an event */
    struct dw_raised raised;
    enum dw_corr_type type; /* of the rule of the alert in hand; DW_CORR_NONE: about one event, or the collector's own */
    struct dw_position at;   /* of the frame in hand; also set by the owner for one that was read from no archive */
    int64_t arrival_ns;      /* of the frame taken last; also set by the owner for one that was read from no archive */
    int64_t late_below_ns;   /* of the chain of the frame in hand, as stated before it */
    const struct dw_decoded *frame; /* in hand */
    const struct dw_event *event;   /* of it, whose hits are told */
    struct dw__undecided undecided;
    struct dw__undecided_words words;
    struct dw__undecided_hit {
        uint32_t rule;
        bool last;
    } undecided_hit[DW__UNDECIDED_HOUR_MAX]; /* of the event in hand, to be told when it has been matched */
    uint32_t undecided_hits;
    int rc;                       /* first failure inside a callback */
};

/* DW_ENOMEM; finish it all the same. */
DW_MUST_USE int dw__detect_init(struct dw__detect *d);
void dw__detect_fini(struct dw__detect *d);
/* From now on correlations are looked at as events come, too. DW_ENOMEM. */
DW_MUST_USE int dw__detect_early(struct dw__detect *d, dw__early_tell *tell, void *arg);
/* A frame into the account, before it is archived: writes d->mark. `known`: marks as the archive has them, or NULL. */
DW_MUST_USE int dw__detect_account(struct dw__detect *d, const struct dw_decoded *f, const uint8_t *known, bool *ret_marked);
/* Everything that follows from an archived frame for the rules. */
DW_MUST_USE int dw__detect_frame(struct dw__detect *d, const struct dw_decoded *f);
/* A frame read again from an archive, as both of these, its chain filled. *ret_held: it is what the agent hashed; else it was told as
 * damage. `heard_ns`: as dw_account_arrival's. */
DW_MUST_USE int dw__detect_again(struct dw__detect *d, const struct dw_archive_reader *r, struct dw_archived *a, struct dw_decoder *decoder,
    int64_t heard_ns, bool *ret_held);
/* The partition is ours, from `next` on, of which the machine knows all that can be known: others are told how far it is. DW_ENOMEM. */
DW_MUST_USE int dw__detect_partition(struct dw__detect *d, uint64_t source, uint64_t next);
/* All partitions that are ours are read to their end. */
void dw__detect_caught_up(struct dw__detect *d);
/* A part of an archive that does not hold: an alert. */
DW_MUST_USE int dw__detect_damaged(struct dw__detect *d, const struct dw_archive_reader *r, const struct dw_archived *a, int code);
/* Of a state: what the owner added, and the windows. */
struct dw__detect_parts {
    struct dw_str own, window;
};
/* Makes the machine as new. DW_ENOMEM: it can only be finished. */
DW_MUST_USE int dw__detect_clear(struct dw__detect *d);
/* Appends what follows from all frames so far (a state, archive.h). `own`: what the owner adds. Failures stand in out->err. */
void dw__detect_save(const struct dw__detect *d, struct dw_str own, struct dw_buf *out);
/* Goes on from a state as the machine that saved it would have. `strictly`: only if its rules and settings are those that it was made by, else
 * DW_ESTALE; otherwise correlations that are gone, new or changed begin empty, which is counted. *ret are views of
 * it. When it fails the machine is as new. DW_ECORRUPT, DW_EVERSION, DW_ENOMEM. */
DW_MUST_USE int dw__detect_load(struct dw__detect *d, struct dw_str state, bool strictly, int64_t heard_ns, struct dw__detect_parts *ret);
/* Goes on with other rules: correlations that decide as before keep their state, others begin empty, which is counted. On failure nothing has
 * changed. Both must outlive the machine. DW_ENOMEM. */
DW_MUST_USE int dw__detect_rules(struct dw__detect *d, const struct dw_ruleset *rules, struct dw_tally *tally);
/* Notes that kept rules are in force from that frame on: the machine has them. DW_ENOMEM. */
DW_MUST_USE int dw__detect_epoch(struct dw__detect *d, const uint8_t sha256[DW_SHA256_BYTES], uint64_t intake);
/* Whether kept rules of that hash are the last that it was told of. */
bool dw__detect_is_epoch(const struct dw__detect *d, const uint8_t sha256[DW_SHA256_BYTES]);
/* Takes the oldest epoch off when it ended before that frame, the oldest that is kept; false: it did not. *ret_again: its rules are those of a later one too. */
bool dw__detect_epoch_past(struct dw__detect *d, uint64_t intake, uint8_t ret_sha256[DW_SHA256_BYTES], bool *ret_again);
/* From now on the machine begins by these rules, which it has. */
void dw__detect_own(struct dw__detect *d, const struct dw_ruleset *rules, struct dw_tally *tally);
/* A finding as an alert: for windows that the owner advances. */
void dw__detect_finding(void *detect, const struct dw_finding *f);

#endif
