/* window_int: records, keyed state and the window itself, shared by the files of correlate/window. */
#ifndef DOGWATCH_CORRELATE_WINDOW_INT_H
#define DOGWATCH_CORRELATE_WINDOW_INT_H

#include "dogwatch/base/counter.h"
#include "dogwatch/correlate/matches.h"

enum { DW__IDS_KEPT = 2 * DW_FINDING_IDS_MAX, DW__HASH_BYTES = 16, DW__ABSENT_MAX = 1024 /* that wait at once, of one key */, DW__TEXT_MAX = 64 * 1024, DW__MEMO_MAX = 64 * 1024 };

/* One match, on its way to its key. */
struct dw__record {
    int64_t time_ns;
    uint8_t series[DW_ID_BYTES];
    uint64_t ordinal;
    struct dw_event_ref ref;
    uint32_t corr, member;         /* rule number of the correlation; which member matched */
    uint8_t value[DW__HASH_BYTES]; /* value_count: of the values */
    double number;                 /* value_sum, _avg, _percentile, rate_spike */
    uint32_t text_len;             /* group values, each with its length (u32) before it */
    uint32_t value_len;            /* DW_SAYS_VALUES: the values, or the template, behind them, in the same way */
    char text[];
};

/* One event (or distinct value) that a window holds. */
struct dw__entry {
    int64_t time_ns; /* of members: INT64_MIN, which no window reaches: not seen */
    struct dw_event_ref ref;
};

/* What an entry is worth, where its correlation asks for more than when and which (dw__keeps_worth). */
struct dw__worth {
    uint8_t value[DW__HASH_BYTES];
    double number;
    bool set; /* it counts; detectors say what it means */
};

/* The finding of a key, from its first one on; silence: from its first event on. */
struct dw__told {
    uint8_t finding[DW_SHA256_BYTES];
    struct dw_event_ref cause; /* silence: its newest event */
    uint64_t total;
    struct dw_event_ref *ids; /* first, then the ring of the last, DW_FINDING_IDS_MAX each; NULL: no finding yet */
    uint32_t first_ids, last_ids, last_at;
    int64_t started_ns;
};

/* What most keys never have: those whose correlation keeps it (dw__keeps_past) from their first event on, others from their first finding on. */
struct dw__past {
    struct dw__told *told;   /* NULL: nothing was */
    struct dw__worth *worth; /* beside the entries, at the same places; NULL: not kept */
    bool keeps_worth;
    int64_t began_ns; /* of the first contributing event */
    /* value_count of many values (distinct.c) */
    uint32_t *index; /* open addressing by value: numbers of entries, from 1 on; 0: none */
    uint32_t index_cap, index_used;
    uint32_t gone; /* the number of entry 0 */
    uint32_t dead; /* entries of values that were seen again since: not set */
    /* detectors */
    uint8_t *memo; /* bytes of the detector's own beside its entries, the same on every machine */
    uint32_t memo_len;
    bool judged;    /* the three below are of the open span: they follow from the entries before it, and are not saved */
    int64_t judged_ns;
    double baseline, spread;
    int64_t hot_ns; /* of the last anomalous record; absence: the last deadline that was told */
    /* silence, absence, what calms */
    int64_t due_ns; /* when it is looked at next */
};

/* State of one key of one correlation. There may be millions: what most of them never have stands apart. */
struct dw__state {
    uint8_t key[DW__HASH_BYTES]; /* of rule id and group values */
    struct dw__past *past;   /* NULL: it has none */
    struct dw__entry *entry; /* ring, oldest first; temporal: by member; ordered: by step and link; absence: the last that was expected, then those that wait */
    int64_t newest_ns;       /* of the last contributing event */
    uint32_t corr, text_len;
    uint32_t first, count, cap;
    uint16_t room; /* of `own`: so many entries stand there, more of them in a piece of their own */
    bool open : 1;    /* a finding is, from its crossing until the window empties */
    bool waits : 1;   /* it stands in w->due */
    bool calms : 1;   /* what it waits for is a calm */
    bool over : 1;    /* silence: told, or not worth telling: as if it had never been */
    bool doubted : 1; /* it could not be said so far, and that was counted */
    struct dw__entry own[]; /* behind them the group values as in the record: dw__state_text */
};

struct dw__group {
    struct dw__state **slot; /* open addressing by key */
    uint32_t count, cap;
};

struct dw_window {
    const struct dw_ruleset *rs;
    size_t bytes, bytes_max;
    struct dw_event_ref opens_at; /* the only event on which findings open, where that is said */
    bool opens_there;
    int64_t watermark_ns, last_event_ns;
    struct dw__record **heap; /* smallest first */
    uint32_t heap_count, heap_cap;
    size_t waiting_bytes, waiting_max; /* of the records in it */
    struct dw__group group[DW_KEY_GROUPS];
    uint32_t sweep_at;
    int64_t deaf_ns;        /* the newest event whose match was refused: since then no silence is sure */
    struct dw__state **due; /* a heap, the earliest first, then by key */
    uint32_t due_count, due_cap;
    bool (*is_heard)(void *arg, const uint8_t stream[DW_ID_BYTES], int64_t time_ns);
    void *arg;
    uint32_t *member_first; /* by rule: where its correlations begin in member_of */
    struct {
        uint32_t corr, member;
    } * member_of;
    dw_emit_finding *emit;
    void *ud;
    struct dw_matches *out; /* matches of members are handed to it; NULL: they stay here */
    bool aside; /* beside the window that works: nothing is counted */
    bool one, early; /* not all correlations are fed: only that one, or those that can be said before all events have come */
    uint32_t only;
    const struct dw_places *places; /* NULL: nothing says where an address is */
    dw_each_step *step; /* NULL: nobody asks */
    void *step_arg;
};

/* A counter of what a window does; of one that is asked aside none moves. */
#define DW__COUNT_IF(w, cond, name) DW_COUNT_IF(!(w)->aside && (cond), name)

/* Takes the record; where too many wait it is refused: freed and counted. DW_ENOMEM. */
DW_MUST_USE int dw__heap_push(struct dw_window *w, struct dw__record *r);
struct dw__record *dw__heap_pop(struct dw_window *w);
/* A record read back, but for its texts, is one that this window's rules make of an event. */
bool dw__record_fits(const struct dw_window *w, const struct dw__record *head, struct dw_str values);
/* One with these group values and values; NULL without memory. */
struct dw__record *dw__record_new(const struct dw__record *head, struct dw_str text, struct dw_str values);
/* Whether events are given to the correlation of that rule. */
bool dw__is_fed(const struct dw_window *w, uint32_t rule);
/* Whether a frame is in hand, of whose events matches are handed out; those of any other are nobody's. */
bool dw__hands_out(const struct dw_matches *m);
/* An event of that time matched a member: how far input goes. */
void dw__saw(struct dw_matches *m, int64_t time_ns);
/* Hands a record over to others, by its values alone. One that is too large is refused and counted. DW_ENOMEM. */
DW_MUST_USE int dw__hand_out(struct dw_window *w, const struct dw__record *r);
bool dw__record_before(const struct dw_window *w, const struct dw__record *a, const struct dw__record *b);

/* State of a key; made when `make`. NULL: none, no memory (*ret_rc), or refused. */
struct dw__state *dw__state_of(struct dw_window *w, const struct dw__record *r, bool make, int *ret_rc);
/* The state of those group values; NULL: none. */
struct dw__state *dw__state_find(const struct dw_window *w, uint32_t corr, struct dw_str text);
/* Lets go all that it holds: it is as a key that was never seen, but for when it was heard last. */
void dw__state_forget(struct dw__state *s);
DW_MUST_USE int dw__state_insert(struct dw_window *w, struct dw__state *s);
void dw__state_free(struct dw_window *w, struct dw__state *s);
/* Whether states of a correlation have a `past` from the beginning; and what their entries are worth. */
bool dw__keeps_past(const struct dw_correlation *c);
bool dw__keeps_worth(const struct dw_correlation *c);
/* A state of no key and no entries, with the group values, in no table; of a correlation that is gone (UINT32_MAX) it may keep anything. NULL without memory. */
struct dw__state *dw__state_new(struct dw_window *w, uint32_t corr, struct dw_str text);
/* Its group values. */
struct dw_str dw__state_text(const struct dw__state *s);
/* The state's memo, made or made longer with zeros to have `len` bytes, DW__MEMO_MAX at most; NULL without memory. */
uint8_t *dw__memo(struct dw_window *w, struct dw__state *s, uint32_t len);
/* Whether nothing that the state holds can count any more. */
bool dw__state_is_over(const struct dw_window *w, const struct dw__state *s);
/* Frees keys whose windows are empty at the watermark, a few groups a call. */
void dw__state_sweep(struct dw_window *w, uint32_t groups);

/* Puts a record into its key's window. *ret_crossed: the condition holds now; *ret_value: what it compared. DW_ENOMEM.
 */
DW_MUST_USE int dw__observe(
    struct dw_window *w, struct dw__state *s, const struct dw__record *r, bool *ret_crossed, double *ret_value);
/* Entry n of the ring, oldest first; and what it is worth, where that is kept. */
struct dw__entry *dw__entry_at(const struct dw__state *s, uint32_t n);
struct dw__worth *dw__worth_at(const struct dw__state *s, uint32_t n);
/* Whether it counts: a value that was seen again since does not. */
bool dw__entry_counts(const struct dw__state *s, uint32_t n);
/* Entry `from`, with what it is worth, to the place of `to`. */
void dw__entry_move(const struct dw__state *s, uint32_t from, uint32_t to);
/* Lets go those up to `time_ns`. */
void dw__entries_expire(struct dw__state *s, int64_t time_ns);
/* Whether one more entry needs memory that all keys together may not have: twice what makes new keys be refused. */
bool dw__entries_full(const struct dw_window *w, const struct dw__state *s);
/* Appends; at `most` entries the oldest goes, and where they are full, which is counted. DW_ENOMEM. */
DW_MUST_USE int dw__entries_append(struct dw_window *w, struct dw__state *s, const struct dw__record *r, uint32_t most);
/* Lets the oldest go. */
void dw__entries_drop(struct dw__state *s);
/* Takes those with that value out; false: there is none. */
bool dw__entries_forget(struct dw__state *s, const uint8_t value[DW__HASH_BYTES]);
/* Room for `want` entries. DW_ENOMEM. */
DW_MUST_USE int dw__entries_reserve(struct dw_window *w, struct dw__state *s, uint32_t want);
/* A sighting of a value: the older one of the same goes; at `most` values the one not seen for longest does. *ret: how many values there are. DW_ENOMEM. */
DW_MUST_USE int dw__distinct(struct dw_window *w, struct dw__state *s, const struct dw__record *r, uint32_t most, double *ret);
/* Doubles from the least up, for qsort. */
int dw__by_size(const void *a, const void *b);
/* Whether the comparisons hold; without any they do. */
bool dw__condition_holds(const struct dw_correlation *c, double value);

/* ---- findings (window.c) ---- */
/* Opens one: nothing of the last is left; the id follows from rule, key and cause. */
void dw__begin_finding(const struct dw_window *w, struct dw__state *s);
/* Room for a finding. False: no memory. */
bool dw__has_told(struct dw_window *w, struct dw__state *s);
/* ... and for the ids that it names. */
bool dw__has_ids(struct dw_window *w, struct dw__state *s);
/* One more event that contributes. */
void dw__note_id(struct dw__state *s, const struct dw_event_ref *ref);
/* Tells whoever asks that a match takes no part. */
void dw__leave_out(const struct dw_window *w, uint32_t corr, uint32_t member, const struct dw_event_ref *ref, int64_t time_ns, enum dw_left_out why);
/* Emits that the state's finding is calm, and tells whoever asks for steps. */
void dw__tell_calm(struct dw_window *w, const struct dw__state *s, int64_t now, uint32_t value);
/* Emits the state's finding as it is at `now`; `anomaly`: of a detector. */
void dw__tell_finding(struct dw_window *w, const struct dw__state *s, int64_t now, double value, bool update, const struct dw_anomaly *anomaly);
/* The finding of a correlation is a match for those of which it is a member: at r's time and order, with its key. DW_ENOMEM. */
DW_MUST_USE int dw__feed_outer(struct dw_window *w, const struct dw__state *s, const struct dw__record *r);

/* ---- what the passing of time tells (due.c, deadline.c, calm.c) ---- */
/* Puts a state that does not wait among those that do, to be looked at then. DW_ENOMEM. */
DW_MUST_USE int dw__wait(struct dw_window *w, struct dw__state *s, int64_t due_ns);
/* The one whose time has come first, up to `until_ns`, taken out; NULL: none. */
struct dw__state *dw__due(struct dw_window *w, int64_t until_ns);
/* That one, when event time has come to `now_ns`: told, put off, or forgotten. DW_ENOMEM. */
DW_MUST_USE int dw__look_at_due(struct dw_window *w, struct dw__state *s, int64_t now_ns);
/* A record of an absence: an event that sets a deadline, or the one that is expected. DW_ENOMEM. */
DW_MUST_USE int dw__absence(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r);
/* The finding of a correlation that calms is open: it waits for that. (calm.c) DW_ENOMEM. */
DW_MUST_USE int dw__calm_wait(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, int64_t now_ns);
/* Its time has come: told, or put off. DW_ENOMEM. */
DW_MUST_USE int dw__look_at_calm(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s);
/* t + span, t - span, t - before: at most the end of time, at least its beginning. Logs may say any time. */
static inline int64_t dw__later(int64_t t, int64_t span_ns)
{
    int64_t sum;
    return __builtin_add_overflow(t, span_ns, &sum) ? INT64_MAX : sum;
}

static inline int64_t dw__earlier(int64_t t, int64_t span_ns)
{
    int64_t rest;
    return __builtin_sub_overflow(t, span_ns, &rest) ? INT64_MIN : rest;
}

static inline int64_t dw__since(int64_t t, int64_t before_ns)
{
    int64_t apart;
    return __builtin_sub_overflow(t, before_ns, &apart) ? INT64_MAX : apart;
}

void dw__finding_id(
    struct dw_str rule_id, struct dw_str key, const struct dw_event_ref *cause, uint8_t ret[DW_SHA256_BYTES]);
/* First 16 bytes of SHA-256(a, b), each with its length. */
void dw__hash16(struct dw_str a, struct dw_str b, uint8_t ret[DW__HASH_BYTES]);

#endif
