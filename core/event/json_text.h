/*
 * Numbers as JSON text, for json_write.
 */
#ifndef DOGWATCH_EVENT_JSON_TEXT_H
#define DOGWATCH_EVENT_JSON_TEXT_H

#include "dogwatch/base/buf.h"

void dw__json_int(struct dw_buf *out, int64_t v);
/* The shortest of a few lengths that reads back equal; what is no number (NaN, infinity) as null. */
void dw__json_float(struct dw_buf *out, double v);

#endif
