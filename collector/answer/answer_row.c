/*
 * answer_row: a query's row, and an alert, as JSON.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/event/json_write.h"

static void put_value(struct dw_buf *out, const struct dw_field *f)
{
    char room[DW_QUERY_TEXT_MAX];
    bool bare = f->kind == DW_K_INT || f->kind == DW_K_BOOL || (f->kind == DW_K_NUMBER && dw_is_json_number(dw_field_str(f)));
    if (f->kind == DW_K_FLOAT)
        dw_json_float(out, f->v.f);
    else if (bare)
        dw_buf_str(out, dw_query_field_text(f, room));
    else
        (void)dw_json_string(out, dw_query_field_text(f, room));
}

/* All values of a column: in brackets where they are a list. */
static void put_column(struct dw_buf *out, const struct dw_event *row, uint32_t key)
{
    const struct dw_field *first = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < row->field_count; i++) {
        if (row->field[i].key != key)
            continue;
        first = first ? first : &row->field[i];
        count++;
    }
    bool list = count > 1 || (first && first->elem);
    dw_buf_str(out, !first ? DW_STR("null") : list ? DW_STR("[") : DW_STR(""));
    for (uint32_t i = 0, n = 0; n < count; i++) {
        if (row->field[i].key != key)
            continue;
        if (n++)
            dw_buf_byte(out, ',');
        put_value(out, &row->field[i]);
    }
    if (list)
        dw_buf_byte(out, ']');
}

void dw_answer_row(const struct dw_keys *keys, const struct dw_query *q, const struct dw_event *row, uint8_t mark, struct dw_buf *out)
{
    uint32_t count;
    const struct dw_query_column *column = dw_query_columns(q, &count);
    struct dw_event_extra extra = {.mark = mark == DW_MARK_CONFLICT ? "conflict" : NULL};
    if (!column) {
        dw_event_json(keys, row, &extra, out);
        dw_buf_byte(out, '\n');
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        dw_buf_byte(out, i ? ',' : '{');
        (void)dw_json_string(out, dw_keys_name(keys, column[i].key));
        dw_buf_byte(out, ':');
        put_column(out, row, column[i].key);
    }
    dw_buf_str(out, DW_STR("}\n"));
}

void dw_answer_alert(const struct dw_alert *a, const char *silence, struct dw_buf *out)
{
    dw_buf_str(out, dw_str_slice(a->doc, 0, a->doc.len - 1)); /* it ends with a brace */
    dw_buf_str(out, DW_STR(",\"about\":"));
    (void)dw_json_string(out, a->key);
    dw_buf_str(out, DW_STR(",\"raised\":\""));
    dw_time_text(out, a->time_ns);
    dw_buf_str(out, DW_STR("\",\"workflow\":{"));
    for (int i = 0, n = 0; i < DW_ALERT_FIELDS; i++) {
        if (i == DW_ALERT_note)
            continue; /* each is kept: they are the history */
        dw_buf_printf(out, "%s\"%s\":", n++ ? "," : "", dw_alert_field_name((enum dw_alert_field)i));
        (void)dw_json_string(out, dw_str_of(a->said[i]));
    }
    if (silence)
        dw_buf_printf(out, ",\"silence\":\"%s\"", silence);
    dw_buf_str(out, DW_STR("}}\n"));
}

struct dw_str dw_answer_finding(struct dw_str row)
{
    struct dw_str mark = DW_STR(",\"about\":"); /* no text of JSON holds a quote without a backslash */
    for (size_t at = row.len; at-- > 0;)
        if (dw_str_starts(dw_str_slice(row, at, row.len), mark))
            return dw_str_slice(row, 0, at);
    return DW_STR_NONE;
}
