/*
 * undecided: which undecided verdicts are told, and what an alert says of one.
 *
 * Idea: a rule that could be neither met nor not met is a hole in what is watched, and somebody must hear of it; but what makes one event
 * undecided (a long line, a parser that refuses) makes the next one so too. So it is told once for each rule, stream and hour of event time, and
 * what is over a bound is counted. Thread: whoever owns it.
 */
#ifndef DOGWATCH_COLLECTOR_INGEST_UNDECIDED_H
#define DOGWATCH_COLLECTOR_INGEST_UNDECIDED_H

#include "dogwatch/base/keyed.h"
#include "dogwatch/collect/account.h"
#include "dogwatch/correlate/ruleset.h"

/* Bounds. An hour is one of event time; HELD is by arrival, so no log can buy more by the times that it writes. */
enum { DW__UNDECIDED_HOUR_MAX = 16, DW__UNDECIDED_MAX = 512 };
#define DW__UNDECIDED_HELD_NS (24 * INT64_C(3600000000000))

/* What was told. Zeroed memory is a valid empty one. */
struct dw__undecided {
    struct dw_keyed told; /* in order of arrival */
    bool hour_is_full;
    int64_t full_hour;    /* where one is full, so that it need not be counted again for each rule */
    struct dw_buf key;
};
void dw__undecided_fini(struct dw__undecided *u);
/* Whether rule `rule_id`, undecided about an event that arrived then, is to be told of: *ret_tell; then it counts as told. *ret_last: the bound
 * is reached, and others like it are only counted. DW_ENOMEM. */
DW_MUST_USE int dw__undecided_note(struct dw__undecided *u, struct dw_str rule_id, const struct dw_event *ev, int64_t arrival_ns, bool *ret_tell, bool *ret_last);

/* Appends what was told; equal ones give equal bytes. Failures stand in out->err. */
void dw__undecided_save(const struct dw__undecided *u, struct dw_buf *out);
/* In place of what it has. When it fails it is empty: DW_ECORRUPT, DW_EVERSION, DW_ENOMEM. */
DW_MUST_USE int dw__undecided_load(struct dw__undecided *u, struct dw_str in);

/* One undecided verdict in words. Zeroed memory is a valid empty one. */
struct dw__undecided_words {
    struct dw_buf cause, text, more;
    uint32_t tests, left_out; /* conditions that were named, and that were not */
};
/* Makes a problem of it, whose texts it borrows from `w`; agent and frame are the caller's to fill in. `s`: of the rules, with no matching under way. DW_ENOMEM. */
DW_MUST_USE int dw__undecided_problem(struct dw__undecided_words *w, const struct dw_ruleset *rules, struct dw_match_scratch *s, uint32_t rule,
    const struct dw_event *ev, bool last, struct dw_problem *ret);
void dw__undecided_words_fini(struct dw__undecided_words *w);

#endif
