/* Tests of collector/ingest/intake, of damage: what it says about an archive or a queue that is not as it left it. */
#include "frames.h"
#include "support.h"

#include "dogwatch/collect/intake.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int open_queue(void *arg, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    return dw_dir_receiver_open(&dw_fs_system, arg, count ? from : NULL, ret);
}

struct bed {
    char data[512], queue[600], archive[600], alerts[600];
    struct frames agent;
    struct dw_keys *keys;
    struct dw_ruleset *rules;
    struct dw_intake_engine *engine;
    struct dw_buf said; /* "rule " of each alert */
};

static void set_up(struct bed *b)
{
    *b = (struct bed){0};
    (void)snprintf(b->data, sizeof b->data, "%s", temp_dir());
    (void)snprintf(b->queue, sizeof b->queue, "%s/queue", b->data);
    (void)snprintf(b->archive, sizeof b->archive, "%s/archive", b->data);
    (void)snprintf(b->alerts, sizeof b->alerts, "%s/alerts", b->data);
    frames_init(&b->agent);
    b->keys = dw_keys_new();
    b->rules = dw_ruleset_new(b->keys, NULL);
    assert_int_equal(dw_ruleset_finish(b->rules, (struct dw_diag_sink){0}), DW_OK);
}

static void tear_down(struct bed *b)
{
    dw_intake_close(b->engine);
    dw_ruleset_free(b->rules);
    dw_keys_free(b->keys);
    frames_fini(&b->agent);
    dw_buf_fini(&b->said);
    temp_dir_remove(b->data);
}

/* The agent starts, sends an opening record the first time and n frames, and ends. */
static void send(struct bed *b, uint32_t n)
{
    struct dw_sender *s;
    uint64_t acked;
    char hex[65], json[200];
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, b->queue, 0, &s), DW_OK);
    dw_hex(dw_key_public(b->agent.key), 32, hex);
    (void)snprintf(json, sizeof json, "{\"type\":\"epoch.open\",\"public_key\":\"%s\"}", hex);
    if (b->agent.chain.next_number == 0) {
        struct dw_frame *f = frames_record(&b->agent, json);
        assert_int_equal(dw_sender_send(s, &f), DW_OK);
    }
    for (uint32_t i = 0; i < n; i++) {
        frames_fill(&b->agent, 6);
        struct dw_frame *f = frames_encode(&b->agent, true);
        assert_int_equal(dw_sender_send(s, &f), DW_OK);
    }
    assert_int_equal(dw_sender_pump(s, &acked), DW_OK);
    dw_sender_close(s);
}

/* The collector starts, takes what is there, and is stopped without sealing. Returns how much was taken. */
static uint32_t collect(struct bed *b)
{
    struct dw_intake_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .data = b->data, .open_receiver = open_queue, .arg = b->queue,
        .keys = b->keys, .rules = b->rules, .idle_after_ns = 60000000000,
        .segment_max_bytes = 1 << 20, .seal_age_ns = INT64_MAX};
    uint32_t taken, sum = 0;
    assert_int_equal(dw_intake_open(&conf, &b->engine), DW_OK);
    do {
        assert_int_equal(dw_intake_turn(b->engine, &taken), DW_OK);
        sum += taken;
    } while (taken);
    dw_intake_close(b->engine);
    b->engine = NULL;
    return sum;
}

static void put_rule(void *arg, const struct dw_alert *a)
{
    dw_buf_printf(arg, "%s ", a->rule);
}

static const char *said(struct bed *b)
{
    struct dw_alerts *a;
    int64_t last;
    dw_buf_reset(&b->said);
    assert_int_equal(dw_alerts_open_read(b->alerts, &a), DW_OK);
    assert_int_equal(dw_alerts_list(a, 0, 0, put_rule, &b->said, &last), DW_OK);
    dw_alerts_close(a);
    dw_buf_byte(&b->said, '\0');
    return b->said.ptr;
}

static uint64_t archived_events(struct bed *b)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    uint64_t n = 0;
    int rc;
    assert_int_equal(dw_archive_reader_open(&dw_fs_system, b->archive, b->keys, &r), DW_OK);
    while ((rc = dw_archive_reader_next(r, &a)) == DW_OK)
        for (uint32_t i = 0; i < a.frame.event_count; i++)
            n += !a.mark || a.mark[i] != DW_MARK_DUPLICATE;
    assert_int_equal(rc, DW_EAGAIN);
    dw_archive_reader_close(r);
    return n;
}

static void a_restart_goes_on_and_says_nothing(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    send(&b, 3);
    assert_int_equal(collect(&b), 4);
    send(&b, 2);
    assert_int_equal(collect(&b), 2);
    assert_int_equal(collect(&b), 0);
    assert_string_equal(said(&b), "");
    assert_int_equal(archived_events(&b), 30);
    tear_down(&b);
}

static void a_queue_that_was_removed_is_said_and_its_successor_taken(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    send(&b, 3);
    assert_int_equal(collect(&b), 4);
    temp_dir_remove(b.queue);
    send(&b, 1);
    assert_int_equal(collect(&b), 2); /* one of them is the notice */
    assert_string_equal(said(&b), "dogwatch.queue.replaced ");
    assert_int_equal(archived_events(&b), 24);
    assert_int_equal(collect(&b), 0);
    assert_string_equal(said(&b), "dogwatch.queue.replaced ");
    tear_down(&b);
}

static void damage_in_the_archive_is_said_and_the_rest_is_kept(void **state)
{
    (void)state;
    struct bed b;
    char path[700];
    set_up(&b);
    send(&b, 6);
    assert_int_equal(collect(&b), 7);
    (void)snprintf(path, sizeof path, "%s/seg-00000001.open", b.archive);
    struct dw_buf file = {0};
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &file), DW_OK);
    file.ptr[file.len / 2] ^= 0x20;
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, file.ptr, file.len), file.len);
    close(fd);
    for (int start = 0; start < 2; start++) {
        (void)collect(&b);
        dw_buf_reset(&file);
        dw_buf_str(&file, dw_str_of(said(&b)));
        size_t at = dw_str_find(dw_buf_view(&file), DW_STR("dogwatch.archive.damaged"));
        assert_true(at < file.len);
        assert_true(dw_str_find(dw_str_slice(dw_buf_view(&file), at + 1, file.len), DW_STR("dogwatch.archive.damaged")) + at + 1 >= file.len);
    }
    send(&b, 1);
    assert_int_equal(collect(&b), 1);
    dw_buf_fini(&file);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_goes_on_and_says_nothing),
        cmocka_unit_test(a_queue_that_was_removed_is_said_and_its_successor_taken),
        cmocka_unit_test(damage_in_the_archive_is_said_and_the_rest_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
