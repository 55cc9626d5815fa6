/* Fuzz: what somebody asks a running agent for. What is decoded has no NUL and is no longer than what was asked. */
#include "support.h"

#include "../../agent/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str target = dw_str_make((const char *)data, size), value = ask_value(target, DW_STR("file"));
    struct dw_buf out = {0};
    int rc = ask_decode(value, &out);
    DW_ASSERT(rc < 0 || (out.len <= value.len && dw_str_index(dw_buf_view(&out), '\0') == out.len));
    dw_buf_reset(&out);
    (void)ask_answer(NULL, target, &out);
    DW_ASSERT(!out.err);
    dw_buf_fini(&out);
    return 0;
}
