/*
 * Events as ECS JSON: one nested object a line, fixed field order, invalid UTF-8 repaired.
 *
 * What `dogwatch cat`, queries, the API and `wire: json` show. Thread: any, with a buffer of its own.
 */
#ifndef DOGWATCH_EVENT_JSON_WRITE_H
#define DOGWATCH_EVENT_JSON_WRITE_H

#include "dogwatch/base/buf.h"
#include "dogwatch/event/event.h"

/* Appends `s` in quotes with what JSON needs escaped; bytes that are no UTF-8 become U+FFFD. True when some did. */
bool dw_json_string(struct dw_buf *out, struct dw_str s);
/* Appends the shortest decimal that reads back as `v`; null for what JSON cannot write. */
void dw_json_float(struct dw_buf *out, double v);
/* Whether `s` is written as JSON writes numbers. */
bool dw_is_json_number(struct dw_str s);
/* Appends 2026-11-23T21:14:18.123456789Z. Years 0..9999; outside, the nearest of them. */
void dw_time_text(struct dw_buf *out, int64_t time_ns);

/* What an answer may add to an event. */
struct dw_event_extra {
    const char *mark; /* "duplicate", "conflict", or NULL */
    struct dw_str more; /* further members of `dogwatch`, as ,"a":1; empty: none */
    bool whole_message; /* write `message` also when it is the whole line */
};

/* Appends the event as one JSON object without newline. No object has a name twice: when a
 * name is both a value and a prefix of others, the others stand dotted beside it ("a":1,"a.b":2). What a log itself calls
 * event.id, event.original, "event" (as a scalar) or dogwatch.* never takes the place of ours. `extra` may be NULL. */
void dw_event_json(const struct dw_keys *keys, const struct dw_event *ev, const struct dw_event_extra *extra,
    struct dw_buf *out);

#endif
