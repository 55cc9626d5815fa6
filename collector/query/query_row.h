/*
 * Rows: what a field of a row is, as text, number and sort key; and rows as bytes, for who keeps them.
 */
#ifndef DOGWATCH_COLLECTOR_QUERY_ROW_H
#define DOGWATCH_COLLECTOR_QUERY_ROW_H

#include "op.h"

#include "dogwatch/base/table.h"

enum value_kind { VALUE_NONE, VALUE_INT, VALUE_REAL, VALUE_TEXT };

/* Views: valid as long as the row, or what made it. */
struct value {
    enum value_kind kind;
    bool number; /* TEXT: a log wrote it as a number, or its field is one of numbers */
    int64_t i;
    double f;
    struct dw_str text;
};

enum { QUERY_TEXT_MAX = 64 }; /* bytes of a made text: a number, a time, an event's id */

/* Fields of an event that are ours, whatever its log says: @timestamp, event.id, event.original, and dogwatch.stream, start, end and
 * read_at. Their number below QUERY_OURS; -1: any other field. */
enum { QUERY_OURS = 7 };
int query_ours(uint32_t key);
/* The first value of a field. `room` takes made texts. */
struct value query_value(const struct row *row, uint32_t key, char room[QUERY_TEXT_MAX]);
/* The same as text; "" when the field is absent. */
struct dw_str query_text(const struct row *row, uint32_t key, char room[QUERY_TEXT_MAX]);
struct dw_str query_value_text(struct value v, char room[QUERY_TEXT_MAX]);
/* The number that a value is, or that its text is: INT or REAL. False: none, and a text leaves *ret as it is. */
bool query_number(struct value v, struct value *ret);
/* Order of values: numbers by size, exactly; then texts by bytes. Neither may be VALUE_NONE. */
int query_value_cmp(const struct value *a, const struct value *b);
struct value query_real(double v); /* INT when it is whole and small enough to be exact */
/* A field with this value, not VALUE_NONE; texts are borrowed. */
struct dw_field query_field(uint32_t key, struct value v);
/* A text of a time, as events have it. */
struct dw_str query_time_text(int64_t time_ns, char room[QUERY_TEXT_MAX]);

/* Appends so that memcmp of the keys is the order: of values (missing ones last, `down` or not), of texts by bytes, of numbers. */
void query_key_value(struct dw_buf *key, struct value v, bool down);
void query_key_text(struct dw_buf *key, struct dw_str text);
void query_key_u64(struct dw_buf *key, uint64_t v);
void query_key_i64(struct dw_buf *key, int64_t v);
/* query_key_text of a field of the row; answers whether its value is a number. */
bool query_key_by(struct dw_buf *key, const struct row *row, uint32_t field);
/* Takes off what query_key_text appended; the text is put into `out`. */
void query_key_take(struct dw_str *key, struct dw_buf *out);

/* Streams of kept rows, once each: an event's own may end with its frame. */
struct query_streams {
    struct dw_arena arena;
    struct dw_table by_id;
};

/* Appends the whole row. Streams go into `streams`, names into the keys' kept part. DW_ENOMEM. A name that finds no room there is
 * left out with its value, and the answer is partial. */
DW_MUST_USE int query_row_pack(struct query_context *cx, struct query_streams *streams, const struct row *row, struct dw_buf *out);
/* The row again. It points into `bytes`, `a` and `streams`. DW_ENOMEM. */
DW_MUST_USE int query_row_unpack(struct dw_str bytes, struct dw_arena *a, struct row *ret);
void query_streams_fini(struct query_streams *s);

/* Fields of a row that is being made. */
struct row_fields {
    struct dw_field *field;
    uint32_t count, cap;
};
DW_MUST_USE int row_fields_add(struct row_fields *f, struct dw_field field);
void row_fields_drop(struct row_fields *f, uint32_t key);
bool row_fields_has(const struct row_fields *f, uint32_t key);

/* A row whose fields are changed: its own, and those it has from its stream, of which it gets a copy. */
struct row_edit {
    struct row_fields own, of_stream;
    struct dw_stream stream;
};
DW_MUST_USE int row_edit_begin(struct row_edit *e, const struct row *row);
/* Puts a value in place of all that the name stands for; VALUE_NONE: in place of them nothing. An event that is full stays without it,
 * and the answer is partial. Texts are borrowed. */
DW_MUST_USE int row_edit_set(struct query_context *cx, struct row_edit *e, uint32_t key, struct value v);
/* Gives one of a row's names another, which then stands for nothing else. */
DW_MUST_USE int row_edit_rename(struct query_context *cx, struct row_edit *e, uint32_t from, uint32_t to);
/* The changed row; it points into `e`. */
struct row row_edit_end(struct row_edit *e, const struct row *row);
void row_edit_fini(struct row_edit *e);

#endif
