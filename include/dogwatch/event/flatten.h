/*
 * JSON objects as fields: nested names become dotted ones, arrays become repeated names.
 *
 * Thread: whoever owns the draft.
 */
#ifndef DOGWATCH_EVENT_FLATTEN_H
#define DOGWATCH_EVENT_FLATTEN_H

#include "dogwatch/event/event.h"

/* Called for each value before it is stored under `name` (dotted, borrowed). May put it (or it under other keys) into the
 * draft itself, or take the event's time from it, and answer true: then it is not stored under its own name. */
typedef bool dw_flatten_hook(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *value);

struct dw_flatten {
    struct dw_str prefix; /* put before every name, e.g. "json."; may be empty */
    dw_flatten_hook *hook; /* or NULL */
    void *arg;
    size_t value_max; /* bytes of a string with escapes; 0: DW_EVENT_VALUE_MAX */
};

/* Reads one JSON object out of `text`, which must lie within d->line (or equal it), into the draft: strings without escapes as
 * VIEW, with escapes as LITERAL, numbers as NUMBER, booleans; null is not stored. What is over a bound of event.h is dropped
 * field by field and counted. "dogwatch" with all below it, and a scalar "event", are stored below "json.": those names are ours. The hook sees every value first, under its name as it stands. DW_ESYNTAX when the text is no single JSON object; fields taken before stay (reset the draft). */
DW_MUST_USE int dw_flatten_json(struct dw_draft *d, struct dw_str text, const struct dw_flatten *how);

#endif
