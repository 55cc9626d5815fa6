/*
 * notify: the outputs begin and end, and hear how much of alerts.log is durable.
 *
 * Invariants:
 *   (1) The loop never waits for an output but at the end, and then with a bound.
 *   (2) An output whose own files cannot be used is left out and said so: frames and the other outputs go on.
 */
#include "notify_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <curl/curl.h>
#include <stdio.h>

enum { GIVEN_MOST = 8192 }; /* all that may stand, and their ends */
#define DRAIN_NS (30 * DW_NS_PER_S)
#define END_NS (2 * DW_NS_PER_S)

static const struct output_way *way_of(enum dw_output_type t)
{
    switch (t) {
    case DW_OUTPUT_webhook:
    case DW_OUTPUT_alertmanager: return &output_http;
    case DW_OUTPUT_syslog: return &output_syslog;
    case DW_OUTPUT_kafka: return &output_kafka;
    case DW_OUTPUT_file: return &output_file;
    case DW_OUTPUT_TYPES: break;
    }
    DW_NEVER("all types are above");
}

static int path_of(const struct output *o, const char *dir, const char *end, char out[OUTPUT_PATH_CAP])
{
    char name[DW_OUTPUT_NAME_MAX + 16];
    (void)snprintf(name, sizeof name, "%s%s", o->opt->name.ptr, end);
    return dw_path_join(out, OUTPUT_PATH_CAP, dir, name);
}

static int open_files(struct output *o, const char *data, uint64_t durable)
{
    char dir[OUTPUT_PATH_CAP], path[OUTPUT_PATH_CAP];
    int rc = dw_path_join(dir, sizeof dir, data, "outputs");
    if (rc == DW_OK)
        rc = dw_path_join(o->alerts_dir, sizeof o->alerts_dir, data, "alerts");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(o->fs, dir, 0750);
    if (rc == DW_OK)
        rc = path_of(o, dir, ".status", o->status_path);
    if (rc == DW_OK)
        rc = path_of(o, dir, ".retry", o->retry_path);
    if (rc == DW_OK)
        rc = path_of(o, dir, ".queue", path);
    if (rc == DW_OK)
        rc = output_journal_open(&o->journal, o->fs, path);
    if (rc == DW_OK)
        rc = path_of(o, dir, ".dead", path);
    if (rc == DW_OK)
        rc = output_dead_open(&o->dead, o->fs, path);
    if (rc == DW_OK)
        rc = dw_alerts_open_read(o->alerts_dir, &o->view);
    return rc == DW_OK ? output_open_log(o, durable) : rc;
}

static int make_filter(struct output *o)
{
    struct dw_diags diags;
    dw_diags_init(&diags, DW_STR("filter"), o->opt->filter);
    int rc = o->opt->filter.len ? dw_alert_filter_new(o->opt->filter, &diags, &o->filter) : DW_OK;
    if (rc == DW_OK && !(o->events = dw_alert_events_new()))
        rc = DW_ENOMEM;
    return rc == DW_ESYNTAX ? DW_ECONFIG : rc; /* it was checked with the configuration */
}

void output_init(struct output *o, const struct dw_notify_conf *conf, const struct dw_output_options *opt, uint64_t durable)
{
    pthread_condattr_t monotonic;
    *o = (struct output){.opt = opt, .all = conf->opt, .fs = conf->fs, .clock = conf->clock, .way = way_of((enum dw_output_type)opt->type),
        .log_fd = -1, .durable = durable, .status_due = true, .journal = {.fd = -1}, .dead = {.fd = -1}};
    (void)snprintf(o->status.name, sizeof o->status.name, "%s", opt->name.ptr);
    (void)snprintf(o->status.type, sizeof o->status.type, "%s", dw_output_type_name((enum dw_output_type)opt->type));
    atomic_store(&o->give_up_ns, INT64_MAX);
    (void)pthread_mutex_init(&o->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&o->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

void output_fini(struct output *o)
{
    o->way->close(o);
    output_journal_close(&o->journal);
    output_dead_close(&o->dead);
    dw_alert_filter_free(o->filter);
    dw_alert_events_free(o->events);
    dw_alerts_close(o->view);
    dw_fuse_free(o->fuse);
    dw_fuse_free(o->early_fuse);
    dw_keyed_fini(&o->early_held);
    dw_buf_fini(&o->message.body);
    dw_buf_fini(&o->given);
    dw_fs_close(o->log_fd);
    (void)pthread_mutex_destroy(&o->lock);
    (void)pthread_cond_destroy(&o->changed);
}

int output_open(struct output *o, uint64_t durable)
{
    int rc = dw_rng_bytes((uint8_t *)&o->rng.state, sizeof o->rng.state);
    if (rc == DW_OK)
        rc = make_filter(o);
    if (rc == DW_OK)
        rc = o->way->open(o);
    return rc == DW_OK ? open_files(o, o->all->data.ptr, durable) : rc;
}

/* DW_OK also where it is left out. */
static int start(struct output *o, uint64_t durable)
{
    const char *name = o->opt->name.ptr;
    int rc = output_open(o, durable);
    if (rc == DW_OK && pthread_create(&o->thread, NULL, output_run, o) != 0)
        rc = DW_ENOMEM;
    o->running = rc == DW_OK;
    if (rc < 0 && rc != DW_ECONFIG) /* that was said */
        dw_error("output %s: its files in %s/outputs: %s; it is left out", name, o->all->data.ptr, dw_err_text(rc));
    else if (rc == DW_OK)
        dw_info("output %s (%s): alerts are sent", name, o->status.type);
    return rc == DW_ENOMEM || rc == DW_ECONFIG ? rc : DW_OK;
}

int dw_notify_start(const struct dw_notify_conf *conf, uint64_t durable, struct dw_notify **ret)
{
    const struct dw_output_options *opt = conf->opt->outputs.item;
    struct dw_notify *n = dw_calloc(1, sizeof *n);
    if (!n)
        return DW_ENOMEM;
    n->conf = *conf;
    *ret = n;
    if (conf->opt->outputs.count == 0)
        return DW_OK;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(n->output = dw_calloc(conf->opt->outputs.count, sizeof *n->output)))
        return DW_ENOMEM;
    int rc = DW_OK;
    for (uint32_t i = 0; i < conf->opt->outputs.count && rc == DW_OK; i++) {
        output_init(&n->output[i], &n->conf, &opt[i], durable);
        n->count++;
        rc = start(&n->output[i], durable);
    }
    return rc;
}

void dw_notify_durable(struct dw_notify *n, uint64_t durable)
{
    for (uint32_t i = 0; i < n->count; i++) {
        struct output *o = &n->output[i];
        (void)pthread_mutex_lock(&o->lock);
        if (o->durable != durable) {
            o->durable = durable;
            (void)pthread_cond_signal(&o->changed);
        }
        (void)pthread_mutex_unlock(&o->lock);
    }
}

void dw_notify_provisional(struct dw_notify *n, struct dw_str line)
{
    for (uint32_t i = 0; i < n->count; i++) {
        struct output *o = &n->output[i];
        if (!o->opt->provisional || !o->running)
            continue;
        (void)pthread_mutex_lock(&o->lock);
        const bool takes = o->given_count < GIVEN_MOST;
        if (takes) {
            dw_buf_str(&o->given, line);
            dw_buf_byte(&o->given, '\n');
            o->given_count++;
            (void)pthread_cond_signal(&o->changed);
        }
        (void)pthread_mutex_unlock(&o->lock);
        DW_COUNT_IF(!takes, provisional_unsent);
    }
}

bool dw_notify_trouble(struct dw_notify *n, struct dw_notify_trouble *ret)
{
    bool found = false;
    for (uint32_t i = 0; i < n->count && !found; i++) {
        struct output *o = &n->output[i];
        (void)pthread_mutex_lock(&o->lock);
        found = o->trouble.name[0] != '\0';
        if (found) {
            *ret = o->trouble;
            o->trouble.name[0] = '\0';
        }
        (void)pthread_mutex_unlock(&o->lock);
    }
    return found;
}

void dw_notify_stop(struct dw_notify *n, bool drain)
{
    if (!n)
        return;
    for (uint32_t i = 0; i < n->count; i++) {
        struct output *o = &n->output[i];
        atomic_store(&o->drain, drain);
        atomic_store(&o->give_up_ns, dw_clock_mono(n->conf.clock) + (drain ? DRAIN_NS : END_NS));
        (void)pthread_mutex_lock(&o->lock);
        o->stop = true;
        (void)pthread_cond_signal(&o->changed);
        (void)pthread_mutex_unlock(&o->lock);
    }
    for (uint32_t i = 0; i < n->count; i++) {
        if (n->output[i].running)
            (void)pthread_join(n->output[i].thread, NULL);
        output_fini(&n->output[i]);
    }
    if (n->conf.opt->outputs.count)
        curl_global_cleanup();
    dw_free(n->output);
    dw_free(n);
}
