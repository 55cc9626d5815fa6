/* Frames of web sockets: the examples of RFC 6455, what a client may not send, and that it does not matter how bytes are cut. */
#include "support.h"

#include "../../../collector/server/websocket.h"

/* What came of some bytes, as text: `ping(Hello) close(1000)`. */
static void run(struct dw_str bytes, size_t step, struct dw_buf *said)
{
    struct websocket w = {0};
    for (size_t at = 0; at < bytes.len; at += step) {
        struct dw_str part = dw_str_slice(bytes, at, at + step);
        while (part.len && !w.over) {
            enum websocket_event e = websocket_take(&w, &part);
            if (e == WEBSOCKET_PINGED)
                dw_buf_printf(said, "ping(%.*s) ", DW_ARG(websocket_payload(&w)));
            else if (e == WEBSOCKET_CLOSED)
                dw_buf_printf(said, "close(%u) ", w.code);
            else if (e == WEBSOCKET_BROKEN)
                dw_buf_printf(said, "broken(%u) ", w.code);
        }
    }
    if (!w.over)
        dw_buf_printf(said, "%s%s", w.head_len ? "in frame " : "", w.in_message ? "in message " : "");
}

static void expect(const char *bytes, size_t len, const char *want)
{
    for (size_t step = 1; step <= len; step++) {
        struct dw_buf said = {0};
        run(dw_str_make(bytes, len), step, &said);
        if (!dw_str_eq(dw_str_trim(dw_buf_view(&said)), dw_str_of(want)))
            fail_msg("%zu at a time: '%.*s' and not '%s'", step, DW_ARG(dw_buf_view(&said)), want);
        dw_buf_fini(&said);
    }
}
#define EXPECT(bytes, want) expect(bytes, sizeof(bytes) - 1, want)

static void the_examples_of_the_rfc_are_taken(void **state)
{
    (void)state;
    EXPECT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "");            /* 5.7: a masked "Hello" */
    EXPECT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "");            /* a masked pong */
    EXPECT("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "ping(Hello)"); /* the same as a ping */
    EXPECT("\x81\x05\x48\x65\x6c\x6c\x6f", "broken(1002)");                /* a frame of a server */
}

static void messages_come_in_pieces_with_control_between_them(void **state)
{
    (void)state;
    EXPECT("\x01\x83\0\0\0\0Hel\x80\x82\0\0\0\0lo", "");
    EXPECT("\x01\x83\0\0\0\0Hel\x89\x81\0\0\0\0x\x80\x82\0\0\0\0lo\x89\x80\0\0\0\0", "ping(x) ping()");
    EXPECT("\x02\x80\0\0\0\0", "in message");
    EXPECT("\x81\x85\0\0\0\0He", "in frame");
    EXPECT("\x81\xfe\0", "in frame");
    EXPECT("\x80\x80\0\0\0\0", "broken(1002)");                 /* goes on with nothing */
    EXPECT("\x01\x80\0\0\0\0\x81\x80\0\0\0\0", "broken(1002)"); /* begins in another's middle */
}

static void a_close_says_why(void **state)
{
    (void)state;
    EXPECT("\x88\x80\0\0\0\0", "close(1005)");
    EXPECT("\x88\x82\0\0\0\0\x03\xe8", "close(1000)");
    EXPECT("\x88\x87\0\0\0\0\x0f\xa0h\xc3\xa9", "in frame");
    EXPECT("\x88\x85\0\0\0\0\x0f\xa0h\xc3\xa9", "close(4000)");
    EXPECT("\x88\x81\0\0\0\0\x03", "broken(1002)");
    EXPECT("\x88\x82\0\0\0\0\x03\xe7", "broken(1002)");
    EXPECT("\x88\x82\0\0\0\0\x03\xed", "broken(1002)"); /* 1005 is never sent */
    EXPECT("\x88\x83\0\0\0\0\x03\xe8\xff", "broken(1007)");
    EXPECT("\x88\x83\0\0\0\0\x03\xe8\xc3", "broken(1007)");
    EXPECT("\x88\x80\0\0\0\0\x89\x80\0\0\0\0", "close(1005)"); /* nothing is taken after it */
}

static void what_is_no_frame_is_refused(void **state)
{
    (void)state;
    EXPECT("\xc1\x80\0\0\0\0", "broken(1002)"); /* reserved bits */
    EXPECT("\xa1\x80\0\0\0\0", "broken(1002)");
    EXPECT("\x91\x80\0\0\0\0", "broken(1002)");
    EXPECT("\x83\x80\0\0\0\0", "broken(1002)"); /* reserved kinds */
    EXPECT("\x8b\x80\0\0\0\0", "broken(1002)");
    EXPECT("\x09\x80\0\0\0\0", "broken(1002)");     /* control in pieces */
    EXPECT("\x89\xfe\0\x7e\0\0\0\0", "broken(1002)"); /* control over 125 bytes */
    EXPECT("\x81\xfe\0\x7d\0\0\0\0", "broken(1002)"); /* a length that has a shorter form */
    EXPECT("\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", "broken(1002)");
    EXPECT("\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", "broken(1002)");
}

static void a_message_has_a_bound(void **state)
{
    struct dw_buf b = {0}, said = {0};
    (void)state;
    EXPECT("\x81\xff\0\0\0\0\0\1\0\1\0\0\0\0", "broken(1009)"); /* one byte over it */
    EXPECT("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", "broken(1009)");
    for (int i = 0; i < 3; i++) { /* in pieces, each of which is small enough */
        dw_buf_add(&b, i ? "\x00\xfe\xa0\x00\0\0\0\0" : "\x01\xfe\xa0\x00\0\0\0\0", 8);
        (void)memset(dw_buf_reserve(&b, 0xa000), 'x', 0xa000);
        b.len += 0xa000;
    }
    run(dw_buf_view(&b), 1000, &said);
    assert_str(dw_buf_view(&said), "broken(1009) ");
    dw_buf_fini(&b);
    dw_buf_fini(&said);
}

static void assert_bytes(const struct dw_buf *b, const char *want, size_t len)
{
    assert_int_equal(b->len, len);
    assert_memory_equal(b->ptr, want, len);
}

static void frames_are_written_as_the_rfc_has_them(void **state)
{
    static char long_text[65536];
    struct dw_buf b = {0};
    (void)state;
    websocket_put(&b, WEBSOCKET_TEXT, DW_STR("Hello"));
    assert_bytes(&b, "\x81\x05Hello", 7);
    dw_buf_reset(&b);
    websocket_put(&b, WEBSOCKET_BINARY, dw_str_make(long_text, 256));
    assert_int_equal(b.len, 4 + 256);
    assert_memory_equal(b.ptr, "\x82\x7e\x01\x00", 4);
    dw_buf_reset(&b);
    websocket_put(&b, WEBSOCKET_BINARY, dw_str_make(long_text, 65536));
    assert_int_equal(b.len, 10 + 65536);
    assert_memory_equal(b.ptr, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
    dw_buf_reset(&b);
    websocket_put_close(&b, WEBSOCKET_GOING, DW_STR("end"));
    assert_bytes(&b, "\x88\x05\x03\xe9" "end", 7);
    dw_buf_reset(&b);
    websocket_put_close(&b, WEBSOCKET_NO_CODE, DW_STR("end"));
    assert_bytes(&b, "\x88\x00", 2);
    dw_buf_reset(&b);
    (void)memset(long_text, 'x', 122);
    long_text[122] = '\xc3'; /* a character that does not fit whole */
    long_text[123] = '\xa9';
    websocket_put_close(&b, WEBSOCKET_POLICY, dw_str_make(long_text, 124));
    assert_int_equal(b.len, 2 + 2 + 122);
    dw_buf_fini(&b);
}

static void the_handshake_is_answered(void **state)
{
    static const char *const bad[] = {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQAA"};
    char accept[WEBSOCKET_ACCEPT_CAP];
    (void)state;
    assert_true(websocket_accept(DW_STR("dGhlIHNhbXBsZSBub25jZQ=="), accept)); /* RFC 6455, 1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        assert_false(websocket_accept(dw_str_of(bad[i]), accept));
    assert_true(websocket_has_word(DW_STR("keep-alive,  UPGRADE"), DW_STR("upgrade")));
    assert_false(websocket_has_word(DW_STR("keep-alive, upgrades"), DW_STR("upgrade")));
    assert_false(websocket_has_word(DW_STR_NONE, DW_STR("upgrade")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_are_taken),
        cmocka_unit_test(messages_come_in_pieces_with_control_between_them),
        cmocka_unit_test(a_close_says_why),
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(a_message_has_a_bound),
        cmocka_unit_test(frames_are_written_as_the_rfc_has_them),
        cmocka_unit_test(the_handshake_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
