/* Tests of collector/ingest/intake_group and group: collectors that share a queue of two partitions, and topics that are arrays. */
#include "intake_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/mem.h"

enum { PARTITIONS = 2, FRAMES_MAX = 64, BATCHES_MAX = 256 };

/* What all of them see. */
static struct topic {
    struct dw_frame *frame[PARTITIONS][FRAMES_MAX];
    uint64_t frames[PARTITIONS];
    struct dw_buf batch[BATCHES_MAX];
    uint64_t batches;
    struct {
        uint64_t next;
        struct dw_buf part;
    } state[PARTITIONS];
    uint32_t refusals; /* so many times nothing is durable yet */
} topic;

struct member {
    struct bed bed;
    struct dw_group group;
    struct dw_receiver *receiver;
    bool owns[PARTITIONS]; /* as the group says */
    uint64_t lost_at[PARTITIONS]; /* a partition is not its own any more, all of a sudden, when so many frames of it were taken; 0: it stays */
};

struct receiver {
    struct dw_receiver base; /* first: ops find us by it */
    struct member *m;
    bool told[PARTITIONS];
    uint64_t at[PARTITIONS], batch_at;
};

static bool take_over(struct receiver *r, uint64_t p, struct dw_received *ret)
{
    if (r->told[p] == r->m->owns[p])
        return false;
    r->told[p] = r->m->owns[p];
    bool newer = r->told[p] && topic.state[p].next > r->at[p];
    r->at[p] = newer ? topic.state[p].next : r->at[p];
    *ret = (struct dw_received){.taken = r->told[p], .given = !r->told[p], .at = {DW_SOURCE_KAFKA + p, r->at[p], r->at[p]}};
    if (newer)
        ret->bytes = dw_buf_view(&topic.state[p].part);
    return true;
}

static int receiver_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct receiver *r = (struct receiver *)base;
    for (uint64_t p = 0; p < PARTITIONS; p++) {
        if (take_over(r, p, ret))
            return DW_OK;
        if (!r->told[p] || r->at[p] == topic.frames[p])
            continue;
        *ret = (struct dw_received){.bytes = dw_buf_view(&topic.frame[p][r->at[p]]->bytes), .is_frame = true, .at = {DW_SOURCE_KAFKA + p, r->at[p], r->at[p] + 1}};
        r->at[p]++;
        r->m->owns[p] = r->m->owns[p] && r->at[p] != r->m->lost_at[p];
        return DW_OK;
    }
    if (r->batch_at == topic.batches)
        return DW_EAGAIN;
    *ret = (struct dw_received){.bytes = dw_buf_view(&topic.batch[r->batch_at]), .at = {DW_SOURCE_KAFKA_MATCHES, r->batch_at, r->batch_at + 1}};
    r->batch_at++;
    return DW_OK;
}

static int receiver_commit(struct dw_receiver *base, struct dw_position done)
{
    (void)base;
    (void)done;
    return DW_OK;
}

static bool receiver_drained(const struct dw_receiver *base)
{
    (void)base;
    return true;
}

static uint32_t receiver_parts(const struct dw_receiver *base)
{
    (void)base;
    return PARTITIONS;
}

static void receiver_close(struct dw_receiver *base)
{
    dw_free(base);
}

static int open_member(void *arg, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    static const struct dw_receiver_ops ops = {.name = "array", .next = receiver_next, .commit = receiver_commit, .drained = receiver_drained, .parts = receiver_parts, .close = receiver_close};
    struct receiver *r = dw_calloc(1, sizeof *r);
    if (!r)
        return DW_ENOMEM;
    r->base.ops = &ops;
    r->m = arg;
    for (uint32_t i = 0; i < count; i++) {
        if (from[i].at.source >= DW_SOURCE_KAFKA_MATCHES)
            r->batch_at = from[i].at.next;
        else if (from[i].at.source >= DW_SOURCE_KAFKA)
            r->at[from[i].at.source - DW_SOURCE_KAFKA] = from[i].at.next;
    }
    *ret = &r->base;
    return DW_OK;
}

static int publish(void *arg, struct dw_str batch)
{
    (void)arg;
    if (topic.refusals)
        return topic.refusals--, DW_EAGAIN;
    assert_true(topic.batches < BATCHES_MAX);
    dw_buf_str(&topic.batch[topic.batches++], batch);
    return DW_OK;
}

static int put_part(void *arg, uint64_t source, uint64_t next, struct dw_str part)
{
    uint64_t p = source - DW_SOURCE_KAFKA;
    (void)arg;
    if (next <= topic.state[p].next)
        return DW_OK;
    topic.state[p].next = next;
    dw_buf_reset(&topic.state[p].part);
    dw_buf_str(&topic.state[p].part, part);
    return DW_OK;
}

static void begin(struct member *m)
{
    struct bed *b = &m->bed;
    m->group = (struct dw_group){.publish = publish, .put_part = put_part};
    struct dw_intake_conf conf = {.fs = &dw_fs_system, .clock = &b->clock.clock, .data = b->dir, .open_receiver = open_member, .arg = m, .keys = b->keys, .rules = b->rules,
        .group = &m->group, .lateness_ns = 2 * SECOND, .idle_after_ns = 60 * SECOND, .segment_max_bytes = 1 << 20, .seal_age_ns = 3600 * SECOND};
    assert_int_equal(dw_intake_open(&conf, &b->engine), DW_OK);
}

static void set_up_member(struct member *m, bool first, bool second)
{
    *m = (struct member){0};
    set_up(&m->bed);
    m->owns[0] = first;
    m->owns[1] = second;
    begin(m);
}

/* In the queue of the group; and a copy for one collector who has all of it, by a folder. */
static void put(struct bed *one, uint64_t p, struct dw_frame *f)
{
    struct dw_frame *copy = dw_calloc(1, sizeof *copy);
    copy->head = f->head;
    dw_buf_str(&copy->bytes, dw_buf_view(&f->bytes));
    send(one, copy);
    topic.frame[p][topic.frames[p]++] = f;
}

static struct dw_frame *opening(struct bed *b, int agent)
{
    char hex[65], json[300];
    dw_hex(dw_key_public(b->agent[agent].key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"host\":\"h%d\",\"public_key\":\"%s\",\"parent\":null}", agent, hex);
    return record(&b->agent[agent], json, SECOND);
}

/* Every member takes what there is, also of what the others say by it. */
static void work_all(struct member *m, uint32_t count)
{
    for (int round = 0; round < 6; round++)
        for (uint32_t i = 0; i < count; i++)
            if (m[i].bed.engine) {
                m[i].bed.clock.mono_ns += SECOND / 4; /* it is time to say how far it is */
                work(&m[i].bed);
            }
}

/* The lines of alerts.log about a rule. */
static void lines_of(struct bed *b, const char *rule, struct dw_buf *out)
{
    struct dw_buf log = {0};
    char word[64];
    (void)snprintf(word, sizeof word, "\"rule\":\"%s\"", rule);
    read_log(b, &log);
    struct dw_str rest = dw_buf_view(&log);
    while (rest.len) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        if (dw_str_find(line, dw_str_of(word)) == line.len)
            continue;
        dw_buf_str(out, line);
        dw_buf_byte(out, '\n');
    }
    dw_buf_fini(&log);
}

static void assert_same_findings(struct bed *a, struct bed *b)
{
    struct dw_buf x = {0}, y = {0};
    lines_of(a, "three", &x);
    lines_of(b, "three", &y);
    assert_true(x.len > 0);
    if (!dw_str_eq(dw_buf_view(&x), dw_buf_view(&y)))
        fail_msg("one has\n%.*s\nand the other\n%.*s", DW_ARG(dw_buf_view(&x)), DW_ARG(dw_buf_view(&y)));
    dw_buf_fini(&x);
    dw_buf_fini(&y);
}

/* Every line of its log that raises something, out of its archive alone. */
static void assert_replays(struct bed *b)
{
    struct replayed replayed;
    struct dw_buf log = {0};
    replay(b, false, &replayed);
    read_log(b, &log);
    if (!dw_str_eq(dw_buf_view(&log), dw_buf_view(&replayed.lines)))
        fail_msg("live\n%.*s\nreplay\n%.*s", DW_ARG(dw_buf_view(&log)), DW_ARG(dw_buf_view(&replayed.lines)));
    dw_buf_fini(&log);
    dw_buf_fini(&replayed.lines);
}

/* Findings are those of one who has it all, and follow from each archive alone. */
static void assert_as_one(struct bed *one, struct member m[2])
{
    for (int i = 0; i < 2; i++)
        assert_same_findings(one, &m[i].bed);
    for (int i = 0; i < 2; i++)
        assert_replays(&m[i].bed);
}

static void forget_topic(void)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        for (uint64_t i = 0; i < topic.frames[p]; i++)
            dw_frame_free(topic.frame[p][i]);
        dw_buf_fini(&topic.state[p].part);
    }
    for (uint64_t i = 0; i < topic.batches; i++)
        dw_buf_fini(&topic.batch[i]);
    topic = (struct topic){.refusals = 0};
}

static void end_all(struct bed *one, struct member *m, uint32_t count)
{
    tear_down(one);
    for (uint32_t i = 0; i < count; i++)
        tear_down(&m[i].bed);
    forget_topic();
}

static void begin_all(struct bed *one, struct member m[2])
{
    set_up(one);
    open_engine(one);
    set_up_member(&m[0], true, false);
    set_up_member(&m[1], false, true);
    for (int agent = 0; agent < 2; agent++)
        put(one, (uint64_t)agent, opening(one, agent));
}

static void what_counts_by_several_partitions_is_found_by_every_collector(void **state)
{
    (void)state;
    struct bed one;
    struct member m[2];
    begin_all(&one, m);
    put(&one, 0, failures(&one, 0, "eve", 2, 100 * SECOND, 150 * SECOND));
    put(&one, 1, failures(&one, 1, "eve", 2, 101 * SECOND, 150 * SECOND));
    work(&one);
    work_all(m, 2);
    assert_as_one(&one, m);
    end_all(&one, m, 2);
}

/* The group takes it from one that seemed dead, and gives it back before anybody went on with it. */
static void a_partition_that_is_lost_for_a_moment_costs_no_match(void **state)
{
    (void)state;
    struct bed one;
    struct member m[2];
    begin_all(&one, m);
    put(&one, 0, failures(&one, 0, "eve", 1, 100 * SECOND, 150 * SECOND));
    put(&one, 1, failures(&one, 1, "eve", 2, 101 * SECOND, 150 * SECOND));
    m[1].lost_at[1] = topic.frames[1];
    work(&one);
    work_all(m, 2);
    assert_false(m[1].owns[1]);
    assert_true(topic.state[1].next < topic.frames[1]);
    m[1].owns[1] = true;
    m[1].lost_at[1] = 0;
    put(&one, 1, record(&one.agent[1], "{\"type\":\"heartbeat\",\"read_at\":1}", 200 * SECOND));
    put(&one, 0, record(&one.agent[0], "{\"type\":\"heartbeat\",\"read_at\":1}", 200 * SECOND));
    work(&one);
    work_all(m, 2);
    assert_as_one(&one, m);
    end_all(&one, m, 2);
}

static void nothing_is_told_before_a_partition_that_nobody_has(void **state)
{
    (void)state;
    struct bed one;
    struct member m[2];
    begin_all(&one, m);
    m[1].owns[1] = false;
    put(&one, 0, failures(&one, 0, "eve", 4, 100 * SECOND, 150 * SECOND));
    put(&one, 1, failures(&one, 1, "bob", 1, 101 * SECOND, 150 * SECOND));
    work(&one);
    work_all(m, 2);
    assert_int_equal(count_in_log(&m[0].bed, "\"rule\":\"three\""), 0);
    m[1].owns[1] = true;
    work_all(m, 2);
    assert_same_findings(&one, &m[0].bed);
    end_all(&one, m, 2);
}

/* Killed, with frames of which it told nobody; the other goes on from what it put, and it comes back later. */
static void a_partition_goes_on_where_its_collector_died(void **state)
{
    (void)state;
    struct bed one;
    struct member m[2];
    begin_all(&one, m);
    put(&one, 1, failures(&one, 1, "eve", 2, 100 * SECOND, 102 * SECOND));
    work(&one);
    work_all(m, 2);
    for (int i = 0; i < 2; i++)
        m[i].bed.clock.mono_ns += 11 * SECOND; /* it is time to put what is known */
    put(&one, 1, failures(&one, 1, "joe", 1, 102 * SECOND, 103 * SECOND));
    work(&one);
    work_all(m, 2);
    assert_true(topic.state[1].next > 0);
    uint64_t known = topic.state[1].next;
    topic.refusals = 1000;
    put(&one, 1, failures(&one, 1, "eve", 1, 103 * SECOND, 104 * SECOND));
    uint32_t taken;
    assert_int_equal(dw_intake_turn(m[1].bed.engine, &taken), DW_OK);
    assert_int_equal(taken, 1);
    assert_int_equal(dw_intake_turn(m[1].bed.engine, &taken), DW_OK);
    assert_int_equal(taken, 0); /* nobody knows of it yet: nothing more is taken */
    close_engine(&m[1].bed);
    topic.refusals = 0;
    m[0].owns[1] = true;
    m[1].owns[1] = false;
    assert_int_equal(topic.state[1].next, known);
    work_all(m, 2);
    put(&one, 1, failures(&one, 1, "joe", 2, 104 * SECOND, 160 * SECOND));
    put(&one, 0, failures(&one, 0, "eve", 1, 105 * SECOND, 160 * SECOND));
    work(&one);
    work_all(m, 2);
    assert_same_findings(&one, &m[0].bed);
    assert_int_equal(count_in_log(&m[0].bed, "dogwatch."), 0); /* no hole, nothing again, nobody unknown */
    begin(&m[1]); /* it tells what it had not told, which is known */
    work_all(m, 2);
    assert_same_findings(&one, &m[1].bed);
    m[0].owns[1] = false;
    m[1].owns[1] = true;
    assert_int_equal(dw_intake_leave(m[0].bed.engine), DW_OK);
    put(&one, 1, failures(&one, 1, "bob", 3, 170 * SECOND, 200 * SECOND));
    put(&one, 0, record(&one.agent[0], "{\"type\":\"heartbeat\",\"read_at\":1}", 200 * SECOND));
    work(&one);
    work_all(m, 2);
    for (int i = 0; i < 2; i++) {
        assert_same_findings(&one, &m[i].bed);
        assert_int_equal(count_in_log(&m[i].bed, "dogwatch."), 0);
        assert_replays(&m[i].bed);
    }
    end_all(&one, m, 2);
}

static void what_is_no_batch_is_set_aside_and_named(void **state)
{
    (void)state;
    struct bed one;
    struct member m[2];
    begin_all(&one, m);
    dw_buf_str(&topic.batch[topic.batches++], DW_STR("no batch"));
    put(&one, 0, failures(&one, 0, "eve", 4, 100 * SECOND, 150 * SECOND));
    put(&one, 1, failures(&one, 1, "bob", 1, 101 * SECOND, 150 * SECOND));
    work(&one);
    work_all(m, 2);
    for (int i = 0; i < 2; i++) {
        assert_same_findings(&one, &m[i].bed);
        assert_int_equal(count_in_log(&m[i].bed, "\"rule\":\"dogwatch.queue.junk\""), 1);
        assert_replays(&m[i].bed);
    }
    end_all(&one, m, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_counts_by_several_partitions_is_found_by_every_collector),
        cmocka_unit_test(a_partition_that_is_lost_for_a_moment_costs_no_match),
        cmocka_unit_test(nothing_is_told_before_a_partition_that_nobody_has),
        cmocka_unit_test(a_partition_goes_on_where_its_collector_died),
        cmocka_unit_test(what_is_no_batch_is_set_aside_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
