/*
 * The account: which frames and which bytes have come, and what does not add up.
 *
 * A pure function of the frames given to it, in intake order: the collector keeps one while it takes frames, and `dogwatch
 * ledger` makes the same one out of the archive. Thread: whoever owns it.
 */
#ifndef DOGWATCH_COLLECT_ACCOUNT_H
#define DOGWATCH_COLLECT_ACCOUNT_H

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
    int64_t time_ns;         /* of the frame that showed it */
    const uint8_t *agent;    /* DW_AGENT_ID_BYTES, or NULL */
    uint64_t epoch, number;  /* of the frame that showed it */
    const char *cause;       /* what makes this problem itself and no other: part of the alert's id */
    const char *text;        /* one sentence for people */
};

/* One stream's bytes. */
struct dw_account_stream {
    uint8_t id[DW_ID_BYTES], series[DW_ID_BYTES];
    uint64_t ordinal;
    char *host, *path; /* "" when no frame has said */
    uint64_t read;     /* bytes the agent says it read */
    uint64_t pending;  /* of these, not yet handed over when it said so */
    uint64_t archived, declared, duplicate; /* bytes in events, in declarations, come again */
    uint64_t gap;      /* bytes below read - pending that nothing covers */
    uint64_t events;
    bool ended, lost;
    /* sorted, disjoint, not touching */
    struct dw_extent_range {
        uint64_t start, end;
    } *range;
    uint32_t range_count, range_cap;
    uint64_t gap_told; /* gaps below are reported */
};

struct dw_account;
/* `problem` is told of everything that does not add up; may be NULL. NULL without memory. */
struct dw_account *dw_account_new(void (*problem)(void *arg, const struct dw_problem *p), void *arg);
void dw_account_free(struct dw_account *a);

/* Takes one valid frame. For event frames writes a mark (enum dw_mark) for each event to `mark` (room for the frame's events);
 * *ret_marked: whether any is set. With `known` (from the archive) marks are taken from there and not judged again. DW_ENOMEM. */
DW_MUST_USE int dw_account_take(struct dw_account *a, const struct dw_decoded *f, const uint8_t *known, uint8_t *mark,
    bool *ret_marked);
/* Bytes that came and are no frame, or a frame whose content is not what was hashed. */
void dw_account_reject(struct dw_account *a, enum dw_problem_kind kind, const struct dw_head *head, uint64_t source,
    uint64_t offset, size_t len, int64_t now_ns);
/* At the end of input: tells every gap that is left. */
void dw_account_finish(struct dw_account *a);

uint32_t dw_account_count(const struct dw_account *a);
const struct dw_account_stream *dw_account_at(const struct dw_account *a, uint32_t i);
/* Whether every epoch that a signed record opened has been closed, and there is one that was. */
bool dw_account_all_closed(const struct dw_account *a);
/* The greatest low-water mark that the chain of `head` has stated so far; INT64_MIN when none. */
int64_t dw_account_stated_low_water(const struct dw_account *a, const struct dw_head *head);
/* For frames out of a sealed segment, which leaves out what can be computed: fills HEAD's previous, roots and hash. */
void dw_account_fill_chain(const struct dw_account *a, struct dw_decoded *f, bool has_previous, struct dw_decoder *d);
/* The least low-water mark of epochs that a signed record opened and none closed; INT64_MAX when there is none. One that nobody
 * opened cannot hold back the others. */
int64_t dw_account_low_water(const struct dw_account *a);

#endif
