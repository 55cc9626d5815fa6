/* Tests of the agent with redact.rules and redact.hash: what is in the frames that leave the host. */
#include "agent_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/event/json_write.h"

/* All events of the queue as JSON, one a line: every field with its value, and the line itself. */
static void read_events(struct bed *b, struct dw_buf *out)
{
    char queue[600];
    struct dw_receiver *r;
    struct dw_received got;
    struct dw_decoded f;
    struct dw_keys *keys = dw_keys_new();
    struct dw_decoder *d = dw_decoder_new(keys);
    (void)snprintf(queue, sizeof queue, "%s/queue", b->data);
    assert_int_equal(dw_dir_receiver_open(&dw_fs_system, queue, NULL, &r), DW_OK);
    while (dw_receiver_next(r, &got) == DW_OK) {
        assert_int_equal(dw_decode(d, got.bytes, &f), DW_OK);
        for (uint32_t i = 0; i < f.event_count; i++) {
            dw_event_json(keys, &f.event[i], &(struct dw_event_extra){.whole_message = true}, out);
            dw_buf_byte(out, '\n');
        }
    }
    dw_receiver_close(r);
    dw_decoder_free(d);
    dw_keys_free(keys);
    dw_buf_byte(out, '\0');
    out->len--;
}

static uint32_t times(struct dw_str text, const char *what)
{
    uint32_t count = 0;
    struct dw_str word = dw_str_of(what);
    for (size_t at; (at = dw_str_find(text, word)) < text.len; count++)
        text = dw_str_slice(text, at + word.len, text.len);
    return count;
}

static void put_key(struct bed *b, char path[600])
{
    (void)snprintf(path, 600, "%s/redact.key", b->dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR("0123456789abcdef0123456789abcdef")), DW_OK);
    b->opt.redact_key_file = dw_str_of(path);
}

static void what_own_rules_find_leaves_the_host_in_no_field(void **state)
{
    (void)state;
    struct bed b;
    char key[600];
    struct dw_buf events = {0};
    const struct dw_str name[] = {DW_STR("staff"), DW_STR("slow")}, regex[] = {DW_STR("\\bEMP-(\\d+)\\b"), DW_STR("(?:z+)+!")}, hash = DW_STR("staff");
    static char slow[2000];
    set_up(&b);
    put_key(&b, key);
    b.opt.redact_rules = (struct dw_conf_map){name, regex, 2};
    b.opt.redact_hash = (struct dw_conf_list){&hash, 1};
    put(&b, "a.log", "{\"who\":\"EMP-12345678\",\"level\":\"info\",\"message\":\"EMP-12345678 in\",\"inner\":{\"list\":[\"EMP-12345678\"]}}\n");
    put(&b, "b.log", "time=2026-11-29T10:00:00Z level=info who=EMP-12345678 msg=\"by EMP-123\"\n");
    (void)snprintf(slow, sizeof slow, "plain EMP-12345678 ");
    memset(slow + strlen(slow), 'z', 1000);
    put(&b, "c.log", slow);
    put(&b, "c.log", " sesame!\n");
    uint64_t limited = dw_counter_get(DW_C_tail_redact_limited);
    run_once(&b);
    read_events(&b, &events);
    struct dw_str text = dw_buf_view(&events);
    assert_int_equal(times(text, "12345678"), 0);
    assert_int_equal(times(text, "EMP-123"), 0);
    assert_int_equal(times(text, "sesame"), 0);
    assert_int_equal(times(text, "\"staff:12:8:61165e65\""), 1); /* the id of the key, as sha256sum says it (test_redact_own.c) */
    assert_int_equal(times(text, "EMP-e0fad1db"), 8); /* in a line and its fields: 3 and 3, 1 and 1 */
    assert_int_equal(times(text, "\"staff:66:3\""), 1);
    assert_int_equal(times(text, "redact.limit"), 1);
    assert_int_equal(dw_counter_get(DW_C_tail_redact_limited), limited + 1);
    dw_buf_fini(&events);
    tear_down(&b);
}

static void the_same_bytes_come_again_after_a_kill(void **state)
{
    (void)state;
    struct bed b;
    char key[600];
    const struct dw_str name = DW_STR("staff"), regex = DW_STR("\\bEMP-(\\d+)\\b"), hash = DW_STR("staff");
    set_up(&b);
    put_key(&b, key);
    b.opt.redact_rules = (struct dw_conf_map){&name, &regex, 1};
    b.opt.redact_hash = (struct dw_conf_list){&hash, 1};
    put(&b, "a.log", "EMP-12345678 one\n");
    start(&b);
    settle(&b);
    kill_agent(&b);
    put(&b, "a.log", "EMP-12345678 two\n");
    run_once(&b);
    assert_got(&b, "EMP-e0fad1db one\nEMP-e0fad1db two\n", 1);
    tear_down(&b);
}

static void an_agent_without_its_key_does_not_begin(void **state)
{
    (void)state;
    struct bed b;
    const struct dw_str hash = DW_STR("cards");
    set_up(&b);
    b.opt.redact_hash = (struct dw_conf_list){&hash, 1};
    assert_int_equal(agent_open(&b.opt, wake, NULL, &b.agent), DW_ECONFIG);
    b.opt.redact_key_file = DW_STR("/nonexistent/key");
    assert_int_equal(agent_open(&b.opt, wake, NULL, &b.agent), DW_ECONFIG);
    assert_null(b.agent);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_own_rules_find_leaves_the_host_in_no_field),
        cmocka_unit_test(the_same_bytes_come_again_after_a_kill),
        cmocka_unit_test(an_agent_without_its_key_does_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
