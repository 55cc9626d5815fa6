/*
 * From a finding to the line of alerts.log that it raises: one way for the collector at work, for a replay and for evidence, so all three say the
 * same bytes. Thread: whoever owns the struct.
 */
#ifndef DOGWATCH_COLLECT_RAISED_H
#define DOGWATCH_COLLECT_RAISED_H

#include "dogwatch/collect/account.h"
#include "dogwatch/collect/alerts.h"
#include "dogwatch/correlate/window.h"

/* An alert that is raised, with the texts it borrows. Zeroed memory is a valid empty one. */
struct dw_raised {
    struct dw_alert alert;
    char id[DW_ALERT_ID_TEXT], rule[256], title[512];
    struct dw_buf key, doc;
};
/* Makes r->alert of a finding; valid until r's next use. DW_ENOMEM. */
DW_MUST_USE int dw_raised_of_finding(struct dw_raised *r, const struct dw_ruleset *rules, const struct dw_finding *f);
/* The same of what the account found: an alert of the collector's own, whose id follows from kind and cause. */
DW_MUST_USE int dw_raised_of_problem(struct dw_raised *r, const struct dw_problem *p);
void dw_raised_fini(struct dw_raised *r);

/* Appends the line of alerts.log (docs/formats/alerts.md), with its newline. */
void dw_raised_line(const struct dw_alert *alert, struct dw_buf *out);
/* Appends the line of the alerts.log in `dir` that raised the alert whose id begins so, without its newline: the one with most events. The log is
 * read, not the view, so it is there as it was written. DW_ENOENT: none does, or there is no log; DW_EEXIST: several. */
DW_MUST_USE int dw_raised_find(const struct dw_fs *fs, const char *dir, struct dw_str prefix, struct dw_buf *out);
/* Calls `each` for every line of the log that raised an alert, in order; the texts are valid during the call. A line that is none is passed over.
 * Ends at a code < 0 of `each`, which it answers. DW_ENOENT: there is no log. */
DW_MUST_USE int dw_raised_each(
    const struct dw_fs *fs, const char *dir, int (*each)(void *arg, const struct dw_alert *alert, struct dw_str line), void *arg);
/* Takes one such line apart, its texts into the arena. False: it raises no alert. */
bool dw_raised_read(struct dw_str line, struct dw_arena *arena, struct dw_alert *ret);

#endif
