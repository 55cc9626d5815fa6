/*
 * query: a compiled filter and its chain of pipes, from the first event to the last row.
 *
 * Invariants:
 *   (1) Matching is the rules' own (core/pred): the same words mean the same in both.
 *   (2) Every operator passes rows only forwards, and is told of the end after all that are before it.
 *   (3) Whatever an operator could not hold, and every failure in it, is a reason in cx.partial: nothing is left out silently.
 */
#include "query_int.h"

#include <stdio.h>

enum { NEAR_LOOKS_MAX = 1000 }; /* so many events are looked at for a name that was meant */

int dw_query_compile(struct dw_str text, struct dw_keys *keys, struct dw_diags *diags, struct dw_query **ret)
{
    struct dw_query *q = dw_calloc(1, sizeof *q);
    if (!q)
        return DW_ENOMEM;
    q->cx.keys = keys;
    int rc = query_filter_init(&q->filter);
    if (rc == DW_OK)
        rc = query_parse(q, text, diags);
    if (rc == DW_OK)
        rc = query_filter_build(&q->filter);
    if (rc < 0) {
        dw_query_free(q);
        return rc;
    }
    query_needles_init(&q->needles, &q->filter);
    *ret = q;
    return DW_OK;
}

void dw_query_free(struct dw_query *q)
{
    if (!q)
        return;
    for (struct op *op = q->first, *next = NULL; op; op = next) {
        next = op->next;
        op->ops->free(op);
    }
    query_filter_fini(&q->filter);
    dw_free(q);
}

void *query_op_new(const struct op_ops *ops, size_t size)
{
    struct op *op = dw_calloc(1, size);
    if (op)
        op->ops = ops;
    return op;
}

void query_own_name(struct dw_query *q, uint32_t key)
{
    for (uint32_t i = 0; i < q->own_count; i++)
        if (q->own[i] == key)
            return;
    if (key < DW_FIELDS || q->own_count == QUERY_OWN_MAX)
        return;
    q->own[q->own_count++] = key;
    q->own_unseen++;
}

void query_need_name(struct dw_query *q, uint32_t key)
{
    for (uint32_t i = 0; i < q->need_count; i++)
        if (q->need[i] == key)
            return;
    if (q->need_count < QUERY_NEED_MAX)
        q->need[q->need_count++] = key;
    else
        q->needs_all = true;
}

const uint32_t *dw_query_needs(const struct dw_query *q, uint32_t *ret_count)
{
    *ret_count = q->need_count;
    return q->table && !q->needs_all && !q->own_unseen ? q->need : NULL;
}

/* A field of the event that ends as `name` does. */
static void look_near(struct dw_query *q, uint32_t i, const struct dw_event *ev)
{
    struct dw_str name = dw_keys_name(q->cx.keys, q->own[i]);
    for (uint32_t k = 0; k < ev->field_count && !q->own_near[i][0]; k++) {
        struct dw_str field = dw_keys_name(q->cx.keys, ev->field[k].key);
        bool ends = field.len > name.len && dw_str_ends(field, name) && field.ptr[field.len - name.len - 1] == '.';
        if (ends && field.len < QUERY_NEAR_MAX)
            (void)snprintf(q->own_near[i], QUERY_NEAR_MAX, "%.*s", DW_ARG(field));
    }
}

static void look_for_names(struct dw_query *q, const struct dw_event *ev)
{
    bool look = q->near_looks < NEAR_LOOKS_MAX;
    q->near_looks += look;
    for (uint32_t i = 0; i < q->own_count; i++) {
        if (q->own_seen[i])
            continue;
        if (!dw_event_find(ev, q->own[i])) {
            if (look)
                look_near(q, i, ev);
            continue;
        }
        q->own_seen[i] = true;
        q->own_unseen--;
    }
}

/* The field of the table that ends as `name` does, or is nearly it, or whose last part goes on after it: status, status_code. */
static const char *near_field(const struct dw_query *q, struct dw_str name)
{
    const char *names[DW_FIELDS], *longer = NULL;
    for (uint32_t id = 0; id < DW_FIELDS; id++) {
        struct dw_str field = dw_keys_name(q->cx.keys, id);
        if (dw_str_ends(field, name) && field.len > name.len && field.ptr[field.len - name.len - 1] == '.')
            return field.ptr;
        size_t last = field.len;
        while (last > 0 && field.ptr[last - 1] != '.')
            last--;
        struct dw_str part = dw_str_slice(field, last, field.len);
        if (!longer && dw_str_starts(part, name) && part.len > name.len && part.ptr[name.len] == '_')
            longer = field.ptr;
        names[id] = field.ptr;
    }
    const char *near = dw_nearest(name, names, DW_FIELDS);
    return near ? near : longer;
}

void dw_query_unseen(const struct dw_query *q, void (*each)(void *arg, struct dw_str name, const char *near), void *arg)
{
    for (uint32_t i = 0; i < q->own_count; i++) {
        struct dw_str name = dw_keys_name(q->cx.keys, q->own[i]);
        if (!q->own_seen[i])
            each(arg, name, q->own_near[i][0] ? q->own_near[i] : near_field(q, name));
    }
}

const char *dw_query_partial(const struct dw_query *q)
{
    return q->filter.failed ? "memory is short" : q->cx.partial;
}

bool dw_query_match(struct dw_query *q, const struct dw_event *ev)
{
    if (q->own_unseen)
        look_for_names(q, ev);
    enum query_look look = query_needles_look(&q->needles, ev->line);
    return look != QUERY_ASK ? look == QUERY_YES : query_filter_test(&q->filter, q->cx.keys, ev);
}

const struct dw_query_column *dw_query_columns(const struct dw_query *q, uint32_t *ret_count)
{
    *ret_count = q->column_count;
    return q->table ? q->column : NULL;
}

static int sink_take(struct op *op, struct row *row)
{
    struct dw_query *q = DW_ITEM(op, struct dw_query, sink);
    q->to.row(q->to.arg, &row->ev, row->mark);
    return DW_OK;
}

static void sink_free(struct op *op)
{
    (void)op; /* it is a part of the query */
}

static const struct op_ops sink_ops = {.name = "sink", .take = sink_take, .free = sink_free};

void dw_query_start(struct dw_query *q, const struct dw_query_setup *setup)
{
    struct op **at = &q->first;
    size_t holders = 0;
    DW_ASSERT(!q->sink.ops);
    q->to = setup->sink;
    q->cx.fs = setup->fs;
    q->cx.tmp_dir = setup->tmp_dir;
    for (; *at; at = &(*at)->next) {
        (*at)->cx = &q->cx;
        holders += (*at)->ops->holds;
    }
    q->cx.share = setup->memory_bytes / (holders ? holders : 1);
    q->sink = (struct op){.ops = &sink_ops, .cx = &q->cx};
    *at = &q->sink;
    for (struct op *op = q->first; op; op = op->next)
        if (op->ops->start)
            op->ops->start(op);
}

/* A failure within the chain: the answer lacks something. */
static void note(struct dw_query *q, int rc)
{
    if (rc == DW_OK || q->cx.partial)
        return;
    q->cx.partial = "memory is short";
    if (rc == DW_ENOMEM || rc == DW_ELIMIT)
        return;
    (void)snprintf(q->cx.why, sizeof q->cx.why, "the temporary file in %s could not be used: %s", q->cx.tmp_dir, dw_err_text(rc));
    q->cx.partial = q->cx.why;
}

bool dw_query_take(struct dw_query *q, const struct dw_event *ev, uint8_t mark)
{
    DW_ASSERT(q->sink.ops);
    bool matched = dw_query_match(q, ev);
    struct row row = {.ev = *ev, .mark = mark, .matched = matched};
    if ((matched || q->context) && !q->first->done)
        note(q, q->first->ops->take(q->first, &row));
    return matched;
}

void dw_query_end(struct dw_query *q)
{
    DW_ASSERT(q->sink.ops);
    for (struct op *op = q->first; op; op = op->next)
        if (op->ops->end)
            note(q, op->ops->end(op));
}

int dw_query_followable(const struct dw_query *q, struct dw_diags *diags)
{
    for (const struct op *op = q->first; op; op = op->next) {
        if (!op->ops->end || !op->len)
            continue;
        dw_diag_add(diags, (struct dw_span){.line = 1, .col = (uint32_t)op->at + 1, .len = (uint32_t)op->len},
            "leave out --follow; where, fields, rename, eval, parse, dedup, context and head can follow",
            "this pipe answers when all events were read, and who follows never has read all");
        return DW_ESYNTAX;
    }
    return DW_OK;
}

bool dw_query_is_filter(const struct dw_query *q)
{
    return !q->first || q->first == &q->sink;
}

bool dw_query_bounded(const struct dw_query *q)
{
    return q->bounded;
}

bool dw_query_done(const struct dw_query *q)
{
    for (const struct op *op = q->first; op; op = op->next)
        if (op->done)
            return true;
    return false;
}
