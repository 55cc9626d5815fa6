/* Tests of agent/http_answer.h: the body of an answer, however its bytes are cut, and answers that are none. */
#include "support.h"

#include "../../../agent/http_answer.h"

#include "dogwatch/base/error.h"

struct heard {
    struct dw_buf body;
    int status, fails_at;
};

static void on_head(void *arg, int status)
{
    ((struct heard *)arg)->status = status;
}

static int on_body(void *arg, struct dw_str bytes)
{
    struct heard *h = arg;
    dw_buf_str(&h->body, bytes);
    return h->fails_at && h->body.len >= (size_t)h->fails_at ? DW_ENOSPC : DW_OK;
}

/* Feeds in steps; the code of the first mistake, else what the end says. */
static int feed(struct dw_str bytes, size_t step, struct heard *h)
{
    struct http_answer a = {0};
    struct http_answer_out out = {.arg = h, .head = on_head, .body = on_body};
    int rc = DW_OK;
    for (size_t at = 0; at < bytes.len && rc == DW_OK; at += step)
        rc = http_answer_feed(&a, dw_str_slice(bytes, at, at + step), &out);
    rc = rc == DW_OK ? http_answer_end(&a) : rc;
    http_answer_fini(&a);
    return rc;
}

static void assert_answer(const char *text, int want_rc, int want_status, const char *want_body)
{
    struct dw_str bytes = dw_str_of(text);
    for (size_t step = 1; step <= bytes.len; step++) {
        struct heard h = {0};
        assert_int_equal(feed(bytes, step, &h), want_rc);
        assert_int_equal(h.status, want_status);
        assert_str(dw_buf_view(&h.body), want_body);
        dw_buf_fini(&h.body);
    }
}

static void a_body_comes_by_its_length_in_chunks_or_to_the_end(void **state)
{
    (void)state;
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", DW_OK, 200, "hello");
    assert_answer("HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello and more", DW_OK, 200, "hello");
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0B;x=y\r\n, you\nthere\r\n0\r\nTrailer: x\r\n\r\n", DW_OK, 200, "hello, you\nthere");
    assert_answer("HTTP/1.0 200\r\n\r\nto the end", DW_OK, 200, "to the end");
    assert_answer("HTTP/1.1 404 Not Found\nContent-Length: 0\n\n", DW_OK, 404, "");
    assert_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", DW_OK, 200, "hi");
    assert_answer("HTTP/1.1 204 No Content\r\n\r\n", DW_OK, 204, "");
}

static void what_breaks_off_is_not_whole(void **state)
{
    (void)state;
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", DW_EIO, 200, "hello");
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", DW_EIO, 200, "hello");
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", DW_EIO, 200, "hello");
    assert_answer("HTTP/1.1 200 OK\r\nContent-", DW_EIO, 0, "");
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", DW_ESYNTAX, 0, "");
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", DW_ESYNTAX, 0, "");
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", DW_ESYNTAX, 0, "");
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", DW_ESYNTAX, 0, "");
    assert_answer("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", DW_ESYNTAX, 0, "");
    assert_answer("HTTP/2 200\r\n\r\n", DW_ESYNTAX, 0, "");
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n", DW_ESYNTAX, 200, "");
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", DW_ESYNTAX, 200, "");
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", DW_ESYNTAX, 200, "he");
}

static void a_head_without_end_is_given_up(void **state)
{
    struct dw_buf text = {0};
    struct heard h = {0};
    (void)state;
    dw_buf_str(&text, DW_STR("HTTP/1.1 200 OK\r\nX: "));
    for (int i = 0; i < HTTP_LINE_MAX; i++)
        dw_buf_byte(&text, 'x');
    assert_int_equal(feed(dw_buf_view(&text), 100, &h), DW_ELIMIT);
    dw_buf_reset(&text);
    dw_buf_str(&text, DW_STR("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < HTTP_HEAD_MAX; i++)
        dw_buf_str(&text, DW_STR("X: y\r\n"));
    assert_int_equal(feed(dw_buf_view(&text), 100, &h), DW_ELIMIT);
    assert_int_equal(h.status, 0);
    dw_buf_fini(&text);
}

static void what_the_reader_of_a_body_says_ends_it(void **state)
{
    struct heard h = {.fails_at = 3};
    (void)state;
    assert_int_equal(feed(DW_STR("HTTP/1.1 200 OK\r\n\r\nhello"), 1, &h), DW_ENOSPC);
    assert_str(dw_buf_view(&h.body), "hel");
    dw_buf_fini(&h.body);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_comes_by_its_length_in_chunks_or_to_the_end),
        cmocka_unit_test(what_breaks_off_is_not_whole),
        cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(a_head_without_end_is_given_up),
        cmocka_unit_test(what_the_reader_of_a_body_says_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
