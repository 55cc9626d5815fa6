/*
 * event_json: lines of JSON as events to match, for commands that read them from a pipe.
 */
#ifndef DOGWATCH_CLI_EVENT_JSON_H
#define DOGWATCH_CLI_EVENT_JSON_H

#include "dogwatch/event/event.h"

/* What one line needs; zeroed before the first, finished once. Thread: whoever owns it. */
struct event_json {
    struct dw_keys *keys; /* set by the owner */
    bool sigma;           /* names as Sigma has them; else ECS */
    struct dw_arena pool; /* started by the owner */
    struct dw_field field[DW_EVENT_FIELDS_MAX];
    struct dw_event ev; /* the answer; valid until the next line */
    struct dw_stream stream;
    int64_t number; /* its member `i`, or the line's number */
    bool is_event;  /* set by who reads lines: false where this one was no event */
};

/* Reads one object. Members that begin with `_` are not part of the event, nor is `i`; the original line is `_raw`,
 * else event.original, else the object itself. Its time is @timestamp (or timestamp, _ts, ts, _time), as text or
 * as seconds. DW_ESYNTAX, DW_ENOMEM. */
DW_MUST_USE int event_json_read(struct event_json *e, struct dw_str line, int64_t line_number);

#endif
