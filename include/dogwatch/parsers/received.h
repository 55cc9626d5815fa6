/*
 * What the agent received over a socket or a pipe, as a line of a file that it reads like any other log (docs/formats/received.md).
 *
 *     2026-11-29T21:31:33.123456789Z stdout F:e:@192.0.2.7:51999 <34>1 2026-11-29T21:31:33Z web1 app - - - two\nlines
 *
 * It is CRI's envelope; what follows the first tag is ours. Thread: any (pure functions).
 */
#ifndef DOGWATCH_PARSERS_RECEIVED_H
#define DOGWATCH_PARSERS_RECEIVED_H

#include "dogwatch/base/buf.h"

enum {
    DW_RECEIVED_TEXT_MAX = 120 * 1024, /* bytes of a message as it stands in the file: shorter than the least line.max, with all around it */
    DW_RECEIVED_PEER_MAX = 1024,
};

/* One message. */
struct dw_received_line {
    int64_t time_ns;
    bool note;          /* no message: what the agent itself says of this input */
    bool partial;       /* the line that came is longer, and goes on in the next */
    bool unterminated;  /* it ended with its connection */
    uint64_t cut_bytes; /* bytes of it that were left out */
    struct dw_str peer; /* as dw_received_peer_put made it, or empty */
    struct dw_str text;
};
/* Appends it as one line. A text that would be longer than DW_RECEIVED_TEXT_MAX is cut, and that is written too. Answers how many bytes that took away. */
size_t dw_received_put(struct dw_buf *out, const struct dw_received_line *m);

/* Who sent it: what was seen of the connection, and what a certificate proved. */
struct dw_received_peer {
    struct dw_str address;     /* 192.0.2.7:51999, [2001:db8::1]:51999 */
    struct dw_str fingerprint; /* SHA-256 of the client's certificate in hex; empty: it showed none */
    struct dw_str subject;     /* of it; in dw_received_peer_take still coded */
};
/* Appends it as one word without a blank, DW_RECEIVED_PEER_MAX at most. */
void dw_received_peer_put(struct dw_buf *out, const struct dw_received_peer *p);
/* Takes the word apart again. */
struct dw_received_peer dw_received_peer_take(struct dw_str word);
/* Appends the subject as it was. */
void dw_received_subject(struct dw_buf *out, struct dw_str coded);

#endif
