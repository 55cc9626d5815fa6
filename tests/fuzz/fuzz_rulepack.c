/* Fuzz: a rule set as an archive keeps it. Oracle: what is read and written again is read as the same files. */
#include "support.h"

#include "dogwatch/correlate/rulepack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_again(void *ud, struct dw_str path, struct dw_str text)
{
    dw_rulepack_add(ud, path, text);
    return DW_OK;
}

static int see(void *ud, struct dw_str path, struct dw_str text)
{
    struct dw_buf *seen = ud;
    dw_buf_str(seen, path);
    dw_buf_byte(seen, 0);
    dw_buf_str(seen, text);
    dw_buf_byte(seen, 0);
    return DW_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_buf again = {0}, one = {0}, other = {0};
    struct dw_str pack = dw_str_make((const char *)data, size);
    if (dw_rulepack_each(pack, write_again, &again) == DW_OK && again.len) {
        int rc = dw_rulepack_each(pack, see, &one);
        DW_ASSERT(rc == DW_OK);
        rc = dw_rulepack_each(dw_buf_view(&again), see, &other);
        DW_ASSERT(rc == DW_OK && dw_str_eq(dw_buf_view(&one), dw_buf_view(&other))); /* numbers and escapes may be written in other ways */
    }
    dw_buf_fini(&again);
    dw_buf_fini(&one);
    dw_buf_fini(&other);
    return 0;
}
