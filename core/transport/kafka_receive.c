/*
 * kafka_receive: one consumer of a group; positions are our own.
 *
 * Idea: where a partition goes on is told by what we archived, not by the broker: an assigned partition is sought to the frame taken
 * last, which must still stand there. Only where another collector had the partition and was further is that taken instead: by what the
 * group committed, or by the part in the topic of states (kafka_handover.c). What the broker no longer has, or has otherwise, is handed out as `replaced` or `expired`, never skipped silently.
 * Whatever cannot be asked of a broker now is asked again later; the other partitions go on. Nothing is called drained
 * while a leader does not even say that it has nothing (kafka_heard.c). Partitions, and what is committed: kafka_group.c.
 *
 * Invariants:
 *   (1) source is first_source and the partition, offset the record's, next = offset + 1.
 *   (2) The bytes of a record are valid until the next call: one message is held.
 *   (3) While a seek or a question is open for a partition nothing of it is handed out.
 */
#include "kafka_receive_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

#define LOOK_NS DW_NS_PER_S
#define SPEAK_NS (20 * DW_NS_PER_S) /* how long partitions that were taken again may say nothing, not even that they end */
#define LEAVE_NS (5 * DW_NS_PER_S) /* how long leaving the group waits for having joined it */

/* librdkafka says it now by its error callback, now by a message. */
static void see_whether_gone(struct kafka_receiver *r, int err)
{
    bool gone = err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    r->topic_went |= gone && r->taken_part;
    r->retake |= gone && r->taken_part;
}

/* An error that the client tells of, by its callback or by a message. */
static void take_error(struct kafka_receiver *r, rd_kafka_resp_err_t err, const char *reason)
{
    char text[512];
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(r->rk, text, sizeof text);
        if (!r->fatal)
            dw_error("kafka receiver: %s: %s; another client takes its place", rd_kafka_err2name(fatal), text);
        DW_COUNT_IF(!r->fatal, kafka_fatal);
        r->fatal = true;
        return;
    }
    see_whether_gone(r, err);
    r->away |= err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    dw__kafka_say(&r->trouble, err, reason);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *arg)
{
    (void)rk;
    take_error(DW_ITEM(arg, struct kafka_receiver, trouble), (rd_kafka_resp_err_t)err, reason);
}

static bool is_ours(const void *arg, uint64_t partition)
{
    const struct kafka_receiver *r = arg;
    return partition < r->count && r->partition[partition].assigned;
}

static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *arg)
{
    struct kafka_receiver *r = DW_ITEM(arg, struct kafka_receiver, trouble);
    uint32_t ours = 0, all;
    (void)rk;
    for (uint32_t i = 0; i < r->count; i++)
        ours += r->partition[i].assigned;
    r->unheard = dw__kafka_heard(dw_str_make(json, len), is_ours, r, &all) < ours;
    r->elsewhere = ours && all > ours ? all - ours : 0;
    r->parts = all ? all : r->parts;
    return 0; /* librdkafka frees it */
}

/* ---- the topic ---- */

/* Errors come by polling, also before there is anything to receive. */
static void hear_errors(struct kafka_receiver *r)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(r->rk, 0);
    if (m && m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        take_error(r, m->err, rd_kafka_message_errstr(m));
    if (m)
        rd_kafka_message_destroy(m);
}

/* Whether the topic is there and we take part. */
static int join(struct kafka_receiver *r)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    if (r->subscribed)
        return DW_OK;
    hear_errors(r);
    if (r->failed || (r->look_ns && now - r->look_ns < LOOK_NS))
        return r->failed ? r->failed : DW_EAGAIN;
    r->has_topic = dw__kafka_has_topic(r->rk, r->topic, r->brokers, &r->trouble, &r->parts);
    if (!r->has_topic && r->trouble.last == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        dw__kafka_make(&r->make, r->rk);
    r->look_ns = dw_clock_mono(&dw_clock_system);
    if (!r->has_topic)
        return DW_EAGAIN;
    dw__kafka_well(&r->trouble);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    r->subscribed = err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!r->subscribed)
        dw__kafka_say(&r->trouble, err, NULL);
    return r->subscribed ? DW_OK : DW_EAGAIN;
}

/* ---- records ---- */

/* Whether nothing of a partition is handed out now. */
static bool is_held(const struct partition *p)
{
    return p->seek != NO_SEEK || p->lost || p->asked || p->leaving || !p->assigned; /* librdkafka may still hand out records of what was unassigned */
}

static struct dw_position place(const struct kafka_receiver *r, int32_t partition, uint64_t offset, uint64_t next)
{
    return (struct dw_position){r->first_source + (uint64_t)partition, offset, next};
}

/* What was taken last does not stand there any more: from the beginning. */
static int tell_replaced(struct kafka_receiver *r, int32_t partition, struct dw_received *ret)
{
    struct partition *p = &r->partition[partition];
    *ret = (struct dw_received){.at = place(r, partition, p->last.at.offset, p->last.at.next), .replaced = true};
    p->known = p->check = p->lost = p->moved = false;
    p->first = true;
    p->commit = 0;
    dw__group_seek(r, partition, RD_KAFKA_OFFSET_BEGINNING);
    return DW_OK;
}

/* The broker has no record where we go on: it let them go (expired), or the topic is another one (replaced). DW_ENOENT: neither, or it
 * does not answer and is asked again. */
static int out_of_range(struct kafka_receiver *r, int32_t partition, struct dw_received *ret)
{
    struct partition *p = &r->partition[partition];
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(r->rk, r->topic, partition, &low, &high, LOOK_MS);
    p->at_end = false;
    p->lost = err != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (p->lost) {
        dw__kafka_say(&r->trouble, err, NULL);
        return DW_ENOENT;
    }
    uint64_t next = p->known ? p->last.at.next : 0;
    if ((uint64_t)high < next)
        return tell_replaced(r, partition, ret);
    p->check = p->first = false;
    dw__group_go_on_at(p, (uint64_t)low > next ? (uint64_t)low : next);
    dw__group_seek(r, partition, (int64_t)p->last.at.next);
    if ((uint64_t)low <= next)
        return DW_ENOENT; /* only what was taken already is gone */
    *ret = (struct dw_received){.at = place(r, partition, next, (uint64_t)low), .expired = true};
    return DW_OK;
}

/* Whether the record at the place taken last is what was taken there. */
static bool stands(const struct partition *p, const rd_kafka_message_t *m)
{
    struct dw_head head;
    size_t len;
    struct dw_str bytes = dw_str_make(m->payload, m->len);
    if ((uint64_t)m->offset != p->last.at.offset)
        return false;
    if (p->last.frame.kind == 0)
        return p->last.record == 0 || p->last.record == dw_record_hash(bytes);
    return dw_head_read(bytes, &head, &len) == DW_OK && memcmp(head.hash, p->last.frame.hash, sizeof head.hash) == 0;
}

static int take_record(struct kafka_receiver *r, const rd_kafka_message_t *m, struct dw_received *ret)
{
    struct partition *p = dw__group_partition(r, (uint64_t)m->partition);
    struct dw_head head = {0};
    size_t len = 0;
    if (!p)
        return DW_ENOMEM;
    p->at_end = false;
    if (is_held(p))
        return DW_ENOENT;
    if (p->check && !stands(p, m))
        return tell_replaced(r, m->partition, ret);
    p->check = false;
    if (p->first && m->offset > 0)
        return out_of_range(r, m->partition, ret);
    p->first = false;
    if (p->known && (uint64_t)m->offset < p->last.at.next)
        return DW_ENOENT; /* it was only looked at, or was set aside before a restart */
    if (p->known && (uint64_t)m->offset > p->last.at.next && (uint64_t)m->offset != p->behind_gap) { /* librdkafka 2.0.2 drops what it has of any partition when the group gives and takes */
        p->behind_gap = (uint64_t)m->offset;
        DW_COUNT(kafka_passed_over);
        dw__group_seek(r, m->partition, (int64_t)p->last.at.next);
        return DW_ENOENT;
    }
    struct dw_str bytes = dw_str_make(m->payload, m->len);
    bool frame = dw_head_read(bytes, &head, &len) == DW_OK && len == bytes.len;
    *ret = (struct dw_received){.bytes = bytes, .is_frame = frame,
        .at = place(r, m->partition, (uint64_t)m->offset, (uint64_t)m->offset + 1)};
    p->known = true;
    p->last = (struct dw_resume){.at = ret->at, .frame = head, .record = frame ? 0 : dw_record_hash(bytes)};
    return DW_OK;
}

/* The partition ends here for now. Where it ends before the record taken last, that record is gone, unless a new leader only does not
 * know yet that others have it: the brokers are asked, and it is looked at again. */
static int take_end(struct kafka_receiver *r, const rd_kafka_message_t *m, struct dw_received *ret)
{
    struct partition *p = dw__group_partition(r, (uint64_t)m->partition);
    int64_t low, high;
    if (!p)
        return DW_ENOMEM;
    if (is_held(p))
        return DW_ENOENT;
    p->at_end = !p->check || (uint64_t)m->offset > p->last.at.offset;
    if (p->at_end)
        return DW_ENOENT;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(r->rk, r->topic, m->partition, &low, &high, LOOK_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && (uint64_t)high <= p->last.at.offset)
        return tell_replaced(r, m->partition, ret);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        dw__kafka_say(&r->trouble, err, NULL);
    p->seek = dw__group_look_from(p); /* mend() goes there */
    return DW_ENOENT;
}

/* Takes the message. DW_ENOENT: nothing of it is to be handed out. */
static int take_message(struct kafka_receiver *r, rd_kafka_message_t *m, struct dw_received *ret)
{
    int rc = DW_ENOENT;
    bool says = true;
    *ret = (struct dw_received){0};
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        dw__kafka_well(&r->trouble);
        rc = take_record(r, m, ret);
    } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        rc = take_end(r, m, ret);
    } else if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        struct partition *p = dw__group_partition(r, (uint64_t)m->partition);
        rc = !p ? DW_ENOMEM : p->asked || p->leaving || !p->assigned ? DW_ENOENT : out_of_range(r, m->partition, ret);
    } else {
        take_error(r, m->err, rd_kafka_message_errstr(m));
        says = false;
    }
    if (says && (uint32_t)m->partition < r->count)
        r->partition[m->partition].silent = false;
    if (rc == DW_OK && ret->bytes.ptr)
        r->held = m;
    else
        rd_kafka_message_destroy(m);
    return rc;
}

/* Whether brokers answer for every partition of the topic. */
static bool all_answer(struct kafka_receiver *r)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(r->rk, r->topic, NULL);
    bool all = rkt && rd_kafka_metadata(r->rk, 0, rkt, &md, LOOK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (all) {
        all = md->topic_cnt == 1 && md->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
        r->parts = all ? (uint32_t)md->topics[0].partition_cnt : r->parts;
        for (int i = 0; all && i < md->topics[0].partition_cnt; i++)
            all = md->topics[0].partitions[i].leader >= 0;
        rd_kafka_metadata_destroy(md);
    }
    if (rkt)
        rd_kafka_topic_destroy(rkt);
    return all;
}

/* The topic was away, or is another one: librdkafka may read on of a partition, or wait for it for ever. Each is looked at again where we
 * stand, so that what was taken there last tells whether it is the same. */
static void retake(struct kafka_receiver *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        struct partition *p = &r->partition[i];
        p->silent = p->assigned;
        if (p->assigned && !is_held(p))
            dw__group_seek(r, (int32_t)i, dw__group_look_from(p));
    }
    r->retake = false;
    r->retaken_ns = dw_clock_mono(&dw_clock_system);
}

/* Leaves the group. It would wait for ever for what was to be let go. */
static void leave(struct kafka_receiver *r)
{
    r->closing = true;
    dw__handover_let_go(r);
    (void)rd_kafka_consumer_close(r->rk);
}

/* After a topic was away librdkafka may neither read it nor be given it by its group any more, whatever is asked of it: another client is. */
static void see_whether_silent(struct kafka_receiver *r, int64_t now)
{
    bool any = false, silent = false;
    for (uint32_t i = 0; i < r->count; i++) {
        any |= r->partition[i].assigned;
        silent |= r->partition[i].assigned && r->partition[i].silent;
    }
    if (any && !silent)
        r->retaken_ns = 0;
    if (!r->retaken_ns || now - r->retaken_ns < SPEAK_NS || !all_answer(r))
        return;
    dw_warn("kafka receiver: nothing comes of topic %s since it was away; another client takes its place", r->topic);
    DW_COUNT(kafka_fatal);
    leave(r); /* else the group waits for it before it gives us anything */
    r->fatal = true;
}

/* What waits for an answer of the brokers, every second. DW_ENOENT: nothing is to be handed out. */
static int mend(struct kafka_receiver *r, struct dw_received *ret)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    int rc = DW_ENOENT;
    if (now - r->mend_ns < LOOK_NS)
        return rc;
    for (uint32_t i = 0; i < r->count && rc == DW_ENOENT; i++) {
        struct partition *p = &r->partition[i];
        if (!p->assigned || p->leaving || (p->asked && r->states))
            continue;
        if (p->asked)
            dw__group_ask_again(r, (int32_t)i);
        else if (p->lost)
            rc = out_of_range(r, (int32_t)i, ret);
        else if (p->seek != NO_SEEK)
            dw__group_seek(r, (int32_t)i, p->seek);
    }
    if ((r->away || r->retake) && all_answer(r)) {
        r->away = false;
        if (r->retake)
            retake(r);
    }
    see_whether_silent(r, now);
    r->mend_ns = dw_clock_mono(&dw_clock_system);
    return rc;
}

static int start_client(struct kafka_receiver *r)
{
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(r->conf);
    r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!r->rk) {
        rd_kafka_conf_destroy(conf);
        dw_error("kafka: %s", why);
        return DW_ECONFIG;
    }
    (void)rd_kafka_poll_set_consumer(r->rk);
    r->commits = rd_kafka_queue_new(r->rk);
    return DW_OK;
}

/* Another client instead of one that is of no use any more. A broker that comes back may take a member of its group for two, and shut
 * it out; what was taken is known to us, so nothing hangs on the client. */
static int start_again(struct kafka_receiver *r)
{
    dw__handover_let_go(r);
    rd_kafka_queue_destroy(r->commits);
    if (!r->topic_went) /* see kafka_close */
        rd_kafka_destroy_flags(r->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    r->rk = NULL;
    for (uint32_t i = 0; i < r->count; i++)
        dw__handover_gone(&r->partition[i]);
    r->retaken_ns = 0;
    r->closing = r->fatal = r->topic_went = r->retake = r->committing = r->subscribed = r->taken_part = false;
    r->away = true;
    return start_client(r);
}

static int kafka_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct kafka_receiver *r = (struct kafka_receiver *)base;
    if (r->held)
        rd_kafka_message_destroy(r->held);
    r->held = NULL;
    dw_buf_fini(&r->part);
    int rc = r->fatal ? start_again(r) : DW_OK;
    if (rc == DW_OK && dw__handover_given(r, ret) == DW_OK)
        return DW_OK;
    if (rc == DW_OK)
        rc = join(r);
    if (rc < 0)
        return rc;
    dw__group_commit(r);
    rc = dw__handover_taken(r, ret);
    if (rc == DW_ENOENT)
        rc = mend(r, ret);
    if (r->fatal && rc == DW_ENOENT)
        return DW_EAGAIN; /* there is another client at the next call */
    while (rc == DW_ENOENT) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r->rk, 0);
        rc = r->failed ? r->failed : m ? DW_OK : DW_EAGAIN;
        if (rc == DW_OK)
            rc = take_message(r, m, ret);
        else if (m)
            rd_kafka_message_destroy(m);
    }
    return rc;
}

static int kafka_commit(struct dw_receiver *base, struct dw_position done)
{
    struct kafka_receiver *r = (struct kafka_receiver *)base;
    (void)done; /* the newest of what was handed out: with it all of it is archived, whatever the partition */
    for (uint32_t i = 0; i < r->count; i++) {
        struct partition *p = &r->partition[i];
        if (!p->known || p->last.at.next == p->commit)
            continue;
        p->commit = p->last.at.next;
        p->moved = true;
    }
    return DW_OK;
}

static bool kafka_drained(const struct dw_receiver *base)
{
    const struct kafka_receiver *r = (const struct kafka_receiver *)base;
    bool any = false;
    if (r->first_source == DW_SOURCE_KAFKA_MATCHES)
        return true; /* what collectors tell each other says nothing about silence of agents, and hardly ever ends */
    for (uint32_t i = 0; i < r->count; i++) {
        any |= r->partition[i].assigned;
        if (r->partition[i].assigned && !r->partition[i].at_end)
            return false;
    }
    return any && !r->away && !r->unheard && !r->leaving;
}

static uint32_t kafka_elsewhere(const struct dw_receiver *base)
{
    return ((const struct kafka_receiver *)base)->elsewhere;
}

static uint32_t kafka_parts(const struct dw_receiver *base)
{
    return ((const struct kafka_receiver *)base)->parts;
}

static uint32_t kafka_leaving(const struct dw_receiver *base, const uint64_t **ret_sources)
{
    const struct kafka_receiver *r = (const struct kafka_receiver *)base;
    *ret_sources = r->leaving_source;
    return r->leaving_count;
}

static void kafka_let_go(struct dw_receiver *base)
{
    dw__handover_let_go((struct kafka_receiver *)base);
}

/* librdkafka 2.0.2 aborts when a consumer leaves its group while it joins (its assignor has no state then): so it waits. */
static bool may_leave(struct kafka_receiver *r)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + LEAVE_NS;
    while (r->subscribed && !r->taken_part && dw_clock_mono(&dw_clock_system) < until) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r->rk, 100);
        if (m)
            rd_kafka_message_destroy(m);
    }
    return !r->subscribed || r->taken_part;
}

static void kafka_close(struct dw_receiver *base)
{
    struct kafka_receiver *r = (struct kafka_receiver *)base;
    if (r->held)
        rd_kafka_message_destroy(r->held);
    dw_buf_fini(&r->part);
    r->closing = true;
    if (r->rk && !may_leave(r))
        return; /* the process ends with all of it, and the group notices by its timeout */
    if (r->rk) {
        if (r->subscribed)
            dw__group_commit_last(r);
        leave(r);
        rd_kafka_queue_destroy(r->commits);
        if (r->topic_went)
            return; /* librdkafka 2.0.2 keeps a partition that was deleted, and waits for it for ever: the process ends with it */
        rd_kafka_destroy(r->rk);
    }
    if (r->conf)
        rd_kafka_conf_destroy(r->conf);
    dw_free(r->partition);
    dw_free(r->topic);
    dw_free(r->brokers);
    dw_free(r);
}

static const struct dw_receiver_ops kafka_ops = {.name = "kafka", .next = kafka_next, .commit = kafka_commit, .drained = kafka_drained,
    .elsewhere = kafka_elsewhere, .parts = kafka_parts, .leaving = kafka_leaving, .let_go = kafka_let_go, .close = kafka_close};

static int connect_consumer(struct kafka_receiver *r, const struct dw_kafka_conf *conf)
{
    static const struct dw__kafka_property own[] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "error"}, /* what the broker no longer has is a gap, and is shown */
        {"partition.assignment.strategy", "cooperative-sticky"},
        {"allow.auto.create.topics", "false"},
        {"queued.max.messages.kbytes", "65536"},
        {"statistics.interval.ms", "1000"},
        {"fetch.wait.max.ms", "500"},   /* so that a leader that has nothing says so */
        {"fetch.max.bytes", "1000000"}, /* at 64 KiB a second an answer comes within socket.timeout.ms, or it would never come */
        {"fetch.message.max.bytes", "1000000"},
        {"topic.metadata.refresh.interval.ms", "5000"}, /* a topic that was made anew, and partitions added to it, are seen by then */
    };
    rd_kafka_conf_t *c = dw__kafka_conf(conf, own, DW_COUNT_OF(own), &r->trouble);
    if (!c)
        return DW_ECONFIG;
    rd_kafka_conf_set_rebalance_cb(c, dw__group_on_rebalance);
    rd_kafka_conf_set_error_cb(c, on_error);
    rd_kafka_conf_set_stats_cb(c, on_statistics);
    r->conf = c;
    return start_client(r);
}

int dw_kafka_receiver_open(const struct dw_kafka_conf *conf, const struct dw_resume *from, uint32_t from_count, struct dw_receiver **ret)
{
    struct kafka_receiver *r = dw_calloc(1, sizeof *r);
    if (!r)
        return DW_ENOMEM;
    r->base.ops = &kafka_ops;
    dw__kafka_trouble_init(&r->trouble, "kafka receiver", "Read", conf);
    r->first_source = conf->first_source;
    r->states = conf->states;
    r->topic = dw_strndup(conf->topic.ptr, conf->topic.len);
    r->brokers = dw_strndup(conf->brokers.ptr, conf->brokers.len);
    r->make = (struct dw__kafka_make){.topic = r->topic, .brokers = r->brokers, .partitions = conf->partitions, .copies = conf->copies};
    int rc = r->topic && r->brokers ? connect_consumer(r, conf) : DW_ENOMEM;
    for (uint32_t i = 0; i < from_count && rc == DW_OK; i++) {
        if (from[i].at.source < r->first_source || from[i].at.source - r->first_source >= PARTITIONS_MAX)
            continue; /* of a queue folder, or another topic */
        struct partition *p = dw__group_partition(r, from[i].at.source - r->first_source);
        if (!p) {
            rc = DW_ENOMEM;
            break;
        }
        p->known = true;
        p->last = from[i];
        p->commit = from[i].at.next;
    }
    if (rc < 0) {
        kafka_close(&r->base);
        return rc;
    }
    *ret = &r->base;
    return DW_OK;
}
