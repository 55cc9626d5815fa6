/*
 * Field names as numbers.
 *
 * The ECS names that matter are a compile-time table (tbl/fields.h), so parsers and rules compare
 * integers: DW_F_source_ip is "source.ip". Other names (of JSON logs) are interned into a table as they come.
 */
#ifndef DOGWATCH_EVENT_KEYS_H
#define DOGWATCH_EVENT_KEYS_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

/* How a field is written as JSON: text as a string, numbers as a number when the text is one. */
enum dw_field_type { DW_T_KEYWORD, DW_T_TEXT, DW_T_IP, DW_T_LONG, DW_T_FLOAT, DW_T_BOOL, DW_T_DATE };

/* Ids of the names in tbl/fields.h, in the table's order, which is also the order of output. */
enum dw_field_id {
#define FIELD(id, name, type, list, doc) DW_F_##id,
#include "dogwatch/tbl/fields.h"
#undef FIELD
    DW_FIELDS
};

enum {
    DW_KEYS_MAX = 65536, /* every id is below */
    DW_KEYS_KEPT_MAX = 32768,
    DW_KEY_NAME_MAX = 512,
};

struct dw_keys;

/* Gives a table that holds tbl/fields.h; NULL without memory. Thread: one at a time may intern; names of ids
 * already known may be read by any. */
struct dw_keys *dw_keys_new(void);
void dw_keys_free(struct dw_keys *k);

/* The id of a dotted name, added when new and kept as long as the table: what rules, queries and the program itself name.
 * DW_ELIMIT when DW_KEYS_KEPT_MAX are kept or the name is too long, DW_ENOMEM. */
DW_MUST_USE int dw_keys_intern(struct dw_keys *k, struct dw_str name, uint32_t *ret_id);
/* The same for a name out of a log line: known until dw_keys_make_room. A name that is kept has its kept id. */
DW_MUST_USE int dw_keys_intern_passing(struct dw_keys *k, struct dw_str name, uint32_t *ret_id);
/* Makes sure that `count` new passing names find room, if need be by forgetting all there are: every event that was read
 * with this table is over then. Who begins a batch or decodes a frame calls it. */
void dw_keys_make_room(struct dw_keys *k, uint32_t count);
/* The id without adding: DW_ENOENT when it is not there. */
DW_MUST_USE int dw_keys_find(const struct dw_keys *k, struct dw_str name, uint32_t *ret_id);
/* The name of a known id; lives as long as the id. */
struct dw_str dw_keys_name(const struct dw_keys *k, uint32_t id);

/* Type of a table field; DW_T_KEYWORD for interned names. */
enum dw_field_type dw_field_type(uint32_t id);
/* Whether ECS makes it a list even with one value, e.g. event.category. */
bool dw_field_is_list(uint32_t id);
/* Doc text of a table field, static. id < DW_FIELDS. */
const char *dw_field_doc(uint32_t id);

#endif
