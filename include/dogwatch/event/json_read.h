/*
 * json_read: a pull reader that yields views into JSON text; it copies and allocates nothing.
 *
 * Strict RFC 8259, but for the encoding: bytes over 0x7f are taken as they are, valid UTF-8 or not. Never reads
 * past the end. Depth at most DW_EVENT_DEPTH_MAX. Thread: whoever owns the reader.
 */
#ifndef DOGWATCH_EVENT_JSON_READ_H
#define DOGWATCH_EVENT_JSON_READ_H

#include "dogwatch/base/arena.h"
#include "dogwatch/base/buf.h"

enum dw_json_type {
    DW_JSON_END, /* after the one value, nothing but white space is left */
    DW_JSON_OBJECT,
    DW_JSON_OBJECT_END,
    DW_JSON_ARRAY,
    DW_JSON_ARRAY_END,
    DW_JSON_KEY, /* text: between the quotes, escapes in place; its value follows */
    DW_JSON_STRING,
    DW_JSON_NUMBER, /* text: the number as written */
    DW_JSON_TRUE,
    DW_JSON_FALSE,
    DW_JSON_NULL,
};

struct dw_json_token {
    struct dw_str text; /* of KEY, STRING, NUMBER */
    enum dw_json_type type;
    bool escaped; /* KEY, STRING: holds at least one backslash */
};

struct dw_json {
    const char *at, *end;
    uint32_t depth;
    uint32_t is_object; /* bit a level: 1 object, 0 array */
    uint8_t expect;
};

/* Borrows `text` for the reader's life. */
void dw_json_init(struct dw_json *j, struct dw_str text);
/* The next token; at the end END, again and again. DW_ESYNTAX, DW_ELIMIT (depth): then the reader is spent. */
DW_MUST_USE int dw_json_next(struct dw_json *j, struct dw_json_token *ret);
/* After OBJECT or ARRAY: reads to its end. After a scalar: nothing. After KEY: reads the value. */
DW_MUST_USE int dw_json_skip(struct dw_json *j, const struct dw_json_token *tok);

/* Writes the text of a string or key token without escapes to `out`, which has room for text.len bytes, and
 * answers the length. Lone surrogates become U+FFFD; \u0000 is kept as a zero byte. `text` comes from the reader. */
size_t dw_json_unescape(struct dw_str text, char *out);
/* The same into an arena; a NULL pointer without memory. */
struct dw_str dw_json_unescape_arena(struct dw_arena *a, struct dw_str text);

/* The first byte in [at, end) that ends or interrupts a JSON string: quote, backslash or a byte below 0x20; else end. */
const char *dw_json_scan_string(const char *at, const char *end);
/* Reads the string whose first byte (after the quote) is at `at`: its closing quote, or NULL when it does not
 * end before `end` or is not valid. */
const char *dw_json_string_end(const char *at, const char *end, bool *ret_escaped);
/* Whether the whole view is one JSON number. */
bool dw_json_is_number(struct dw_str s);

#endif
