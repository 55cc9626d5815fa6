/*
 * op_templates: `templates [field]`: what texts say beside their values, how often each, and the first text of it.
 *
 * Idea: a miner (template/template.h) takes the text of every row; which words are values is known at the end. Rows without a text are passed over.
 *
 * Invariant: counts add up to the rows that have a text. What memory does not hold is counted under the template `<*>`, and the answer is partial.
 */
#include "query_int.h"

#include "dogwatch/template/template.h"

#include <stdlib.h>

struct templates {
    struct op op;
    uint32_t from;                      /* the field; event.original: of an event its message, where it has one */
    bool usual;                         /* no field was named */
    uint32_t count, text, id, example;  /* keys of the columns */
    struct dw_miner *miner;
    struct row_fields made;
};

/* A template by count, then by first text. */
struct ranked {
    uint64_t count;
    uint32_t i;
};

static void start(struct op *op)
{
    struct templates *t = DW_ITEM(op, struct templates, op);
    t->miner = dw_miner_new(&(struct dw_miner_opts){.bytes_max = op->cx->share / 2});
}

static int take(struct op *op, struct row *row)
{
    struct templates *t = DW_ITEM(op, struct templates, op);
    char room[QUERY_TEXT_MAX];
    uint32_t number;
    struct value v = {.kind = VALUE_NONE};
    if (!t->miner)
        return DW_ENOMEM;
    if (t->usual)
        v = query_value(row, DW_F_message, room);
    if (v.kind == VALUE_NONE)
        v = query_value(row, t->from, room);
    return v.kind == VALUE_NONE ? DW_OK : dw_miner_add(t->miner, query_value_text(v, room), &number);
}

static int by_count(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : x->i < y->i ? -1 : x->i > y->i;
}

static int pass_one(struct templates *t, const struct dw_mined *mined)
{
    char id[DW_TEMPLATE_ID_TEXT];
    struct row row = {.ev = {.line = DW_STR("")}};
    dw_template_id(mined->text, id);
    t->made.count = 0;
    int rc = row_fields_add(&t->made, query_field(t->count, (struct value){.kind = VALUE_INT, .i = (int64_t)mined->count}));
    if (rc == DW_OK)
        rc = row_fields_add(&t->made, query_field(t->text, (struct value){.kind = VALUE_TEXT, .text = mined->text}));
    if (rc == DW_OK)
        rc = row_fields_add(&t->made, query_field(t->id, (struct value){.kind = VALUE_TEXT, .text = dw_str_of(id)}));
    if (rc == DW_OK)
        rc = row_fields_add(&t->made, query_field(t->example, (struct value){.kind = VALUE_TEXT, .text = mined->example}));
    row.ev.field = t->made.field;
    row.ev.field_count = t->made.count;
    return rc < 0 ? rc : op_pass(&t->op, &row);
}

static int end(struct op *op)
{
    struct templates *t = DW_ITEM(op, struct templates, op);
    int rc = t->miner ? dw_miner_refine(t->miner) : DW_ENOMEM;
    uint32_t count = rc == DW_OK ? dw_miner_count(t->miner) : 0;
    struct ranked *ranked = rc == DW_OK ? dw_calloc((size_t)count + 1, sizeof *ranked) : NULL;
    if (!ranked)
        return rc < 0 ? rc : DW_ENOMEM;
    if (dw_miner_refused(t->miner))
        query_partial(op->cx, "templates: memory holds no further ones; the rest is <*>");
    for (uint32_t i = 0; i < count; i++)
        ranked[i] = (struct ranked){.count = dw_miner_at(t->miner, i).count, .i = i};
    qsort(ranked, count, sizeof *ranked, by_count);
    for (uint32_t i = 0; i < count && rc == DW_OK && !op_unwanted(op); i++) {
        struct dw_mined mined = dw_miner_at(t->miner, ranked[i].i);
        rc = pass_one(t, &mined);
    }
    dw_free(ranked);
    return rc;
}

static void templates_free(struct op *op)
{
    struct templates *t = DW_ITEM(op, struct templates, op);
    dw_miner_free(t->miner);
    dw_free(t->made.field);
    dw_free(t);
}

static const struct op_ops templates_ops = {.name = "templates", .holds = true, .start = start, .take = take, .end = end, .free = templates_free};

/* The columns that come out of it. */
static int make_shape(struct query_parser *p, size_t at, struct templates *t)
{
    struct dw_keys *keys = p->q->cx.keys;
    int rc = dw_keys_intern(keys, DW_STR("count"), &t->count);
    rc = rc < 0 ? rc : dw_keys_intern(keys, DW_STR("template"), &t->text);
    rc = rc < 0 ? rc : dw_keys_intern(keys, DW_STR("template_id"), &t->id);
    rc = rc < 0 ? rc : dw_keys_intern(keys, DW_STR("example"), &t->example);
    query_shape_table(p);
    rc = rc < 0 ? rc : query_shape_add(p, at, t->count, true);
    rc = rc < 0 ? rc : query_shape_add(p, at, t->text, false);
    rc = rc < 0 ? rc : query_shape_add(p, at, t->id, false);
    return rc < 0 ? rc : query_shape_add(p, at, t->example, false);
}

int query_pipe_templates(struct query_parser *p, struct op **ret)
{
    struct templates *t = query_op_new(&templates_ops, sizeof *t);
    size_t at = (query_skip_blanks(p), p->at);
    int rc = t ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        char next = query_peek(p);
        t->usual = next == '\0' || next == '|';
        t->from = DW_F_event_original;
        if (!t->usual)
            rc = query_name(p, ",", &t->from);
        else if (p->shape.table)
            rc = query_refuse(p, p->pipe_at, sizeof "templates" - 1, "templates FIELD", "a table has no line: name the field to read");
        else
            query_need_name(p->q, DW_F_message);
    }
    if (rc == DW_OK)
        rc = make_shape(p, at, t);
    if (rc < 0) {
        if (t)
            templates_free(&t->op);
        return rc;
    }
    *ret = &t->op;
    return DW_OK;
}
