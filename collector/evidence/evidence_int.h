/*
 * The inside of what packs hold: chains and signatures (evidence_chain.c), events and how they are matched (evidence_made.c), the alert
 * (evidence_alert.c), making a pack (evidence_gather.c, evidence_rules.c, evidence_readme.c) and judging one (evidence_judge.c).
 */
#ifndef DOGWATCH_COLLECTOR_EVIDENCE_EVIDENCE_INT_H
#define DOGWATCH_COLLECTOR_EVIDENCE_EVIDENCE_INT_H

#include "epack_int.h"

#include "dogwatch/collect/raised.h"

enum { EVIDENCE_WHERE_CAP = DW_EPACK_NAME_MAX + 64, EVIDENCE_TEXT_CAP = 512, EVIDENCE_LINKS_MAX = 65 * DW_EPACK_FILES_MAX };

/* Who is told. */
struct evidence_say {
    dw_epack_problem *problem;
    void *arg;
};
void evidence_problem(const struct evidence_say *say, const char *where, const char *fmt, ...) DW_PRINTF(3, 4);
void evidence_absent(const struct evidence_say *say, const char *where, const char *fmt, ...) DW_PRINTF(3, 4);

/* Names of a frame's file and of its chain's: "frames/0123456789abcdef-00000001-89abcdef-000000000007.frame". */
void evidence_frame_name(const struct dw_head *h, char out[DW_EPACK_NAME_MAX + 1]);
void evidence_chain_name(const struct dw_head *h, char out[DW_EPACK_NAME_MAX + 1]);
bool evidence_is_frame(const struct dw_epack_file *f);

/* ---- evidence_chain.c ---- */

/* Checks every frame and chain file: content, names, links, signatures. Adds agents and the number of frames to *ret. DW_ENOMEM, DW_ELIMIT. */
DW_MUST_USE int evidence_chains(const struct dw_evidence_judge *how, const struct dw_epack *p, struct dw_keys *keys, struct dw_judged *ret);

/* ---- evidence_alert.c ---- */

enum { EVIDENCE_IDS_MAX = 2 * DW_FINDING_IDS_MAX };

/* The alert as its line has it. Texts belong to the arena or the line. */
struct evidence_alert {
    struct dw_arena arena;
    struct dw_alert alert;
    char logic[DW_LOGIC_TEXT];
    struct dw_finding finding; /* what its JSON says: rule, event, key names and id are not set */
    struct dw_str key_value[DW_CORR_GROUP_MAX];
    struct dw_event_ref first[DW_FINDING_IDS_MAX], last[DW_FINDING_IDS_MAX];
    struct dw_anomaly anomaly; /* of a detector */
    struct dw_places places;   /* the database of places that it names, by its hash alone: it says of no address where that is */
    struct dw_evidence named;
};
/* Takes a line of alerts.log (without newline) apart. DW_ESYNTAX: it is none of a rule's alert. Finish it all the same. */
DW_MUST_USE int evidence_alert_read(struct dw_str line, struct evidence_alert *ret);
void evidence_alert_fini(struct evidence_alert *a);
/* Whether all events that it counts are named. */
bool evidence_alert_names_all(const struct evidence_alert *a);
/* Appends the line that rule `rule` would raise with the count, value, window and times (of a detector also what it had learned) that stand in the alert, and id and words that follow
 * from rule, key and cause. `ev`: of a rule about one event, that event; else NULL. */
DW_MUST_USE int evidence_alert_line(
    const struct evidence_alert *a, const struct dw_ruleset *rules, uint32_t rule, const struct dw_event *ev, struct dw_buf *out);

/* ---- evidence_rules.c ---- */

/* Rules out of a pack's files. */
struct evidence_rules {
    struct dw_ruleset *set;
    struct dw_match_scratch *scratch;
    uint32_t rule; /* the alert's; the count of the set: it is not there */
};
/* The rules as they decide with the alert's database of places. Mistakes are told to `say`. Keeps `a` until evidence_rules_fini. DW_ENOMEM. Finish it all the same. */
DW_MUST_USE int evidence_rules_load(
    const struct dw_epack *p, struct dw_keys *keys, struct evidence_alert *a, const struct evidence_say *say, struct evidence_rules *ret);
void evidence_rules_fini(struct evidence_rules *r);
/* Adds the files that make the alert's rule decide as it does: its own, its members', and filters where they matter. */
DW_MUST_USE int evidence_rules_add(const struct dw_evidence_gather *g, struct dw_epack *p);

/* ---- evidence_made.c ---- */

/* What follows from the frames of a pack, for one alert and its rule. */
struct evidence_made {
    struct dw_buf events, match; /* events.ndjson and match.json */
    struct dw_buf line;          /* the alert's line as the events make it again; empty: they do not, or cannot alone */
    bool alone;                  /* they can */
    bool nested, learned, missed; /* they cannot, because the rule is a correlation of correlations; a detector, which has a past; an absence */
    uint32_t found, unmatched;
    char idle[DW_EPACK_NAME_MAX + 1]; /* a frame without a named event; "": none */
};
/* Frames that do not decode are passed over: evidence_chains says so. Marks a->named. DW_ENOMEM. Finish it all the same. */
DW_MUST_USE int evidence_make(const struct dw_epack *p, struct dw_keys *keys, const struct evidence_rules *rules, struct evidence_alert *a, struct evidence_made *ret);
void evidence_made_fini(struct evidence_made *m);

/* ---- evidence_readme.c ---- */

void evidence_readme(const struct evidence_alert *a, const struct evidence_made *m, struct dw_buf *out);

#endif
