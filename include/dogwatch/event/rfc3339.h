/*
 * RFC 3339 times, as container runtimes write them on every line: the fast way.
 *
 * Thread: any (pure function). Other forms: event/timestamp.h.
 */
#ifndef DOGWATCH_EVENT_RFC3339_H
#define DOGWATCH_EVENT_RFC3339_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

/* The whole view as a time with zone: 2026-11-23T21:14:18[.1-9 digits](Z|+01:00|-0500); more digits are cut. Years 1678 to
 * 2261. A leap second counts as the next second. DW_ESYNTAX otherwise. */
DW_MUST_USE int dw_time_rfc3339(struct dw_str s, int64_t *ret_ns);

#endif
