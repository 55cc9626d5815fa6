/*
 * op_sort: `sort [-]field, ...`: all rows, then in order.
 *
 * Idea: each row is packed and goes, with a key whose bytes sort as its fields do, to a sorter that may use a file.
 */
#include "query_int.h"
#include "query_sorter.h"

struct sort {
    struct op op;
    uint32_t key[QUERY_BY_MAX], count;
    bool down[QUERY_BY_MAX];
    struct sorter sorter;
    struct query_streams streams;
    struct dw_arena arena; /* of the row that is given */
    struct dw_buf sort_key, packed;
};

static void start(struct op *op)
{
    struct sort *s = DW_ITEM(op, struct sort, op);
    sorter_init(&s->sorter, op->cx, op->cx->share / 4 * 3);
    dw_arena_init(&s->streams.arena, op->cx->share / 4);
}

static int take(struct op *op, struct row *row)
{
    struct sort *s = DW_ITEM(op, struct sort, op);
    char room[QUERY_TEXT_MAX];
    dw_buf_reset(&s->sort_key);
    dw_buf_reset(&s->packed);
    for (uint32_t i = 0; i < s->count; i++)
        query_key_value(&s->sort_key, query_value(row, s->key[i], room), s->down[i]);
    int rc = query_row_pack(op->cx, &s->streams, row, &s->packed);
    if (rc == DW_OK)
        rc = s->sort_key.err ? s->sort_key.err : sorter_add(&s->sorter, dw_buf_view(&s->sort_key), dw_buf_view(&s->packed));
    return rc;
}

static int end(struct op *op)
{
    struct sort *s = DW_ITEM(op, struct sort, op);
    struct dw_str key, packed;
    struct row row;
    int rc = sorter_end(&s->sorter);
    while (rc == DW_OK && !op_unwanted(op) && (rc = sorter_next(&s->sorter, &key, &packed)) == DW_OK) {
        dw_arena_reset(&s->arena);
        rc = query_row_unpack(packed, &s->arena, &row);
        if (rc == DW_OK)
            rc = op_pass(op, &row);
    }
    sorter_fini(&s->sorter);
    return rc == DW_EAGAIN ? DW_OK : rc;
}

static void sort_free(struct op *op)
{
    struct sort *s = DW_ITEM(op, struct sort, op);
    sorter_fini(&s->sorter);
    query_streams_fini(&s->streams);
    dw_arena_fini(&s->arena);
    dw_buf_fini(&s->sort_key);
    dw_buf_fini(&s->packed);
    dw_free(s);
}

static const struct op_ops sort_ops = {.name = "sort", .holds = true, .start = start, .take = take, .end = end, .free = sort_free};

int query_pipe_sort(struct query_parser *p, struct op **ret)
{
    struct sort *s = query_op_new(&sort_ops, sizeof *s);
    size_t at = (query_skip_blanks(p), p->at);
    int rc = s ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK && query_keyword(p, "by") && query_is_word_byte(query_peek(p)) && query_peek(p) != ',')
        rc = query_refuse(p, at, 2, "sort field, or sort -field for downwards", "sort takes the fields alone, without by");
    if (rc == DW_OK)
        p->at = at; /* `by` alone is a field's name */
    do {
        if (rc == DW_OK && s->count == QUERY_BY_MAX)
            rc = query_refuse(p, p->at, 1, NULL, "too many fields");
        if (rc < 0)
            break;
        s->down[s->count] = query_byte(p, '-');
        rc = query_name(p, ",", &s->key[s->count]);
        s->count++;
    } while (rc == DW_OK && query_byte(p, ','));
    if (rc == DW_OK)
        rc = query_end_of_list(p);
    if (rc < 0) {
        if (s)
            sort_free(&s->op);
        return rc;
    }
    *ret = &s->op;
    return DW_OK;
}
