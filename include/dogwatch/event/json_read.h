/*
 * A pull reader for JSON (RFC 8259) that yields views.
 *
 * Made for log lines: no copies, no tree, one token a call. Bytes that are no UTF-8 are kept as they are; control
 * bytes within strings are taken (writers of logs are not strict), everything else follows the RFC.
 * Thread: whoever owns the reader.
 */
#ifndef DOGWATCH_EVENT_JSON_READ_H
#define DOGWATCH_EVENT_JSON_READ_H

#include "dogwatch/base/buf.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { DW_JSON_DEPTH_MAX = 64 };

enum dw_json_type {
    DW_JSON_END, /* the document is whole and nothing but blanks follows */
    DW_JSON_OBJECT,
    DW_JSON_OBJECT_END,
    DW_JSON_ARRAY,
    DW_JSON_ARRAY_END,
    DW_JSON_KEY,
    DW_JSON_STRING,
    DW_JSON_NUMBER,
    DW_JSON_TRUE,
    DW_JSON_FALSE,
    DW_JSON_NULL,
};

struct dw_json_token {
    enum dw_json_type type;
    struct dw_str text; /* KEY, STRING: between the quotes, as written; NUMBER: as written */
    bool escaped;       /* KEY, STRING: text holds backslashes */
};

struct dw_json {
    const char *at, *end;
    uint64_t objects; /* one bit a level: it is an object */
    uint32_t depth;
    uint8_t state;
};

/* Starts over `text`, which is borrowed for the reader's life. */
void dw_json_start(struct dw_json *j, struct dw_str text);
/* The next token. DW_ESYNTAX when the text is no JSON (j->at stands there), DW_ELIMIT when nested deeper than
 * DW_JSON_DEPTH_MAX. After an error the reader is done. */
DW_MUST_USE int dw_json_next(struct dw_json *j, struct dw_json_token *ret);
/* After OBJECT or ARRAY: passes over everything up to and with its end. */
DW_MUST_USE int dw_json_skip(struct dw_json *j);
/* Appends a string's text with its escapes resolved as UTF-8; lone surrogates become U+FFFD. False when an
 * escape is none. */
bool dw_json_unescape(struct dw_str raw, struct dw_buf *out);
/* The rest of a string whose opening quote is taken: appends its text as dw_json_unescape does, and takes it and the closing
 * quote off *rest. False (and *rest as it was) when it does not end, an escape is none, or memory is out (out->err). */
bool dw_json_take_string(struct dw_str *rest, struct dw_buf *out);
/* First quote or backslash in [at, end), or end. The inner loop of reading strings, shared with docker's fast path. */
static inline const char *dw_json_string_end(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        int hit = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
        if (hit)
            return at + __builtin_ctz((unsigned)hit);
    }
#endif
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return at;
}

#endif
