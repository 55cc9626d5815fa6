/*
 * sealed: a segment through the real archive, and its end taken off and put on again.
 */
#include "sealed.h"

#include "frames.h"
#include "support.h"

#include "dogwatch/store/archive.h"

#include <stdio.h>
#include <zstd.h>

enum { MAGIC_TABLE = 0x184D2A5A, MAGIC_SEEK = 0x184D2A5E, SKIPPABLE = 8, FOOTER = 9, FRAMES = 6 };

static void append(struct dw_archive *a, struct frames *t, int i)
{
    uint8_t mark[8] = {[2] = DW_MARK_DUPLICATE, [7] = DW_MARK_CONFLICT};
    struct dw_intake in = {.arrival_ns = 1000 + i, .source = 1, .offset = (uint64_t)i * 100, .next = (uint64_t)i * 100 + 100};
    frames_fill(t, 8);
    struct dw_frame *f = i == 1 ? frames_record(t, "{\"type\":\"heartbeat\",\"read_at\":5}") : frames_encode(t, i % 2);
    dw_batch_reset(t->batch);
    assert_int_equal(dw_archive_append(a, dw_buf_view(&f->bytes), &f->head, i == 3 ? mark : NULL, &in), DW_OK);
    dw_frame_free(f);
}

void sealed_make(const char *dir, struct dw_buf *file, size_t *ret_table, struct dw_buf *open)
{
    char path[600];
    struct frames t;
    struct dw_archive *a;
    frames_init(&t);
    struct dw_archive_conf conf = {.fs = &dw_fs_system, .clock = &dw_clock_system, .dir = dir, .keys = t.keys,
        .segment_max_bytes = 1 << 20};
    assert_int_equal(dw_archive_open(&conf, &a), DW_OK);
    for (int i = 0; i < FRAMES; i++)
        append(a, &t, i);
    assert_int_equal(dw_archive_sync(a), DW_OK);
    (void)snprintf(path, sizeof path, "%s/seg-00000001.open", dir);
    if (open)
        assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, open), DW_OK);
    assert_int_equal(dw_archive_seal(a), DW_OK);
    (void)snprintf(path, sizeof path, "%s/seg-00000001.zst", dir);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, file), DW_OK);
    dw_archive_close(a);
    frames_fini(&t);
    struct dw_cursor c = dw_cursor_of(dw_str_slice(dw_buf_view(file), file->len - FOOTER - 8, file->len));
    uint32_t table_len = dw_take_u32(&c);
    (void)dw_take_u32(&c);
    uint32_t count = dw_take_u32(&c);
    *ret_table = file->len - FOOTER - SKIPPABLE - count * 8 - table_len;
}

void sealed_table(const struct dw_buf *file, size_t table, struct dw_buf *out)
{
    struct dw_cursor c = dw_cursor_of(dw_str_slice(dw_buf_view(file), table, file->len));
    assert_int_equal(dw_take_u32(&c), MAGIC_TABLE);
    struct dw_str packed = dw_take_bytes(&c, dw_take_u32(&c));
    size_t size = (size_t)ZSTD_getFrameContentSize(packed.ptr, packed.len);
    size_t n = ZSTD_decompress(dw_buf_reserve(out, size), size, packed.ptr, packed.len);
    assert_int_equal(n, size);
    out->len += n;
}

void sealed_close(struct dw_buf *file, struct dw_str table)
{
    struct dw_buf packed = {0};
    size_t cap = ZSTD_compressBound(table.len);
    size_t n = ZSTD_compress(dw_buf_reserve(&packed, cap), cap, table.ptr, table.len, 1);
    DW_ASSERT(!ZSTD_isError(n));
    dw_buf_u32(file, MAGIC_TABLE);
    dw_buf_u32(file, (uint32_t)n);
    dw_buf_add(file, packed.ptr, n);
    dw_buf_u32(file, MAGIC_SEEK);
    dw_buf_u32(file, 8 + FOOTER);
    dw_buf_u32(file, (uint32_t)n + SKIPPABLE);
    dw_buf_u32(file, 0);
    dw_buf_u32(file, 1);
    dw_buf_byte(file, 0);
    dw_buf_u32(file, 0x8F92EAB1);
    dw_buf_fini(&packed);
}
