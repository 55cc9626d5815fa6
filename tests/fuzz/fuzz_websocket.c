/* Fuzz: what a client of a web socket sends. In pieces it gives the same as at once, and a pong holds what the ping did. */
#include "support.h"

#include "../../collector/server/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One call, and what came of it. How often there is nothing to answer depends on the pieces. */
static void take(struct websocket *w, struct dw_str *part, struct dw_buf *said)
{
    enum websocket_event e = websocket_take(w, part);
    DW_ASSERT(e != WEBSOCKET_NOTHING || part->len == 0);
    DW_ASSERT(w->head_len <= WEBSOCKET_HEAD_MAX && w->control_len <= WEBSOCKET_CONTROL_MAX && w->message <= WEBSOCKET_MESSAGE_MAX);
    DW_ASSERT(w->over == (e == WEBSOCKET_CLOSED || e == WEBSOCKET_BROKEN));
    if (e == WEBSOCKET_NOTHING)
        return;
    dw_buf_byte(said, (uint8_t)e);
    dw_buf_u16(said, w->code);
    if (e == WEBSOCKET_PINGED)
        websocket_put(said, WEBSOCKET_PONG, websocket_payload(w));
}

/* Every event with its payload or code. */
static void run(struct dw_str bytes, size_t step, struct dw_buf *said)
{
    struct websocket w = {0};
    for (size_t at = 0; at < bytes.len; at += step) {
        struct dw_str part = dw_str_slice(bytes, at, at + step);
        while (part.len && !w.over)
            take(&w, &part, said);
    }
    dw_buf_byte(said, w.head_len);
    dw_buf_byte(said, w.in_message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str bytes = dw_str_make((const char *)data, size);
    struct dw_buf whole = {0}, pieces = {0};
    char accept[WEBSOCKET_ACCEPT_CAP];
    run(bytes, size ? size : 1, &whole);
    run(bytes, 1 + (size ? data[0] % 3 : 0), &pieces);
    DW_ASSERT(dw_str_eq(dw_buf_view(&whole), dw_buf_view(&pieces)));
    if (websocket_accept(bytes, accept))
        DW_ASSERT(strlen(accept) == WEBSOCKET_ACCEPT_CAP - 1);
    (void)websocket_has_word(bytes, DW_STR("upgrade"));
    dw_buf_fini(&whole);
    dw_buf_fini(&pieces);
    return 0;
}
