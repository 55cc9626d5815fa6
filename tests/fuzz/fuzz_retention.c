/* Fuzz: an entry of a manifest, and what somebody asks of an archive. What is read is written and read again as it was. */
#include "support.h"

#include "../../core/store/manifest_int.h"

#include "dogwatch/collect/archive_asked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_entry(struct dw_str line)
{
    struct dw__entry_info e, again;
    uint8_t prev[DW_SHA256_BYTES] = {0}, other[DW_SHA256_BYTES] = {0};
    struct dw_buf first = {0}, second = {0};
    if (!dw__entry_parse(line, &e, prev))
        return;
    dw__entry_print(&e, prev, &first);
    bool read = dw__entry_parse(dw_buf_view(&first), &again, other);
    DW_ASSERT(read && memcmp(prev, other, sizeof prev) == 0);
    dw__entry_print(&again, other, &second);
    DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
    dw_buf_fini(&first);
    dw_buf_fini(&second);
}

static void try_ask(struct dw_str text)
{
    struct dw_archive_ask ask, again;
    struct dw_buf first = {0}, second = {0};
    if (!dw_archive_ask_read(text, &ask))
        return;
    dw_archive_ask_write(&ask, &first);
    bool read = dw_archive_ask_read(dw_buf_view(&first), &again);
    DW_ASSERT(read);
    dw_archive_ask_write(&again, &second);
    DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&second)));
    dw_buf_fini(&first);
    dw_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str text = dw_str_make((const char *)data, size);
    if (dw_str_index(text, '\n') == text.len)
        try_entry(text);
    try_ask(text);
    return 0;
}
