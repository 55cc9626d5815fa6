/*
 * op_eval: `eval name = expression`: a field more, or one in place of another. Without a value the row does not have the field.
 */
#include "eval.h"

struct eval {
    struct op op;
    uint32_t key;
    struct eval_expr expr;
    struct row_edit edit;
    struct dw_arena arena;
};

static int take(struct op *op, struct row *row)
{
    struct eval *e = DW_ITEM(op, struct eval, op);
    struct value v;
    dw_arena_reset(&e->arena);
    int rc = eval_run(&e->expr, row, &e->arena, &v);
    if (rc == DW_OK)
        rc = row_edit_begin(&e->edit, row);
    if (rc == DW_OK)
        rc = row_edit_set(op->cx, &e->edit, e->key, v);
    if (rc < 0)
        return rc;
    struct row made = row_edit_end(&e->edit, row);
    return op_pass(op, &made);
}

static void eval_free(struct op *op)
{
    struct eval *e = DW_ITEM(op, struct eval, op);
    eval_fini(&e->expr);
    row_edit_fini(&e->edit);
    dw_arena_fini(&e->arena);
    dw_free(e);
}

static const struct op_ops eval_ops = {.name = "eval", .take = take, .free = eval_free};

int query_pipe_eval(struct query_parser *p, struct op **ret)
{
    struct eval *e = query_op_new(&eval_ops, sizeof *e);
    size_t at = (query_skip_blanks(p), p->at);
    if (!e)
        return DW_ENOMEM;
    int rc = query_new_name(p, ",+*/%=<>!", &e->key);
    if (rc == DW_OK && !query_byte(p, '='))
        rc = query_refuse(p, p->at, 1, "eval ms = event.duration / 1000000", "'=' is missing here");
    if (rc == DW_OK)
        rc = eval_parse(p, &e->expr);
    if (rc == DW_OK)
        rc = query_shape_add(p, at, e->key, false);
    if (rc < 0) {
        eval_free(&e->op);
        return rc;
    }
    *ret = &e->op;
    return DW_OK;
}
