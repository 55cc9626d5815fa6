/*
 * Web sockets (RFC 6455), the server's side: what a client sends taken apart, frames for it written. Pure. Thread: any.
 *
 *     0                   1                   2                   3
 *    |FIN RSV RSV RSV op.4|MASK length.7|length.16 or .64 when 126, 127| mask.32 when MASK | payload
 *
 * A client masks and a server does not. Control frames (close, ping, pong) may stand between the frames of a message.
 */
#ifndef DOGWATCH_SERVER_WEBSOCKET_H
#define DOGWATCH_SERVER_WEBSOCKET_H

#include "dogwatch/base/buf.h"

enum {
    WEBSOCKET_CONTROL_MAX = 125,        /* bytes of a control frame's payload */
    WEBSOCKET_MESSAGE_MAX = 64 << 10,   /* bytes of a client's message */
    WEBSOCKET_HEAD_MAX = 14,
    WEBSOCKET_ACCEPT_CAP = 29,
};
enum websocket_op { WEBSOCKET_CONTINUATION, WEBSOCKET_TEXT, WEBSOCKET_BINARY, WEBSOCKET_CLOSE = 8, WEBSOCKET_PING, WEBSOCKET_PONG };
/* Why a web socket is closed. */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING = 1001,    /* the server ends */
    WEBSOCKET_PROTOCOL = 1002, /* what came is no frame, or none that may come here */
    WEBSOCKET_NO_CODE = 1005,  /* never sent: a close frame said nothing */
    WEBSOCKET_NO_UTF8 = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_LARGE = 1009,
    WEBSOCKET_INTERNAL = 1011,
};

/* What is to be answered. */
enum websocket_event {
    WEBSOCKET_NOTHING, /* all bytes were taken */
    WEBSOCKET_PINGED,  /* by a pong with websocket_payload */
    WEBSOCKET_CLOSED,  /* by a close frame with `code`, if the client did not answer one of ours */
    WEBSOCKET_BROKEN,  /* by a close frame with `code` */
};
/* What a client sends. Begins as zeros. */
struct websocket {
    uint8_t head[WEBSOCKET_HEAD_MAX], head_len; /* of the frame under way */
    uint64_t length, at;                        /* of its payload; how much of it has come */
    uint64_t message;                           /* bytes of the message under way */
    bool in_message;                            /* frames of it are still to come */
    bool over;                                  /* CLOSED or BROKEN: nothing is taken any more */
    uint16_t code;
    uint8_t control[WEBSOCKET_CONTROL_MAX], control_len;
};
/* Takes bytes from the front of *bytes until something is to be answered; the rest stays there. What comes in pieces gives the same. */
enum websocket_event websocket_take(struct websocket *w, struct dw_str *bytes);
/* Of a ping. Valid until the next call. */
struct dw_str websocket_payload(const struct websocket *w);

/* Appends a frame: a whole message, or control. */
void websocket_put(struct dw_buf *out, enum websocket_op op, struct dw_str payload);
/* Appends a close frame. Of the reason (UTF-8) what a control frame holds; WEBSOCKET_NO_CODE: neither code nor reason. */
void websocket_put_close(struct dw_buf *out, uint16_t code, struct dw_str reason);

/* What Sec-WebSocket-Accept answers to Sec-WebSocket-Key. False: the key is not 16 bytes in base64. */
DW_MUST_USE bool websocket_accept(struct dw_str key, char ret[WEBSOCKET_ACCEPT_CAP]);
/* Whether a header that is a list with commas has a word, in whatever case. */
bool websocket_has_word(struct dw_str list, struct dw_str word);

#endif
