/*
 * loop: turns of work on libuv.
 *
 * Invariants:
 *   (1) Work is not turned after the end was asked for.
 *   (2) After dw_loop_fini no handle is left: libuv asserts it.
 *   (3) Where reloads are held, SIGHUP is let through only while the loop runs.
 */
#include "dogwatch/loop/loop.h"

#include "dogwatch/base/error.h"

#include <signal.h>

static void on_idle(uv_idle_t *idle)
{
    dw_loop_turn(idle->data);
}

static void on_timer(uv_timer_t *timer)
{
    struct dw_loop *l = timer->data;
    if (l->counters)
        dw_counters_file_save(l->counters, false);
    dw_loop_turn(l);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct dw_loop *l = handle->data;
    if (!l->ending && number == SIGHUP)
        l->work->reload(l->arg);
    else if (!l->ending)
        l->work->stop(l->arg);
    dw_loop_turn(l);
}

int dw_loop_init(struct dw_loop *l, const struct dw_loop_work *work, void *arg, struct dw_counters_file *counters)
{
    *l = (struct dw_loop){.work = work, .arg = arg, .counters = counters};
    int rc = uv_loop_init(&l->uv);
    if (rc != 0)
        return dw_err_from_errno(-rc);
    l->timer.data = l->idle.data = l->term.data = l->intr.data = l->hup.data = l;
    (void)uv_timer_init(&l->uv, &l->timer); /* neither can fail */
    (void)uv_idle_init(&l->uv, &l->idle);
    rc = uv_signal_init(&l->uv, &l->term);
    if (rc == 0)
        rc = uv_signal_init(&l->uv, &l->intr);
    if (rc == 0)
        rc = uv_signal_init(&l->uv, &l->hup);
    if (rc == 0)
        return DW_OK;
    dw_loop_fini(l);
    return dw_err_from_errno(-rc);
}

static void mask_reload(int how)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(how, &set, NULL); /* fails only for another `how` */
}

void dw_loop_hold_reload(void)
{
    mask_reload(SIG_BLOCK);
}

int dw_loop_run(struct dw_loop *l)
{
    int rc = uv_signal_start(&l->term, on_signal, SIGTERM);
    if (rc == 0)
        rc = uv_signal_start(&l->intr, on_signal, SIGINT);
    if (rc == 0 && l->work->reload)
        rc = uv_signal_start(&l->hup, on_signal, SIGHUP);
    if (rc == 0)
        rc = uv_timer_start(&l->timer, on_timer, 0, l->work->tick_ms);
    if (rc != 0)
        return dw_err_from_errno(-rc);
    if (l->work->reload)
        mask_reload(SIG_UNBLOCK);
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    if (l->work->reload)
        dw_loop_hold_reload(); /* its handler goes with the loop, and what comes after it takes its time, too */
    return l->rc;
}

void dw_loop_turn(struct dw_loop *l)
{
    if (l->ending)
        return;
    if (l->work->turn(l->arg) && !l->ending)
        (void)uv_idle_start(&l->idle, on_idle);
    else
        (void)uv_idle_stop(&l->idle);
}

void dw_loop_pace(struct dw_loop *l, uint64_t tick_ms)
{
    if (uv_timer_get_repeat(&l->timer) == tick_ms || l->ending)
        return;
    uv_timer_set_repeat(&l->timer, tick_ms);
    (void)uv_timer_again(&l->timer); /* fails only for a timer that was never started */
}

void dw_loop_end(struct dw_loop *l, int rc)
{
    if (l->ending)
        return;
    l->rc = rc;
    l->ending = true;
    uv_stop(&l->uv);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void dw_loop_fini(struct dw_loop *l)
{
    uv_walk(&l->uv, close_handle, NULL);
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&l->uv);
    DW_ASSERT(rc == 0);
}
