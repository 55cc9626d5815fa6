/*
 * kafka_send: an idempotent producer; delivery reports drive acknowledgement.
 *
 * Idea: every frame is kept until its report comes, in the order of sending; what is acknowledged is the longest run of delivered
 * frames from the first on. librdkafka retries for ever, so a report is either delivery or the end of this sender: the frames after
 * a failed one must not stand before it, so all that is not acknowledged is read from the files again. With `wire: json` a frame is as many
 * records as it has events, and delivered when all of them are.
 *
 * Invariants:
 *   (1) Frames of an agent have one key, so one partition; with idempotence they stand there once and in order.
 *   (2) acked counts delivered frames without a gap.
 *   (3) Memory: what the caller handed over and the brokers did not take yet; the caller bounds it.
 */
#include "kafka_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

enum { POLL_MS = 5, RING_MIN = 64, CLOSE_MS = 2000 };

struct slot {
    struct dw_frame *frame;
    uint32_t under_way; /* records of it that no report came of */
    bool whole;         /* all its records were produced */
};

struct kafka_sender {
    struct dw_sender base; /* first: ops find us by it */
    rd_kafka_t *rk;
    rd_kafka_topic_t *records;
    char *topic, *brokers;
    struct dw_buf key;
    /* frames acked .. acked + waiting - 1, at their number modulo cap (a power of two) */
    struct slot *ring;
    uint32_t cap, waiting;
    uint64_t acked;
    struct dw__kafka_events *events; /* of the newest frame; NULL: frames are records */
    struct dw__kafka_trouble trouble;
    struct dw__kafka_look look;
    int broken; /* a DW_E code: this sender is over */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    struct kafka_sender *s = DW_ITEM(arg, struct kafka_sender, trouble);
    uint64_t number = (uint64_t)(uintptr_t)m->_private;
    (void)rk;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        s->ring[number & (s->cap - 1)].under_way--;
        dw__kafka_well(&s->trouble);
        return;
    }
    if (m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    dw__kafka_say(&s->trouble, m->err, NULL);
    s->broken = m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? DW_ELIMIT : DW_EIO;
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *arg)
{
    struct kafka_sender *s = DW_ITEM(arg, struct kafka_sender, trouble);
    char text[512];
    if (err != RD_KAFKA_RESP_ERR__FATAL) {
        dw__kafka_say(&s->trouble, (rd_kafka_resp_err_t)err, reason);
        return;
    }
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof text);
    dw_error("kafka sender: %s: %s%s; a new epoch begins", rd_kafka_err2name(fatal), text, dw__kafka_remedy(&s->trouble, fatal));
    DW_COUNT(kafka_fatal);
    s->broken = DW_EIO;
}

static struct slot *slot_of(struct kafka_sender *s, uint64_t number)
{
    return &s->ring[number & (s->cap - 1)];
}

static void take_acks(struct kafka_sender *s)
{
    while (s->waiting && slot_of(s, s->acked)->whole && slot_of(s, s->acked)->under_way == 0) {
        struct slot *first = slot_of(s, s->acked);
        dw_frame_free(first->frame);
        *first = (struct slot){0};
        s->acked++;
        s->waiting--;
    }
}

static bool grow(struct kafka_sender *s)
{
    uint32_t cap = s->cap ? s->cap * 2 : RING_MIN;
    struct slot *ring = dw_calloc(cap, sizeof *ring);
    if (!ring)
        return false;
    for (uint32_t i = 0; i < s->waiting; i++)
        ring[(s->acked + i) & (cap - 1)] = s->ring[(s->acked + i) & (s->cap - 1)];
    dw_free(s->ring);
    s->ring = ring;
    s->cap = cap;
    return true;
}

/* A record of frame `number`. DW_EAGAIN: there is no room now. */
static int produce(struct kafka_sender *s, uint64_t number, struct dw_str bytes, int flags)
{
    int sent = rd_kafka_produce(s->records, RD_KAFKA_PARTITION_UA, flags, (void *)(uintptr_t)bytes.ptr, bytes.len, s->key.ptr, s->key.len,
        (void *)(uintptr_t)number);
    rd_kafka_resp_err_t err = sent == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return DW_EAGAIN;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return DW_OK;
    dw__kafka_say(&s->trouble, err, NULL);
    s->broken = err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? DW_ELIMIT : DW_EIO;
    return s->broken;
}

/* The events of the newest frame, as far as there is room. */
static int produce_events(struct kafka_sender *s)
{
    uint64_t number = s->acked + s->waiting - 1;
    struct slot *slot = slot_of(s, number);
    struct dw_str json;
    int rc;
    while ((rc = dw__kafka_events_look(s->events, &json)) == DW_OK && (rc = produce(s, number, json, RD_KAFKA_MSG_F_COPY)) == DW_OK) {
        slot->under_way++;
        dw__kafka_events_pass(s->events);
    }
    slot->whole = rc == DW_ENOENT;
    return slot->whole ? DW_OK : rc;
}

static bool is_newest_whole(struct kafka_sender *s)
{
    return s->waiting == 0 || slot_of(s, s->acked + s->waiting - 1)->whole;
}

static int kafka_send(struct dw_sender *base, struct dw_frame **frame)
{
    struct kafka_sender *s = (struct kafka_sender *)base;
    if (s->broken)
        return s->broken;
    if (!dw__kafka_look(&s->look, s->rk, s->topic, s->brokers, &s->trouble) || !is_newest_whole(s))
        return DW_EAGAIN;
    if (s->waiting == s->cap && !grow(s))
        return DW_ENOMEM;
    uint64_t number = s->acked + s->waiting;
    int rc = s->events ? dw__kafka_events_take(s->events, *frame) : produce(s, number, dw_buf_view(&(*frame)->bytes), 0);
    if (rc < 0)
        return rc;
    *slot_of(s, number) = (struct slot){.frame = *frame, .under_way = s->events ? 0 : 1, .whole = !s->events};
    s->waiting++;
    *frame = NULL;
    if (s->events)
        rc = produce_events(s);
    return rc == DW_EAGAIN ? DW_OK : rc; /* pump produces the rest */
}

static int kafka_pump(struct dw_sender *base, uint64_t *ret_acked)
{
    struct kafka_sender *s = (struct kafka_sender *)base;
    (void)rd_kafka_poll(s->rk, s->waiting ? POLL_MS : 0);
    int rc = s->broken || is_newest_whole(s) ? s->broken : produce_events(s);
    take_acks(s);
    *ret_acked = s->acked;
    return rc == DW_EAGAIN ? DW_OK : rc;
}

static const struct dw_frame *kafka_waiting(const struct dw_sender *base, uint64_t i)
{
    const struct kafka_sender *s = (const struct kafka_sender *)base;
    DW_ASSERT(i < s->waiting);
    return s->ring[(s->acked + i) & (s->cap - 1)].frame;
}

static void kafka_close(struct dw_sender *base)
{
    struct kafka_sender *s = (struct kafka_sender *)base;
    if (s->rk) {
        (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(s->rk, CLOSE_MS); /* the reports of what was purged */
        if (s->records)
            rd_kafka_topic_destroy(s->records);
        rd_kafka_destroy(s->rk);
    }
    for (uint32_t i = 0; i < s->waiting; i++)
        dw_frame_free(s->ring[(s->acked + i) & (s->cap - 1)].frame);
    dw_free(s->ring);
    dw_free(s->topic);
    dw_free(s->brokers);
    dw__kafka_events_free(s->events);
    dw_buf_fini(&s->key);
    dw_free(s);
}

static const struct dw_sender_ops kafka_ops = {.name = "kafka", .send = kafka_send, .pump = kafka_pump, .waiting = kafka_waiting,
    .close = kafka_close};

static int connect_producer(struct kafka_sender *s, const struct dw_kafka_conf *conf)
{
    static const struct dw__kafka_property own[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"message.timeout.ms", "0"},          /* tried for ever: frames are given up by us or not at all */
        {"enable.gapless.guarantee", "true"}, /* what would leave a gap is fatal: a new epoch instead */
        {"linger.ms", "0"},                   /* frames are batches already */
        {"compression.type", "none"},
        {"message.max.bytes", "1000000"},
        {"batch.size", "100000"},       /* five requests are on their way at once: at 64 KiB a second they get through before ... */
        {"socket.timeout.ms", "30000"}, /* ... they are given up, and an agent is back within the collector's agent.idle_after */
        {"queue.buffering.max.kbytes", "65536"},
        {"partitioner", "murmur2_random"}, /* as Java's clients do it */
    };
    char why[512];
    rd_kafka_conf_t *c = dw__kafka_conf(conf, own, DW_COUNT_OF(own), &s->trouble);
    if (!c)
        return DW_ECONFIG;
    rd_kafka_conf_set_dr_msg_cb(c, on_delivery);
    rd_kafka_conf_set_error_cb(c, on_error);
    s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, c, why, sizeof why);
    if (!s->rk) {
        rd_kafka_conf_destroy(c);
        dw_error("kafka: %s", why);
        return DW_ECONFIG;
    }
    s->records = rd_kafka_topic_new(s->rk, s->topic, NULL);
    return s->records ? DW_OK : DW_ENOMEM;
}

int dw_kafka_sender_open(const struct dw_kafka_conf *conf, struct dw_str key, struct dw_sender **ret)
{
    struct kafka_sender *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    s->base.ops = &kafka_ops;
    dw__kafka_trouble_init(&s->trouble, "kafka sender", "Write", conf);
    s->topic = dw_strndup(conf->topic.ptr, conf->topic.len);
    s->brokers = dw_strndup(conf->brokers.ptr, conf->brokers.len);
    dw_buf_str(&s->key, key);
    s->events = conf->json ? dw__kafka_events_new() : NULL;
    int rc = s->topic && s->brokers && !s->key.err && (s->events || !conf->json) ? connect_producer(s, conf) : DW_ENOMEM;
    if (rc < 0) {
        kafka_close(&s->base);
        return rc;
    }
    *ret = &s->base;
    return DW_OK;
}
