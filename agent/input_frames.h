/*
 * From the bytes of one connection to syslog messages (RFC 6587): octet counting and ends of lines, told apart message by message.
 *
 * Thread: whoever owns the object.
 */
#ifndef DOGWATCH_AGENT_INPUT_FRAMES_H
#define DOGWATCH_AGENT_INPUT_FRAMES_H

#include "dogwatch/base/buf.h"

enum { FRAMES_COUNT_DIGITS = 8 }; /* a longer octet count is none */

struct unframe_out {
    void *arg;
    /* A message (borrowed, not empty), without what frames it. cut: bytes of it that were left out. unterminated: the connection ended within it. */
    void (*message)(void *arg, struct dw_str text, uint64_t cut, bool unterminated);
    /* A message that is framed in another way than those before it. */
    void (*broken)(void *arg);
};

/* What one connection has unfinished. Zeroed memory is a valid beginning. */
struct unframe {
    struct dw_buf unfinished; /* of the message, or of the octet count, max_bytes at most */
    uint64_t left;            /* octets of a counted message that are to come */
    uint64_t cut;             /* bytes of the message in hand that were left out */
    enum { FRAMES_BETWEEN, FRAMES_LINE, FRAMES_COUNTED } state;
    bool counts; /* a message with an octet count came */
};

/* Takes all bytes. DW_ENOMEM: what is unfinished is lost, and the connection of no use. */
DW_MUST_USE int unframe_feed(struct unframe *f, size_t max_bytes, struct dw_str bytes, const struct unframe_out *out);
/* The connection is over: gives out what is unfinished. */
void unframe_end(struct unframe *f, const struct unframe_out *out);
void unframe_fini(struct unframe *f);

#endif
