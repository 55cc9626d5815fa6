/*
 * A rule's own cases: events that must match, events that must not, and sequences of events with the alerts that must come of them.
 *
 * They stand beside a rule (NAME.test.yml, which names it: `rule: ...`) or in it (`tests: ...`):
 *
 *     match:     [event, ...]
 *     no_match:  [event, ...]
 *     sequences: [{alerts: N, events: [event, ...]}, ...]
 *     places:    {address or network: [latitude, longitude], ...}   for rules that ask where addresses are, in place of a database
 *
 * A rule's `testcases:` with `match` and `dont-match`, as sigma-test has them, count too, whatever the logsource.
 *
 * An event is a mapping of fields, nested or dotted. `_line` is its original line (else the event as JSON). In sequences `_at` is its time in
 * seconds from the start, `_times` how often it comes, `_every` seconds apart ({n} in a text becomes the number of the event), and
 * `_alerts` how many alerts there must be when the watermark has come to it.
 */
#ifndef DOGWATCH_CORRELATE_CASES_H
#define DOGWATCH_CORRELATE_CASES_H

#include "dogwatch/conf/yaml.h"
#include "dogwatch/correlate/window.h"

enum dw_case_kind { DW_CASE_MATCH, DW_CASE_NO_MATCH, DW_CASE_SEQUENCE };

/* One case that was run. Borrowed during the call. */
struct dw_case {
    uint32_t rule;
    enum dw_case_kind kind;
    uint32_t number; /* among those of its kind, from 1 */
    struct dw_span at;
    bool passed, undecided;
    int64_t want, got;            /* alerts of a sequence; else 0 or 1 */
    const char *variant;          /* "in order", "at a step", "shuffled", "again, late"; of a sequence that failed: the first that did */
    const struct dw_event *event; /* NULL: of a sequence */
};
typedef void dw_each_case(void *ud, const struct dw_case *c);

/* Whether a document of a file holds cases for a rule of another one. */
bool dw_cases_beside(const struct dw_yaml *doc);

/* Runs the cases of `doc`: that of a .test.yml, or a rule's own, whose `tests` and `testcases` are taken. Rules that `doc` does not name are found by its id, name or
 * title. Mistakes (no such rule, unknown keys) are told to `diags`, and what is left is run. A sequence is run in order, then shuffled several times, then with
 * every event once more too late: none of that may change what comes out. DW_ENOMEM. Thread: one, that of the set's keys. */
DW_MUST_USE int dw_cases_run(const struct dw_ruleset *rs, struct dw_keys *keys, const struct dw_yaml *doc, struct dw_diags *diags,
    dw_each_case *each, void *ud);

#endif
