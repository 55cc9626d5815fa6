/*
 * flatten: a JSON object becomes fields with dotted names.
 *
 * Strings without escapes and numbers are views into the draft's line; escaped strings are literals. Null, empty
 * objects and empty arrays are not stored. Thread: whoever owns the draft.
 */
#ifndef DOGWATCH_EVENT_FLATTEN_H
#define DOGWATCH_EVENT_FLATTEN_H

#include "dogwatch/event/event.h"
#include "dogwatch/event/json_read.h"

/* One leaf, before it is stored. `name` is dotted and borrowed during the call. */
struct dw_leaf {
    struct dw_str name;
    const struct dw_json_token *value; /* STRING, NUMBER, TRUE or FALSE */
    uint32_t elem;                     /* see struct dw_field */
};

/* Renames and takes leaves. Answers a key id to store the value under, DW_LEAF_AS_IS to intern the name, or
 * DW_LEAF_TAKEN when nothing more is to be stored. May add fields to the draft itself with dw_flatten_value. */
enum { DW_LEAF_AS_IS = -1, DW_LEAF_TAKEN = -2 };
typedef int64_t dw_leaf_map(void *arg, struct dw_draft *d, const struct dw_leaf *leaf);

struct dw_flatten {
    dw_leaf_map *map; /* NULL: all as is */
    void *arg;
    struct dw_str prefix; /* put before every name, with its dot, e.g. "mysql.slowlog."; at most 64 bytes */
};

/* Adds the object (or array) `json` to the draft. What exceeds the bounds of event.h is dropped and counted. Names
 * below "dogwatch." are our own, so a log's are stored below "json.dogwatch."; a scalar "event" as "json.event". On DW_ESYNTAX (also for a scalar or
 * text after the value) and DW_ELIMIT (depth) the draft is as before. `how` may be NULL. */
DW_MUST_USE int dw_flatten_json(struct dw_draft *d, struct dw_str json, const struct dw_flatten *how);

/* Stores one scalar token under a key; a view where the token lies in the line. */
void dw_flatten_value(struct dw_draft *d, uint32_t key, const struct dw_json_token *value, uint32_t elem);

/* The text of a STRING or NUMBER token: as written, or without escapes in the draft's pool (NULL pointer without memory). */
struct dw_str dw_flatten_text(struct dw_draft *d, const struct dw_json_token *value);

#endif
