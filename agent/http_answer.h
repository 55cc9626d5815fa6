/*
 * From the bytes of one connection to the body of one answer of HTTP/1.1: by its length, in chunks, or to the connection's end.
 *
 * Thread: whoever owns the object. No I/O.
 */
#ifndef DOGWATCH_AGENT_HTTP_ANSWER_H
#define DOGWATCH_AGENT_HTTP_ANSWER_H

#include "dogwatch/base/buf.h"

enum {
    HTTP_LINE_MAX = 8 * 1024,  /* a line of the head, or before a chunk */
    HTTP_HEAD_MAX = 64 * 1024, /* all lines before the body, and those behind it */
};

struct http_answer_out {
    void *arg;
    /* The head is over. */
    void (*head)(void *arg, int status);
    /* Bytes of the body (borrowed, not empty). A code below 0 ends the answer with it. */
    int (*body)(void *arg, struct dw_str bytes);
};

enum http_state {
    HTTP_STATUS,
    HTTP_HEADERS,
    HTTP_BODY,       /* so many bytes, or all there are */
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK,
    HTTP_CHUNK_END,
    HTTP_TRAILERS,
    HTTP_OVER,
};

/* Zeroed memory is a valid beginning. */
struct http_answer {
    struct dw_buf line; /* unfinished */
    enum http_state state;
    int status;
    bool chunked, sized; /* neither: the body ends with the connection */
    uint32_t head_bytes;
    uint64_t left; /* of the body, or of the chunk */
};

/* Takes all bytes; what comes behind the answer is left out. DW_ESYNTAX: no such answer; DW_ELIMIT: a line or a head without end; DW_ENOMEM; what `body` answers. After an
 * error the object is of no use but for http_answer_fini. */
DW_MUST_USE int http_answer_feed(struct http_answer *h, struct dw_str bytes, const struct http_answer_out *out);
/* The connection is over. DW_OK: the answer is whole. DW_EIO: a part of it is missing. */
DW_MUST_USE int http_answer_end(const struct http_answer *h);
void http_answer_fini(struct http_answer *h);

#endif
