/* Tests of collector/ingest/intake: what it raises is a function of the archive, whatever was deleted, late, silent or broken. */
#include "frames.h"
#include "support.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/collect/intake.h"
#include "dogwatch/collect/raised.h"
#include "dogwatch/collect/replay.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static const char rules[] = "title: one\nid: one\nlogsource: {product: app}\ndetection: {s: {message|contains: FAIL}, condition: s}\n"
                            "---\ntitle: three\nid: three\nlevel: high\ncorrelation: {type: event_count, rules: [one], group-by: [user.name],"
                            " timespan: 10s, condition: {gte: 3}}\n";

struct fake_clock {
    struct dw_clock clock;
    int64_t real_ns, mono_ns;
};

static int open_queue(void *arg, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    return dw_dir_receiver_open(&dw_fs_system, arg, count ? from : NULL, ret);
}

struct bed {
    char dir[512], queue[600], log[600];
    struct fake_clock clock;
    struct dw_keys *keys;
    struct dw_ruleset *rules;
    struct frames agent[2];
    struct dw_sender *sender;
    struct dw_intake_engine *engine;
};

static int64_t fake_real(const struct dw_clock *c)
{
    return ((const struct fake_clock *)c)->real_ns;
}

static int64_t fake_mono(const struct dw_clock *c)
{
    return ((const struct fake_clock *)c)->mono_ns;
}

static int try_open(struct bed *b, const struct dw_fs *fs)
{
    struct dw_intake_conf conf = {.fs = fs, .clock = &b->clock.clock, .data = b->dir, .open_receiver = open_queue, .arg = b->queue, .keys = b->keys,
        .rules = b->rules, .lateness_ns = 2 * SECOND, .idle_after_ns = 60 * SECOND, .segment_max_bytes = 1 << 20, .seal_age_ns = 3600 * SECOND};
    return dw_intake_open(&conf, &b->engine);
}

static void open_engine(struct bed *b)
{
    assert_int_equal(try_open(b, &dw_fs_system), DW_OK);
}

static void close_engine(struct bed *b)
{
    dw_intake_close(b->engine);
    b->engine = NULL;
}

static void set_up(struct bed *b)
{
    uint8_t seed[32];
    *b = (struct bed){.clock = {.clock = {.real_ns = fake_real, .mono_ns = fake_mono}, .real_ns = 1000 * SECOND, .mono_ns = 5 * SECOND}};
    (void)snprintf(b->dir, sizeof b->dir, "%s", temp_dir());
    (void)snprintf(b->queue, sizeof b->queue, "%s/queue", b->dir);
    (void)snprintf(b->log, sizeof b->log, "%s/alerts/alerts.log", b->dir);
    b->keys = dw_keys_new();
    b->rules = dw_ruleset_new(b->keys, NULL);
    assert_int_equal(dw_ruleset_add(b->rules, "t.yml", dw_str_of(rules), (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(dw_ruleset_finish(b->rules, (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(dw_ruleset_count(b->rules), 2);
    for (int i = 0; i < 2; i++) {
        struct frames *f = &b->agent[i];
        frames_init(f);
        dw_key_free(f->key);
        memset(seed, 20 + i, sizeof seed);
        assert_int_equal(dw_key_from_seed(seed, &f->key), DW_OK);
        dw_key_agent_id(dw_key_public(f->key), f->chain.agent);
        f->stream[0].id[1] = (uint8_t)(0x40 + i);
    }
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, b->queue, 0, &b->sender), DW_OK);
}

static void tear_down(struct bed *b)
{
    close_engine(b);
    dw_sender_close(b->sender);
    for (int i = 0; i < 2; i++)
        frames_fini(&b->agent[i]);
    dw_ruleset_free(b->rules);
    dw_keys_free(b->keys);
    temp_dir_remove(b->dir);
}

static void send(struct bed *b, struct dw_frame *f)
{
    uint64_t acked;
    assert_int_equal(dw_sender_send(b->sender, &f), DW_OK);
    assert_int_equal(dw_sender_pump(b->sender, &acked), DW_OK);
}

static struct dw_frame *record(struct frames *f, const char *json, int64_t low_water_ns)
{
    struct dw_frame *made = NULL;
    struct dw_encode with = {.chain = &f->chain, .low_water_ns = low_water_ns, .key = f->key};
    assert_int_equal(dw_encode_record(f->encoder, dw_str_of(json), 77, &with, &made), DW_OK);
    return made;
}

static void open_epoch(struct bed *b, int agent, int64_t low_water_ns)
{
    char hex[65], json[300];
    dw_hex(dw_key_public(b->agent[agent].key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"host\":\"h%d\",\"public_key\":\"%s\",\"parent\":null}", agent, hex);
    send(b, record(&b->agent[agent], json, low_water_ns));
}

static void heartbeat(struct bed *b, int agent, int64_t low_water_ns)
{
    send(b, record(&b->agent[agent], "{\"type\":\"heartbeat\",\"read_at\":1}", low_water_ns));
}

static void write_to_queue(struct bed *b, struct dw_str bytes)
{
    char path[620];
    (void)snprintf(path, sizeof path, "%s/00000001.frames", b->queue);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    close(fd);
}

/* `count` failures of a user, a second apart. */
static struct dw_frame *failures(struct bed *b, int agent, const char *user, uint32_t count, int64_t from_ns, int64_t low_water_ns)
{
    struct frames *f = &b->agent[agent];
    struct dw_frame *made = NULL;
    for (uint32_t i = 0; i < count; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "FAIL of %s %u", user, i);
        struct dw_draft *d = dw_batch_draft(f->batch, dw_str_make(line, (size_t)len));
        dw_draft_const(d, DW_F_event_dataset, "app.log");
        dw_draft_view(d, DW_F_message, d->line);
        dw_draft_literal(d, DW_F_user_name, dw_str_of(user));
        uint64_t start = f->offset[0], end = start + (uint64_t)len + 1;
        f->offset[0] = end;
        dw_batch_commit(f->batch, &(struct dw_event){.time_ns = from_ns + i * SECOND, .read_at_ns = 2000, .stream = &f->stream[0],
            .start = start, .end = end});
    }
    struct dw_encode with = {.chain = &f->chain, .low_water_ns = low_water_ns, .key = f->key};
    assert_int_equal(dw_encode_events(f->encoder, f->batch, &with, &made), DW_OK);
    dw_batch_reset(f->batch);
    return made;
}

/* Turns until nothing is there. */
static void work(struct bed *b)
{
    uint32_t taken = 1;
    for (int i = 0; taken; i++) {
        assert_true(i < 1000);
        assert_int_equal(dw_intake_turn(b->engine, &taken), DW_OK);
    }
}

static void read_log(struct bed *b, struct dw_buf *out)
{
    dw_buf_reset(out);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, b->log, 1 << 20, out), DW_OK);
}

static uint32_t count_in_log(struct bed *b, const char *word)
{
    struct dw_buf log = {0};
    uint32_t n = 0;
    read_log(b, &log);
    struct dw_str rest = dw_buf_view(&log), w = dw_str_of(word);
    for (size_t at; rest.len && (at = dw_str_find(rest, w)) < rest.len; rest = dw_str_slice(rest, at + w.len, rest.len))
        n++;
    dw_buf_fini(&log);
    return n;
}

static void delete_alerts(struct bed *b)
{
    static const char *const names[] = {"alerts.log", "alerts.db", "alerts.db-wal", "alerts.db-shm"};
    char path[620];
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof path, "%s/alerts/%s", b->dir, names[i]);
        (void)unlink(path);
    }
}

struct replayed {
    struct dw_buf lines;
    uint32_t fresh, gone;
};

static int take_replayed(void *arg, const struct dw_alert *alert, enum dw_replay_kind kind)
{
    struct replayed *r = arg;
    r->fresh += kind == DW_REPLAY_NEW;
    dw_raised_line(alert, &r->lines);
    return DW_OK;
}

static void take_gone(void *arg, const char *id, const char *rule)
{
    (void)id;
    (void)rule;
    ((struct replayed *)arg)->gone++;
}

/* What a replay makes of the archive as it is. */
static void replay(const struct bed *b, bool corrected, struct replayed *ret)
{
    char archive[600];
    *ret = (struct replayed){0};
    (void)snprintf(archive, sizeof archive, "%s/archive", b->dir);
    struct dw_replay r = {.fs = &dw_fs_system, .archive = archive, .keys = b->keys, .rules = b->rules, .lateness_ns = 2 * SECOND, .corrected = corrected,
        .each = take_replayed, .gone = take_gone, .arg = ret};
    assert_int_equal(dw_replay_run(&r), DW_OK);
    assert_int_equal(r.refused, 0);
    assert_true(r.frames > 0);
}

/* Without DATA/alerts, an hour later, in another process: the same log, byte for byte; and so says a replay beside the collector. */
static void assert_same_when_made_again(struct bed *b)
{
    struct dw_buf before = {0}, after = {0};
    struct replayed replayed;
    read_log(b, &before);
    replay(b, false, &replayed);
    if (!dw_str_eq(dw_buf_view(&before), dw_buf_view(&replayed.lines)))
        fail_msg("live\n%.*s\nreplay\n%.*s", DW_ARG(dw_buf_view(&before)), DW_ARG(dw_buf_view(&replayed.lines)));
    dw_buf_fini(&replayed.lines);
    close_engine(b);
    delete_alerts(b);
    b->clock.real_ns += 3600 * SECOND;
    b->clock.mono_ns = 0;
    open_engine(b);
    read_log(b, &after);
    assert_true(before.len > 0);
    if (!dw_str_eq(dw_buf_view(&before), dw_buf_view(&after)))
        fail_msg("before\n%.*s\nafter\n%.*s", DW_ARG(dw_buf_view(&before)), DW_ARG(dw_buf_view(&after)));
    dw_buf_fini(&before);
    dw_buf_fini(&after);
}

static void an_agent_that_died_does_not_stop_correlation(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND); /* and nothing more: killed, its key lost */
    open_epoch(&b, 1, 1 * SECOND);
    send(&b, failures(&b, 1, "eve", 4, 100 * SECOND, 100 * SECOND));
    heartbeat(&b, 1, 200 * SECOND);
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"three\""), 0);
    b.clock.mono_ns += 59 * SECOND;
    heartbeat(&b, 1, 259 * SECOND);
    work(&b);
    assert_int_equal(count_in_log(&b, "dogwatch.agent.unheard"), 0);
    assert_int_equal(count_in_log(&b, "\"rule\":\"three\""), 0);
    b.clock.mono_ns += 2 * SECOND;
    b.clock.real_ns += 61 * SECOND;
    heartbeat(&b, 1, 261 * SECOND);
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.agent.unheard\""), 1);
    assert_int_equal(count_in_log(&b, " on h0: nothing since 1970-01-01T00:16:40.000000000Z"), 2); /* as key, and in the finding */
    assert_int_equal(count_in_log(&b, "\"rule\":\"three\""), 2); /* at the third, and told again at the fourth */
    assert_same_when_made_again(&b);
    /* on return: what is behind the watermark takes no part, what is not does */
    send(&b, failures(&b, 0, "old", 4, 100 * SECOND, 100 * SECOND));
    send(&b, failures(&b, 0, "new", 4, 300 * SECOND, 400 * SECOND));
    heartbeat(&b, 1, 400 * SECOND);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=old"), 0);
    assert_int_equal(count_in_log(&b, "user.name=new"), 2);
    assert_same_when_made_again(&b);
    struct replayed corrected; /* what was behind takes its place */
    replay(&b, true, &corrected);
    assert_true(dw_str_find(dw_buf_view(&corrected.lines), DW_STR("user.name=old")) < corrected.lines.len);
    assert_int_equal(corrected.fresh, 2);
    assert_int_equal(corrected.gone, 0);
    dw_buf_fini(&corrected.lines);
    tear_down(&b);
}

/* Whoever breaks in and kills the only agent must not keep what was seen last from correlations. */
static void what_the_only_agent_saw_last_comes_out_when_it_is_idle(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 102 * SECOND)); /* and killed within the lateness */
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 0);
    b.clock.mono_ns += 61 * SECOND;
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    assert_same_when_made_again(&b);
    tear_down(&b);
}

static void a_collector_that_was_down_does_not_take_agents_for_silent(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    open_engine(&b);
    work(&b);
    close_engine(&b);
    b.clock.real_ns += 7200 * SECOND;
    b.clock.mono_ns += 7200 * SECOND;
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "unheard"), 0);
    assert_false(dw_intake_all_closed(b.engine));
    b.clock.mono_ns += 61 * SECOND;
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.agent.unheard\""), 1);
    assert_true(dw_intake_all_closed(b.engine)); /* so that until_idle ends */
    tear_down(&b);
}

/* Junk, a frame with a flipped byte, and a frame that speaks in the collector's name. */
static void queue_of_bad_bytes(struct bed *b)
{
    struct dw_frame *forged = NULL, *flipped;
    struct dw_chain own = {.epoch.counter = 1};
    struct dw_encode with = {.chain = &own};
    open_epoch(b, 0, 1 * SECOND);
    flipped = failures(b, 0, "flip", 1, 100 * SECOND, 1 * SECOND);
    flipped->bytes.ptr[8 + DW_HEAD_BYTES + DW_SIGNATURE_BYTES + 12] ^= 1; /* in TEXT */
    assert_int_equal(dw_encode_record(b->agent[0].encoder, DW_STR("{\"type\":\"input.end\"}"), 5, &with, &forged), DW_OK);
    write_to_queue(b, DW_STR("this is no frame at all"));
    write_to_queue(b, dw_buf_view(&flipped->bytes));
    write_to_queue(b, dw_buf_view(&forged->bytes));
    dw_frame_free(flipped);
    dw_frame_free(forged);
}

static void rejected_bytes_are_told_again_from_the_archive(void **state)
{
    (void)state;
    struct bed b;
    uint32_t taken;
    set_up(&b);
    queue_of_bad_bytes(&b);
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.queue.junk\""), 1);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.frame.invalid\""), 1);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.frame.impostor\""), 1);
    assert_int_equal(count_in_log(&b, "\"rule\":"), 6);
    assert_same_when_made_again(&b);
    assert_int_equal(dw_intake_turn(b.engine, &taken), DW_OK);
    assert_int_equal(taken, 0); /* the place in the queue is behind them */
    tear_down(&b);
}

/* An agent killed in the middle of write(), and its next start: a new queue file, and the frame again. */
static void what_a_killed_agent_left_unfinished_is_kept_and_no_alarm(void **state)
{
    (void)state;
    struct bed b;
    char kept[620];
    struct dw_stat st, queue;
    uint64_t torn = dw_counter_get(DW_C_ingest_torn);
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    (void)snprintf(kept, sizeof kept, "%s/00000001.frames", b.queue);
    assert_int_equal(dw_fs_stat(kept, &queue), DW_OK);
    struct dw_frame *f = failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND);
    struct dw_str torn_bytes = dw_str_slice(dw_buf_view(&f->bytes), 0, f->bytes.len - 7);
    uint8_t hash[DW_SHA256_BYTES];
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_sha256_of(torn_bytes, hash);
    dw_hex(hash, sizeof hash, hex);
    write_to_queue(&b, torn_bytes);
    dw_sender_close(b.sender);
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, b.queue, 0, &b.sender), DW_OK);
    send(&b, f);
    open_engine(&b);
    work(&b);
    assert_int_equal(dw_intake_finish(b.engine), DW_OK);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch."), 0);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    assert_int_equal(dw_counter_get(DW_C_ingest_torn), torn + 1);
    (void)snprintf(kept, sizeof kept, "%s/archive/rejected/00000001-%llu-%.16s", b.dir, (unsigned long long)queue.size_bytes, hex);
    assert_int_equal(dw_fs_stat(kept, &st), DW_OK);
    assert_same_when_made_again(&b);
    tear_down(&b);
}

static void the_end_of_input_is_where_it_was_when_read_again(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND));
    send(&b, record(&b.agent[0], "{\"type\":\"epoch.close\",\"streams\":[]}", 100 * SECOND));
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 0);
    assert_true(dw_intake_all_closed(b.engine));
    assert_int_equal(dw_intake_finish(b.engine), DW_OK);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    assert_same_when_made_again(&b);
    tear_down(&b);
}

/* A sealed segment leaves out what follows from the frame before: of frames that came in another order it must not. */
static void frames_that_came_out_of_order_are_the_same_when_sealed(void **state)
{
    (void)state;
    static const int orders[][5] = {{0, 1, 2, 3, 4}, {1, 0, 2, 3, 4}, {0, 2, 1, 4, 3}, {4, 3, 2, 1, 0}, {0, 0, 1, 3, 2}};
    for (size_t o = 0; o < DW_COUNT_OF(orders); o++) {
        struct bed b;
        struct dw_frame *frame[5];
        set_up(&b);
        open_epoch(&b, 0, 1 * SECOND);
        for (int i = 0; i < 5; i++)
            frame[i] = failures(&b, 0, "eve", 2, (100 + 5 * i) * SECOND, 1 * SECOND);
        bool sent[5] = {false};
        for (int i = 0; i < 5; i++) {
            int k = orders[o][i];
            write_to_queue(&b, dw_buf_view(&frame[k]->bytes));
            sent[k] = true;
        }
        for (int i = 0; i < 5; i++) {
            if (!sent[i])
                write_to_queue(&b, dw_buf_view(&frame[i]->bytes));
            dw_frame_free(frame[i]);
        }
        open_engine(&b);
        work(&b);
        assert_int_equal(dw_intake_finish(b.engine), DW_OK);
        assert_int_equal(count_in_log(&b, "dogwatch.frame.signature"), 0);
        assert_same_when_made_again(&b);
        tear_down(&b);
    }
}

/* A decision stands in the archive and not in the queue: by it the place could not be known again. */
static void the_place_in_the_queue_is_known_behind_decisions(void **state)
{
    (void)state;
    for (int junk = 0; junk < 2; junk++) {
        struct bed b;
        uint32_t taken;
        set_up(&b);
        open_epoch(&b, 0, 1 * SECOND);
        send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND));
        if (junk)
            write_to_queue(&b, DW_STR("bytes that are no frame"));
        open_engine(&b);
        work(&b);
        assert_int_equal(dw_intake_finish(b.engine), DW_OK);
        close_engine(&b);
        open_engine(&b);
        assert_int_equal(dw_intake_turn(b.engine, &taken), DW_OK);
        assert_int_equal(taken, 0);
        assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.queue.replaced\""), 0);
        close_engine(&b);
        dw_sender_close(b.sender);
        temp_dir_remove(b.queue);
        assert_int_equal(dw_dir_sender_open(&dw_fs_system, b.queue, 0, &b.sender), DW_OK);
        send(&b, failures(&b, 0, "ann", 3, 200 * SECOND, 200 * SECOND));
        for (int i = 0; i < 20; i++) /* longer than what was there before */
            heartbeat(&b, 0, 300 * SECOND);
        open_engine(&b);
        work(&b);
        assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.queue.replaced\""), 1);
        assert_int_equal(count_in_log(&b, "user.name=ann"), 1);
        assert_same_when_made_again(&b);
        tear_down(&b);
    }
}

/* A frame may state any mark: one near the least number wrapped, and made everything late. */
static void a_mark_near_the_least_number_makes_nothing_late(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, INT64_MIN + 5);
    send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND));
    heartbeat(&b, 0, 200 * SECOND);
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    tear_down(&b);
}

/* Goal:   an alert that is in the log rests on frames that are in the archive.
 * Method: the nth file call and all after it fail, for every n; then everything is made again from the archive alone. */
static void alerts_rest_on_what_is_archived_whatever_fails(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        struct bed b;
        struct faulty_fs fault;
        struct dw_buf left = {0}, made = {0};
        uint32_t taken = 1;
        assert_true(nth < 1000);
        set_up(&b);
        queue_of_bad_bytes(&b);
        send(&b, failures(&b, 0, "eve", 4, 100 * SECOND, 100 * SECOND));
        heartbeat(&b, 0, 200 * SECOND);
        faulty_fs_init(&fault, nth, nth % 2 ? FAULT_TORN : FAULT_EIO);
        fault.sticky = true;
        int rc = try_open(&b, &fault.fs);
        for (int i = 0; rc == DW_OK && taken && i < 100; i++)
            rc = dw_intake_turn(b.engine, &taken);
        close_engine(&b);
        int found = dw_fs_read_file(&dw_fs_system, b.log, 1 << 20, &left);
        delete_alerts(&b);
        char queue[620];
        (void)snprintf(queue, sizeof queue, "%s/00000001.frames", b.queue);
        (void)unlink(queue); /* only what the archive has */
        rc = try_open(&b, &dw_fs_system);
        if (rc == DW_OK)
            read_log(&b, &made);
        struct dw_str rest = found == DW_OK ? dw_buf_view(&left) : DW_STR_NONE;
        while (dw_str_index(rest, '\n') < rest.len) {
            struct dw_str line = dw_str_cut(&rest, '\n');
            bool of_the_fault = dw_str_find(line, DW_STR("dogwatch.archive.damaged")) < line.len; /* which is over */
            if (!of_the_fault && dw_str_find(dw_buf_view(&made), line) == made.len)
                fail_msg("nth=%d: an alert without its frames: %.*s", nth, DW_ARG(line));
        }
        dw_buf_fini(&left);
        dw_buf_fini(&made);
        int hits = fault.hits;
        tear_down(&b);
        if (hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_that_died_does_not_stop_correlation),
        cmocka_unit_test(what_the_only_agent_saw_last_comes_out_when_it_is_idle),
        cmocka_unit_test(a_collector_that_was_down_does_not_take_agents_for_silent),
        cmocka_unit_test(rejected_bytes_are_told_again_from_the_archive),
        cmocka_unit_test(what_a_killed_agent_left_unfinished_is_kept_and_no_alarm),
        cmocka_unit_test(the_end_of_input_is_where_it_was_when_read_again),
        cmocka_unit_test(frames_that_came_out_of_order_are_the_same_when_sealed),
        cmocka_unit_test(the_place_in_the_queue_is_known_behind_decisions),
        cmocka_unit_test(a_mark_near_the_least_number_makes_nothing_late),
        cmocka_unit_test(alerts_rest_on_what_is_archived_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
