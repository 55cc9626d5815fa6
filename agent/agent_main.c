/*
 * agent_main: dogwatch-agent: configuration, signals and the loop that turns the agent.
 *
 * Idea: folders of logs are watched; a change makes a turn due. A timer turns it anyway, for flushes, heartbeats and file
 * systems that tell nothing. While there is more to read it turns without waiting.
 *
 * Exit codes: 0 stopped cleanly, everything acknowledged · 1 until_idle, and there were logs that could not be read · 2 configuration
 * · 3 it could not go on (disk, lock).
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/conf/program.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

enum { TICK_MS = 10, IDLE_TICK_MS = 100, WATCHES_MAX = 10000 };
#define AGAIN_NS (2 * DW_NS_PER_S) /* before a producer is opened anew */

struct watch {
    struct watch *next, **at; /* in the list of all */
    struct dw_node by_dir;
    uv_fs_event_t handle;
    struct program *program;
    char dir[AGENT_PATH_MAX];
};

struct program {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_idle_t idle;
    uv_async_t wake;
    uv_signal_t term, intr;
    struct agent *agent;
    struct watch *watch;
    struct dw_table watches; /* by folder */
    struct dw_counters_file counters;
    const struct dw_agent_options *opt;
    int64_t deadline_ns, open_at_ns;
    uint32_t unread; /* logs that could not be opened */
    int rc;
    bool ending;
};

static void on_wake(void *arg)
{
    struct program *p = arg;
    int rc = uv_async_send(&p->wake);
    (void)rc; /* documented never to fail on an open handle */
}

static void free_watch(uv_handle_t *handle)
{
    dw_free(handle->data);
}

/* A folder that is gone is watched again once a log in it comes back. */
static void unwatch(struct watch *w)
{
    dw_table_remove(&w->program->watches, &w->by_dir);
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    uv_close((uv_handle_t *)&w->handle, free_watch);
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct watch *w = handle->data;
    struct dw_stat st;
    bool structure = events & UV_RENAME;
    (void)status;
    if (w->program->agent)
        agent_note(w->program->agent, w->dir, name, structure);
    if (structure && dw_fs_stat(w->dir, &st) == DW_ENOENT)
        unwatch(w);
}

static bool is_watched(const struct program *p, const char *dir, uint64_t hash)
{
    for (struct dw_node *n = dw_table_find(&p->watches, hash); n; n = dw_table_next(n))
        if (strcmp(DW_ITEM(n, struct watch, by_dir)->dir, dir) == 0)
            return true;
    return false;
}

static void watch_folder(void *arg, const char *dir)
{
    struct program *p = arg;
    uint64_t hash = hash_of_path(dir);
    if (is_watched(p, dir, hash))
        return;
    struct watch *w = p->watches.count < WATCHES_MAX ? dw_calloc(1, sizeof *w) : NULL;
    if (!w)
        return; /* the timer looks there too */
    if (uv_fs_event_init(&p->loop, &w->handle) != 0) {
        dw_free(w);
        return;
    }
    (void)snprintf(w->dir, sizeof w->dir, "%s", dir);
    w->program = p;
    w->handle.data = w;
    if (uv_fs_event_start(&w->handle, on_event, dir, 0) != 0)
        dw_warn("%s: cannot be watched; looking every %lld ms instead", dir,
            (long long)(p->agent->opt->scan_interval / DW_NS_PER_MS));
    w->next = p->watch;
    w->at = &p->watch;
    if (w->next)
        w->next->at = &w->next;
    p->watch = w;
    dw_table_add(&p->watches, &w->by_dir, hash);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_loop(struct program *p)
{
    uv_walk(&p->loop, close_handle, NULL);
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&p->loop);
    DW_ASSERT(rc == 0);
}

static void end(struct program *p, int rc)
{
    p->rc = rc;
    p->ending = true;
    uv_stop(&p->loop);
}

static void on_idle(uv_idle_t *idle);

/* The producer is over: what was not acknowledged is read from the files again, in a new epoch. */
static void begin_again(struct program *p)
{
    agent_close(p->agent);
    p->agent = NULL;
    p->open_at_ns = dw_clock_mono(&dw_clock_system) + AGAIN_NS;
    (void)uv_idle_stop(&p->idle);
}

static bool open_again(struct program *p)
{
    if (dw_clock_mono(&dw_clock_system) < p->open_at_ns)
        return false;
    int rc = agent_open(p->opt, on_wake, p, &p->agent);
    if (rc < 0)
        end(p, rc);
    return rc == DW_OK;
}

static void turn(struct program *p)
{
    bool more = false;
    if (p->ending)
        return;
    if (!p->agent && !open_again(p))
        return;
    int rc = agent_turn(p->agent, &more);
    if (rc == DW_EIO && p->opt->transport == DW_TRANSPORT_KAFKA && !p->deadline_ns) {
        begin_again(p);
        return;
    }
    if (rc < 0) {
        dw_error("cannot go on: %s", dw_err_text(rc));
        end(p, rc);
        return;
    }
    if (agent_done(p->agent)) {
        end(p, DW_OK);
        return;
    }
    if (p->deadline_ns && dw_clock_mono(&dw_clock_system) > p->deadline_ns) {
        dw_warn("shutdown.grace is over with frames not acknowledged: they will be read and sent again");
        end(p, DW_OK);
        return;
    }
    agent_folders(p->agent, watch_folder, p);
    if (more && !p->agent->hold)
        (void)uv_idle_start(&p->idle, on_idle);
    else
        (void)uv_idle_stop(&p->idle);
}

static void on_idle(uv_idle_t *idle)
{
    turn(idle->data);
}

static void on_timer(uv_timer_t *timer)
{
    struct program *p = timer->data;
    dw_counters_file_save(&p->counters, false);
    turn(p);
}

static void on_async(uv_async_t *async)
{
    turn(async->data);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;
    (void)number;
    if (p->deadline_ns)
        return;
    p->deadline_ns = dw_clock_mono(&dw_clock_system) + p->opt->shutdown_grace + 1;
    if (!p->agent)
        end(p, DW_OK);
    if (p->agent)
        agent_stop(p->agent, p->opt->shutdown_grace / 2); /* the other half is for acknowledgements */
    turn(p);
}

static int run(struct program *p, const struct dw_agent_options *opt)
{
    int rc = uv_loop_init(&p->loop);
    if (rc == 0)
        rc = uv_async_init(&p->loop, &p->wake, on_async);
    if (rc != 0)
        return DW_ENOMEM;
    p->wake.data = p->timer.data = p->idle.data = p->term.data = p->intr.data = p;
    p->opt = opt;
    rc = agent_open(opt, on_wake, p, &p->agent);
    if (rc < 0) {
        close_loop(p);
        return rc;
    }
    (void)uv_timer_init(&p->loop, &p->timer);
    (void)uv_idle_init(&p->loop, &p->idle);
    (void)uv_signal_init(&p->loop, &p->term);
    (void)uv_signal_init(&p->loop, &p->intr);
    (void)uv_signal_start(&p->term, on_signal, SIGTERM);
    (void)uv_signal_start(&p->intr, on_signal, SIGINT);
    (void)uv_timer_start(&p->timer, on_timer, 0, TICK_MS);
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    p->unread = p->agent ? p->agent->unread : 0;
    agent_close(p->agent);
    close_loop(p);
    return p->rc;
}

/* A log needs a descriptor for as long as it is read, and rotated ones longer: as many as we may have. */
static void raise_files_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max)
        return;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) != 0)
        dw_warn("the limit of open files could not be raised");
}

/* One agent a folder: the lock tells who has it. */
static int work(struct program *p, const struct dw_agent_options *opt)
{
    char dir[AGENT_PATH_MAX];
    int rc = dw_path_join(dir, sizeof dir, opt->data.ptr, "agent");
    if (rc == DW_OK)
        rc = dw_program_lock(dir, "lock");
    if (rc == DW_OK)
        rc = dw_counters_file_init(&p->counters, opt->data.ptr, "agent");
    if (rc < 0)
        return rc;
    raise_files_limit();
    rc = run(p, opt);
    dw_counters_file_save(&p->counters, true);
    while (p->watch) {
        struct watch *w = p->watch;
        p->watch = w->next;
        dw_free(w);
    }
    dw_table_fini(&p->watches);
    return rc;
}

static int check_option(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    if (strcmp(option, "kafka.options") == 0)
        return dw_kafka_option_check(key, value, why);
    return dw_parser_option_check(option, value, why) ? DW_OK : DW_ECONFIG;
}

int main(int argc, char **argv)
{
    static const struct dw_program program = {.name = "dogwatch-agent", .table = &dw_conf_agent, .check = check_option};
    struct dw_agent_options opt;
    struct dw_conf conf;
    int code;
    if (!dw_program_begin(&program, argc, argv, &conf, &opt, &code))
        return code;
    dw_log_setup(program.name, (enum dw_log_level)opt.log_level);
    struct program *p = dw_calloc(1, sizeof *p);
    int rc = p ? work(p, &opt) : DW_ENOMEM;
    bool unread = rc == DW_OK && opt.until_idle && p->unread;
    if (unread)
        dw_error("%u logs could not be read", p->unread);
    dw_free(p);
    dw_conf_fini(&conf);
    return unread ? DW_EXIT_NO : dw_program_exit(rc);
}
