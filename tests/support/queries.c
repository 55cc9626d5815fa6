/*
 * queries: rows from text, through a query, to text.
 */
#include "queries.h"

#include <stdio.h>

void query_bed_init(struct query_bed *b)
{
    *b = (struct query_bed){.keys = dw_keys_new(), .fs = &dw_fs_system};
    b->stream[0].id[0] = b->stream[0].series[0] = 1;
    b->stream[1].id[0] = b->stream[1].series[0] = 2;
    dw_arena_init(&b->arena, 0);
}

void query_bed_fini(struct query_bed *b)
{
    dw_query_free(b->q);
    dw_keys_free(b->keys);
    dw_buf_fini(&b->answer);
    dw_arena_fini(&b->arena);
}

static void put_row(void *arg, const struct dw_event *row, uint8_t mark)
{
    struct query_bed *b = arg;
    char room[DW_QUERY_TEXT_MAX];
    uint32_t count;
    const struct dw_query_column *column = dw_query_columns(b->q, &count);
    (void)mark;
    for (uint32_t i = 0; i < row->field_count; i++) {
        struct dw_str name = dw_keys_name(b->keys, row->field[i].key), text = dw_query_field_text(&row->field[i], room);
        dw_buf_printf(&b->answer, "%s%.*s=%.*s", i ? " " : "", DW_ARG(name), DW_ARG(text));
        bool known = !column;
        for (uint32_t k = 0; k < count; k++)
            known |= column[k].key == row->field[i].key;
        assert_true(known);
    }
    dw_buf_byte(&b->answer, ';');
}

int query_bed_start(struct query_bed *b, const char *text)
{
    dw_query_free(b->q);
    b->q = NULL;
    b->taken = 0;
    dw_buf_reset(&b->answer);
    dw_diags_init(&b->diags, DW_STR("query"), dw_str_of(text));
    int rc = dw_query_compile(dw_str_of(text), b->keys, &b->diags, &b->q);
    if (rc == DW_OK)
        dw_query_start(b->q, &(struct dw_query_setup){.sink = {put_row, b}, .fs = b->fs, .tmp_dir = "/tmp",
                                 .memory_bytes = b->memory_bytes ? b->memory_bytes : DW_QUERY_MEMORY_BYTES});
    return rc;
}

void query_bed_take(struct query_bed *b, const char *fields, int64_t time_ns, int log)
{
    struct dw_field field[16];
    uint32_t count = 0;
    dw_arena_reset(&b->arena);
    struct dw_str line = dw_arena_copy(&b->arena, dw_str_of(fields)), rest = line;
    while (rest.len) {
        struct dw_str value = dw_str_cut(&rest, ' '), name = dw_str_cut(&value, '=');
        int64_t whole;
        uint32_t key;
        if (!value.ptr)
            continue; /* a word of the line */
        assert_int_equal(dw_keys_intern(b->keys, name, &key), DW_OK);
        bool number = dw_str_i64(value, &whole) && value.ptr[0] != '0';
        field[count++] = number ? (struct dw_field){.v.i = whole, .key = key, .kind = DW_K_INT}
                                : (struct dw_field){.v.ptr = value.ptr, .len = (uint32_t)value.len, .key = key, .kind = DW_K_VIEW};
    }
    struct dw_event ev = {.line = line, .field = field, .field_count = count, .time_ns = time_ns, .stream = &b->stream[log],
        .start = b->taken, .end = b->taken + 1};
    b->taken++;
    (void)dw_query_take(b->q, &ev, 0);
}

void query_bed_end(struct query_bed *b)
{
    dw_query_end(b->q);
    assert_int_equal(b->answer.err, DW_OK);
}

void query_bed_expect(const char *text, const char *events, const char *answer)
{
    struct query_bed b;
    struct dw_str rest = dw_str_of(events);
    query_bed_init(&b);
    if (query_bed_start(&b, text) != DW_OK)
        fail_msg("refused: %s: column %u: %s", text, b.diags.item[0].at.col, b.diags.item[0].msg);
    for (int64_t i = 0; rest.len; i++) {
        char copy[512];
        struct dw_str ev = dw_str_cut(&rest, ';');
        (void)snprintf(copy, sizeof copy, "%.*s", DW_ARG(ev));
        query_bed_take(&b, copy, i * 1000000000, 0);
    }
    query_bed_end(&b);
    if (!dw_str_eq(dw_buf_view(&b.answer), dw_str_of(answer)))
        fail_msg("%s\n over %s\n gives %.*s\n want  %s", text, events, DW_ARG(dw_buf_view(&b.answer)), answer);
    assert_null(dw_query_partial(b.q));
    query_bed_fini(&b);
}
