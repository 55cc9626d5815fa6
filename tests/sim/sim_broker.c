/*
 * sim_broker: a sender in the place of the kafka one, and the log that its brokers keep.
 *
 * Invariants:
 *   (1) Frames are stored in the order of sending, and acknowledged no sooner than stored.
 *   (2) A sender that broke, or whose agent was killed, may still get frames stored that it was never told of; none after a successor was opened.
 *   (3) A record may stand there twice, one behind the other.
 */
#include "sim.h"

#include "dogwatch/base/error.h"

enum { RING = 64 };

struct sender {
    struct dw_sender base; /* first: ops find us by it */
    struct dw_frame *ring[RING]; /* not acknowledged; the oldest first */
    uint32_t waiting, stored;    /* of the ring */
    uint64_t acked;
    uint32_t room;
    bool connected, broken;
};

static struct {
    struct dw_buf log;
    bool up, slow;
} broker;

int __wrap_dw_kafka_sender_open(const struct dw_kafka_conf *conf, struct dw_str key, struct dw_sender **ret); /* NOLINT(bugprone-reserved-identifier) */

static void store(struct sender *s, uint32_t count)
{
    for (; count && s->stored < s->waiting; count--) {
        struct dw_str bytes = dw_buf_view(&s->ring[s->stored++]->bytes);
        for (int copies = sim_chance(100) ? 2 : 1; copies; copies--)
            dw_buf_str(&broker.log, bytes);
    }
    DW_ASSERT(!broker.log.err);
}

static int mem_send(struct dw_sender *base, struct dw_frame **frame)
{
    struct sender *s = (struct sender *)base;
    if (sim_call(CALL_BROKER, NULL) || s->broken)
        return DW_EIO;
    s->connected |= broker.up;
    if (!s->connected || s->waiting >= s->room)
        return DW_EAGAIN;
    s->ring[s->waiting++] = *frame;
    *frame = NULL;
    return DW_OK;
}

static int mem_pump(struct dw_sender *base, uint64_t *ret_acked)
{
    struct sender *s = (struct sender *)base;
    int err = sim_call(CALL_BROKER, NULL);
    if (!err && broker.up && !s->broken) {
        store(s, sim.quiet || !broker.slow ? RING : (uint32_t)sim_below(3));
        uint32_t n = sim.quiet ? s->stored : (uint32_t)sim_below(s->stored + 1);
        for (uint32_t i = 0; i < n; i++)
            dw_frame_free(s->ring[i]);
        memmove(s->ring, s->ring + n, (s->waiting - n) * sizeof *s->ring);
        s->waiting -= n;
        s->stored -= n;
        s->acked += n;
    }
    if (!err && !sim.quiet && sim_chance(1500)) {
        sim_note("the brokers refuse for good: a new epoch is needed");
        s->broken = true;
    }
    *ret_acked = s->acked;
    return err || s->broken ? DW_EIO : DW_OK;
}

static const struct dw_frame *mem_waiting(const struct dw_sender *base, uint64_t i)
{
    const struct sender *s = (const struct sender *)base;
    DW_ASSERT(i < s->waiting);
    return s->ring[i];
}

static void mem_close(struct dw_sender *base)
{
    struct sender *s = (struct sender *)base;
    if (broker.up)
        store(s, (uint32_t)sim_below(RING)); /* what was on its way */
    for (uint32_t i = 0; i < s->waiting; i++)
        dw_frame_free(s->ring[i]);
    dw_free(s);
}

static const struct dw_sender_ops mem_ops = {.name = "sim", .send = mem_send, .pump = mem_pump, .waiting = mem_waiting, .close = mem_close};

int __wrap_dw_kafka_sender_open(const struct dw_kafka_conf *conf, struct dw_str key, struct dw_sender **ret)
{
    struct sender *s = dw_calloc(1, sizeof *s);
    (void)conf;
    (void)key;
    DW_ASSERT(s);
    s->base.ops = &mem_ops;
    s->room = 2 + (uint32_t)sim_below(RING - 2);
    *ret = &s->base;
    return DW_OK;
}

void sim_broker_begin(void)
{
    dw_buf_fini(&broker.log);
    broker.up = true;
    broker.slow = false;
}

void sim_broker_step(void)
{
    if (broker.up ? sim_chance(3) : sim_chance(2)) {
        broker.up = !broker.up;
        sim_note("the brokers are %s", broker.up ? "back" : "away");
    }
    broker.slow = sim_chance(2);
}

void sim_broker_heal(void)
{
    broker.up = true;
    broker.slow = false;
}

void sim_broker_fini(void)
{
    dw_buf_fini(&broker.log);
}

bool sim_broker_next(size_t *at, struct dw_str *ret)
{
    struct dw_head head;
    size_t len;
    struct dw_str rest = dw_str_slice(dw_buf_view(&broker.log), *at, broker.log.len);
    if (rest.len == 0)
        return false;
    int rc = dw_head_read(rest, &head, &len);
    DW_ASSERT(rc == DW_OK && len <= rest.len);
    *ret = dw_str_slice(rest, 0, len);
    *at += len;
    return true;
}
