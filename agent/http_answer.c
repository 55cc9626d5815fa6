/*
 * http_answer: one answer of HTTP/1.1 (RFC 9112), as dockerd and the kubelet give them.
 *
 * Idea: a state and one unfinished line are all that is kept; bytes of the body go out as they come, so an answer that never ends needs no more memory than a short one.
 *
 * Invariants:
 *   (1) However the bytes are cut, the same body comes out.
 *   (2) An answer with two lengths, or with a coding that is not `chunked`, is none: whoever sends it, or stands between, may mean another body than we do.
 */
#include "http_answer.h"

#include "dogwatch/base/error.h"

enum { CHUNK_DIGITS = 8, STATUS_MIN = 100, STATUS_MAX = 599 };

/* Adds bytes up to a newline to the line in hand; true: it is whole. */
static bool take_line(struct http_answer *h, struct dw_str *rest)
{
    size_t n = dw_str_index(*rest, '\n');
    bool whole = n < rest->len;
    dw_buf_str(&h->line, dw_str_slice(*rest, 0, n));
    *rest = dw_str_slice(*rest, n + whole, rest->len);
    return whole;
}

/* The line in hand without its end. */
static struct dw_str line_of(const struct http_answer *h)
{
    struct dw_str line = dw_buf_view(&h->line);
    return dw_str_ends(line, DW_STR("\r")) ? dw_str_slice(line, 0, line.len - 1) : line;
}

static int on_status(struct http_answer *h, struct dw_str line)
{
    uint64_t status;
    struct dw_str rest = line, version = dw_str_cut(&rest, ' ');
    bool known = dw_str_eq(version, DW_STR("HTTP/1.1")) || dw_str_eq(version, DW_STR("HTTP/1.0"));
    if (!known || !dw_str_u64(dw_str_cut(&rest, ' '), &status) || status < STATUS_MIN || status > STATUS_MAX)
        return DW_ESYNTAX;
    h->status = (int)status;
    h->state = HTTP_HEADERS;
    return DW_OK;
}

static int on_header(struct http_answer *h, struct dw_str line)
{
    struct dw_str value = line, name = dw_str_cut(&value, ':');
    uint64_t length;
    if (!value.ptr || name.len == 0)
        return DW_ESYNTAX;
    value = dw_str_trim(value);
    if (dw_str_ieq(name, DW_STR("transfer-encoding"))) {
        if (h->chunked || h->sized || !dw_str_ieq(value, DW_STR("chunked")))
            return DW_ESYNTAX;
        h->chunked = true;
    } else if (dw_str_ieq(name, DW_STR("content-length"))) {
        if (h->chunked || h->sized || !dw_str_u64(value, &length))
            return DW_ESYNTAX;
        h->sized = true;
        h->left = length;
    }
    return DW_OK;
}

/* The empty line behind the head. One of 1xx goes before another. */
static void on_head(struct http_answer *h, const struct http_answer_out *out)
{
    bool informs = h->status < 200, bodiless = h->status == 204 || h->status == 304;
    if (informs) {
        h->state = HTTP_STATUS;
        h->chunked = h->sized = false;
        return;
    }
    h->state = bodiless ? HTTP_OVER : h->chunked ? HTTP_CHUNK_SIZE : h->sized && h->left == 0 ? HTTP_OVER : HTTP_BODY;
    out->head(out->arg, h->status);
}

static int on_chunk_size(struct http_answer *h, struct dw_str line)
{
    struct dw_str rest = line, digits = dw_str_trim(dw_str_cut(&rest, ';'));
    uint64_t size = 0;
    if (digits.len == 0 || digits.len > CHUNK_DIGITS)
        return DW_ESYNTAX;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return DW_ESYNTAX;
        size = size << 4 | (unsigned)digit;
    }
    h->left = size;
    h->state = size ? HTTP_CHUNK : HTTP_TRAILERS;
    return DW_OK;
}

static int on_line(struct http_answer *h, struct dw_str line, const struct http_answer_out *out)
{
    switch (h->state) {
    case HTTP_STATUS: return on_status(h, line);
    case HTTP_HEADERS:
        if (line.len)
            return on_header(h, line);
        on_head(h, out);
        return DW_OK;
    case HTTP_CHUNK_SIZE: return on_chunk_size(h, line);
    case HTTP_CHUNK_END: h->state = HTTP_CHUNK_SIZE; return line.len ? DW_ESYNTAX : DW_OK;
    case HTTP_TRAILERS: h->state = line.len ? HTTP_TRAILERS : HTTP_OVER; return DW_OK;
    case HTTP_BODY:
    case HTTP_CHUNK:
    case HTTP_OVER: break;
    }
    DW_NEVER("a line where there is none");
}

/* A piece of a body. */
static int take_body(struct http_answer *h, struct dw_str *rest, const struct http_answer_out *out)
{
    bool bounded = h->chunked || h->sized;
    size_t n = bounded && h->left < rest->len ? (size_t)h->left : rest->len;
    struct dw_str piece = dw_str_slice(*rest, 0, n);
    *rest = dw_str_slice(*rest, n, rest->len);
    h->left -= bounded ? n : 0;
    if (bounded && h->left == 0)
        h->state = h->chunked ? HTTP_CHUNK_END : HTTP_OVER;
    return out->body(out->arg, piece);
}

int http_answer_feed(struct http_answer *h, struct dw_str bytes, const struct http_answer_out *out)
{
    int rc = DW_OK;
    while (bytes.len && rc >= 0 && h->state != HTTP_OVER) {
        if (h->state == HTTP_BODY || h->state == HTTP_CHUNK) {
            rc = take_body(h, &bytes, out);
            continue;
        }
        bool framing = h->state == HTTP_CHUNK_SIZE || h->state == HTTP_CHUNK_END;
        size_t before = bytes.len;
        bool whole = take_line(h, &bytes);
        h->head_bytes += framing ? 0 : (uint32_t)(before - bytes.len);
        if (h->line.err)
            return DW_ENOMEM;
        if (h->line.len > HTTP_LINE_MAX || h->head_bytes > HTTP_HEAD_MAX)
            return DW_ELIMIT;
        if (!whole)
            break;
        rc = on_line(h, line_of(h), out);
        dw_buf_reset(&h->line);
    }
    return rc < 0 ? rc : DW_OK;
}

int http_answer_end(const struct http_answer *h)
{
    bool to_the_end = h->state == HTTP_BODY && !h->sized;
    return h->state == HTTP_OVER || to_the_end ? DW_OK : DW_EIO;
}

void http_answer_fini(struct http_answer *h)
{
    dw_buf_fini(&h->line);
}
