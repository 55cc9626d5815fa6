/*
 * The loop of a long-running program: it turns its work when a timer, a signal or one of its own handles says so, and again
 * without waiting while there is more.
 *
 *     dw_loop_hold_reload -> dw_loop_init -> (handles of the program's own on `uv`) -> dw_loop_run -> dw_loop_fini
 *
 * Thread: the main one.
 */
#ifndef DOGWATCH_LOOP_LOOP_H
#define DOGWATCH_LOOP_LOOP_H

#include "dogwatch/conf/program.h"

#include <uv.h>

/* What a program does in its loop. */
struct dw_loop_work {
    /* One bounded piece of work. True: there is more, turn again at once. */
    bool (*turn)(void *arg);
    /* SIGTERM or SIGINT came: ends the loop, or makes it end. A turn follows. */
    void (*stop)(void *arg);
    /* SIGHUP came: the configuration may be another. A turn follows. NULL: SIGHUP is not minded. See dw_loop_hold_reload. */
    void (*reload)(void *arg);
    uint64_t tick_ms; /* it turns at least so often, until dw_loop_pace */
};

/* In caller's memory, which must stay where it is until dw_loop_fini. */
struct dw_loop {
    uv_loop_t uv; /* for the program's own handles; their callbacks call dw_loop_turn */
    /* inside */
    uv_timer_t timer;
    uv_idle_t idle;
    uv_signal_t term, intr, hup;
    const struct dw_loop_work *work;
    void *arg;
    struct dw_counters_file *counters;
    int rc;
    bool ending;
};

/* From here on SIGHUP ends nothing: it waits until a loop with `reload` runs. For the first line of main, since threads that are made later take it over. */
void dw_loop_hold_reload(void);
/* Keeps `work`, `arg` (handed to it) and `counters` (saved when due; NULL: none) until dw_loop_fini. On failure
 * (DW_ENOMEM, DW_EFILES) nothing is to be undone. */
DW_MUST_USE int dw_loop_init(struct dw_loop *l, const struct dw_loop_work *work, void *arg, struct dw_counters_file *counters);
/* Turns until dw_loop_end, and gives the code that came with it; or why it could not begin. */
DW_MUST_USE int dw_loop_run(struct dw_loop *l);
/* Turns now; does nothing once it is ending. */
void dw_loop_turn(struct dw_loop *l);
/* From now on it turns at least every `tick_ms`. */
void dw_loop_pace(struct dw_loop *l, uint64_t tick_ms);
/* Lets dw_loop_run come back with that code. The first call counts. */
void dw_loop_end(struct dw_loop *l, int rc);
/* Closes every handle, the program's own too, and waits for their last callbacks. */
void dw_loop_fini(struct dw_loop *l);

#endif
