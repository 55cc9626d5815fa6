/*
 * What commands and the HTTP API answer alike: rows of queries, alerts with a filter, accounts made of an archive.
 *
 * Thread: each object belongs to one thread.
 */
#ifndef DOGWATCH_COLLECT_ANSWER_H
#define DOGWATCH_COLLECT_ANSWER_H

#include "dogwatch/collect/account.h"
#include "dogwatch/collect/alerts.h"
#include "dogwatch/collect/query.h"
#include "dogwatch/correlate/window.h"
#include "dogwatch/store/archive.h"

/* A query's row as one JSON object and a newline: of a table its columns, else the whole event. */
void dw_answer_row(const struct dw_keys *keys, const struct dw_query *q, const struct dw_event *row, uint8_t mark, struct dw_buf *out);

/* A query's pass over an archive: events in [since, until], each once. */
struct dw_answer_query {
    struct dw_query *q; /* started */
    int64_t since_ns, until_ns;
    bool (*enough)(void *arg); /* whether no further event is wanted */
    void *arg;
    uint64_t events, matched; /* read, also in frames that could be passed over; that the filter takes */
};
/* Once for a reader, before its first frame: tells it what need not be read. */
void dw_answer_begin(struct dw_answer_query *a, struct dw_archive_reader *reader);
/* Gives a frame's events to the query. */
void dw_answer_take(struct dw_answer_query *a, struct dw_archive_reader *reader, const struct dw_archived *got);

/* The alerts of a view that a filter, a range of time and silences leave. */
struct dw_answer_alerts {
    struct dw_alerts *view;
    struct dw_alert_filter *filter; /* NULL: all */
    int64_t since_ns, until_ns;
    bool silenced;                  /* those under a silence; else those under none */
    const char *provisional;        /* not NULL: provisional alerts, of the stream in this folder (provisional.h): view, silences and `after` are not looked at. Their status is
                                       their state */
    void (*each)(void *arg, const struct dw_alert *a, const char *silence);
    void *arg;
    int64_t after;      /* only what came or changed since a pass that left this here; 0: all */
    uint64_t newest;    /* only so many, the newest; 0: all */
    uint64_t left_out, older; /* in the last pass: because of a silence, because of `newest` */
    uint64_t seen;            /* during a pass */
    struct dw_silences *silences; /* during a pass */
};
/* One pass: gives them to `each`, oldest first. DW_ENOMEM, DW_EIO; of a stream codes of fs.h, but that there is none. */
DW_MUST_USE int dw_answer_alerts(struct dw_answer_alerts *l);

/* The finding with whom it is about in words under `about`, the alert's time under `raised` (that of its first finding: this one may be newer) and
 * what people said of it under `workflow`, and a newline. `silence`: the id of the one it falls under, or NULL. */
void dw_answer_alert(const struct dw_alert *a, const char *silence, struct dw_buf *out);
/* The finding in such a row, without newline: what comes before `about`. An empty view: the row has none. */
struct dw_str dw_answer_finding(struct dw_str row);

/* The events that a finding names, and its window. */
enum { DW_EVIDENCE_MAX = 256 };
struct dw_evidence {
    struct {
        char id[DW_EVENT_ID_TEXT];
        bool found;
    } ref[DW_EVIDENCE_MAX];
    uint32_t count, missing; /* missing: not found yet */
    int64_t from_ns, to_ns;  /* INT64_MIN and INT64_MAX where it has none */
};
/* Every event id that the finding (JSON) names, each once; none is found yet. */
void dw_evidence_of(struct dw_str finding, struct dw_evidence *ret);
/* Marks an id as found; false: it is none of them, or was found already. */
bool dw_evidence_take(struct dw_evidence *e, const char *id);
/* Looks for them in an archive: in the window first, then, if any is missing, everywhere. `each` is called for every one that is there, in the
 * archive's order within a pass; the event is valid during the call. `problem` is told of each part that cannot be read. `stop` (may be NULL)
 * is asked before each frame. What dw_archive_reader_open answers; DW_EAGAIN: it was stopped. */
struct dw_answer_evidence {
    const char *archive;
    struct dw_keys *keys;
    struct dw_evidence *evidence;
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev);
    void (*problem)(void *arg, const char *where, int rc);
    bool (*stop)(void *arg);
    void *arg;
};
DW_MUST_USE int dw_answer_evidence(const struct dw_answer_evidence *how);
/* An event as one JSON object and a newline, with where it lies under `dogwatch`: agent, epoch, frame, intake; and of a line that is no UTF-8,
 * which JSON cannot hold, its bytes: line_base64. */
void dw_answer_evidence_row(const struct dw_keys *keys, const struct dw_archived *a, const struct dw_event *ev, struct dw_buf *out);

/* The bytes of base64; false: it is none, or memory is out. */
DW_MUST_USE bool dw_answer_unbase64(struct dw_str text, struct dw_buf *ret);

/* Why an alert was raised: the events it names, matched again one by one with a rule as it is now. */
enum { DW_LOGIC_TEXT = 2 * DW_SHA256_BYTES + 1 };
struct dw_explain {
    const struct dw_ruleset *rules;
    struct dw_match_scratch *scratch;
    uint32_t rule; /* the alert's */
    const char *alert;
    char logic[DW_LOGIC_TEXT]; /* the rule's logic hash when the alert was raised; "": the finding does not name it */
};
/* Puts down the logic hash that a finding names. */
void dw_explain_logic_of(struct dw_str finding, char ret[DW_LOGIC_TEXT]);
/* The number of the rule with this id; the count of the rules: there is none. */
uint32_t dw_explain_rule_of(const struct dw_ruleset *rules, struct dw_str id);
/* Whether the rule decides as it did then. */
bool dw_explain_same_logic(const struct dw_explain *x);
/* Calls `each` for every rule about one event that the alert's rests on: itself, or a correlation's members, and theirs. Ends at a code < 0, which it
 * answers. */
DW_MUST_USE int dw_explain_each_rule(const struct dw_explain *x, int (*each)(void *arg, uint32_t rule), void *arg);
/* A JSON object and a newline for each of them that takes the event: conditions with the value that met them; for none one without conditions.
 * *ret_matches: whether there was one. DW_ENOMEM. */
DW_MUST_USE int dw_answer_explain_row(const struct dw_explain *x, const struct dw_event *ev, struct dw_buf *out, bool *ret_matches);
/* The same of what the collector raises itself: what it saw is the explanation. */
void dw_answer_explain_own(const char *alert, const char *rule, const char *title, struct dw_str what, struct dw_buf *out);

/* What a correlation's alert did not count of the events of its window, and why. A rule about one event, a detector and a correlation of correlations have no such answer. */
enum { DW_LEFT_OUT_SHOWN = 5 };
struct dw_answer_left_out {
    const char *archive;
    struct dw_keys *keys;
    const struct dw_explain *how;
    struct dw_str finding; /* the alert's, as JSON */
    void (*problem)(void *arg, const char *where, int rc);
    bool (*stop)(void *arg); /* asked before each frame; may be NULL */
    void *arg;
    /* answers */
    uint64_t counted; /* events of the alert's key that it names, and that are there */
    uint64_t left[DW_LEFT_OUTS];
    char first[DW_LEFT_OUTS][DW_LEFT_OUT_SHOWN][DW_EVENT_ID_TEXT]; /* the first of each */
    bool whole; /* LATE is known: those that came too late, or found no room. False: the alert does not name all of its events */
};
bool dw_has_left_out(const struct dw_explain *x);
/* Reads the alert's window once more and puts its events through the rule. Codes of dw_archive_reader_open; DW_EAGAIN: it was stopped; DW_ENOMEM. */
DW_MUST_USE int dw_answer_left_out(struct dw_answer_left_out *l);
/* That as a JSON object and a newline, a row of the alert's explanation without an event. */
void dw_answer_left_out_row(const struct dw_answer_left_out *l, struct dw_buf *out);

/* Gives every frame of an archive to an account. `problem` is told of each part that cannot be read; the rest is still counted, and what is
 * missing shows as unaccounted. `stop` (may be NULL) is asked before each frame. DW_ENOMEM; DW_EAGAIN: it was stopped. */
struct dw_answer_account {
    struct dw_archive_reader *reader;
    struct dw_account *account;
    struct dw_keys *keys;
    void (*problem)(void *arg, const char *where, int rc);
    bool (*stop)(void *arg);
    void *arg;
};
DW_MUST_USE int dw_answer_account(const struct dw_answer_account *how);

/* One stream's bytes as the ledger shows them: read = archived + declared + pending + unaccounted. */
struct dw_ledger_row {
    const char *host, *path, *state; /* "live", "ended", "lost" */
    uint64_t read, archived, declared, pending, unaccounted, again;
};
void dw_ledger_row_of(const struct dw_account_stream *s, struct dw_ledger_row *ret);
/* "new", "pinned", "approved". */
const char *dw_agent_state_text(enum dw_agent_state s);

/* Appends what a detector found, in a sentence, out of an alert's finding; nothing where it is of none. Texts are the log's: who shows them makes
 * them safe. */
void dw_answer_anomaly(struct dw_str finding, struct dw_buf *out);
/* When a finding says that its count had come down; DW_STR_NONE: it does not. A view of it. */
struct dw_str dw_answer_calm(struct dw_str finding);

#endif
