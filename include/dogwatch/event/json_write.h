/*
 * json_write: JSON text from strings and events.
 *
 * An event becomes one nested ECS object on one line, in a fixed order: the same event gives the same bytes in every
 * process. Invalid UTF-8 is repaired (U+FFFD a maximal bad part) and tagged; control bytes, DEL and C1 controls are escaped, so the
 * text is safe on a terminal. Thread: any (reads keys and event, owns the buffer).
 */
#ifndef DOGWATCH_EVENT_JSON_WRITE_H
#define DOGWATCH_EVENT_JSON_WRITE_H

#include "dogwatch/base/buf.h"
#include "dogwatch/event/event.h"

/* Appends `s` as a JSON string with its quotes. True when bytes had to be repaired. */
bool dw_json_string(struct dw_buf *out, struct dw_str s);
/* Appends a number; not-finite ones as null. */
void dw_json_float(struct dw_buf *out, double v);
void dw_json_int(struct dw_buf *out, int64_t v);

/* Appends the event and a newline. Order: @timestamp, event.*, then table fields, then other names by their bytes.
 * A name that is both a value and the prefix of another keeps both: the longer one is written dotted. Failures
 * stand in out->err. */
void dw_event_write_json(const struct dw_keys *keys, const struct dw_event *ev, struct dw_buf *out);

#endif
