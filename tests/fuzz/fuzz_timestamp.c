/*
 * fuzz_timestamp: every time reader and the TZif reader over any bytes. Oracle: what is read formats, and reads back
 * equal.
 */
#include "dogwatch/base/mem.h"
#include "dogwatch/event/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 16)
        return 0;
    char *copy = dw_alloc(size);
    DW_ASSERT(copy);
    memcpy(copy, data, size);
    struct dw_str s = dw_str_make(copy, size);
    struct dw_time_ctx ctx = {.reference_ns = INT64_C(1763932458000000000)};
    int64_t ns = 0, back = 0;
    size_t n = dw_time_any(s, &ctx, true, &ns);
    DW_ASSERT(n <= size);
    char text[DW_TIME_TEXT];
    if (n > 0 && ns > INT64_C(-9000000000000000000)) {
        dw_time_format(ns, text);
        DW_ASSERT(dw_time_rfc3339(dw_str_of(text), NULL, &back) == strlen(text));
        DW_ASSERT(back == ns);
    }
    struct dw_zone z;
    if (dw_zone_load_tzif(s, &z) == 0) {
        int64_t utc = dw_zone_to_utc(&z, ns / 1000000000);
        (void)dw_zone_offset_at(&z, utc);
        dw_zone_fini(&z);
    }
    dw_free(copy);
    return 0;
}
