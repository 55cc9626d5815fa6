/*
 * kafka_receive: one consumer of a group; positions are our own.
 *
 * Idea: where a partition goes on is told by what we archived, not by the broker: an assigned partition is sought to the frame taken
 * last, which must still stand there. Only where the group committed more than we know (another collector had the partition) is that
 * taken instead. What the broker no longer has, or has otherwise, is handed out as `replaced` or `expired`, never skipped silently.
 * Whatever cannot be asked of a broker now is asked again later; the other partitions go on. Nothing is called drained
 * while a leader does not even say that it has nothing (kafka_heard.c).
 *
 * Invariants:
 *   (1) source is first_source and the partition, offset the record's, next = offset + 1.
 *   (2) Nothing is committed but what dw_receiver_commit was told, and only in partitions that are ours.
 *   (3) The bytes of a record are valid until the next call: one message is held.
 *   (4) While a seek or a question is open for a partition nothing of it is handed out.
 */
#include "kafka_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

enum { ASK_MS = 5000, LOOK_MS = 1000, AGAIN_MS = 100, PARTITIONS_MAX = 10000, NO_SEEK = RD_KAFKA_OFFSET_INVALID };
#define LOOK_NS DW_NS_PER_S
#define MAKE_NS (10 * DW_NS_PER_S) /* how often making the topic is tried: somebody may give us the right */
#define COMMIT_NS (DW_NS_PER_S / 5)
#define COORDINATOR_NS (2 * DW_NS_PER_S) /* how long the last commit waits for somebody to take it */
#define SPEAK_NS (20 * DW_NS_PER_S) /* how long partitions that were taken again may say nothing, not even that they end */
#define LEAVE_NS (5 * DW_NS_PER_S) /* how long leaving the group waits for having joined it */

/* A partition that was ours since the start. */
struct partition {
    bool assigned;
    bool known;   /* `last` says what was taken or told last */
    bool check;   /* the next record must be what was taken last, and is not handed out again */
    bool first;   /* nothing is known: what stood before the next record was let go */
    bool asked;   /* the group could not say how far it is: it is to be asked again, and nothing is taken before it has */
    bool lost;    /* the broker has no record where we go on: it is to be asked why */
    bool moved;   /* a commit is due */
    bool silent;  /* since it was taken again nothing came of it, not even its end */
    bool at_end;  /* the broker said that nothing is behind what was handed out */
    int64_t seek; /* where to go on as soon as the broker lets us; NO_SEEK: nowhere */
    struct dw_resume last;
    uint64_t commit; /* offset to commit */
};

struct kafka_receiver {
    struct dw_receiver base; /* first: ops find us by it */
    rd_kafka_t *rk;
    rd_kafka_conf_t *conf;     /* of every client */
    rd_kafka_queue_t *commits; /* what became of them */
    char *topic, *brokers;
    uint64_t first_source; /* of partition 0 */
    uint32_t new_partitions;
    int16_t copies;
    rd_kafka_resp_err_t refused; /* why the topic could not be made, as said last */
    struct partition *partition; /* by number */
    uint32_t count;
    rd_kafka_message_t *held;
    struct dw__kafka_trouble trouble;
    int64_t look_ns, make_ns, mend_ns, commit_ns;
    int64_t retaken_ns; /* when ours were taken again, until all of them spoke; 0: they did */
    bool has_topic, subscribed;
    bool away; /* a broker did not answer, and since then not all partitions have */
    uint32_t elsewhere; /* partitions that are not ours */
    bool unheard; /* nothing comes from the leader of a partition that is ours, not even that there is nothing */
    bool taken_part; /* partitions were assigned once */
    bool topic_went; /* partitions were deleted while they were ours */
    bool committing; /* a commit is under way */
    bool retake;     /* since then ours were not taken again */
    bool fatal;      /* the client does nothing any more */
    int failed;
};

static struct partition *partition_of(struct kafka_receiver *r, uint64_t number)
{
    if (number >= PARTITIONS_MAX)
        return NULL;
    if (number >= r->count) {
        uint32_t count = (uint32_t)number + 1;
        struct partition *p = dw_resize(r->partition, count * sizeof *p);
        if (!p)
            return NULL;
        for (uint32_t i = r->count; i < count; i++)
            p[i] = (struct partition){.seek = NO_SEEK};
        r->partition = p;
        r->count = count;
    }
    return &r->partition[number];
}

/* ---- committing ---- */

/* Hears what became of the commit that is under way. */
static void hear_commit(struct kafka_receiver *r, int timeout_ms)
{
    rd_kafka_event_t *ev = r->committing ? rd_kafka_queue_poll(r->commits, timeout_ms) : NULL;
    if (!ev)
        return;
    rd_kafka_resp_err_t err = rd_kafka_event_error(ev);
    rd_kafka_event_destroy(ev);
    r->committing = false;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    dw__kafka_say(&r->trouble, err, NULL);
    for (uint32_t i = 0; i < r->count; i++)
        r->partition[i].moved |= r->partition[i].assigned && r->partition[i].commit > 0;
}

static void commit_due(struct kafka_receiver *r)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (uint32_t i = 0; i < r->count; i++) {
        struct partition *p = &r->partition[i];
        if (!p->moved || !p->assigned)
            continue;
        p->moved = false;
        rd_kafka_topic_partition_list_add(list, r->topic, (int32_t)i)->offset = (int64_t)p->commit;
    }
    r->committing = list->cnt && rd_kafka_commit_queue(r->rk, list, r->commits, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < list->cnt && !r->committing; i++)
        r->partition[list->elems[i].partition].moved = true; /* tried again */
    rd_kafka_topic_partition_list_destroy(list);
}

/* One commit at a time: librdkafka sends one that failed again, and it must not come after a newer one. */
static void commit_now(struct kafka_receiver *r)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    hear_commit(r, 0);
    if (r->committing || now - r->commit_ns < COMMIT_NS)
        return;
    r->commit_ns = now;
    commit_due(r);
}

/* There is no other commit after this one: it waits for somebody to take it. */
static void commit_last(struct kafka_receiver *r)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + COORDINATOR_NS;
    bool due = true;
    while (due && dw_clock_mono(&dw_clock_system) < until) {
        hear_commit(r, AGAIN_MS);
        if (!r->committing)
            commit_due(r);
        due = r->committing;
    }
}

/* ---- assignment ---- */

static void go_on_at(struct partition *p, uint64_t offset)
{
    p->known = true;
    p->last = (struct dw_resume){.at = {.offset = offset, .next = offset}};
}

/* Where a partition is looked at first: at what was taken last, by which it is known again, or at its beginning. */
static int64_t look_from(struct partition *p)
{
    p->first = !p->known;
    p->check = p->known && p->last.at.offset < p->last.at.next; /* else nothing was taken there by which it could be known again */
    return p->known ? (int64_t)p->last.at.offset : RD_KAFKA_OFFSET_BEGINNING;
}

/* Where a partition begins for us: at the frame taken last, or where another collector of the group stopped, or at its beginning. */
static int64_t begin_at(struct partition *p, int64_t committed)
{
    p->at_end = p->lost = p->asked = false;
    p->seek = NO_SEEK;
    if (committed >= 0 && (!p->known || (uint64_t)committed > p->last.at.next)) {
        go_on_at(p, (uint64_t)committed);
        p->commit = (uint64_t)committed;
    }
    return look_from(p);
}

static int assign(struct kafka_receiver *r, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *stored = rd_kafka_topic_partition_list_copy(list);
    rd_kafka_resp_err_t err = rd_kafka_committed(r->rk, stored, ASK_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        dw__kafka_say(&r->trouble, err, NULL);
    for (int i = 0; i < list->cnt; i++) {
        struct partition *p = partition_of(r, (uint64_t)list->elems[i].partition);
        if (!p) {
            rd_kafka_topic_partition_list_destroy(stored);
            return DW_ENOMEM;
        }
        bool known = err == RD_KAFKA_RESP_ERR_NO_ERROR && stored->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
        p->assigned = true;
        r->taken_part = true;
        list->elems[i].offset = known ? begin_at(p, stored->elems[i].offset) : RD_KAFKA_OFFSET_END;
        p->asked = !known;
        p->at_end &= known;
        if (known)
            dw_info("kafka: partition %d is ours, from offset %lld", (int)list->elems[i].partition, (long long)list->elems[i].offset);
    }
    rd_kafka_topic_partition_list_destroy(stored);
    rd_kafka_error_t *e = rd_kafka_incremental_assign(r->rk, list);
    if (e) {
        dw_error("kafka: partitions cannot be taken: %s", rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
        return DW_EIO;
    }
    return DW_OK;
}

static void unassign(struct kafka_receiver *r, rd_kafka_topic_partition_list_t *list)
{
    commit_last(r);
    for (int i = 0; i < list->cnt; i++) {
        struct partition *p = partition_of(r, (uint64_t)list->elems[i].partition);
        if (p)
            p->assigned = false;
    }
    rd_kafka_error_t *e = rd_kafka_incremental_unassign(r->rk, list);
    if (e)
        rd_kafka_error_destroy(e); /* the group lost us already: they are gone either way */
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *arg)
{
    struct kafka_receiver *r = DW_ITEM(arg, struct kafka_receiver, trouble);
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        int rc = assign(r, list);
        r->failed = rc < 0 ? rc : r->failed;
    } else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        unassign(r, list);
    } else {
        dw__kafka_say(&r->trouble, err, NULL);
        (void)rd_kafka_assign(rk, NULL);
    }
}

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
    return 0; /* librdkafka frees it */
}

/* ---- the topic ---- */

static void say_refused(struct kafka_receiver *r, rd_kafka_resp_err_t err)
{
    char make[512];
    if (err == r->refused)
        return;
    dw__kafka_make_command(make, sizeof make, r->brokers, r->topic, r->new_partitions);
    dw_warn("kafka: topic %s cannot be made: %s; waiting for it. Somebody who may: %s", r->topic, rd_kafka_err2str(err), make);
}

/* Makes the topic if we may. */
static void make_topic(struct kafka_receiver *r)
{
    char why[512];
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(r->topic, (int)r->new_partitions, r->copies, why, sizeof why);
    rd_kafka_queue_t *q = rd_kafka_queue_new(r->rk);
    if (t && q && rd_kafka_NewTopic_set_config(t, "max.message.bytes", "1048588") == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_CreateTopics(r->rk, &t, 1, NULL, q);
        rd_kafka_event_t *ev = rd_kafka_queue_poll(q, ASK_MS);
        const rd_kafka_CreateTopics_result_t *result = ev ? rd_kafka_event_CreateTopics_result(ev) : NULL;
        size_t n = 0;
        const rd_kafka_topic_result_t **topics = result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
        rd_kafka_resp_err_t err = n ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            dw_info("kafka: made topic %s with %u partitions", r->topic, r->new_partitions);
        else if (err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            say_refused(r, err);
        r->refused = err;
        if (ev)
            rd_kafka_event_destroy(ev);
    }
    if (t)
        rd_kafka_NewTopic_destroy(t);
    if (q)
        rd_kafka_queue_destroy(q);
}

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
    r->has_topic = dw__kafka_has_topic(r->rk, r->topic, r->brokers, &r->trouble);
    bool missing = !r->has_topic && r->trouble.last == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (missing && (!r->make_ns || now - r->make_ns >= MAKE_NS)) {
        make_topic(r);
        r->make_ns = dw_clock_mono(&dw_clock_system);
    }
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

/* Goes on elsewhere. What is under way of the partition is dropped until librdkafka has let us: mend() tries again. A partition without a
 * record where we go on is not read any more and cannot be sought: so it is given up and taken again. */
static void seek(struct kafka_receiver *r, int32_t partition, int64_t offset)
{
    struct partition *p = &r->partition[partition];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->topic, partition)->offset = offset;
    rd_kafka_error_t *e = rd_kafka_incremental_unassign(r->rk, list);
    if (!e)
        e = rd_kafka_incremental_assign(r->rk, list);
    p->seek = e ? offset : NO_SEEK;
    p->at_end = false;
    if (e) {
        dw_warn("kafka: partition %d: cannot go on at %lld yet: %s", (int)partition, (long long)offset, rd_kafka_error_string(e));
        rd_kafka_error_destroy(e);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static struct dw_position place(const struct kafka_receiver *r, int32_t partition, uint64_t offset, uint64_t next)
{
    return (struct dw_position){r->first_source + (uint64_t)partition, offset, next};
}

/* How far the group is in a partition, which it could not say before. */
static void ask_again(struct kafka_receiver *r, int32_t partition)
{
    struct partition *p = &r->partition[partition];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->topic, partition);
    rd_kafka_resp_err_t err = rd_kafka_committed(r->rk, list, LOOK_MS);
    err = err == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].err : err;
    int64_t committed = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        dw__kafka_say(&r->trouble, err, NULL);
        return;
    }
    dw__kafka_well(&r->trouble);
    int64_t from = begin_at(p, committed);
    dw_info("kafka: partition %d is ours, from offset %lld", (int)partition, (long long)from);
    seek(r, partition, from);
}

/* What was taken last does not stand there any more: from the beginning. */
static int tell_replaced(struct kafka_receiver *r, int32_t partition, struct dw_received *ret)
{
    struct partition *p = &r->partition[partition];
    *ret = (struct dw_received){.at = place(r, partition, p->last.at.offset, p->last.at.next), .replaced = true};
    p->known = p->check = p->lost = p->moved = false;
    p->first = true;
    p->commit = 0;
    seek(r, partition, RD_KAFKA_OFFSET_BEGINNING);
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
    go_on_at(p, (uint64_t)low > next ? (uint64_t)low : next);
    seek(r, partition, (int64_t)p->last.at.next);
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
    struct partition *p = partition_of(r, (uint64_t)m->partition);
    struct dw_head head = {0};
    size_t len = 0;
    if (!p)
        return DW_ENOMEM;
    p->at_end = false;
    if (p->seek != NO_SEEK || p->lost || p->asked)
        return DW_ENOENT;
    if (p->check && !stands(p, m))
        return tell_replaced(r, m->partition, ret);
    p->check = false;
    if (p->first && m->offset > 0)
        return out_of_range(r, m->partition, ret);
    p->first = false;
    if (p->known && (uint64_t)m->offset < p->last.at.next)
        return DW_ENOENT; /* it was only looked at, or was set aside before a restart */
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
    struct partition *p = partition_of(r, (uint64_t)m->partition);
    int64_t low, high;
    if (!p)
        return DW_ENOMEM;
    if (p->seek != NO_SEEK || p->lost || p->asked)
        return DW_ENOENT;
    p->at_end = !p->check || (uint64_t)m->offset > p->last.at.offset;
    if (p->at_end)
        return DW_ENOENT;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(r->rk, r->topic, m->partition, &low, &high, LOOK_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && (uint64_t)high <= p->last.at.offset)
        return tell_replaced(r, m->partition, ret);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        dw__kafka_say(&r->trouble, err, NULL);
    p->seek = look_from(p); /* mend() goes there */
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
        struct partition *p = partition_of(r, (uint64_t)m->partition);
        rc = !p ? DW_ENOMEM : p->asked ? DW_ENOENT : out_of_range(r, m->partition, ret);
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
        if (p->assigned && !p->lost && !p->asked && p->seek == NO_SEEK)
            seek(r, (int32_t)i, look_from(p));
    }
    r->retake = false;
    r->retaken_ns = dw_clock_mono(&dw_clock_system);
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
    (void)rd_kafka_consumer_close(r->rk); /* else the group waits for it before it gives us anything */
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
        if (p->assigned && p->asked)
            ask_again(r, (int32_t)i);
        else if (p->assigned && p->lost)
            rc = out_of_range(r, (int32_t)i, ret);
        else if (p->assigned && p->seek != NO_SEEK)
            seek(r, (int32_t)i, p->seek);
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
    rd_kafka_queue_destroy(r->commits);
    if (!r->topic_went) /* see kafka_close */
        rd_kafka_destroy_flags(r->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    r->rk = NULL;
    for (uint32_t i = 0; i < r->count; i++)
        r->partition[i].assigned = false;
    r->retaken_ns = 0;
    r->fatal = r->topic_went = r->retake = r->committing = r->subscribed = r->taken_part = false;
    r->away = true;
    return start_client(r);
}

static int kafka_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct kafka_receiver *r = (struct kafka_receiver *)base;
    if (r->held)
        rd_kafka_message_destroy(r->held);
    r->held = NULL;
    int rc = r->fatal ? start_again(r) : DW_OK;
    if (rc == DW_OK)
        rc = join(r);
    if (rc < 0)
        return rc;
    commit_now(r);
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
    for (uint32_t i = 0; i < r->count; i++) {
        any |= r->partition[i].assigned;
        if (r->partition[i].assigned && !r->partition[i].at_end)
            return false;
    }
    return any && !r->away && !r->unheard;
}

static uint32_t kafka_elsewhere(const struct dw_receiver *base)
{
    return ((const struct kafka_receiver *)base)->elsewhere;
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
    if (r->rk && !may_leave(r))
        return; /* the process ends with all of it, and the group notices by its timeout */
    if (r->rk) {
        if (r->subscribed)
            commit_last(r);
        (void)rd_kafka_consumer_close(r->rk);
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
    .elsewhere = kafka_elsewhere, .close = kafka_close};

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
    rd_kafka_conf_set_rebalance_cb(c, on_rebalance);
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
    dw__kafka_trouble_init(&r->trouble, "kafka receiver", conf);
    r->first_source = conf->json ? DW_SOURCE_KAFKA_JSON : DW_SOURCE_KAFKA;
    r->new_partitions = conf->partitions;
    r->copies = conf->copies ? (int16_t)conf->copies : -1; /* -1: what the brokers do by themselves */
    r->topic = dw_strndup(conf->topic.ptr, conf->topic.len);
    r->brokers = dw_strndup(conf->brokers.ptr, conf->brokers.len);
    int rc = r->topic && r->brokers ? connect_consumer(r, conf) : DW_ENOMEM;
    for (uint32_t i = 0; i < from_count && rc == DW_OK; i++) {
        if (from[i].at.source < r->first_source || from[i].at.source - r->first_source >= PARTITIONS_MAX)
            continue; /* of a queue folder, or another topic */
        struct partition *p = partition_of(r, from[i].at.source - r->first_source);
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
