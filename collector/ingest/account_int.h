/* account_int: what the files of the account share: streams (coverage.c), epochs (epochs.c), records (records.c). */
#ifndef DOGWATCH_COLLECTOR_ACCOUNT_INT_H
#define DOGWATCH_COLLECTOR_ACCOUNT_INT_H

#include "dogwatch/base/hash.h"
#include "dogwatch/base/table.h"
#include "dogwatch/collect/account.h"

enum { DW__SEEN_BITS = 18, DW__SEEN_SLOTS = 1 << DW__SEEN_BITS, DW__HOST_CAP = 64, DW__CAUSE_CAP = 128 };

/* A ring of things that carry their own link; the ring's head is a link too. Zeroed: in no ring. */
struct dw__ring {
    struct dw__ring *prev, *next;
};

static inline void dw__ring_init(struct dw__ring *head)
{
    head->prev = head->next = head;
}

static inline void dw__ring_leave(struct dw__ring *r)
{
    if (!r->next)
        return;
    r->prev->next = r->next;
    r->next->prev = r->prev;
    r->prev = r->next = NULL;
}

/* Makes `r` the last of a ring, wherever it was. */
static inline void dw__ring_last(struct dw__ring *head, struct dw__ring *r)
{
    if (head->prev == r)
        return;
    dw__ring_leave(r);
    r->prev = head->prev;
    r->next = head;
    head->prev->next = r;
    head->prev = r;
}

struct dw__range {
    uint64_t start, end;
};

struct dw__stream {
    struct dw_account_stream said; /* first: what others see of it */
    struct dw_node node;           /* by id */
    struct dw__ring sight;         /* all, in order of first sight */
    struct dw__ring use;           /* live ones or ended ones, longest untouched first */
    uint64_t serial;               /* never given twice */
    struct dw__range *range;       /* sorted, disjoint, not touching */
    uint32_t range_count, range_cap;
    uint64_t gap_told; /* gaps below are reported */
    uint8_t agent[DW_AGENT_ID_BYTES]; /* whose frame named it last */
    uint64_t source;                  /* by which the newest frame came that named it and was no copy; or the first that did */
};

struct dw__epoch {
    struct dw_node node;       /* by agent and counter */
    struct dw__ring use;       /* all, longest without a frame first */
    struct dw__ring open;      /* those that a signed record opened and nothing has ended, in order of opening */
    uint64_t opening;          /* which opening of all it was that put it there */
    struct dw_chain_head chain;
    bool opened, closed, idle, told_headless;
    bool owes; /* what its parent names comes from the spool, and has to be here before its frame 1 */
    struct dw_parent parent;
    int64_t low_water_ns;
    int64_t arrival_ns, heard_ns; /* of the newest frame: when it arrived, and when this process took it */
    uint64_t source;              /* by which that came */
    char host[DW__HOST_CAP];      /* as its opening record says; "" before */
};

/* An event that came lately, by (stream, start). */
struct dw__seen {
    uint64_t stream; /* serial + 1; 0: free */
    uint64_t start, end, hash;
};

/* An agent that a signed record, or an approval, named. */
struct dw__agent {
    struct dw__agent *next;
    struct dw_node node; /* by id */
    struct dw_account_agent said;
    uint64_t source; /* by which its newest frame came; before that, the decision */
    bool decided;    /* somebody agreed to it by a decision: no list takes that back */
    uint64_t newest; /* the newest epoch that a signed record opened */
    bool from_spool; /* what comes is from the spool, as that record said, until frame 1 of that epoch: */
    uint64_t spool_epoch, spool_number; /* frames from here on, each once */
};

struct dw_account {
    /* set once */
    void (*problem)(void *arg, const struct dw_problem *p);
    void *arg;
    bool (*ours)(void *arg, uint64_t source); /* NULL: every source is */
    void *ours_arg;
    struct dw_account_bounds bounds;
    struct dw_hash_key hash_key; /* random, one a process: nothing that the account says follows from the order in a table */
    struct dw_keyring *keys;
    struct dw__seen *seen;
    /* streams */
    struct dw_table by_id;
    struct dw__ring sight, live, ended;
    uint64_t serials, ranges; /* streams ever seen; room for ranges in all streams */
    /* agents, in order of first sight */
    struct dw_table by_agent;
    struct dw__agent *agents, *agents_end;
    const uint8_t *listed; /* ids of a list; NULL: the first of a host is pinned */
    uint32_t listed_count;
    /* epochs */
    struct dw_table by_epoch;
    struct dw__ring use, open;
    uint64_t openings; /* so far */
    struct dw__epoch own; /* the collector's own chain of decisions: never forgotten */
    bool own_begun, any_ended;
    uint64_t source;              /* of the frame in hand */
    int64_t arrival_ns, heard_ns; /* of it */
    bool is_copy;                 /* it came before */
    bool announced;               /* it is one that its agent's spool sends */
    struct dw_buf part;           /* pieces so far of what another collector knew of a partition */
};

/* agents.c */
void dw__agents_free(struct dw_account *a);
struct dw__agent *dw__agent_find(const struct dw_account *a, const uint8_t *id);
/* Whether one more finds room; that it does not is counted. */
bool dw__agent_fits(const struct dw_account *a);
/* Makes it the last one; it takes `g`. */
void dw__agent_add(struct dw_account *a, struct dw__agent *g);
/* That one, or a new one. NULL: no memory, or no room, which is counted. */
struct dw__agent *dw__agent_enter(struct dw_account *a, const uint8_t *id);
/* A signed record opened an epoch of the agent. */
void dw__agent_opened(struct dw_account *a, const struct dw_head *h, const char *host);
/* A signed record opened an epoch and says that frames of earlier ones come after it. */
void dw__agent_spools(struct dw_account *a, const struct dw_head *h, const struct dw_parent *p);
/* Whether a frame is one of these, which it then is no more. */
bool dw__agent_announced(struct dw_account *a, const struct dw_head *h);
/* It said how much waits in its spool. */
void dw__agent_waits(struct dw_account *a, const uint8_t *id, uint64_t spool_bytes);
/* A frame of it was taken. */
void dw__agent_frame(struct dw_account *a, const struct dw_decoded *f);
/* After loading what was, or is, bound to a list: judges this agent and those behind it by what is agreed to now. One that is no more is told. */
void dw__agents_judge_again(struct dw_account *a, struct dw__agent *first);
/* Somebody agreed to it. */
void dw__agent_approved(struct dw_account *a, const uint8_t *id);

/* account.c */
/* An account without keys, and without a table of events that came: nobody takes frames into it. It is let go without being freed. */
void dw__account_init(struct dw_account *a, const struct dw_account_bounds *bounds);
void dw__account_let_go(struct dw_account *a);
void dw__tell(struct dw_account *a, enum dw_problem_kind kind, const struct dw_head *h, const char *cause, const char *fmt, ...)
    DW_PRINTF(5, 6);
/* "agent:epoch:number" */
const char *dw__frame_cause(char out[DW__CAUSE_CAP], const struct dw_head *h);

/* coverage.c. A stream is valid until the next is asked for: to make room another may be forgotten. */
DW_MUST_USE int dw__stream_of(struct dw_account *a, const uint8_t *id, struct dw__stream **ret);
/* NULL: it is not known. */
struct dw__stream *dw__stream_find(const struct dw_account *a, const uint8_t *id);
void dw__stream_forget(struct dw_account *a, struct dw__stream *s);
/* Makes room for one more stream, or epoch: at the bound one is forgotten, and counted. */
void dw__stream_room(struct dw_account *a);
void dw__epoch_room(struct dw_account *a);
void dw__stream_end(struct dw_account *a, struct dw__stream *s, bool ended);
DW_MUST_USE int dw__take_event(struct dw_account *a, const struct dw_head *h, const struct dw_event *ev, const uint8_t *known,
    uint8_t *ret_mark);
/* How many bytes of [start, end) are covered; and covers them. */
uint64_t dw__covered(const struct dw__stream *s, uint64_t start, uint64_t end);
DW_MUST_USE int dw__cover(struct dw_account *a, struct dw__stream *s, uint64_t start, uint64_t end);
/* What the agent handed over, by its own word: never more than it read, whatever it says is pending. */
uint64_t dw__handed_over(const struct dw_account_stream *s);
void dw__check_gaps(struct dw_account *a, const struct dw_head *h, struct dw__stream *s);
void dw__streams_free(struct dw_account *a);

/* epochs.c. An epoch is valid until the next is begun. */
/* The greatest low-water mark of an agent that is heard; INT64_MIN: it closed its epoch, is idle, or never said one. */
int64_t dw__agent_low_water(const struct dw_account *a, const uint8_t agent[DW_AGENT_ID_BYTES]);
struct dw__epoch *dw__epoch_find(const struct dw_account *a, const struct dw_head *h);
void dw__epoch_forget(struct dw_account *a, struct dw__epoch *e);
/* Begins one with the first frame seen of it. NULL without memory. */
struct dw__epoch *dw__epoch_begin(struct dw_account *a, const struct dw_head *h, enum dw_link *ret);
/* A signed record has opened `e`: judges what it says of the epochs before. */
void dw__epoch_opened(struct dw_account *a, const struct dw_head *h, struct dw__epoch *e, struct dw_str record);
/* A frame of `e` came that is no copy: what has to be here by now? */
void dw__epoch_goes_on(struct dw_account *a, const struct dw_head *h, struct dw__epoch *e);
void dw__epoch_close(struct dw_account *a, struct dw__epoch *e);
void dw__epochs_free(struct dw_account *a);

/* account_save.c: single things as bytes and back, for states and parts. Sources are not among them, nor the room for a stream's ranges. */
void dw__agent_put(const struct dw__agent *g, struct dw_buf *out);
void dw__epoch_put(const struct dw__epoch *e, struct dw_buf *out); /* all but the head of its chain */
void dw__stream_put(const struct dw__stream *s, struct dw_buf *out);
void dw__ranges_put(const struct dw__stream *s, struct dw_buf *out);
/* Enter one. DW_ECORRUPT: it is known already, or c->bad; DW_ENOMEM, also when the account has no room for an agent. */
DW_MUST_USE int dw__agent_take(struct dw_account *a, struct dw_cursor *c, struct dw__agent **ret);
DW_MUST_USE int dw__epoch_take(struct dw_account *a, const struct dw_chain_head *k, struct dw_cursor *c, int64_t heard_ns, struct dw__epoch **ret);
DW_MUST_USE int dw__stream_take(struct dw_account *a, struct dw_cursor *c, struct dw__stream **ret);
/* `count` ranges of a stream that has none, into room for `cap`. */
DW_MUST_USE int dw__ranges_take(struct dw_account *a, struct dw_cursor *c, uint64_t cap, uint64_t count, struct dw__stream *s);
/* Put open epochs into the order of opening, and streams into that of first sight, when all are entered: numbers are below a->openings + 1 and
 * a->serials, and none is there twice, or c->bad. */
DW_MUST_USE int dw__sort_open(struct dw_account *a, struct dw_cursor *c);
DW_MUST_USE int dw__sort_sight(struct dw_account *a, struct dw_cursor *c);

/* records.c */
DW_MUST_USE int dw__take_record(struct dw_account *a, const struct dw_decoded *f, struct dw__epoch *e);
DW_MUST_USE int dw__take_decision(struct dw_account *a, const struct dw_decoded *f);

#endif
