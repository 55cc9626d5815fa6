/*
 * The account: which frames and which bytes have come, and what does not add up.
 *
 * A pure function of the frames given to it, agents' and decisions, in intake order: the collector keeps one while it takes frames,
 * and `dogwatch ledger` makes the same one out of the archive. Thread: whoever owns it.
 */
#ifndef DOGWATCH_COLLECT_ACCOUNT_H
#define DOGWATCH_COLLECT_ACCOUNT_H

#include "dogwatch/collect/decision.h"
#include "dogwatch/store/archive.h"

enum dw_problem_kind {
#define PROBLEM(id, rule, level, title) DW_PROBLEM_##id,
#include "dogwatch/tbl/problems.h"
#undef PROBLEM
    DW_PROBLEMS
};
const char *dw_problem_rule(enum dw_problem_kind k);
const char *dw_problem_level(enum dw_problem_kind k);
const char *dw_problem_title(enum dw_problem_kind k);

/* Something that does not add up. Texts are borrowed. */
struct dw_problem {
    enum dw_problem_kind kind;
    int64_t time_ns;         /* of the frame that showed it, or of the decision */
    const uint8_t *agent;    /* DW_AGENT_ID_BYTES */
    uint64_t epoch, number;  /* of the frame that showed it */
    const char *cause;       /* what makes this problem itself and no other: part of the alert's id */
    const char *text;        /* one sentence for people */
    const char *more;        /* members of the alert's document besides, as JSON that begins with a comma; or NULL */
};

/* One stream's bytes. */
struct dw_account_stream {
    uint8_t id[DW_ID_BYTES];
    char *host, *path; /* NULL when no frame has said */
    uint64_t read;     /* bytes the agent says it read */
    uint64_t pending;  /* of these, not yet handed over when it said so */
    uint64_t archived, declared, duplicate; /* bytes in events, in declarations, come again */
    uint64_t gap;      /* bytes below read - pending that nothing covers */
    uint64_t events;
    bool ended, lost;
};

/* Whether an agent was agreed to: nobody did; as the first of its host; by an approval or a list. */
enum dw_agent_state { DW_AGENT_NEW, DW_AGENT_PINNED, DW_AGENT_APPROVED };
enum { DW_AGENT_HOST_CAP = 256 };

/* One agent. */
struct dw_account_agent {
    uint8_t id[DW_AGENT_ID_BYTES];
    char host[DW_AGENT_HOST_CAP];
    enum dw_agent_state state;
    uint64_t epochs, frames, events;
    uint64_t spool_bytes;      /* that wait in its spool, as it said last */
    int64_t first_ns, last_ns; /* arrival of its first and newest frame */
};

/* What an account may hold. Over `streams` the one that ended longest ago is forgotten (only when none has ended, the one longest
 * untouched): its bytes are new when they come again. Over `epochs` the one longest without a frame is: its frames then have no
 * opening; as many keys of agents are kept, the one learnt longest ago is forgotten. Over `ranges` (in all streams together) bytes that do not touch others are not entered, and show as a gap. */
struct dw_account_bounds {
    uint32_t streams, epochs;
    uint64_t ranges;
};

struct dw_account;
/* `bounds` NULL: what a collector keeps. `problem` is told of everything that does not add up; may be NULL. NULL without memory. */
struct dw_account *dw_account_new(
    const struct dw_account_bounds *bounds, void (*problem)(void *arg, const struct dw_problem *p), void *arg);
void dw_account_free(struct dw_account *a);
/* Makes it as new. DW_ENOMEM: it can only be freed. */
DW_MUST_USE int dw_account_clear(struct dw_account *a);

/* Frames taken from now on came by `source` (struct dw_position, transport.h), arrived at `arrival_ns`, and were heard at `heard_ns` of whatever
 * clock dw_account_unheard is asked by. */
void dw_account_arrival(struct dw_account *a, uint64_t source, int64_t arrival_ns, int64_t heard_ns);
/* Takes one valid frame, or a decision of the collector's own. For event frames writes a mark (enum dw_mark) for each event to
 * `mark` (room for the frame's events); *ret_marked: whether any is set. With `known` (from the archive) marks are taken from there
 * and not judged again. DW_ENOMEM. */
DW_MUST_USE int dw_account_take(struct dw_account *a, const struct dw_decoded *f, const uint8_t *known, uint8_t *mark,
    bool *ret_marked);

/* Streams in order of first sight; NULL: the first, and at the end. */
const struct dw_account_stream *dw_account_next(const struct dw_account *a, const struct dw_account_stream *s);
/* Agents in order of first sight; NULL: the first, and at the end. */
const struct dw_account_agent *dw_account_next_agent(const struct dw_account *a, const struct dw_account_agent *g);
/* From now on agents are agreed to by this list alone (`count` ids of DW_AGENT_ID_BYTES; kept), not by being the first of a host. */
void dw_account_list_agents(struct dw_account *a, const uint8_t *ids, uint32_t count);
/* Whether every epoch that a signed record opened has been closed or its agent decided to be idle, and there is one that was. An
 * epoch that nobody opened is named, and not waited for: anybody can write its frames. */
bool dw_account_all_closed(const struct dw_account *a);
/* The greatest low-water mark that the chain of `head` has stated so far; INT64_MIN when none. */
int64_t dw_account_stated_low_water(const struct dw_account *a, const struct dw_head *head);
/* The least low-water mark of epochs that a signed record opened, that none closed, and whose agent is not idle; INT64_MAX when
 * there is none. One that nobody opened cannot hold back the others. */
int64_t dw_account_low_water(const struct dw_account *a);
/* Whether the agent that sent the newest event of a stream is heard and has said that nothing before `time_ns` is still to come. */
bool dw_account_is_heard(const struct dw_account *a, const uint8_t stream[DW_ID_BYTES], int64_t time_ns);
/* Only agents that came by sources of which `ours` says so can be unheard; NULL: all. */
void dw_account_ours(struct dw_account *a, bool (*ours)(void *arg, uint64_t source), void *arg);
/* The source is ours again: its agents were heard by now. */
void dw_account_part_heard(struct dw_account *a, uint64_t source, int64_t heard_ns);
/* An agent that holds back the watermark and was last heard before that time: the decision that is due. False: there is none. */
bool dw_account_unheard(const struct dw_account *a, int64_t heard_before_ns, struct dw_decision *ret);
/* Appends all of it: a state's beginning (archive.h). Equal accounts give equal bytes; failures stand in out->err. */
void dw_account_save(const struct dw_account *a, struct dw_buf *out);
/* Into an account of the same bounds, which forgets what it had and goes on as the saved one would have, but that an event which comes again is
 * compared only with those that came since. Its agents were heard at `heard_ns`. When it fails the account is as new: DW_ECORRUPT, DW_EVERSION,
 * DW_ENOMEM. */
DW_MUST_USE int dw_account_load(struct dw_account *a, struct dw_cursor *c, int64_t heard_ns);

/* ---- parts (docs/formats/parts.md) ---- */

/* All frames of an agent come by one source, so what is known of its agents can go to another account with it. An agent, an epoch and a stream
 * are of the source by which their newest frame came that had not come before; of other shippers' records too. The collector's own chain is in no part.
 *
 * Appends what is known of that source's agents, epochs and streams, with the agents' keys. Equal accounts give equal bytes; failures stand in out->err. */
void dw_account_part_save(const struct dw_account *a, uint64_t source, struct dw_buf *out);
/* Forgets what the account had of that source, and each agent, epoch and stream that the part names, whatever source it was of; then goes on with that
 * source as the saved one would have, but that an event which comes again is compared only with those that came since. What is in the part
 * comes behind what is there, in its own order: of first sight, of opening, of use. The bounds hold: what finds no room is forgotten and counted. Who
 * was agreed to by a decision here stays agreed to; a list that is in force here, or was there, judges as in dw_account_load. Its agents were heard at
 * `heard_ns`. When it fails the account is as it was: DW_ECORRUPT, DW_EVERSION, DW_ENOMEM. */
DW_MUST_USE int dw_account_part_take(struct dw_account *a, uint64_t source, struct dw_str part, int64_t heard_ns);
/* Tells of each chain in a part how far it had come, and its agent's key or NULL; borrowed. Stops at the first that `each` does not answer DW_OK, and gives that.
 * A part that is not valid gives none: DW_ECORRUPT, DW_EVERSION; DW_ENOMEM. */
DW_MUST_USE int dw_account_part_chains(struct dw_str part, int (*each)(void *arg, const struct dw_chain_head *k, const uint8_t *key), void *arg);
/* As dw_account_low_water, of the epochs of that source alone. */
int64_t dw_account_part_low_water(const struct dw_account *a, uint64_t source);

/* Where the collector's own chain goes on. */
void dw_account_chain(const struct dw_account *a, struct dw_chain *ret);
/* For frames out of a sealed segment, which leaves out what can be computed: fills HEAD's previous, roots and hash. */
void dw_account_fill_chain(const struct dw_account *a, struct dw_decoded *f, bool has_previous, struct dw_decoder *d);

#endif
