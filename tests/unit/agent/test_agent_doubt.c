/* Tests of what the agent says of events that are not whole (agent/ship.c), by what rules make of it behind the queue. */
#include "agent_bed.h"

#include "dogwatch/correlate/ruleset.h"

static const char rules[] = "title: w\nid: w\nlogsource: {category: webserver}\ndetection:\n  s: {cs-uri|contains: /etc/passwd}\n  condition: s\n"
                            "---\ntitle: j\nid: j\nlogsource: {product: generic, service: json}\ndetection:\n  s: {k0: v, evil: '1'}\n  condition: s\n";

/* Verdicts in the order of events: `w` and `j` of a match, `W` and `J` where it is undecided. */
static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    dw_buf_byte(ud, (uint8_t)(undecided ? "WJ"[rule] : "wj"[rule]));
}

static void match_queue(struct bed *b, struct dw_buf *out)
{
    char queue[600];
    struct dw_receiver *r;
    struct dw_received got;
    struct dw_decoded f;
    struct dw_keys *keys = dw_keys_new();
    struct dw_decoder *d = dw_decoder_new(keys);
    struct dw_ruleset *rs = dw_ruleset_new(keys, NULL);
    assert_int_equal(dw_ruleset_add(rs, "t.yml", dw_str_of(rules), (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(dw_ruleset_finish(rs, (struct dw_diag_sink){0}), DW_OK);
    struct dw_match_scratch *s = dw_match_scratch_new(rs);
    (void)snprintf(queue, sizeof queue, "%s/queue", b->data);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, queue, NULL, &r), DW_OK);
    while (dw_receiver_next(r, &got) == DW_OK) {
        assert_int_equal(dw_decode(d, got.bytes, &f), DW_OK);
        for (uint32_t i = 0; i < f.event_count; i++)
            assert_int_equal(dw_match_event(s, &f.event[i], (struct dw_match_opts){0}, on_hit, out), DW_OK);
    }
    dw_receiver_close(r);
    dw_match_scratch_free(s);
    dw_ruleset_free(rs);
    dw_decoder_free(d);
    dw_keys_free(keys);
    dw_buf_byte(out, '\0');
}

static void a_refused_line_keeps_the_logsource_of_its_stream(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf hits = {0};
    set_up(&b);
    for (int i = 0; i < 3; i++)
        put(&b, "a.log", "203.0.113.9 - - [23/Nov/2026:22:14:18 +0100] \"GET / HTTP/1.1\" 200 17 \"-\" \"curl\"\n");
    put(&b, "a.log", "junk \x16 GET /../ETC/passwd\n");
    put(&b, "a.log", "junk without anything\n");
    run_once(&b);
    match_queue(&b, &hits);
    assert_string_equal(hits.ptr, "w");
    dw_buf_fini(&hits);
    tear_down(&b);
}

static void an_event_that_lost_fields_says_so(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf hits = {0}, line = {0};
    set_up(&b);
    for (int i = 0; i < DW_EVENT_FIELDS_MAX + 40; i++)
        dw_buf_printf(&line, "%s\"k%d\":\"v\"", i ? "," : "{", i);
    dw_buf_str(&line, DW_STR(",\"evil\":\"1\"}\n"));
    dw_buf_byte(&line, '\0');
    put(&b, "a.log", "{\"k0\":\"v\"}\n");
    put(&b, "a.log", line.ptr);
    put(&b, "a.log", "{\"k0\":\"v\",\"evil\":\"1\"}\n");
    run_once(&b);
    match_queue(&b, &hits);
    assert_string_equal(hits.ptr, "Jj");
    dw_buf_fini(&hits);
    dw_buf_fini(&line);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_line_keeps_the_logsource_of_its_stream),
        cmocka_unit_test(an_event_that_lost_fields_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
