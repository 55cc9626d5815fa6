/* Fuzz: LogQL. What is taken becomes a filter of ours: refused by its compiler only for a regex or a number in it. */
#include "support.h"

#include "../../collector/server/logql.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str text = dw_str_make((const char *)data, size);
    struct dw_diags diags, ours;
    struct dw_query *query = NULL;
    struct logql q;
    dw_diags_init(&diags, DW_STR("logql"), text);
    int rc = logql_compile(text, &diags, &q);
    DW_ASSERT((rc == DW_OK) == (diags.count == 0));
    DW_ASSERT(q.by_count <= LOGQL_BY_MAX && (rc < 0 || q.function == LOGQL_LINES || q.function == LOGQL_CONSTANT || q.range_ns > 0));
    struct dw_keys *keys = dw_keys_new();
    dw_diags_init(&ours, DW_STR("q"), dw_buf_view(&q.filter));
    if (rc == DW_OK && q.filter.len && dw_query_compile(dw_buf_view(&q.filter), keys, &ours, &query) == DW_OK)
        DW_ASSERT(dw_query_is_filter(query));
    dw_query_free(query);
    dw_keys_free(keys);
    logql_fini(&q);
    return 0;
}
