/*
 * Numbers as JSON text, for json_write.
 */
#ifndef DOGWATCH_EVENT_JSON_TEXT_H
#define DOGWATCH_EVENT_JSON_TEXT_H

#include "dogwatch/base/buf.h"

void dw__json_int(struct dw_buf *out, int64_t v);

#endif
