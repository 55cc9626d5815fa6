/* Fuzz: text as a query. What compiles can be asked of an event, counted, and printed; what does not has a place in the text. A line that
 * matches is in no text that is passed over. */
#include "support.h"

#include "dogwatch/collect/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_row(void *arg, const struct dw_event *row, uint8_t mark)
{
    struct dw_query *q = arg;
    char room[DW_QUERY_TEXT_MAX];
    uint32_t count;
    const struct dw_query_column *column = dw_query_columns(q, &count);
    (void)mark;
    DW_ASSERT(!column == (row->stream != NULL));
    for (uint32_t i = 0; i < row->field_count; i++) {
        bool known = !column;
        for (uint32_t k = 0; k < count; k++)
            known |= column[k].key == row->field[i].key;
        DW_ASSERT(known && dw_query_field_text(&row->field[i], room).len < 1000);
    }
}

static void ask(struct dw_query *q)
{
    static const struct dw_stream stream = {.id = {1, 2, 3}};
    static const struct dw_str text = {"10.0.0.1 GET /login?user=Bob 401 union select\n", 46};
    struct dw_str line = dw_str_slice(text, 0, 45);
    struct dw_field field[] = {
        {.v.ptr = line.ptr, .len = 8, .key = DW_F_source_ip, .kind = DW_K_VIEW},
        {.v.ptr = line.ptr + 29, .len = 3, .key = DW_F_http_response_status_code, .kind = DW_K_NUMBER},
        {.v.f = 0.5, .key = DW_F_event_severity, .kind = DW_K_FLOAT},
        {.v.i = -7, .key = DW_F_event_duration, .kind = DW_K_INT},
    };
    struct dw_event ev = {.time_ns = 1, .stream = &stream, .end = 46, .line = line, .field = field,
        .field_count = DW_COUNT_OF(field)};
    bool first = dw_query_match(q, &ev), again = dw_query_match(q, &ev);
    DW_ASSERT(first == again && (!first || dw_query_wants(q, text)));
    dw_query_start(q, &(struct dw_query_setup){.sink = {take_row, q}, .memory_bytes = DW_QUERY_MEMORY_MIN, .fs = &dw_fs_system, .tmp_dir = "/tmp"});
    for (int i = 0; i < 4 && !dw_query_done(q); i++) {
        field[3].v.i = i % 3;
        ev.time_ns += 60 * INT64_C(1000000000);
        (void)dw_query_take(q, &ev, 0);
    }
    dw_query_end(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_keys *keys = dw_keys_new();
    struct dw_diags diags;
    struct dw_query *q;
    struct dw_str text = dw_str_make((const char *)data, size);
    dw_diags_init(&diags, DW_STR("query"), text);
    int rc = dw_query_compile(text, keys, &diags, &q);
    DW_ASSERT(rc == DW_OK || rc == DW_ELIMIT || diags.count > 0);
    if (rc == DW_OK) {
        ask(q);
        dw_query_free(q);
    }
    dw_keys_free(keys);
    return 0;
}
