/*
 * kafka_states: parts in the topic of states: written by the publisher, a chunk after the other, and read from the beginning to the end.
 *
 * Idea: reading needs no group and no place that is kept: all of the topic is looked at for one source. The brokers compact it, so that is
 * little more than what all collectors know. The first look notes where the parts of the other sources begin, so that theirs begin there. What
 * cannot be ended in the time that the caller has is gone on with at its next call.
 *
 * Invariants:
 *   (1) A write goes to the other slot than the newest whole part that this process wrote or read of the source, so that compaction
 *       lets go of no chunk of that one before the write is whole.
 *   (2) A chunk that brokers took is not written again, unless the client's place was taken by another.
 *   (3) A look ends where the topic ended when it was asked last, never earlier.
 *   (4) A look that began late and did not find what it was to begin with is done again from the beginning.
 */
#include "kafka_int.h"
#include "states_chunk.h"

#include "dogwatch/base/arena.h"
#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

#include <inttypes.h>
#include <stdio.h>

enum { POLL_MS = 100, ASK_MS = 1000, NAME_CAP = 128, KNOWN_MAX = 10000, ASKED_MAX = 2 * KNOWN_MAX };
#define LOOK_NS DW_NS_PER_S          /* how often it is looked whether the topic is there */
#define STALL_NS (30 * DW_NS_PER_S) /* how long nothing may come of it before it is asked for anew */

/* A source: which slot has the newest whole part that this process wrote or got, and where the newest one begins. */
struct known {
    uint64_t source;
    uint32_t slot;
    struct dw__where where;
};

struct dw_states {
    struct dw__kafka_trouble trouble;
    struct dw_arena arena;     /* what conf borrows */
    struct dw_kafka_conf conf; /* of the publisher: it may have to be opened anew */
    struct dw_publisher *publisher;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    struct dw__kafka_make make;
    bool ready, wrong_said;
    int64_t look_ns, heard_ns;
    struct known *known;
    uint32_t known_count;
    /* reading */
    bool looking, started;
    int64_t at;      /* the next record to be looked at */
    int64_t noted;   /* all before it is noted in `known` */
    bool overflowed; /* ... but sources beyond KNOWN_MAX */
    bool late;       /* this look did not begin at the beginning */
    struct dw__newest newest;
    /* writing */
    bool putting;
    struct dw__chunk whole;
    uint32_t index; /* the next chunk to be written */
    uint64_t writes;
    struct dw_buf packed, key, value;
};

static int64_t now(void)
{
    return dw_clock_mono(&dw_clock_system);
}

/* How long may still be waited for one thing, in ms. */
static int left_ms(int64_t until, int most)
{
    int64_t ms = (until - now()) / DW_NS_PER_MS;
    return ms < 1 ? 1 : ms < most ? (int)ms : most;
}

/* The entry of a source, made when it is new. NULL: no memory, or there are too many. */
static struct known *known_of(struct dw_states *s, uint64_t source, uint32_t most)
{
    for (uint32_t i = 0; i < s->known_count; i++)
        if (s->known[i].source == source)
            return &s->known[i];
    struct known *k = s->known_count < most ? dw_resize(s->known, (s->known_count + 1) * sizeof *k) : NULL;
    if (!k)
        return NULL;
    s->known = k;
    k[s->known_count] = (struct known){.source = source};
    return &k[s->known_count++];
}

/* ---- the topic ---- */

/* One look at whether the topic is there. */
static void look(struct dw_states *s)
{
    uint32_t partitions = 0;
    bool there = dw__kafka_has_topic(s->rk, s->make.topic, s->make.brokers, &s->trouble, &partitions);
    s->ready = there && partitions == 1;
    if (!there && s->trouble.last == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        dw__kafka_make(&s->make, s->rk);
    if (there && !s->ready && !s->wrong_said)
        dw_warn("kafka states: topic %s has %u partitions, and must have one: nothing is written there or taken from there", s->make.topic, partitions);
    s->wrong_said = there && !s->ready;
    if (s->ready)
        dw__kafka_well(&s->trouble);
    s->look_ns = now();
}

static int make_ready(struct dw_states *s, int64_t until)
{
    while (!s->ready) {
        if (!s->look_ns || now() - s->look_ns >= LOOK_NS)
            look(s);
        else if (now() >= until)
            return DW_EAGAIN;
        else
            (void)rd_kafka_poll(s->rk, left_ms(until, POLL_MS));
    }
    return DW_OK;
}

/* ---- reading ---- */

static void stop(struct dw_states *s)
{
    if (s->started)
        (void)rd_kafka_consume_stop(s->topic, 0);
    s->started = false;
}

static void end_look(struct dw_states *s)
{
    stop(s);
    dw__newest_fini(&s->newest);
    s->looking = false;
    s->at = 0;
}

static void begin_look(struct dw_states *s, uint64_t source, int64_t at)
{
    end_look(s);
    s->newest.source = source;
    s->looking = true;
    s->late = at > 0;
    s->at = at;
}

/* Where a look for a source begins: what is noted of it says so, also that there is nothing of it. */
static int64_t first_of(const struct dw_states *s, const struct known *k)
{
    if (k->where.any)
        return k->where.from;
    return s->overflowed || dw__where_seen(&k->where) ? 0 : s->noted;
}

/* The topic is another one, or not what it was: what was noted is forgotten. */
static void begin_anew(struct dw_states *s)
{
    for (uint32_t i = 0; i < s->known_count; i++)
        s->known[i].where = (struct dw__where){0};
    s->noted = 0;
    s->overflowed = false;
    begin_look(s, s->newest.source, 0);
}

/* Something failed that may pass: it is asked for anew at the next call. */
static int fail(struct dw_states *s, rd_kafka_resp_err_t err, const char *why)
{
    dw__kafka_say(&s->trouble, err, why);
    stop(s);
    s->ready = false;
    return DW_EAGAIN;
}

/* Where the topic ends now. What a look has seen of a topic that was made anew is forgotten. */
static int find_end(struct dw_states *s, int64_t until, int64_t *ret_end)
{
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(s->rk, s->make.topic, 0, &low, &high, left_ms(until, ASK_MS));
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(s, err, NULL);
    if (s->at > high)
        begin_anew(s);
    if (s->at < low) {
        stop(s);
        s->at = low;
    }
    *ret_end = high;
    return DW_OK;
}

static int start(struct dw_states *s)
{
    if (s->started)
        return DW_OK;
    if (rd_kafka_consume_start(s->topic, 0, s->at) != 0)
        return fail(s, rd_kafka_last_error(), NULL);
    s->started = true;
    s->heard_ns = now();
    return DW_OK;
}

/* Every chunk is noted once: looks leave no hole behind `noted`. */
static void note(struct dw_states *s, const struct dw__chunk *c, int64_t offset)
{
    struct known *k = known_of(s, c->source, KNOWN_MAX);
    if (k)
        dw__where_note(&k->where, c, offset);
    else
        s->overflowed = true;
}

static int take_message(struct dw_states *s, const rd_kafka_message_t *m)
{
    struct dw__chunk c;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        s->at = m->offset > s->at ? m->offset : s->at;
        return DW_OK;
    }
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        begin_anew(s); /* it was let go, or made anew, while it was read */
        return DW_EAGAIN;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(s, m->err, rd_kafka_message_errstr(m));
    if (m->offset < s->at)
        return DW_OK;
    s->at = m->offset + 1;
    if (m->len == 0)
        return DW_OK; /* somebody had it let go */
    int rc = dw__chunk_take(dw_str_make(m->key, m->key_len), dw_str_make(m->payload, m->len), &c);
    if (rc == DW_OK && m->offset >= s->noted)
        note(s, &c, m->offset);
    if (rc == DW_OK)
        rc = dw__newest_add(&s->newest, &c);
    DW_COUNT_IF(rc == DW_ECORRUPT || rc == DW_EVERSION, kafka_states_refused);
    return rc == DW_ENOMEM ? rc : DW_OK;
}

/* Reads up to `end`. */
static int read_on(struct dw_states *s, int64_t end, int64_t until)
{
    int rc = s->at < end ? start(s) : DW_OK;
    while (rc == DW_OK && s->at < end) {
        rd_kafka_message_t *m = rd_kafka_consume(s->topic, 0, left_ms(until, POLL_MS));
        (void)rd_kafka_poll(s->rk, 0);
        if (m) {
            rc = take_message(s, m);
            rd_kafka_message_destroy(m);
            s->heard_ns = now();
        } else if (now() - s->heard_ns > STALL_NS) {
            stop(s); /* librdkafka may wait for ever for a topic that was away */
            rc = DW_EAGAIN;
        }
        s->noted = s->at > s->noted ? s->at : s->noted;
        if (rc == DW_OK && s->at < end && now() >= until)
            rc = DW_EAGAIN;
    }
    return rc;
}

/* What a look that read all of it has found. */
static int found(struct dw_states *s, struct known *k, uint64_t *ret_next, struct dw_buf *ret_part)
{
    const struct dw__newest *n = &s->newest;
    if (s->late && k->where.any && (!n->any || n->next < k->where.next)) {
        begin_look(s, k->source, 0); /* what began there is damaged: an older one may be whole */
        return DW_EAGAIN;
    }
    if (!n->any)
        return DW_ENOENT;
    k->slot = n->slot;
    *ret_next = n->next;
    dw_buf_fini(ret_part);
    *ret_part = n->part;
    s->newest.part = (struct dw_buf){0};
    return DW_OK;
}

int dw_kafka_states_get(struct dw_states *s, uint64_t source, int64_t timeout_ns, uint64_t *ret_next, struct dw_buf *ret_part)
{
    int64_t until = now() + timeout_ns, end = 0;
    struct known *k = known_of(s, source, ASKED_MAX);
    int rc = k ? make_ready(s, until) : DW_ENOMEM;
    if (rc == DW_OK && (!s->looking || s->newest.source != source))
        begin_look(s, source, first_of(s, k));
    if (rc == DW_OK)
        rc = find_end(s, until, &end);
    if (rc == DW_OK)
        rc = read_on(s, end, until);
    k = known_of(s, source, ASKED_MAX); /* sources that were noted may have moved it */
    if (rc == DW_OK)
        rc = found(s, k, ret_next, ret_part);
    if (rc != DW_EAGAIN)
        end_look(s);
    return rc;
}

/* ---- writing ---- */

static int begin_put(struct dw_states *s, const struct known *k, uint64_t next, struct dw_str part)
{
    s->putting = false;
    int rc = dw__chunk_pack(k->source, next, part, &s->packed, &s->whole);
    if (rc < 0)
        return rc;
    s->whole.slot = 1 - k->slot;
    s->index = 0;
    s->writes++;
    s->putting = true;
    return DW_OK;
}

static int put_chunk(struct dw_states *s, int64_t until)
{
    char name[NAME_CAP];
    int rc = dw__chunk_put(&s->whole, dw_buf_view(&s->packed), s->index, &s->key, &s->value);
    if (rc < 0)
        return rc;
    (void)snprintf(name, sizeof name, "%.*s/%" PRIu64 "/%" PRIu64, DW_ARG(dw_buf_view(&s->key)), s->whole.next, s->writes);
    rc = dw_kafka_publish(s->publisher, &(struct dw_publish){.key = dw_buf_view(&s->key), .value = dw_buf_view(&s->value),
        .name = dw_str_of(name), .timeout_ns = until - now()});
    if (rc == DW_OK)
        s->index++;
    return rc;
}

/* The client lost its place, so what was under way may be there or not: all is written again, by another. */
static int open_again(struct dw_states *s)
{
    DW_COUNT(kafka_fatal);
    dw_warn("kafka states: %s; another client takes its place", dw_kafka_publisher_trouble(s->publisher));
    dw_kafka_publisher_close(s->publisher);
    s->publisher = NULL;
    s->index = 0;
    return DW_EAGAIN;
}

static void end_put(struct dw_states *s)
{
    dw_buf_fini(&s->packed);
    dw_buf_fini(&s->value);
    s->putting = false;
}

int dw_kafka_states_put(struct dw_states *s, uint64_t source, uint64_t next, struct dw_str part, int64_t timeout_ns)
{
    int64_t until = now() + timeout_ns;
    if (part.len > DW_KAFKA_PART_MAX)
        return DW_ELIMIT;
    struct known *k = known_of(s, source, ASKED_MAX);
    if (!k)
        return DW_ENOMEM;
    bool same = s->putting && s->whole.source == source && s->whole.next == next;
    int rc = same ? DW_OK : begin_put(s, k, next, part);
    if (rc == DW_OK && !s->publisher)
        rc = dw_kafka_publisher_open(&s->conf, &s->publisher);
    if (rc == DW_OK)
        rc = make_ready(s, until);
    while (rc == DW_OK && s->index < s->whole.count)
        rc = put_chunk(s, until);
    if (rc == DW_EIO)
        rc = open_again(s);
    if (rc == DW_OK)
        k->slot = s->whole.slot;
    if (rc != DW_EAGAIN)
        end_put(s);
    return rc;
}

/* ---- opening and closing ---- */

/* What the publisher may need again. */
static bool keep_conf(struct dw_states *s, const struct dw_kafka_conf *conf)
{
    struct dw_arena *a = &s->arena;
    struct dw_str *key = dw_arena_alloc(a, (conf->option_count + 1) * sizeof *key), *value = dw_arena_alloc(a, (conf->option_count + 1) * sizeof *value);
    bool ok = key && value;
    for (uint32_t i = 0; i < conf->option_count && ok; i++) {
        key[i] = dw_arena_copy(a, conf->key[i]);
        value[i] = dw_arena_copy(a, conf->value[i]);
        ok = key[i].ptr && value[i].ptr;
    }
    s->conf = (struct dw_kafka_conf){.brokers = dw_arena_copy(a, conf->brokers), .topic = dw_arena_copy(a, conf->topic), .partitions = 1,
        .copies = conf->copies, .client = dw_arena_copy(a, conf->client), .key = key, .value = value, .option_count = conf->option_count,
        .password = dw_arena_copy(a, conf->password)};
    return ok && s->conf.brokers.ptr && s->conf.topic.ptr && s->conf.client.ptr && s->conf.password.ptr;
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *arg)
{
    (void)rk;
    dw__kafka_say(arg, (rd_kafka_resp_err_t)err, reason);
}

static int connect_reader(struct dw_states *s)
{
    static const struct dw__kafka_property own[] = {{"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"}, {"auto.offset.reset", "error"}, {"allow.auto.create.topics", "false"},
        {"queued.max.messages.kbytes", "4096"}, {"fetch.max.bytes", "1000000"}, {"fetch.message.max.bytes", "1000000"}};
    char why[512];
    rd_kafka_conf_t *c = dw__kafka_conf(&s->conf, own, DW_COUNT_OF(own), &s->trouble);
    if (!c)
        return DW_ECONFIG;
    rd_kafka_conf_set_error_cb(c, on_error);
    s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, c, why, sizeof why);
    if (!s->rk) {
        rd_kafka_conf_destroy(c);
        dw_error("kafka: %s", why);
        return DW_ECONFIG;
    }
    s->topic = rd_kafka_topic_new(s->rk, s->make.topic, NULL);
    return s->topic ? DW_OK : DW_ECONFIG;
}

int dw_kafka_states_open(const struct dw_kafka_conf *conf, struct dw_states **ret)
{
    struct dw_states *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    dw_arena_init(&s->arena, 0);
    int rc = keep_conf(s, conf) ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        dw__kafka_trouble_init(&s->trouble, "kafka states", "Read", &s->conf);
        s->trouble.compact = true;
        s->make = (struct dw__kafka_make){
            .topic = s->conf.topic.ptr, .brokers = s->conf.brokers.ptr, .partitions = 1, .copies = conf->copies, .compact = true};
        rc = connect_reader(s);
    }
    if (rc == DW_OK)
        rc = dw_kafka_publisher_open(&s->conf, &s->publisher);
    if (rc < 0) {
        dw_kafka_states_close(s);
        return rc;
    }
    *ret = s;
    return DW_OK;
}

void dw_kafka_states_close(struct dw_states *s)
{
    if (!s)
        return;
    if (s->rk)
        end_look(s);
    end_put(s);
    dw_buf_fini(&s->key);
    dw_kafka_publisher_close(s->publisher);
    if (s->topic)
        rd_kafka_topic_destroy(s->topic);
    if (s->rk)
        rd_kafka_destroy(s->rk);
    dw_free(s->known);
    dw_arena_fini(&s->arena);
    dw_free(s);
}
