/*
 * kafka_publish: one record after the other to a topic, each waited for.
 *
 * Idea: librdkafka retries by itself for as long as it takes, so a record that was handed over is never produced a second time by this
 * process; who asks again by the same name waits for the same report. Only a kill in between makes two records of one name.
 *
 * Invariants:
 *   (1) At most one record is under way.
 *   (2) After a fatal error (the idempotent producer lost its place) everything answers DW_EIO until it is opened anew.
 */
#include "kafka_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

#include <stdio.h>

enum { POLL_MS = 50, CLOSE_MS = 2000, NAME_CAP = 256, TEXT_CAP = 200 };

struct dw_publisher {
    struct dw__kafka_trouble trouble;
    rd_kafka_t *rk;
    char *topic, *brokers;
    char name[NAME_CAP]; /* of the record under way; "": none is */
    char text[TEXT_CAP];
    bool reported;
    rd_kafka_resp_err_t report;
    struct dw__kafka_look look;
    int broken;
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    struct dw_publisher *p = DW_ITEM(arg, struct dw_publisher, trouble);
    (void)rk;
    p->report = m->err;
    p->reported = true;
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *arg)
{
    struct dw_publisher *p = DW_ITEM(arg, struct dw_publisher, trouble);
    char text[512];
    dw__kafka_say(&p->trouble, (rd_kafka_resp_err_t)err, reason);
    (void)snprintf(p->text, sizeof p->text, "%s", reason);
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        (void)rd_kafka_fatal_error(rk, text, sizeof text);
        (void)snprintf(p->text, sizeof p->text, "%.*s", TEXT_CAP - 1, text);
        p->broken = DW_EIO;
    }
}

int dw_kafka_publisher_open(const struct dw_kafka_conf *conf, struct dw_publisher **ret)
{
    static const struct dw__kafka_property own[] = {{"enable.idempotence", "true"}, {"acks", "all"}, {"message.timeout.ms", "0"}, {"linger.ms", "0"},
        {"message.max.bytes", "1000000"}, {"partitioner", "murmur2_random"}};
    char why[512];
    struct dw_publisher *p = dw_calloc(1, sizeof *p);
    if (!p)
        return DW_ENOMEM;
    dw__kafka_trouble_init(&p->trouble, "kafka output", "Write", conf);
    p->topic = dw_strndup(conf->topic.ptr, conf->topic.len);
    p->brokers = dw_strndup(conf->brokers.ptr, conf->brokers.len);
    rd_kafka_conf_t *c = p->topic && p->brokers ? dw__kafka_conf(conf, own, DW_COUNT_OF(own), &p->trouble) : NULL;
    if (c) {
        rd_kafka_conf_set_dr_msg_cb(c, on_report);
        rd_kafka_conf_set_error_cb(c, on_error);
        p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, c, why, sizeof why);
        if (!p->rk) {
            rd_kafka_conf_destroy(c);
            dw_error("kafka: %s", why);
        }
    }
    if (!p->rk) {
        int rc = p->topic && p->brokers ? DW_ECONFIG : DW_ENOMEM;
        dw_kafka_publisher_close(p);
        return rc;
    }
    *ret = p;
    return DW_OK;
}

static bool has_topic(struct dw_publisher *p)
{
    bool there = dw__kafka_look(&p->look, p->rk, p->topic, p->brokers, &p->trouble);
    if (!there)
        (void)snprintf(p->text, sizeof p->text, "no broker answers, or topic %s is not there", p->topic);
    return there;
}

/* Headers are a list of ours: librdkafka frees one that it makes itself twice when it does not take the record (confluentinc/librdkafka#4627). */
static int hand_over(struct dw_publisher *p, const struct dw_publish *what)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    (void)rd_kafka_header_add(headers, "idempotency-key", -1, what->name.ptr, (ssize_t)what->name.len);
    const rd_kafka_vu_t record[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = p->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)what->key.ptr, what->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)what->value.ptr, what->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(p->rk, record, DW_COUNT_OF(record));
    rd_kafka_resp_err_t err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error) {
        rd_kafka_error_destroy(error);
        rd_kafka_headers_destroy(headers); /* else the record has them */
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)snprintf(p->name, sizeof p->name, "%.*s", DW_ARG(what->name));
        p->reported = false;
        return DW_OK;
    }
    (void)snprintf(p->text, sizeof p->text, "%s", rd_kafka_err2str(err));
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? DW_ELIMIT : err == RD_KAFKA_RESP_ERR__FATAL ? DW_EIO : DW_EAGAIN;
}

static int judge(struct dw_publisher *p)
{
    p->name[0] = '\0';
    if (p->report == RD_KAFKA_RESP_ERR_NO_ERROR) {
        dw__kafka_well(&p->trouble);
        return DW_OK;
    }
    dw__kafka_say(&p->trouble, p->report, NULL);
    (void)snprintf(p->text, sizeof p->text, "%s", rd_kafka_err2str(p->report));
    return p->report == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? DW_ELIMIT : DW_EAGAIN;
}

/* Waits for the report of what is under way. DW_EAGAIN: none came in time. */
static int wait_for_report(struct dw_publisher *p, const struct dw_publish *what, int64_t until)
{
    while (!p->reported && !p->broken) {
        if ((what->stop && what->stop(what->arg)) || dw_clock_mono(&dw_clock_system) > until) {
            if (!p->text[0])
                (void)snprintf(p->text, sizeof p->text, "the brokers did not answer in time");
            return DW_EAGAIN;
        }
        (void)rd_kafka_poll(p->rk, POLL_MS);
    }
    return p->broken ? p->broken : judge(p);
}

int dw_kafka_publish(struct dw_publisher *p, const struct dw_publish *what)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + what->timeout_ns;
    DW_ASSERT(what->name.len && what->name.len < NAME_CAP);
    (void)rd_kafka_poll(p->rk, 0);
    if (p->name[0]) {
        bool same = dw_str_eq(dw_str_of(p->name), what->name);
        int rc = wait_for_report(p, what, until);
        if (same || p->name[0] || p->broken) /* else it was of one that nobody waits for any more */
            return rc;
    }
    int rc = p->broken ? p->broken : has_topic(p) ? hand_over(p, what) : DW_EAGAIN;
    return rc < 0 ? rc : wait_for_report(p, what, until);
}

const char *dw_kafka_publisher_trouble(const struct dw_publisher *p)
{
    return p->text[0] ? p->text : "the brokers did not answer in time";
}

void dw_kafka_publisher_close(struct dw_publisher *p)
{
    if (!p)
        return;
    if (p->rk) {
        (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(p->rk, CLOSE_MS);
        rd_kafka_destroy(p->rk);
    }
    dw_free(p->topic);
    dw_free(p->brokers);
    dw_free(p);
}
