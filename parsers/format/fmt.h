/*
 * What many formats share: taking words off a line, and turning them into fields.
 *
 * Every `struct dw_str *r` is the rest of the line; a function that answers false leaves it as it was. All values put
 * into the draft are views into the line, unless said otherwise.
 */
#ifndef DOGWATCH_PARSERS_FORMAT_FMT_H
#define DOGWATCH_PARSERS_FORMAT_FMT_H

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/parsers/parser.h"

/* -- taking off the rest of the line -- */

static inline void fmt_blanks(struct dw_str *r)
{
    while (r->len && dw_is_blank(r->ptr[0])) {
        r->ptr++;
        r->len--;
    }
}

/* Exactly this text. */
bool fmt_lit(struct dw_str *r, const char *text);
/* Blanks, then all up to the next blank; empty at the end. */
static inline struct dw_str fmt_word(struct dw_str *r)
{
    fmt_blanks(r);
    size_t n = 0;
    while (n < r->len && !dw_is_blank(r->ptr[n]))
        n++;
    struct dw_str w = dw_str_slice(*r, 0, n);
    *r = dw_str_slice(*r, n, r->len);
    return w;
}

/* Blanks, then `open` text `close`; brackets of the same kind within are counted. */
bool fmt_bracketed(struct dw_str *r, char open, char close, struct dw_str *ret);
/* Blanks, then "text" with backslash escapes left in. */
static inline bool fmt_quoted(struct dw_str *r, struct dw_str *ret)
{
    struct dw_str at = *r;
    fmt_blanks(&at);
    if (!at.len || at.ptr[0] != '"')
        return false;
    const char *from = at.ptr + 1, *end = at.ptr + at.len, *p = from;
    while ((p = dw_json_string_end(p, end)) < end) { /* the next quote or backslash */
        if (*p == '"') {
            *ret = dw_str_make(from, (size_t)(p - from));
            *r = dw_str_make(p + 1, (size_t)(end - p) - 1);
            return true;
        }
        if (end - p < 2)
            break;
        p += 2;
    }
    return false;
}

/* All up to `text`, which is taken too. */
bool fmt_upto(struct dw_str *r, const char *text, struct dw_str *ret);
/* A time at the start, which becomes the draft's. */
bool fmt_time(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str *r);
/* key=value, value bare or in quotes ("", ''); pairs are separated by blanks or commas. False when there is none. */
bool fmt_pair(struct dw_str *r, struct dw_str *ret_key, struct dw_str *ret_value);

/* -- what a text is -- */

static inline bool fmt_digits(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

bool fmt_is_ip(struct dw_str s);
bool fmt_has(struct dw_str s, const char *text);
bool fmt_eq(struct dw_str s, const char *text);
bool fmt_starts(struct dw_str s, const char *text);
/* One of the words of `list`, which stand between blanks: " GET POST ". */
bool fmt_among(struct dw_str s, const char *list);
/* host:port, [v6]:port, or host alone (then port is empty). */
void fmt_host_port(struct dw_str s, struct dw_str *ret_host, struct dw_str *ret_port);
/* Whether a level word means an error or worse. */
bool fmt_is_error(struct dw_str level);

/* -- fields -- */

/* Copied when it does not lie within the line. */
__attribute__((always_inline)) static inline void fmt_put(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    if (dw_draft_holds(d, s))
        dw_draft_text(d, key, s, DW_K_VIEW);
    else
        dw_draft_literal(d, key, s);
}

/* Unless it is empty or "-". */
__attribute__((always_inline)) static inline bool fmt_set(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    if (s.len == 0 || (s.len == 1 && s.ptr[0] == '-'))
        return false;
    fmt_put(d, key, s);
    return true;
}

/* Only digits. */
bool fmt_set_digits(struct dw_draft *d, uint32_t key, struct dw_str s);
/* A text field without key, of a text that lies in the line or in the draft's pool. */
struct dw_field fmt_field(const struct dw_draft *d, struct dw_str s);
/* Lower case, copied when that changes it. */
void fmt_set_lower(struct dw_draft *d, uint32_t key, struct dw_str s);
/* Under a name that may be outside tbl/fields.h: prefix and key. */
void fmt_set_named(struct dw_draft *d, const char *prefix, struct dw_str key, struct dw_str s);
/* The first value of a key, or an empty view. */
struct dw_str fmt_get(const struct dw_draft *d, uint32_t key);
/* Static words between blanks: "web network". */
void fmt_words(struct dw_draft *d, uint32_t key, const char *words);
/* source.address and source.ip; a name becomes source.domain. */
void fmt_source(struct dw_draft *d, struct dw_str s);
/* destination.address and destination.ip or destination.domain. */
void fmt_destination(struct dw_draft *d, struct dw_str s);
/* A number with fraction, times `unit` ns; false when it is none. */
bool fmt_duration(struct dw_draft *d, struct dw_str s, int64_t unit);
/* Status code, and event.outcome from it. */
bool fmt_status(struct dw_draft *d, struct dw_str s);
/* url.original and its parts. */
void fmt_url(struct dw_draft *d, struct dw_str s);
/* The parts alone. */
void fmt_url_parts(struct dw_draft *d, struct dw_str s);
/* GET /path HTTP/1.1 */
bool fmt_request(struct dw_draft *d, struct dw_str s);
/* user.name and related.user, unless empty or "-". */
void fmt_user(struct dw_draft *d, struct dw_str s);

/* -- JSON -- */

enum fmt_how {
    FMT_COPY, /* the value under the key */
    FMT_TIME, /* the event's time */
    FMT_LOWER,
    FMT_SOURCE, /* address, perhaps with port */
    FMT_URL,    /* url.original and parts */
    FMT_STATUS,
    FMT_NS, /* event.duration, value in ns */
    FMT_US,
    FMT_MS,
    FMT_S,
    FMT_USER,
    FMT_REQUEST, /* request line */
    FMT_DROP,
    FMT_NAMED, /* the value under its own name, without prefix */
};

/* What becomes of one dotted name; a name that ends in '*' is a prefix. */
struct fmt_map {
    const char *name;
    uint32_t key;
    enum fmt_how how;
};

/* Flattens the object; names in `map` (first hit) go where it says, others are stored under `prefix` + name. */
int fmt_json(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str text, const char *prefix,
    const struct fmt_map *map, size_t count);
/* Stores one value as a map entry says. False when it is not of that form. */
bool fmt_apply(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct fmt_map *m, const struct dw_field *v);
/* Whether what a map entry fills was filled already: its key, or 0: the draft's time. */
bool fmt_is_taken(const struct dw_draft *d, const struct fmt_map *m);
/* Stores a value of JSON whose name is well known (level, msg, status, ...) and not taken yet, as the parser `json` does. */
bool fmt_well_known(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str name, const struct dw_field *value);

#endif
