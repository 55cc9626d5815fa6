/*
 * match_pool: the events of a frame matched by several threads, told in the order of one.
 *
 * Thread: one asks, and is one of those that match; the others are the pool's own.
 */
#ifndef DOGWATCH_CORRELATE_MATCH_POOL_H
#define DOGWATCH_CORRELATE_MATCH_POOL_H

#include "dogwatch/correlate/ruleset.h"

enum { DW_MATCH_THREADS_MAX = 64 };

/* As asked for; 0: one for each processor that this process may use, 8 at most. */
uint32_t dw_match_threads(int64_t asked);

struct dw_match_pool;
/* `threads` in all, the caller's among them: 1 to DW_MATCH_THREADS_MAX. Where the system grants fewer, those do, which is said. The finished set must outlive it. NULL without
 * memory. */
struct dw_match_pool *dw_match_pool_new(const struct dw_ruleset *rs, uint32_t threads);
/* Waits for its threads; NULL is nothing. */
void dw_match_pool_free(struct dw_match_pool *p);
/* The caller's scratch, to ask about an event again: between two runs, or in `take`. The pool's. */
struct dw_match_scratch *dw_match_pool_scratch(struct dw_match_pool *p);

struct dw_match_hit {
    uint32_t rule;
    bool undecided;
};

/* What is to be matched, and who hears of it. */
struct dw_match_run {
    const struct dw_event *event;
    uint32_t count;
    const uint8_t *mark; /* by event; may be NULL */
    uint8_t left_out;    /* events of that mark are not matched */
    struct dw_match_opts opts;
    /* Of each event with hits, in order of events, what dw_match_event tells of it, in its order; borrowed until it returns. A code < 0 ends the run, which answers it. */
    int (*take)(void *arg, uint32_t event, const struct dw_match_hit *hit, uint32_t count);
    void *arg;
};
/* DW_ENOMEM, and codes of `take`. What was told before a failure stays told. */
DW_MUST_USE int dw_match_pool_run(struct dw_match_pool *p, const struct dw_match_run *run);

#endif
