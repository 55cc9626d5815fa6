/*
 * query_row: fields of a row as values, and keys whose bytes sort as the values do.
 *
 *     key of a value:  1 number            2 text                     ff missing
 *                      8 bytes: double     bytes, 00 as 00 ff         (and nothing else)
 *                      2 bytes: the rest   00 00
 *
 * A 64-bit integer is the double nearest to it and what is left, so integers and fractions sort among each other without loss.
 * Downwards all bytes but ff are complemented.
 *
 * Invariants:
 *   (1) memcmp of two keys of the same fields is the order of their values.
 *   (2) No key is the beginning of another one.
 */
#include "query_row.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_NUMBER = 1, KEY_TEXT = 2, KEY_MISSING = 0xff };

struct dw_str query_time_text(int64_t time_ns, char room[QUERY_TEXT_MAX])
{
    dw_time_format(time_ns, room);
    return dw_str_of(room);
}

static struct value text_value(struct dw_str text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

int query_ours(uint32_t key)
{
    static const uint32_t ours[QUERY_OURS] = {DW_F_timestamp, DW_F_event_id, DW_F_event_original, DW_F_dogwatch_stream, DW_F_dogwatch_start, DW_F_dogwatch_end, DW_F_dogwatch_read_at};
    for (int i = 0; i < QUERY_OURS; i++)
        if (ours[i] == key)
            return i;
    return -1;
}

static struct value our_value(const struct dw_event *ev, uint32_t key, char room[QUERY_TEXT_MAX])
{
    if (key == DW_F_event_original)
        return text_value(ev->line);
    if (key == DW_F_dogwatch_start || key == DW_F_dogwatch_end)
        return (struct value){.kind = VALUE_INT, .i = (int64_t)(key == DW_F_dogwatch_start ? ev->start : ev->end)};
    if (key == DW_F_timestamp || key == DW_F_dogwatch_read_at)
        return text_value(query_time_text(key == DW_F_timestamp ? ev->time_ns : ev->read_at_ns, room));
    dw_event_id_text(ev, room);
    struct dw_str id = dw_str_of(room);
    return text_value(key == DW_F_event_id ? id : dw_str_slice(id, 0, dw_str_index(id, '-'))); /* it begins with the stream's */
}

struct value query_value(const struct row *row, uint32_t key, char room[QUERY_TEXT_MAX])
{
    if (row->ev.stream && query_ours(key) >= 0)
        return our_value(&row->ev, key, room);
    const struct dw_field *f = dw_event_find(&row->ev, key);
    if (!f)
        return (struct value){.kind = VALUE_NONE};
    if (dw_field_is_text(f)) {
        enum dw_field_type type = dw_field_type(key);
        bool number = f->kind == DW_K_NUMBER || (row->ev.stream && (type == DW_T_LONG || type == DW_T_FLOAT));
        return (struct value){.kind = VALUE_TEXT, .text = dw_field_str(f), .number = number};
    }
    if (f->kind == DW_K_BOOL)
        return text_value(f->v.i ? DW_STR("true") : DW_STR("false"));
    return f->kind == DW_K_INT ? (struct value){.kind = VALUE_INT, .i = f->v.i} : (struct value){.kind = VALUE_REAL, .f = f->v.f};
}

struct dw_str query_value_text(struct value v, char room[QUERY_TEXT_MAX])
{
    int n = 0;
    if (v.kind == VALUE_TEXT)
        return v.text;
    if (v.kind == VALUE_INT)
        n = snprintf(room, QUERY_TEXT_MAX, "%lld", (long long)v.i);
    else if (v.kind == VALUE_REAL)
        n = snprintf(room, QUERY_TEXT_MAX, "%.15g", v.f);
    return dw_str_make(room, (size_t)n);
}

struct dw_str query_text(const struct row *row, uint32_t key, char room[QUERY_TEXT_MAX])
{
    return query_value_text(query_value(row, key, room), room);
}

struct dw_str dw_query_field_text(const struct dw_field *f, char room[DW_QUERY_TEXT_MAX])
{
    const struct row row = {.ev = {.field = f, .field_count = 1}};
    return query_text(&row, f->key, room);
}

int row_fields_add(struct row_fields *f, struct dw_field field)
{
    if (f->count == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 64;
        struct dw_field *more = cap > f->cap ? dw_resize(f->field, cap * sizeof *more) : NULL;
        if (!more)
            return DW_ENOMEM;
        f->field = more;
        f->cap = cap;
    }
    f->field[f->count++] = field;
    return DW_OK;
}

bool query_number(struct value v, struct value *ret)
{
    char copy[QUERY_TEXT_MAX], *end = NULL;
    struct value made = {.kind = VALUE_INT};
    if (v.kind != VALUE_TEXT) {
        *ret = v;
        return v.kind == VALUE_INT || (v.kind == VALUE_REAL && isfinite(v.f));
    }
    if (dw_str_i64(v.text, &made.i)) {
        *ret = made;
        return true;
    }
    if (v.text.len == 0 || v.text.len >= sizeof copy)
        return false;
    for (size_t i = 0; i < v.text.len; i++) { /* no hexadecimal, no infinities, no blanks */
        if (!v.text.ptr[i] || !strchr("0123456789+-.eE", v.text.ptr[i]))
            return false;
        copy[i] = v.text.ptr[i];
    }
    copy[v.text.len] = '\0';
    made = (struct value){.kind = VALUE_REAL, .f = strtod(copy, &end)};
    if (end == copy || *end || !isfinite(made.f))
        return false;
    *ret = made;
    return true;
}

struct value query_real(double v)
{
    if (v == floor(v) && fabs(v) < 9007199254740992.0)
        return (struct value){.kind = VALUE_INT, .i = (int64_t)v};
    return (struct value){.kind = VALUE_REAL, .f = v};
}

/* A number as the double nearest to it, and what that lacks: -1024 to 1024. */
static double split(const struct value *v, int64_t *ret_rest)
{
    double near = v->kind == VALUE_INT ? (double)v->i : v->f == 0 ? 0 : v->f; /* -0 is 0 */
    *ret_rest = 0;
    if (v->kind == VALUE_INT)
        *ret_rest = near >= 9223372036854775808.0 ? v->i - INT64_MAX - 1 : v->i - (int64_t)near;
    return near;
}

int query_value_cmp(const struct value *a, const struct value *b)
{
    struct value x, y;
    bool is_x = query_number(*a, &x), is_y = query_number(*b, &y);
    if (is_x != is_y)
        return is_x ? -1 : 1;
    if (!is_x)
        return dw_str_cmp(a->text, b->text);
    int64_t rest_x, rest_y;
    double near_x = split(&x, &rest_x), near_y = split(&y, &rest_y);
    if (near_x != near_y)
        return near_x < near_y ? -1 : 1;
    return rest_x < rest_y ? -1 : rest_x > rest_y;
}

struct dw_field query_field(uint32_t key, struct value v)
{
    DW_ASSERT(v.kind != VALUE_NONE);
    if (v.kind == VALUE_INT)
        return (struct dw_field){.v.i = v.i, .key = key, .kind = DW_K_INT};
    if (v.kind == VALUE_REAL)
        return (struct dw_field){.v.f = v.f, .key = key, .kind = DW_K_FLOAT};
    return (struct dw_field){.v.ptr = v.text.ptr ? v.text.ptr : "", .len = (uint32_t)v.text.len, .key = key,
        .kind = v.number ? DW_K_NUMBER : DW_K_LITERAL};
}

void query_key_u64(struct dw_buf *key, uint64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        dw_buf_byte(key, (uint8_t)(v >> shift));
}

void query_key_i64(struct dw_buf *key, int64_t v)
{
    query_key_u64(key, (uint64_t)v ^ UINT64_C(1) << 63);
}

void query_key_text(struct dw_buf *key, struct dw_str text)
{
    while (text.len) {
        size_t zero = dw_str_index(text, '\0');
        dw_buf_str(key, dw_str_slice(text, 0, zero));
        if (zero < text.len)
            dw_buf_add(key, "\0\xff", 2);
        text = dw_str_slice(text, zero + 1, text.len);
    }
    dw_buf_add(key, "\0\0", 2);
}

bool query_key_by(struct dw_buf *key, const struct row *row, uint32_t field)
{
    char room[QUERY_TEXT_MAX];
    struct value v = query_value(row, field, room);
    query_key_text(key, query_value_text(v, room));
    return v.kind == VALUE_INT || v.kind == VALUE_REAL || v.number;
}

void query_key_take(struct dw_str *key, struct dw_buf *out)
{
    size_t i = 0;
    for (;; i++) {
        DW_ASSERT(i + 1 < key->len);
        if (key->ptr[i] == '\0' && key->ptr[i + 1] == '\0')
            break;
        dw_buf_byte(out, (uint8_t)key->ptr[i]);
        i += key->ptr[i] == '\0';
    }
    *key = dw_str_slice(*key, i + 2, key->len);
}

static void key_number(struct dw_buf *key, const struct value *v)
{
    int64_t rest;
    uint64_t bits;
    double near = split(v, &rest);
    memcpy(&bits, &near, sizeof bits);
    dw_buf_byte(key, KEY_NUMBER);
    query_key_u64(key, bits >> 63 ? ~bits : bits | UINT64_C(1) << 63);
    dw_buf_byte(key, (uint8_t)((rest + 0x8000) >> 8));
    dw_buf_byte(key, (uint8_t)(rest + 0x8000));
}

void query_key_value(struct dw_buf *key, struct value v, bool down)
{
    struct value number;
    size_t from = key->len;
    if (v.kind == VALUE_NONE || (v.kind == VALUE_REAL && !isfinite(v.f))) {
        dw_buf_byte(key, KEY_MISSING);
        return;
    }
    if (query_number(v, &number)) {
        key_number(key, &number);
    } else {
        dw_buf_byte(key, KEY_TEXT);
        query_key_text(key, v.text);
    }
    for (size_t i = from; down && !key->err && i < key->len; i++)
        key->ptr[i] = (char)~key->ptr[i];
}
