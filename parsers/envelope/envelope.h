/*
 * Container runtimes' envelopes around one line of output. Used by parsers/join.
 */
#ifndef DOGWATCH_PARSERS_ENVELOPE_H
#define DOGWATCH_PARSERS_ENVELOPE_H

#include "dogwatch/base/buf.h"
#include "dogwatch/parsers/lines.h"

/* One raw line without its envelope. */
struct dw__unwrapped {
    struct dw_str text; /* without the newline that the program wrote; a view into raw or scratch */
    int64_t time_ns;
    bool has_time;
    uint8_t out;  /* enum dw_out */
    bool partial; /* the program's line goes on */
    uint32_t flags;     /* DW_LINE_*, of a message that was received ... */
    struct dw_str peer; /* ... and its peer, a view into raw; empty: none */
    bool cri;
};

/* Takes one raw line (without newline). False when it is no such envelope. */
bool dw__docker_unwrap(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret);
bool dw__cri_unwrap(struct dw_str raw, struct dw__unwrapped *ret);
bool dw__received_unwrap(struct dw_str raw, struct dw_buf *scratch, struct dw__unwrapped *ret);

#endif
