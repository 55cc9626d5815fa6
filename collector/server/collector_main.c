/*
 * collector_main: dogwatch-collector: configuration, rules, signals, and the loop that takes frames.
 *
 * Exit codes: 0 stopped cleanly · 2 configuration or rules · 3 it could not go on (disk, lock).
 */
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/intake.h"
#include "dogwatch/conf/options.h"
#include "dogwatch/conf/program.h"
#include "dogwatch/transport/kafka.h"

#include <stdio.h>
#include <uv.h>

enum { TICK_MS = 20, PATH_CAP = 4096 };

static const char *const usual_rules[] = {"/usr/share/dogwatch/rules", "/etc/dogwatch/rules.d"};

struct program {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_idle_t idle;
    uv_signal_t term, intr;
    uv_fs_event_t queue;
    const struct dw_collector_options *opt;
    struct dw_intake_engine *engine;
    char queue_dir[PATH_CAP]; /* of the dir transport, else "" */
    struct dw_counters_file counters;
    int rc;
    bool ending;
};

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

static void turn(struct program *p)
{
    uint32_t taken = 0;
    if (p->ending)
        return;
    int rc = dw_intake_turn(p->engine, &taken);
    if (rc < 0) {
        dw_error("cannot go on: %s", dw_err_text(rc));
        end(p, rc);
        return;
    }
    if (taken) {
        (void)uv_idle_start(&p->idle, on_idle);
        return;
    }
    (void)uv_idle_stop(&p->idle);
    if (p->opt->until_idle && dw_intake_all_closed(p->engine))
        end(p, dw_intake_finish(p->engine));
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

static void on_queue(uv_fs_event_t *handle, const char *name, int events, int status)
{
    (void)name;
    (void)events;
    (void)status;
    turn(handle->data);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    end(handle->data, DW_OK);
}

static int run(struct program *p)
{
    if (uv_loop_init(&p->loop) != 0)
        return DW_ENOMEM;
    p->timer.data = p->idle.data = p->term.data = p->intr.data = p->queue.data = p;
    (void)uv_timer_init(&p->loop, &p->timer);
    (void)uv_idle_init(&p->loop, &p->idle);
    (void)uv_signal_init(&p->loop, &p->term);
    (void)uv_signal_init(&p->loop, &p->intr);
    (void)uv_fs_event_init(&p->loop, &p->queue);
    (void)uv_signal_start(&p->term, on_signal, SIGTERM);
    (void)uv_signal_start(&p->intr, on_signal, SIGINT);
    (void)uv_timer_start(&p->timer, on_timer, 0, TICK_MS);
    if (p->queue_dir[0])
        (void)uv_fs_event_start(&p->queue, on_queue, p->queue_dir, 0); /* where it cannot be watched the timer looks */
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    close_loop(p);
    return p->rc;
}

/* Where rules are read from: what is configured, else the usual folders that exist. One that exists and cannot be looked at is an
 * error: rules that the operator counts on would be missing. */
static int rule_paths(const struct dw_collector_options *opt, const char **path, uint32_t *ret_count)
{
    struct dw_stat st;
    *ret_count = opt->rules.count;
    for (uint32_t i = 0; i < opt->rules.count; i++)
        path[i] = opt->rules.item[i].ptr;
    for (size_t i = 0; i < DW_COUNT_OF(usual_rules) && opt->rules.count == 0; i++) {
        int rc = dw_fs_stat(usual_rules[i], &st);
        if (rc == DW_OK)
            path[(*ret_count)++] = usual_rules[i];
        else if (rc != DW_ENOENT) {
            dw_error("%s: %s", usual_rules[i], dw_err_text(rc));
            return DW_ECONFIG;
        }
    }
    return DW_OK;
}

static int load_rules(const struct dw_collector_options *opt, struct dw_keys *keys, struct dw_ruleset **ret)
{
    struct dw_diag_sink sink = {.report = dw_program_say};
    uint32_t count = 0, bad = 0;
    const char **path = dw_alloc((opt->rules.count + DW_COUNT_OF(usual_rules)) * sizeof *path);
    int rc = path ? rule_paths(opt, path, &count) : DW_ENOMEM;
    if (rc == DW_OK) {
        rc = dw_ruleset_load(&dw_fs_system, path, count, keys, NULL, sink, ret, &bad);
        if (rc < 0)
            dw_error("%s: %s", bad < count ? path[bad] : "rules", dw_err_text(rc));
    }
    if (rc == DW_OK && dw_ruleset_count(*ret) == 0)
        dw_warn("NO RULES: nothing will be detected; frames are only archived. Rules are read from %s", count ? path[0] : usual_rules[0]);
    else if (rc == DW_OK)
        dw_info("%u rules loaded, %u left out", dw_ruleset_count(*ret), dw_ruleset_errors(*ret));
    dw_free(path);
    return rc;
}

/* Where frames come from, as configuration says. */
static int open_receiver(void *arg, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    const struct program *p = arg;
    const struct dw_collector_options *o = p->opt;
    if (o->transport == DW_TRANSPORT_DIR)
        return dw_dir_receiver_open(&dw_fs_system, p->queue_dir, count ? from : NULL, ret);
    struct dw_kafka_conf conf = {.brokers = o->kafka_brokers, .topic = o->kafka_topic, .group = o->kafka_group,
        .partitions = (uint32_t)o->kafka_partitions, .copies = (uint32_t)o->kafka_replicas, .client = DW_STR("dogwatch-collector"),
        .key = o->kafka_options.key, .value = o->kafka_options.value, .option_count = o->kafka_options.count,
        .password = o->kafka_password.bytes};
    return dw_kafka_receiver_open(&conf, from, count, ret);
}

static int find_queue(struct program *p)
{
    const struct dw_collector_options *o = p->opt;
    if (o->transport == DW_TRANSPORT_KAFKA)
        return DW_OK;
    int n = o->queue_dir.len ? snprintf(p->queue_dir, sizeof p->queue_dir, "%s", o->queue_dir.ptr)
                             : snprintf(p->queue_dir, sizeof p->queue_dir, "%s/queue", o->data.ptr);
    return n < 0 || n >= (int)sizeof p->queue_dir ? DW_ELIMIT : dw_fs_mkdirs(&dw_fs_system, p->queue_dir, 0750);
}

static int work(const struct dw_collector_options *opt)
{
    struct program p = {.opt = opt};
    struct dw_keys *keys = dw_keys_new();
    struct dw_ruleset *rules = NULL;
    int rc = keys ? load_rules(opt, keys, &rules) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = find_queue(&p);
    struct dw_intake_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .data = opt->data.ptr, .open_receiver = open_receiver,
        .arg = &p, .partitions = opt->transport == DW_TRANSPORT_KAFKA, .keys = keys, .rules = rules, .lateness_ns = opt->lateness,
        .idle_after_ns = opt->agent_idle_after, .segment_max_bytes = (uint64_t)opt->segment_max_bytes, .seal_age_ns = opt->seal_age};
    if (rc == DW_OK) {
        rc = dw_intake_open(&conf, &p.engine);
        if (rc < 0)
            dw_error("%s: %s", opt->data.ptr, dw_err_text(rc));
    }
    if (rc == DW_OK)
        rc = dw_counters_file_init(&p.counters, opt->data.ptr, "collector");
    if (rc == DW_OK) {
        rc = run(&p);
        dw_counters_file_save(&p.counters, true);
    }
    dw_intake_close(p.engine);
    dw_ruleset_free(rules);
    dw_keys_free(keys);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct dw_program program = {.name = "dogwatch-collector", .table = &dw_conf_collector};
    struct dw_collector_options opt;
    struct dw_conf conf;
    int code;
    if (!dw_program_begin(&program, argc, argv, &conf, &opt, &code))
        return code;
    dw_log_setup(program.name, (enum dw_log_level)opt.log_level);
    int rc = dw_program_lock(opt.data.ptr, "collector.lock");
    if (rc == DW_OK)
        rc = work(&opt);
    dw_conf_fini(&conf);
    return dw_program_exit(rc);
}
