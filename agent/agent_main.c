/*
 * agent_main: dogwatch-agent: configuration, signals and the loop that turns the agent.
 *
 * Idea: folders of logs are watched; a change makes a turn due. A timer turns it anyway, for flushes, heartbeats and file
 * systems that tell nothing. While there is more to read it turns without waiting.
 *
 * Exit codes: 0 stopped cleanly, everything acknowledged · 1 until_idle, and there were logs that could not be read · 2 configuration
 * · 3 it could not go on (disk, lock) · 4 start it again: its sandbox does not cover a folder that is new, or SIGHUP asked it to take another configuration.
 */
#include "agent_int.h"
#include "confine.h"
#include "control.h"
#include "inputs.h"
#include "metadata.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/conf/listen.h"
#include "dogwatch/loop/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TICK_MS = 10, REST_MS = 200 /* while nothing waits for a clock */ };
#define AGAIN_NS (2 * DW_NS_PER_S) /* before a producer is opened anew */

struct program {
    struct dw_loop loop;
    uv_async_t wake;
    struct agent *agent;
    struct watches *watches;
    uv_poll_t hears, mounts;
    int mounts_fd; /* /proc/self/mountinfo, or -1 */
    struct control *control;
    struct dw_counters_file counters;
    struct sandbox *sandbox;
    struct inputs *inputs;
    struct metadata *metadata;
    struct dw_service service;
    const struct dw_agent_options *opt;
    const char *config; /* the file */
    int64_t deadline_ns, open_at_ns;
    int64_t looked_ns; /* when the sandbox was held against the folders last */
    uint32_t unread; /* logs that could not be opened */
    bool rests;      /* nothing waits for a clock */
    bool again;      /* to be started again */
};

static void on_wake(void *arg)
{
    struct program *p = arg;
    int rc = uv_async_send(&p->wake);
    (void)rc; /* documented never to fail on an open handle */
}

/* While it turns often anyway many changes make one turn. */
static void on_told(uv_poll_t *poll, int status, int events)
{
    struct program *p = poll->data;
    (void)status;
    (void)events;
    if (p->agent)
        (void)scan_hear(p->agent); /* what is left makes us come again */
    if (p->rests)
        dw_loop_turn(&p->loop);
}

/* What is mounted over a folder nobody else tells of. */
static void on_mount(uv_poll_t *poll, int status, int events)
{
    struct program *p = poll->data;
    char bytes[4096];
    (void)status;
    (void)events;
    (void)lseek(p->mounts_fd, 0, SEEK_SET);
    while (read(p->mounts_fd, bytes, sizeof bytes) > 0)
        continue; /* what was read is not told again */
    if (p->agent)
        scan_missed(p->agent);
}

static void watch_mounts(struct program *p)
{
    if (p->mounts_fd < 0 || uv_poll_init(&p->loop.uv, &p->mounts, p->mounts_fd) != 0)
        return;
    p->mounts.data = p;
    (void)uv_poll_start(&p->mounts, UV_PRIORITIZED, on_mount);
}

/* Without it all goes by the clock. */
static void begin_watching(struct program *p)
{
    int rc = watches_new(&p->watches);
    if (rc == DW_OK && uv_poll_init(&p->loop.uv, &p->hears, watches_fd(p->watches)) == 0) {
        p->hears.data = p;
        (void)uv_poll_start(&p->hears, UV_READABLE, on_told); /* cannot fail on a handle that was made */
        return;
    }
    dw_warn("the kernel does not tell of folders; they are looked at by the clock");
    watches_free(p->watches);
    p->watches = NULL;
}

/* The producer is over: what was not acknowledged is read from the files again, in a new epoch. */
static void begin_again(struct program *p)
{
    keep_drop_all(p->agent);
    agent_close(p->agent);
    p->agent = NULL;
    if (p->watches)
        (void)uv_poll_stop(&p->hears); /* the next one looks at everything */
    p->open_at_ns = dw_clock_mono(&dw_clock_system) + AGAIN_NS;
}

static int open_agent(struct program *p)
{
    int rc = agent_open(p->opt, on_wake, p, &p->agent);
    if (rc == DW_OK) {
        p->agent->service = &p->service;
        p->agent->watches = p->watches;
        p->agent->show = control_show;
        p->agent->show_arg = p->control;
        p->agent->inputs = p->inputs;
        p->agent->metadata = p->metadata;
    }
    return rc;
}

static bool open_again(struct program *p)
{
    if (dw_clock_mono(&dw_clock_system) < p->open_at_ns)
        return false;
    int rc = open_agent(p);
    if (rc < 0)
        dw_loop_end(&p->loop, rc);
    else if (p->watches)
        (void)uv_poll_start(&p->hears, UV_READABLE, on_told);
    return rc == DW_OK;
}

static void stop(void *arg)
{
    struct program *p = arg;
    if (p->deadline_ns)
        return;
    p->deadline_ns = dw_clock_mono(&dw_clock_system) + p->opt->shutdown_grace + 1;
    dw_service_tell(&p->service, "STOPPING=1");
    inputs_stop(p->inputs);
    if (!p->agent)
        dw_loop_end(&p->loop, DW_OK);
    else
        agent_stop(p->agent, p->opt->shutdown_grace / 2, p->again ? "to begin again with another configuration or sandbox" : "by a signal"); /* the other half is for acknowledgements */
}

/* Ends well, to be started again: nothing is lost by that, for the checkpoint says where to go on. */
static void ask_for_start(struct program *p)
{
    p->again = true;
    stop(p);
}

static int check_option(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    if (strcmp(option, "kafka.options") == 0)
        return dw_kafka_option_check(key, value, why);
    if (strncmp(option, "inputs.", strlen("inputs.")) == 0 || strcmp(option, "metrics.listen") == 0 || strcmp(option, "kubelet.url") == 0)
        return dw_listen_option_check(option, value, why);
    return dw_parser_option_check(option, key, value, why);
}

static const struct dw_program program_of_agent = {.name = "dogwatch-agent", .table = &dw_conf_agent, .check = check_option};

/* What shows only across options. */
static int check_whole(const struct dw_conf *conf)
{
    struct dw_diag_sink sink = {.report = dw_program_say};
    int rc = dw_listen_options_check(conf, &dw_fs_system, sink);
    return rc < 0 ? rc : dw_parser_options_check(conf, &dw_fs_system, sink);
}

/* SIGHUP: a good configuration is taken by a new start, since the sandbox is made of it; of a bad one the mistakes are told, and nothing changes. */
static void reload(void *arg)
{
    struct program *p = arg;
    struct dw_agent_options opt;
    struct dw_conf conf;
    if (p->deadline_ns)
        return;
    int rc = dw_program_load(&program_of_agent, p->config, &conf, &opt);
    if (rc == DW_OK) {
        rc = check_whole(&conf);
        dw_conf_fini(&conf);
    }
    if (rc < 0) {
        dw_error("the configuration stays as it was");
        return;
    }
    dw_info("%s is good: ending, to be started again with it", p->config);
    ask_for_start(p);
}

/* The sandbox cannot be widened from within, so it is made anew. */
static void look_at_sandbox(struct program *p)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    if (p->deadline_ns || p->opt->until_idle || now - p->looked_ns < p->opt->scan_interval)
        return;
    p->looked_ns = now;
    const char *path = sandbox_outgrown(p->sandbox);
    if (!path)
        return;
    dw_info("%s is there now, or was made anew, and the sandbox does not cover it: ending, to be started again", path);
    ask_for_start(p);
}

static bool turn(void *arg)
{
    struct program *p = arg;
    bool more = false;
    dw_service_live(&p->service, dw_clock_mono(&dw_clock_system));
    look_at_sandbox(p);
    if (!p->agent && !open_again(p)) {
        inputs_turn(p->inputs, NULL);
        return false;
    }
    int rc = agent_turn(p->agent, &more);
    if (rc == DW_EIO && p->opt->transport == DW_TRANSPORT_KAFKA && !p->deadline_ns) {
        begin_again(p);
        return false;
    }
    if (rc < 0) {
        dw_error("cannot go on: %s", dw_err_text(rc));
        dw_loop_end(&p->loop, rc);
        return false;
    }
    if (agent_done(p->agent)) {
        dw_loop_end(&p->loop, DW_OK);
        return false;
    }
    if (p->deadline_ns && dw_clock_mono(&dw_clock_system) > p->deadline_ns) {
        dw_warn("shutdown.grace is over with frames not acknowledged: they will be read and sent again");
        dw_loop_end(&p->loop, DW_OK);
        return false;
    }
    p->rests = !more && !agent_waits(p->agent);
    dw_loop_pace(&p->loop, p->rests ? REST_MS : TICK_MS);
    return more && !p->agent->hold;
}

static void on_async(uv_async_t *async)
{
    struct program *p = async->data;
    dw_loop_turn(&p->loop);
}

/* Something was received: the file that it is in is read at the next turn, which is soon. */
static void on_received(void *arg, const char *path)
{
    struct program *p = arg;
    if (p->agent)
        agent_received(p->agent, path);
    dw_loop_pace(&p->loop, TICK_MS);
}

static int run(struct program *p, const struct dw_agent_options *opt)
{
    static const struct dw_loop_work work_of_agent = {.turn = turn, .stop = stop, .reload = reload, .tick_ms = TICK_MS};
    int rc = dw_loop_init(&p->loop, &work_of_agent, p, &p->counters);
    if (rc < 0)
        return rc;
    p->wake.data = p;
    p->opt = opt;
    rc = dw_err_from_errno(-uv_async_init(&p->loop.uv, &p->wake, on_async));
    if (rc == DW_OK) {
        begin_watching(p);
        watch_mounts(p);
        control_start(p->control, &p->loop.uv, &p->agent);
    }
    metadata_start(p->metadata, &p->loop.uv);
    if (rc == DW_OK)
        rc = open_agent(p);
    if (rc == DW_OK)
        rc = inputs_start(p->inputs, &p->loop.uv, on_received, p);
    if (rc == DW_OK) {
        signals_begin(p->agent);
        dw_service_tell(&p->service, "READY=1");
        rc = dw_loop_run(&p->loop);
    }
    p->unread = p->agent ? p->agent->unread : 0;
    agent_close(p->agent);
    control_stop(p->control);
    inputs_close(p->inputs);
    metadata_stop(p->metadata);
    dw_loop_fini(&p->loop);
    watches_free(p->watches);
    return rc;
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
    raise_files_limit();
    if (dw_fs_open(&dw_fs_system, "/proc/self/mountinfo", O_RDONLY, 0, &p->mounts_fd) < 0)
        p->mounts_fd = -1; /* mounts are seen by the looks at everything */
    if (rc == DW_OK)
        rc = dw_service_begin(&p->service);
    if (rc == DW_OK)
        rc = inputs_open(opt, &p->service, &p->inputs);
    if (rc == DW_OK)
        rc = metadata_open(opt, &p->metadata);
    if (rc == DW_OK)
        rc = privilege_drop(opt);
    if (rc == DW_OK)
        rc = dw_program_lock(dir, "lock");
    if (rc == DW_OK)
        rc = dw_counters_file_init(&p->counters, opt->data.ptr, "agent");
    if (rc == DW_OK)
        rc = control_open(opt, &p->control);
    if (rc == DW_OK)
        rc = inputs_begin(p->inputs, dir);
    if (rc == DW_OK)
        rc = sandbox_enter(opt, p->config, &p->sandbox);
    if (rc == DW_OK)
        rc = syscalls_limit(opt);
    if (rc < 0)
        return rc;
    rc = run(p, opt);
    dw_counters_file_save(&p->counters, true);
    return rc;
}

int main(int argc, char **argv)
{
    struct dw_agent_options opt;
    struct dw_conf conf;
    int code;
    dw_loop_hold_reload();
    if (!dw_program_begin(&program_of_agent, argc, argv, &conf, &opt, &code))
        return code;
    dw_log_setup(program_of_agent.name, (enum dw_log_level)opt.log_level);
    struct program *p = dw_calloc(1, sizeof *p);
    if (p) {
        p->service.socket = p->mounts_fd = -1;
        p->config = argv[2];
    }
    int rc = p ? check_whole(&conf) : DW_ENOMEM;
    rc = rc == DW_OK ? work(p, &opt) : rc;
    bool unread = rc == DW_OK && opt.until_idle && p->unread, again = rc == DW_OK && p->again;
    if (unread)
        dw_error("%u logs could not be read", p->unread);
    if (p) {
        sandbox_free(p->sandbox);
        control_free(p->control);
        dw_fs_close(p->mounts_fd);
        inputs_free(p->inputs);
        metadata_free(p->metadata);
        dw_service_end(&p->service);
    }
    dw_free(p);
    dw_conf_fini(&conf);
    return unread ? DW_EXIT_NO : again ? DW_EXIT_AGAIN : dw_program_exit(rc);
}
