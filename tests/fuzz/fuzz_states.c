/*
 * fuzz_states: bytes as records of the topic of states: a counted key and a counted value, one after the other.
 *
 * Oracle: a chunk that is taken keeps its bounds; the newest part, written again, is the same part.
 */
#include "chunks.h"

#include "dogwatch/base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct dw__newest *n)
{
    struct dw_buf packed = {0}, key = {0}, value = {0};
    struct dw__newest again = {.source = n->source};
    struct dw__chunk whole;
    int rc = dw__chunk_pack(n->source, n->next, dw_buf_view(&n->part), &packed, &whole);
    whole.slot = n->slot;
    for (uint32_t i = 0; rc == DW_OK && i < whole.count; i++) {
        rc = dw__chunk_put(&whole, dw_buf_view(&packed), i, &key, &value);
        if (rc == DW_OK)
            rc = chunk_look(&again, dw_buf_view(&key), dw_buf_view(&value));
    }
    DW_ASSERT(rc == DW_OK && again.any && again.next == n->next && again.slot == n->slot);
    DW_ASSERT(dw_str_eq(dw_buf_view(&again.part), dw_buf_view(&n->part)));
    dw__newest_fini(&again);
    dw_buf_fini(&packed);
    dw_buf_fini(&key);
    dw_buf_fini(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_cursor c = dw_cursor_of(dw_str_make((const char *)data, size));
    struct dw__newest n = {.source = 7};
    while (dw_cursor_left(&c) && !c.bad) {
        struct dw_str key = dw_take_counted(&c), value = dw_take_counted(&c);
        struct dw__chunk chunk;
        if (dw__chunk_take(key, value, &chunk) == DW_OK)
            DW_ASSERT(chunk.index < chunk.count && chunk.count <= DW__CHUNK_COUNT_MAX && chunk.slot < DW__CHUNK_SLOTS
                && (size_t)chunk.index * DW__CHUNK_BYTES + chunk.bytes.len <= chunk.packed);
        int rc = chunk_look(&n, key, value);
        DW_ASSERT(rc == DW_OK || rc == DW_ECORRUPT || rc == DW_EVERSION);
    }
    if (n.any)
        write_again(&n);
    dw__newest_fini(&n);
    return 0;
}
