/*
 * intake_detect: from an archived frame to the alerts that follow from it.
 *
 * Idea: account, rules and windows are one machine that is fed frames in order of intake, by a collector at work, by one that starts, and by a
 * replay, which only differ in what `raise` does with an alert. It asks no clock, and touches no file.
 */
#ifndef DOGWATCH_COLLECTOR_INGEST_INTAKE_DETECT_H
#define DOGWATCH_COLLECTOR_INGEST_INTAKE_DETECT_H

#include "undecided.h"

#include "dogwatch/collect/raised.h"

struct dw__detect {
    /* set by the owner */
    const struct dw_ruleset *rules;
    struct dw_tally *tally; /* of these rules; may be NULL */
    int64_t lateness_ns;
    const uint8_t *listed; /* agents that alone are agreed to; NULL: the first of a host is pinned */
    uint32_t listed_count;
    int (*raise)(void *arg, const struct dw_alert *alert); /* borrows it; a code < 0 ends the work */
    void *arg;
    struct dw_window *whole; /* NULL; else takes every match too, those that came late as well. The owner's, who advances it */
    /* made by dw__detect_init */
    struct dw_account *account;
    struct dw_match_scratch *scratch;
    struct dw_window *window;
    uint8_t *mark; /* of the frame in hand, one an event */
    struct dw_raised raised;
    enum dw_corr_type type; /* of the rule of the alert in hand; DW_CORR_NONE: about one event, or the collector's own */
    int64_t arrival_ns;      /* of the frame taken last; also set by the owner for one that was read from no archive */
    int64_t late_below_ns;   /* of the chain of the frame in hand, as stated before it */
    const struct dw_event *event; /* being matched */
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
/* A frame into the account, before it is archived: writes d->mark. `known`: marks as the archive has them, or NULL. */
DW_MUST_USE int dw__detect_account(struct dw__detect *d, const struct dw_decoded *f, const uint8_t *known, bool *ret_marked);
/* Everything that follows from an archived frame for the rules. */
DW_MUST_USE int dw__detect_frame(struct dw__detect *d, const struct dw_decoded *f);
/* A frame read again from an archive, as both of these, its chain filled. *ret_held: it is what the agent hashed; else it was told as
 * damage. `heard_ns`: as dw_account_arrival's. */
DW_MUST_USE int dw__detect_again(struct dw__detect *d, const struct dw_archive_reader *r, struct dw_archived *a, struct dw_decoder *decoder,
    int64_t heard_ns, bool *ret_held);
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
/* A finding as an alert: for windows that the owner advances. */
void dw__detect_finding(void *detect, const struct dw_finding *f);

#endif
