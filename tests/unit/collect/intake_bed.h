/* intake_bed: two agents, a queue, and a collector whose clock the test moves. */
#ifndef DOGWATCH_TESTS_INTAKE_BED_H
#define DOGWATCH_TESTS_INTAKE_BED_H

#include "frames.h"
#include "support.h"

#include "dogwatch/collect/intake.h"
#include "dogwatch/collect/raised.h"
#include "dogwatch/collect/replay.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)

static const char rules[] = "title: one\nid: one\nlogsource: {product: app}\ndetection: {s: {message|contains: FAIL}, condition: s}\n"
                            "---\ntitle: three\nid: three\nlevel: high\ncorrelation: {type: event_count, rules: [one], group-by: [user.name],"
                            " timespan: 10s, condition: {gte: 3}}\n";

struct fake_clock {
    struct dw_clock clock;
    int64_t real_ns, mono_ns;
};

static inline int open_queue(void *arg, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    return dw_dir_receiver_open(&dw_fs_system, arg, count ? from : NULL, ret);
}

struct bed {
    char dir[512], queue[600], log[600];
    struct fake_clock clock;
    struct dw_keys *keys;
    struct dw_ruleset *rules;
    struct dw_buf pack; /* their files; empty: nothing is kept */
    struct frames agent[2];
    struct dw_sender *sender;
    struct dw_intake_engine *engine;
    uint64_t read_again_events; /* at a start, behind a state */
};

static inline int64_t fake_real(const struct dw_clock *c)
{
    return ((const struct fake_clock *)c)->real_ns;
}

static inline int64_t fake_mono(const struct dw_clock *c)
{
    return ((const struct fake_clock *)c)->mono_ns;
}

static inline int try_open(struct bed *b, const struct dw_fs *fs)
{
    struct dw_intake_conf conf = {.fs = fs, .clock = &b->clock.clock, .data = b->dir, .open_receiver = open_queue, .arg = b->queue, .keys = b->keys,
        .rules = b->rules, .rules_pack = dw_buf_view(&b->pack), .lateness_ns = 2 * SECOND, .idle_after_ns = 60 * SECOND, .segment_max_bytes = 1 << 20, .seal_age_ns = 3600 * SECOND,
        .read_again_events = b->read_again_events};
    return dw_intake_open(&conf, &b->engine);
}

static inline void open_engine(struct bed *b)
{
    assert_int_equal(try_open(b, &dw_fs_system), DW_OK);
}

static inline void close_engine(struct bed *b)
{
    dw_intake_close(b->engine);
    b->engine = NULL;
}

static inline void set_up(struct bed *b)
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

static inline void tear_down(struct bed *b)
{
    close_engine(b);
    dw_sender_close(b->sender);
    for (int i = 0; i < 2; i++)
        frames_fini(&b->agent[i]);
    dw_ruleset_free(b->rules);
    dw_buf_fini(&b->pack);
    dw_keys_free(b->keys);
    temp_dir_remove(b->dir);
}

static inline void send(struct bed *b, struct dw_frame *f)
{
    uint64_t acked;
    assert_int_equal(dw_sender_send(b->sender, &f), DW_OK);
    assert_int_equal(dw_sender_pump(b->sender, &acked), DW_OK);
}

static inline struct dw_frame *record(struct frames *f, const char *json, int64_t low_water_ns)
{
    struct dw_frame *made = NULL;
    struct dw_encode with = {.chain = &f->chain, .low_water_ns = low_water_ns, .key = f->key};
    assert_int_equal(dw_encode_record(f->encoder, dw_str_of(json), 77, &with, &made), DW_OK);
    return made;
}

static inline void open_epoch(struct bed *b, int agent, int64_t low_water_ns)
{
    char hex[65], json[300];
    dw_hex(dw_key_public(b->agent[agent].key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"host\":\"h%d\",\"public_key\":\"%s\",\"parent\":null}", agent, hex);
    send(b, record(&b->agent[agent], json, low_water_ns));
}

static inline void heartbeat(struct bed *b, int agent, int64_t low_water_ns)
{
    send(b, record(&b->agent[agent], "{\"type\":\"heartbeat\",\"read_at\":1}", low_water_ns));
}

static inline void write_to_queue(struct bed *b, struct dw_str bytes)
{
    char path[620];
    (void)snprintf(path, sizeof path, "%s/00000001.frames", b->queue);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    close(fd);
}

/* `count` failures of a user, a second apart. */
static inline struct dw_frame *failures(struct bed *b, int agent, const char *user, uint32_t count, int64_t from_ns, int64_t low_water_ns)
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

/* A line that was cut before its message, about which the rule `one` can say nothing. */
static inline struct dw_frame *cut_line(struct bed *b, int agent, int64_t at_ns, int64_t low_water_ns)
{
    struct frames *f = &b->agent[agent];
    struct dw_frame *made = NULL;
    struct dw_draft *d = dw_batch_draft(f->batch, DW_STR("{\"a\":1,\"message\":"));
    dw_draft_const(d, DW_F_event_dataset, "app.log");
    dw_draft_const(d, DW_F_tags, "cut");
    uint64_t start = f->offset[0], end = start + d->line.len + 1;
    f->offset[0] = end;
    dw_batch_commit(f->batch, &(struct dw_event){.time_ns = at_ns, .read_at_ns = 2000, .stream = &f->stream[0], .start = start, .end = end});
    struct dw_encode with = {.chain = &f->chain, .low_water_ns = low_water_ns, .key = f->key};
    assert_int_equal(dw_encode_events(f->encoder, f->batch, &with, &made), DW_OK);
    dw_batch_reset(f->batch);
    return made;
}

/* Turns until nothing is there. */
static inline void work(struct bed *b)
{
    uint32_t taken = 1;
    for (int i = 0; taken; i++) {
        assert_true(i < 1000);
        assert_int_equal(dw_intake_turn(b->engine, &taken), DW_OK);
    }
}

static inline void read_log(struct bed *b, struct dw_buf *out)
{
    dw_buf_reset(out);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, b->log, 1 << 20, out), DW_OK);
}

static inline uint32_t count_in_log(struct bed *b, const char *word)
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

static inline void delete_alerts(struct bed *b)
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

static inline int take_replayed(void *arg, const struct dw_alert *alert, enum dw_replay_kind kind)
{
    struct replayed *r = arg;
    r->fresh += kind == DW_REPLAY_NEW;
    dw_raised_line(alert, &r->lines);
    return DW_OK;
}

static inline void take_gone(void *arg, const char *id, const char *rule)
{
    (void)id;
    (void)rule;
    ((struct replayed *)arg)->gone++;
}

/* What a replay makes of the archive as it is. */
static inline void replay(const struct bed *b, bool corrected, struct replayed *ret)
{
    char archive[600];
    *ret = (struct replayed){0};
    (void)snprintf(archive, sizeof archive, "%s/archive", b->dir);
    struct dw_past_rules past = {.fs = &dw_fs_system, .dir = archive, .keys = b->keys};
    struct dw_replay r = {.fs = &dw_fs_system, .archive = archive, .keys = b->keys, .rules = b->rules, .past = b->pack.len ? &past : NULL, .lateness_ns = 2 * SECOND,
        .corrected = corrected, .each = take_replayed, .gone = take_gone, .arg = ret};
    assert_int_equal(dw_replay_run(&r), DW_OK);
    dw_past_rules_fini(&past);
    assert_int_equal(r.refused, 0);
    assert_true(r.frames > 0);
}

/* Without DATA/alerts, an hour later, in another process: the same log, byte for byte; and so says a replay beside the collector. */
static inline void assert_same_when_made_again(struct bed *b)
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

static inline void archive_of(const struct bed *b, char out[600])
{
    (void)snprintf(out, 600, "%s/archive", b->dir);
}

/* One thing that may happen, by chance: the same for every bed that is given the same numbers. */
static inline void step(struct bed *b, uint64_t what, int agent, uint32_t n, int64_t at_ns)
{
    static const char *const users[] = {"eve", "bob", "joe"};
    uint32_t taken;
    if (what < 6)
        send(b, failures(b, agent, users[n % 3], 1 + n % 4, at_ns, at_ns + 4 * SECOND));
    else if (what == 6) /* late: behind what the agent has stated */
        send(b, failures(b, agent, users[n % 3], 2, at_ns - 30 * SECOND, 0));
    else if (what == 7)
        heartbeat(b, agent, at_ns);
    else if (what == 8)
        b->clock.mono_ns += 61 * SECOND; /* who is not heard is idle */
    else if (what == 11) /* told once an hour of event time */
        send(b, cut_line(b, agent, at_ns + n % 3 * HOUR, at_ns));
    else
        b->clock.mono_ns += HOUR + SECOND; /* the segment is due */
    b->clock.real_ns += SECOND;
    work(b);
    if (what > 8 && what < 11) { /* a turn without frames seals nothing */
        heartbeat(b, 1 - agent, at_ns);
        assert_int_equal(dw_intake_turn(b->engine, &taken), DW_OK);
    }
}

static inline struct dw_expired let_go(struct bed *b, int64_t before_ns)
{
    char archive[600];
    struct dw_archive *a;
    struct dw_expired gone;
    archive_of(b, archive);
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &b->clock.clock, .dir = archive, .keys = b->keys, .segment_max_bytes = 1 << 20};
    assert_int_equal(dw_archive_open(&conf, &a), DW_OK);
    assert_int_equal(dw_archive_expire(a, &(struct dw_expire){.before_ns = before_ns, .asked = {.by = "me", .why = "a test of 100 %"}}, &gone), DW_OK);
    dw_archive_close(a);
    return gone;
}

static inline void assert_same_log(struct bed *a, struct bed *b)
{
    struct dw_buf one = {0}, other = {0};
    read_log(a, &one);
    read_log(b, &other);
    if (!dw_str_eq(dw_buf_view(&one), dw_buf_view(&other)))
        fail_msg("never stopped\n%.*s\nstopped\n%.*s", DW_ARG(dw_buf_view(&one)), DW_ARG(dw_buf_view(&other)));
    dw_buf_fini(&one);
    dw_buf_fini(&other);
}

#endif
