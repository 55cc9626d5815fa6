/*
 * Correlations and detectors in event time: match records in, findings out.
 *
 * First stage, dw_window_match: an event that a member rule matched becomes match records (correlation, key, time,
 * order). Second stage, dw_window_advance: behind the watermark the records are taken in total order (event time,
 * series, ordinal, start) through the state of their keys. So the findings do not depend on the order in which events
 * came, as long as each came before the watermark passed its time. No clock: time comes from events and the
 * watermark only. Thread: one at a time.
 */
#ifndef DOGWATCH_CORRELATE_WINDOW_H
#define DOGWATCH_CORRELATE_WINDOW_H

#include "dogwatch/correlate/ruleset.h"

enum { DW_FINDING_IDS_MAX = 100, DW_KEY_GROUPS = 1024 };

/* Which event: dw_event_id_text writes the same as dw_event_ref_text. */
struct dw_event_ref {
    uint8_t stream[DW_ID_BYTES];
    uint64_t start;
};
void dw_event_ref_text(const struct dw_event_ref *r, char out[DW_EVENT_ID_TEXT]);

/* Who or what a finding can be about. */
enum dw_entity {
#define ENTITY(field, object, member, links, doc) DW_ENTITY_##field,
#include "dogwatch/tbl/entities.h"
#undef ENTITY
    DW_ENTITIES
};
/* The field's name, such as source.ip. */
const char *dw_entity_name(enum dw_entity e);
uint32_t dw_entity_field(enum dw_entity e); /* its key */
bool dw_entity_links(enum dw_entity e);
const char *dw_entity_doc(enum dw_entity e);

/* Why a detector calls something an anomaly. */
struct dw_anomaly {
    struct dw_str feature;    /* what was looked at: a field, or `events` */
    struct dw_str value_text; /* DW_SAYS_VALUES: the values, or the template, each with its length (u32) before it; impossible_travel: the address before, this one, and the place of each */
    double value;             /* a spike: of the span; DW_SAYS_COUNT: how often; beacon: seconds between events; impossible_travel: km/h, at least; else 0 */
    double baseline;          /* a spike: the median span; new_value, new_template: how many values, templates are known; rare_value: events of the window; silence: seconds between events; entropy_dga, beacon: the score that is asked for; impossible_travel: km/h that are believed */
    double spread, score;     /* a spike: what is usual around it, and how many times that the value is away; impossible_travel: km, and seconds for them; else of 100 */
    uint32_t spans;           /* a spike: how many spans make the baseline; beacon: how many gaps */
    const uint8_t *database;  /* DW_SAYS_TRAVEL: the hash of that which says where addresses are */
    int64_t start_ns, end_ns; /* a spike, heavy_hitter: the span; end_ns is that of the event while it is open */
};

/* Borrowed during the emit call. */
struct dw_finding {
    uint8_t id[DW_SHA256_BYTES];               /* of rule id, key and cause: the same on every replay */
    uint32_t rule;                             /* number in the set */
    bool update;                               /* the same finding as before, with more events */
    bool silent;                               /* its rule is a member that does not alert on its own */
    const struct dw_event *event;              /* that it is about; NULL: of a correlation */
    const struct dw_str *key_name, *key_value; /* group-by */
    uint32_t key_count;
    struct dw_event_ref cause;               /* the event, or the one on which the condition was crossed */
    int64_t time_ns;                         /* of the cause; of an update: of its newest event */
    int64_t window_start_ns, window_end_ns;  /* (start, end] */
    bool calm;                               /* an update: the count has come down at window_end_ns, and nothing more comes of it */
    double value;                            /* what the condition compares: events, distinct values, sum ... */
    uint64_t total;                          /* contributing events so far */
    const struct dw_anomaly *anomaly;        /* of a detector; else NULL */
    const struct dw_event_ref *first, *last; /* the first and the newest of them; last only those not in first */
    uint32_t first_count, last_count;
};
typedef void dw_emit_finding(void *ud, const struct dw_finding *f);

/* Why a match of a member takes no part in a correlation: LATE, its time is behind the watermark, or it was marked late; NO_KEY, a group-by field is missing; NO_VALUE, the
 * field that counts is missing, or no number, or no address; REFUSED, there is no room for another key, or for more that wait for the watermark; NO_PLACE, nothing says where
 * its address is. */
enum dw_left_out {
    DW_TAKES_PART,
#define LEFT_OUT(NAME, word, text) DW_LEFT_##NAME,
#include "dogwatch/tbl/left_out.h"
#undef LEFT_OUT
    DW_LEFT_OUTS
};
/* "late"; and "it is late". Static. */
const char *dw_left_out_word(enum dw_left_out why);
const char *dw_left_out_text(enum dw_left_out why);

/* What one match of a member did to its key, or why nothing. Borrowed during the call. */
struct dw_step {
    uint32_t rule, member; /* the correlation or detector; which of its members matched */
    struct dw_event_ref ref;
    int64_t time_ns;
    enum dw_left_out left_out; /* when it takes no part, what follows is empty */
    const struct dw_str *key_value;
    uint32_t key_count;
    double value;      /* what the condition compares, with this event; of a detector and an absence 0 */
    bool holds, opens; /* the condition holds, or it is an anomaly; a finding is opened by it */
    bool calms;        /* no match: the count has come down to what is calm (its value), at time_ns */
};
typedef void dw_each_step(void *arg, const struct dw_step *s);

struct dw_window_opts {
    size_t state_bytes_max;   /* 0: 256 MiB. Over it new keys are refused, over twice as much the oldest of what keys hold goes; both counted */
    size_t waiting_bytes_max; /* 0: 256 MiB. Over it matches that would wait for the watermark are refused and counted */
    /* Whether what the sender of a stream says has come up to an event time: else nothing can be said of a silence there. NULL: always.
     * The same calls must be answered the same on every replay. */
    bool (*is_heard)(void *arg, const uint8_t stream[DW_ID_BYTES], int64_t time_ns);
    void *arg;
    /* NULL: a finding opens wherever its condition is crossed. Else only on this event: to make one finding again of its own events, without those
     * that had left the window by then and had kept conditions such as averages from being crossed before. Copied. */
    const struct dw_event_ref *opens_at;
    /* NULL, or told of every match of a member of every correlation: those that take no part when they come, the others in order, as the watermark takes them. */
    dw_each_step *step;
    void *step_arg;
    /* NULL, or the one correlation that is fed, to ask again what became of its events, beside the window that works: such a window moves no counter. Copied. */
    const uint32_t *only;
    /* Fed in the order in which matches come, ahead of the watermark: only correlations that hold as soon as some events make them hold, and no counter moves. */
    bool early;
    const struct dw_places *places; /* in place of those of the set, and outliving the window; NULL: those */
};
struct dw_window;
struct dw_matches;

/* Gives an empty state for a finished set, which must outlive it; NULL without memory. */
struct dw_window *dw_window_new(const struct dw_ruleset *rs, const struct dw_window_opts *opts);
void dw_window_free(struct dw_window *w);

/* A finding about one event: id and texts of rule `rule` on `ev`. Emits it at once. Thread: any. */
void dw_finding_single(
    const struct dw_ruleset *rs, uint32_t rule, const struct dw_event *ev, dw_emit_finding *emit, void *ud);
/* Appends group-by values as a key of windows has them: each with its length (u32) before it. */
void dw_finding_key(const struct dw_str *key_value, uint32_t key_count, struct dw_buf *out);
/* The id that a finding of this rule has, for these group-by values (none: of one event) and this cause. DW_ENOMEM. */
DW_MUST_USE int dw_finding_id_of(struct dw_str rule_id, const struct dw_str *key_value, uint32_t key_count, const struct dw_event_ref *cause, uint8_t ret[DW_SHA256_BYTES]);
/* Its value of an entity: of the event, or of the key; DW_STR_NONE: it has none. */
struct dw_str dw_finding_entity(const struct dw_finding *f, enum dw_entity e);
/* Appends a finding as an ECS document: one JSON object, no newline. */
void dw_finding_json(const struct dw_ruleset *rs, const struct dw_finding *f, struct dw_buf *out);

/* First stage: rule `rule` matched `ev`. Copies what it needs. A late event (below a watermark stated in its own
 * chain) and one whose time the watermark has passed take no part and are counted. DW_ENOMEM. */
DW_MUST_USE int dw_window_match(struct dw_window *w, uint32_t rule, const struct dw_event *ev, bool late);
/* From now on what dw_window_match makes goes to `out`, for the second stage of others (matches.h); NULL: to this one's own. */
void dw_window_hand_out(struct dw_window *w, struct dw_matches *out);
/* Second stage: takes every record up to `watermark_ns` (included) in order. A watermark that goes back is ignored.
 * DW_ENOMEM. */
DW_MUST_USE int dw_window_advance(struct dw_window *w, int64_t watermark_ns, dw_emit_finding *emit, void *ud);
/* End of input: the watermark goes to the last event time. */
DW_MUST_USE int dw_window_flush(struct dw_window *w, dw_emit_finding *emit, void *ud);
int64_t dw_window_watermark(const struct dw_window *w);
/* What it holds. */
size_t dw_window_bytes(const struct dw_window *w);
/* Whether rule `rule` is a member of a correlation that it feeds. */
bool dw_window_takes(const struct dw_window *w, uint32_t rule);
/* Lets go what it holds for these group-by values of rule `rule`, its open finding too; nothing is told. */
void dw_window_forget(struct dw_window *w, uint32_t rule, struct dw_str key);
/* Whether rule `rule` has a finding that is open for these group-by values (dw_finding_key) and still is at that event time; its id. */
bool dw_window_is_open(const struct dw_window *w, uint32_t rule, struct dw_str key, int64_t time_ns, uint8_t ret_id[DW_SHA256_BYTES]);

/* Appends the whole state; the same state gives the same bytes. Failures stand in out->err. */
void dw_window_save(const struct dw_window *w, struct dw_buf *out);
/* Into a new window; what belongs to correlations that are gone, or decide differently, is left out and counted.
 * DW_ECORRUPT, DW_EVERSION, DW_ENOMEM: then the window must be freed. */
DW_MUST_USE int dw_window_load(struct dw_window *w, struct dw_str in);

#endif
