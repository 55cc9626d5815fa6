/*
 * websocket: RFC 6455 without input or output.
 *
 * Idea: a head is gathered byte by byte and judged as soon as it can be, its payload is walked over. Messages of clients are thrown away,
 * since nothing that is served here listens; of control frames the payload is kept, which is at most WEBSOCKET_CONTROL_MAX bytes.
 *
 * Invariants:
 *   (1) Memory does not depend on what a client says: a length is only counted down.
 *   (2) How bytes are cut into calls does not matter.
 *   (3) After CLOSED or BROKEN nothing is taken.
 */
#include "websocket.h"

#include "dogwatch/pred/fold.h"

#include <openssl/evp.h>

enum { FIN = 0x80, RESERVED = 0x70, OP = 0x0f, CONTROL = 0x08, MASKED = 0x80, LENGTH = 0x7f, LENGTH_16 = 126, LENGTH_64 = 127, MASK_BYTES = 4 };
enum { KEY_LEN = 24, KEY_DIGITS = 22, SHA1_BYTES = 20 };

/* ---- what comes ---- */

static enum websocket_event broken(struct websocket *w, enum websocket_code code)
{
    w->over = true;
    w->code = (uint16_t)code;
    return WEBSOCKET_BROKEN;
}

static unsigned op_of(const struct websocket *w)
{
    return w->head[0] & OP;
}

static bool is_control(const struct websocket *w)
{
    return (w->head[0] & CONTROL) != 0;
}

static unsigned length_bytes(const struct websocket *w)
{
    unsigned n = w->head[1] & LENGTH;
    return n == LENGTH_16 ? 2 : n == LENGTH_64 ? 8 : 0;
}

/* Of the head under way, as far as its first two bytes say. */
static unsigned head_size(const struct websocket *w)
{
    return w->head_len < 2 ? 2 : 2 + length_bytes(w) + MASK_BYTES;
}

/* Whether a frame that begins like this may come now. */
static bool may_begin(const struct websocket *w)
{
    unsigned op = op_of(w);
    if ((w->head[0] & RESERVED) || !(w->head[1] & MASKED))
        return false;
    if (is_control(w))
        return op <= WEBSOCKET_PONG && (w->head[0] & FIN) && length_bytes(w) == 0;
    return op <= WEBSOCKET_BINARY && (op == WEBSOCKET_CONTINUATION) == w->in_message;
}

static bool is_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011) || (code >= 3000 && code <= 4999);
}

static enum websocket_event take_close(struct websocket *w)
{
    unsigned code = w->control_len < 2 ? WEBSOCKET_NO_CODE : (unsigned)(w->control[0] << 8 | w->control[1]);
    struct dw_str reason = dw_str_slice(websocket_payload(w), 2, w->control_len);
    if (w->control_len == 1 || (w->control_len && !is_code(code)))
        return broken(w, WEBSOCKET_PROTOCOL);
    for (uint32_t cp; reason.len;) {
        reason = dw_str_slice(reason, dw_utf8_take(reason, &cp), reason.len);
        if (cp == UINT32_MAX)
            return broken(w, WEBSOCKET_NO_UTF8);
    }
    w->over = true;
    w->code = (uint16_t)code;
    return WEBSOCKET_CLOSED;
}

static enum websocket_event end_frame(struct websocket *w)
{
    unsigned op = op_of(w);
    w->head_len = 0;
    if (is_control(w))
        return op == WEBSOCKET_CLOSE ? take_close(w) : op == WEBSOCKET_PING ? WEBSOCKET_PINGED : WEBSOCKET_NOTHING;
    w->in_message = !(w->head[0] & FIN);
    w->message = w->in_message ? w->message + w->length : 0;
    return WEBSOCKET_NOTHING;
}

static enum websocket_event end_head(struct websocket *w)
{
    unsigned bytes = length_bytes(w);
    w->length = bytes ? 0 : w->head[1] & LENGTH;
    for (unsigned i = 0; i < bytes; i++)
        w->length = w->length << 8 | w->head[2 + i];
    w->at = 0;
    if ((bytes == 2 && w->length < LENGTH_16) || (bytes == 8 && (w->length <= UINT16_MAX || w->length > INT64_MAX)))
        return broken(w, WEBSOCKET_PROTOCOL); /* a length has one form */
    if (is_control(w))
        w->control_len = (uint8_t)w->length;
    else if (w->length > WEBSOCKET_MESSAGE_MAX - w->message)
        return broken(w, WEBSOCKET_TOO_LARGE);
    return w->length ? WEBSOCKET_NOTHING : end_frame(w);
}

static enum websocket_event take_head(struct websocket *w, struct dw_str *bytes)
{
    w->head[w->head_len++] = (uint8_t)bytes->ptr[0];
    *bytes = dw_str_slice(*bytes, 1, bytes->len);
    if (w->head_len == 2 && !may_begin(w))
        return broken(w, WEBSOCKET_PROTOCOL);
    return w->head_len > 2 && w->head_len == head_size(w) ? end_head(w) : WEBSOCKET_NOTHING;
}

static enum websocket_event take_payload(struct websocket *w, struct dw_str *bytes)
{
    const uint8_t *mask = w->head + w->head_len - MASK_BYTES;
    size_t n = bytes->len < w->length - w->at ? bytes->len : (size_t)(w->length - w->at);
    for (size_t i = 0; i < n && is_control(w); i++)
        w->control[w->at + i] = (uint8_t)bytes->ptr[i] ^ mask[(w->at + i) % MASK_BYTES];
    w->at += n;
    *bytes = dw_str_slice(*bytes, n, bytes->len);
    return w->at == w->length ? end_frame(w) : WEBSOCKET_NOTHING;
}

enum websocket_event websocket_take(struct websocket *w, struct dw_str *bytes)
{
    while (bytes->len && !w->over) {
        enum websocket_event e = w->head_len < head_size(w) ? take_head(w, bytes) : take_payload(w, bytes);
        if (e != WEBSOCKET_NOTHING)
            return e;
    }
    return WEBSOCKET_NOTHING;
}

struct dw_str websocket_payload(const struct websocket *w)
{
    return dw_str_make((const char *)w->control, w->control_len);
}

/* ---- what goes ---- */

void websocket_put(struct dw_buf *out, enum websocket_op op, struct dw_str payload)
{
    unsigned bytes = payload.len < LENGTH_16 ? 0 : payload.len <= UINT16_MAX ? 2 : 8;
    dw_buf_byte(out, (uint8_t)(FIN | op));
    dw_buf_byte(out, bytes ? bytes == 2 ? LENGTH_16 : LENGTH_64 : (uint8_t)payload.len);
    while (bytes--)
        dw_buf_byte(out, (uint8_t)((uint64_t)payload.len >> (8 * bytes)));
    dw_buf_str(out, payload);
}

void websocket_put_close(struct dw_buf *out, uint16_t code, struct dw_str reason)
{
    char payload[WEBSOCKET_CONTROL_MAX] = {(char)(code >> 8), (char)(code & 0xff)};
    size_t n = reason.len < sizeof payload - 2 ? reason.len : sizeof payload - 2;
    while (n < reason.len && n && ((uint8_t)reason.ptr[n] & 0xc0) == 0x80)
        n--; /* no half of a character */
    if (n)
        memcpy(payload + 2, reason.ptr, n);
    websocket_put(out, WEBSOCKET_CLOSE, dw_str_make(payload, code == WEBSOCKET_NO_CODE ? 0 : n + 2));
}

/* ---- the handshake ---- */

static bool is_digit_64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool websocket_accept(struct dw_str key, char ret[WEBSOCKET_ACCEPT_CAP])
{
    static const char salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    char text[KEY_LEN + sizeof salt];
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (key.len != KEY_LEN || key.ptr[KEY_DIGITS] != '=' || key.ptr[KEY_DIGITS + 1] != '=')
        return false;
    for (size_t i = 0; i < KEY_DIGITS; i++)
        if (!is_digit_64(key.ptr[i]))
            return false;
    memcpy(text, key.ptr, KEY_LEN);
    memcpy(text + KEY_LEN, salt, sizeof salt);
    if (EVP_Digest(text, sizeof text - 1, hash, &len, EVP_sha1(), NULL) != 1 || len != SHA1_BYTES)
        return false;
    return EVP_EncodeBlock((unsigned char *)ret, hash, SHA1_BYTES) == WEBSOCKET_ACCEPT_CAP - 1;
}

bool websocket_has_word(struct dw_str list, struct dw_str word)
{
    while (list.ptr && list.len)
        if (dw_str_ieq(dw_str_trim(dw_str_cut(&list, ',')), word))
            return true;
    return false;
}
