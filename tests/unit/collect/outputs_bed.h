/*
 * An output over an alert store in a temporary folder, with a clock of its own and a way out that answers as it is told.
 */
#ifndef DOGWATCH_TESTS_OUTPUTS_BED_H
#define DOGWATCH_TESTS_OUTPUTS_BED_H

#include "support.h"

#include "../../../collector/notify/notify_int.h"

#include "dogwatch/collect/alerts.h"

#include <stdio.h>
#include <unistd.h>

#define BED_NOW_NS (INT64_C(1795900000) * DW_NS_PER_S)
enum { BED_SENT_MAX = 512 };

struct outputs_bed {
    char dir[512], alerts_dir[600];
    struct dw_clock clock; /* before others: found by it */
    int64_t now_ns;
    struct dw_alerts *alerts;
    struct dw_collector_options all;
    struct dw_output_options opt;
    struct faulty_fs fs;
    struct output output;
    bool open;
    struct dw_buf sent; /* keys that were taken, each with a blank */
    uint32_t attempts;
    enum output_answer answer; /* of the receiver */
    const char *refuses;       /* bodies with this text are refused; NULL: none */
};

/* The bed of the test in hand: the way out has no other path to it. */
static struct outputs_bed *bed_in_hand;

static inline int bed_open(struct output *o)
{
    (void)o;
    return DW_OK;
}

static inline void bed_close(struct output *o)
{
    (void)o;
}

static inline void bed_send(struct output *o, const struct output_message *m, struct output_result *ret)
{
    struct outputs_bed *b = bed_in_hand;
    (void)o;
    b->attempts++;
    bool refused = b->refuses && dw_str_find(dw_buf_view(&m->body), dw_str_of(b->refuses)) < m->body.len;
    output_say(ret, refused ? OUTPUT_REFUSED : b->answer, "as told");
    if (ret->answer == OUTPUT_TAKEN)
        dw_buf_printf(&b->sent, "%s ", m->key);
}

static const struct output_way bed_way = {.open = bed_open, .send = bed_send, .close = bed_close};

static inline int64_t bed_time(const struct dw_clock *c)
{
    (void)c;
    return bed_in_hand->now_ns;
}

static inline int bed_start(struct outputs_bed *b)
{
    struct dw_notify_conf conf = {.opt = &b->all, .fs = &b->fs.fs, .clock = &b->clock};
    uint64_t durable = dw_alerts_durable(b->alerts);
    output_init(&b->output, &conf, &b->opt, durable);
    b->output.way = &bed_way;
    int rc = output_open(&b->output, durable);
    b->open = true;
    return rc;
}

static inline void bed_end(struct outputs_bed *b)
{
    if (b->open)
        output_fini(&b->output);
    b->open = false;
}

static inline void bed_init(struct outputs_bed *b)
{
    memset(b, 0, sizeof *b);
    bed_in_hand = b;
    faulty_fs_init(&b->fs, 0, FAULT_EIO);
    (void)snprintf(b->dir, sizeof b->dir, "%s", temp_dir());
    (void)snprintf(b->alerts_dir, sizeof b->alerts_dir, "%s/alerts", b->dir);
    b->clock = (struct dw_clock){bed_time, bed_time};
    b->now_ns = BED_NOW_NS;
    b->all = (struct dw_collector_options){.data = dw_str_of(b->dir), .notify_max_age = 3600 * DW_NS_PER_S, .notify_summary = 60 * DW_NS_PER_S};
    b->opt = (struct dw_output_options){.name = DW_STR("out"), .type = DW_OUTPUT_webhook, .retry_for = 3600 * DW_NS_PER_S, .ocsf_version = DW_STR("1.3.0"), .filter = DW_STR("")};
    assert_int_equal(dw_alerts_open(&dw_fs_system, b->alerts_dir, &b->alerts), DW_OK);
}

static inline void bed_fini(struct outputs_bed *b)
{
    bed_end(b);
    dw_alerts_close(b->alerts);
    dw_buf_fini(&b->sent);
    temp_dir_remove(b->dir);
    bed_in_hand = NULL;
}

/* An alert that is durable. */
static inline void bed_raise(struct outputs_bed *b, const char *id, const char *rule, int64_t total, int64_t time_ns)
{
    char doc[256];
    (void)snprintf(doc, sizeof doc, "{\"event\":{\"id\":\"%s\"},\"rule\":{\"id\":\"%s\",\"level\":\"high\"},\"source\":{\"ip\":\"203.0.113.9\"},\"total\":%lld}", id, rule, (long long)total);
    struct dw_alert a = {.id = id, .rule = rule, .title = "A title", .level = "high", .time_ns = time_ns, .key = DW_STR("source.ip=203.0.113.9"), .total = total, .doc = dw_str_of(doc)};
    assert_int_equal(dw_alerts_raise(b->alerts, &a), DW_OK);
    assert_int_equal(dw_alerts_sync(b->alerts), DW_OK);
}

/* Rounds until nothing waits, or so many. */
static inline int bed_turns(struct outputs_bed *b, int rounds)
{
    int rc = DW_OK;
    do
        rc = output_turn(&b->output, dw_alerts_durable(b->alerts), false);
    while (rc == DW_OK && b->output.journal.head && --rounds > 0);
    return rc;
}

static inline void bed_path(const struct outputs_bed *b, const char *end, char out[600])
{
    (void)snprintf(out, 600, "%s/outputs/out%s", b->dir, end);
}

#endif
