/*
 * op_timechart: `timechart SPAN aggregates [by ...]`: a stats by span of time, and this operator, which fills the gaps.
 *
 * The stats passes its rows series by series (one for each combination of the `by` fields), each in the order of time, and knows the
 * first and the last span that any row fell into. A gap gets rows in which the aggregates that are 0 of nothing are 0.
 *
 * Invariant: at most FILL_MAX rows are made; beyond that gaps stay, and the answer says so. A single event dated 1970 cannot make a
 * query endless.
 */
#include "aggregate.h"

enum { FILL_MAX = 100000 };

struct timechart {
    struct op op;
    struct op *stats; /* the one before this */
    struct stats_plan plan;
    bool begun;
    int64_t next, made; /* the span that the series at hand goes on with; rows made for gaps */
    struct dw_buf series, of_row; /* the texts of its `by` fields, as a key */
    uint8_t numbers;              /* bit i: by[i] is a number, in the row that a gap stands before, or else after */
    struct row_fields fields;
};

static int fill_one(struct timechart *t, int64_t span)
{
    struct dw_buf text = {0};
    struct dw_str rest = dw_buf_view(&t->series);
    size_t from[QUERY_BY_MAX + 1] = {0};
    char room[QUERY_TEXT_MAX];
    struct row row = {.ev = {.line = DW_STR(""), .start = (uint64_t)span}};
    if (__builtin_mul_overflow(span, t->plan.span_ns, &row.ev.time_ns))
        row.ev.time_ns = INT64_MIN;
    t->fields.count = 0;
    struct value v = {.kind = VALUE_TEXT, .text = query_time_text(row.ev.time_ns, room)};
    int rc = row_fields_add(&t->fields, query_field(DW_F_timestamp, v));
    for (uint32_t i = 0; i < t->plan.by_count; i++) {
        query_key_take(&rest, &text);
        from[i + 1] = text.len;
    }
    for (uint32_t i = 0; i < t->plan.by_count && rc == DW_OK; i++) {
        v.text = dw_str_slice(dw_buf_view(&text), from[i], from[i + 1]);
        v.number = (t->numbers >> i & 1) != 0;
        rc = row_fields_add(&t->fields, query_field(t->plan.by[i], v));
    }
    for (uint32_t i = 0; i < t->plan.agg_count && rc == DW_OK; i++)
        if (agg_has_zero(&t->plan.agg[i]))
            rc = row_fields_add(&t->fields, query_field(t->plan.agg[i].key, (struct value){.kind = VALUE_INT}));
    row.ev.field = t->fields.field;
    row.ev.field_count = t->fields.count;
    rc = rc < 0 ? rc : text.err;
    if (rc == DW_OK)
        rc = op_pass(&t->op, &row);
    dw_buf_fini(&text);
    return rc;
}

/* Rows for the spans from t->next up to `end`, which is not one of them. */
static int fill(struct timechart *t, int64_t end)
{
    int rc = DW_OK;
    while (t->next < end && rc == DW_OK && !op_unwanted(&t->op)) {
        if (t->made++ >= FILL_MAX) {
            query_partial(t->op.cx, "timechart: so many spans are empty that not all are shown");
            return DW_OK;
        }
        rc = fill_one(t, t->next++);
    }
    return rc;
}

static int take(struct op *op, struct row *row)
{
    struct timechart *t = DW_ITEM(op, struct timechart, op);
    int64_t first, last, span = (int64_t)row->ev.start;
    uint8_t numbers = 0;
    int rc = DW_OK;
    bool any = stats_spans(t->stats, &first, &last);
    DW_ASSERT(any && span >= first && span <= last);
    dw_buf_reset(&t->of_row);
    for (uint32_t i = 0; i < t->plan.by_count; i++)
        numbers |= (uint8_t)(query_key_by(&t->of_row, row, t->plan.by[i]) << i);
    if (t->of_row.err)
        return t->of_row.err;
    if (!t->begun || !dw_str_eq(dw_buf_view(&t->series), dw_buf_view(&t->of_row))) {
        rc = t->begun ? fill(t, last + 1) : DW_OK;
        dw_buf_reset(&t->series);
        dw_buf_str(&t->series, dw_buf_view(&t->of_row));
        t->begun = true;
        t->next = first;
        rc = rc < 0 ? rc : t->series.err;
    }
    t->numbers = numbers;
    if (rc == DW_OK)
        rc = fill(t, span);
    t->next = span + 1;
    return rc < 0 ? rc : op_pass(op, row);
}

static int end(struct op *op)
{
    struct timechart *t = DW_ITEM(op, struct timechart, op);
    int64_t first, last;
    return t->begun && stats_spans(t->stats, &first, &last) ? fill(t, last + 1) : DW_OK;
}

static void timechart_free(struct op *op)
{
    struct timechart *t = DW_ITEM(op, struct timechart, op);
    dw_buf_fini(&t->series);
    dw_buf_fini(&t->of_row);
    dw_free(t->fields.field);
    dw_free(t);
}

static const struct op_ops timechart_ops = {.name = "timechart", .take = take, .end = end, .free = timechart_free};

int query_pipe_timechart(struct query_parser *p, struct op **ret)
{
    struct stats_plan plan = {.order = STATS_BY_KEYS};
    size_t at = (query_skip_blanks(p), p->at);
    int rc = query_needs_events(p, p->pipe_at, "timechart needs events: a table has no time");
    struct dw_str span = query_word(p, ",");
    if (rc == DW_OK && !query_duration(span, &plan.span_ns))
        rc = query_refuse(p, at, span.len, "timechart 5m count", "timechart needs a span: 30s, 5m, 1h, 1d");
    if (rc == DW_OK)
        rc = stats_parse(p, &plan);
    if (rc == DW_OK)
        rc = stats_shape(p, at, &plan);
    if (rc < 0)
        return rc;
    struct timechart *t = query_op_new(&timechart_ops, sizeof *t);
    struct op *stats = stats_new(&plan);
    if (!t || !stats) {
        if (t)
            timechart_free(&t->op);
        if (stats)
            stats->ops->free(stats);
        return DW_ENOMEM;
    }
    t->plan = plan;
    t->stats = stats;
    stats->next = &t->op;
    *ret = stats;
    return DW_OK;
}
