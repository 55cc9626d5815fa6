/*
 * seg_open: the open segment, frames as they came, each behind its intake record.
 *
 * Invariants:
 *   (1) A frame counts only when it and its INTAKE are whole; recovery also checks its roots and hash.
 *   (2) Scanning holds at most one read window and one row a frame.
 */
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

enum { WINDOW = 2 * DW_FRAME_READ_MAX };

void dw__rows_init(struct dw__rows *t)
{
    *t = (struct dw__rows){0};
    dw_arena_init(&t->arena, 0);
}

void dw__rows_fini(struct dw__rows *t)
{
    dw_arena_fini(&t->arena);
    dw_free(t->row);
    dw_free(t->block);
    *t = (struct dw__rows){0};
}

int dw__rows_add(struct dw__rows *t, const struct dw__row *row)
{
    if (t->count == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 64;
        struct dw__row *grown = cap > t->cap ? dw_resize(t->row, cap * sizeof *grown) : NULL;
        if (!grown)
            return DW_ENOMEM;
        t->row = grown;
        t->cap = cap;
    }
    struct dw__row *to = &t->row[t->count];
    *to = *row;
    if (row->marks.len) {
        to->marks = dw_arena_copy(&t->arena, row->marks);
        if (!to->marks.ptr)
            return DW_ENOMEM;
    }
    t->count++;
    return DW_OK;
}

int dw__rows_add_block(struct dw__rows *t, const struct dw__block *block)
{
    if (t->block_count == t->block_cap) {
        uint32_t cap = t->block_cap ? t->block_cap * 2 : 16;
        struct dw__block *grown = cap > t->block_cap ? dw_resize(t->block, cap * sizeof *grown) : NULL;
        if (!grown)
            return DW_ENOMEM;
        t->block = grown;
        t->block_cap = cap;
    }
    t->block[t->block_count++] = *block;
    return DW_OK;
}

void dw__marks_write(const uint8_t *mark, uint32_t count, struct dw_buf *out)
{
    uint32_t since = 0;
    for (uint32_t i = 0; mark && i < count; i++) {
        if (mark[i] == DW_MARK_NONE)
            continue;
        dw_buf_varint(out, i - since);
        dw_buf_byte(out, mark[i]);
        since = i;
    }
}

int dw__marks_read(struct dw_str marks, uint32_t count, uint8_t *out)
{
    struct dw_cursor c = dw_cursor_of(marks);
    uint64_t at = 0;
    memset(out, DW_MARK_NONE, count);
    while (dw_cursor_left(&c)) {
        at += dw_take_varint(&c);
        uint8_t mark = dw_take_byte(&c);
        if (c.bad || at >= count)
            return DW_ECORRUPT;
        out[at] = mark;
    }
    return DW_OK;
}

void dw__open_write(const struct dw_intake *in, struct dw_str marks, struct dw_str frame, struct dw_buf *out)
{
    dw_buf_u32(out, DW__MAGIC_INTAKE);
    dw_buf_u32(out, (uint32_t)(DW__INTAKE_BYTES + marks.len));
    dw_buf_add(out, "dwI1", 4);
    dw_buf_u64(out, in->number);
    dw_buf_u64(out, (uint64_t)in->arrival_ns);
    dw_buf_u64(out, in->source);
    dw_buf_u64(out, in->offset);
    dw_buf_u64(out, in->next);
    dw_buf_str(out, marks);
    dw_buf_str(out, frame);
}

int dw__open_read(struct dw_str bytes, struct dw__row *ret_row, size_t *ret_len)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    if (bytes.len < DW__SKIPPABLE + DW__INTAKE_BYTES)
        return DW_EAGAIN;
    uint32_t magic = dw_take_u32(&c), len = dw_take_u32(&c);
    struct dw_str name = dw_take_bytes(&c, 4);
    if (magic != DW__MAGIC_INTAKE || !dw_str_eq(name, DW_STR("dwI1")) || len < DW__INTAKE_BYTES
        || len > DW__INTAKE_BYTES + DW__MARKS_MAX)
        return DW_ESYNTAX;
    struct dw__row row = {.has_previous = true, .has_hash = true};
    row.intake.number = dw_take_u64(&c);
    row.intake.arrival_ns = (int64_t)dw_take_u64(&c);
    row.intake.source = dw_take_u64(&c);
    row.intake.offset = dw_take_u64(&c);
    row.intake.next = dw_take_u64(&c);
    row.marks = dw_take_bytes(&c, len - DW__INTAKE_BYTES);
    if (c.bad)
        return DW_EAGAIN;
    size_t frame_len;
    int rc = dw_head_read(dw_str_make((const char *)c.at, dw_cursor_left(&c)), &row.head, &frame_len);
    if (rc < 0)
        return rc;
    if (frame_len > dw_cursor_left(&c))
        return DW_EAGAIN;
    row.offset = DW__SKIPPABLE + len;
    row.len = frame_len;
    *ret_row = row;
    *ret_len = DW__SKIPPABLE + len + frame_len;
    return DW_OK;
}

static bool is_valid(struct dw_decoder *check, struct dw_str frame)
{
    struct dw_decoded got;
    return dw_decode(check, frame, &got) == DW_OK && dw_decoded_check(check, &got) == DW_OK;
}

/* Adds what stands whole in one window of the file; *used says how far it came. */
static int scan_window(struct dw_str window, uint64_t offset, struct dw_decoder *check, struct dw__rows *t, size_t *used,
    bool *ret_stop)
{
    *used = 0;
    for (;;) {
        struct dw__row row;
        size_t len;
        struct dw_str rest = dw_str_slice(window, *used, window.len);
        int rc = dw__open_read(rest, &row, &len);
        *ret_stop = rc < 0 && rc != DW_EAGAIN;
        if (rc < 0)
            return DW_OK;
        if (check && !is_valid(check, dw_str_slice(rest, row.offset, len))) {
            *ret_stop = true;
            return DW_OK;
        }
        row.offset += offset + *used;
        rc = dw__rows_add(t, &row);
        if (rc < 0)
            return rc;
        *used += len;
    }
}

int dw__open_scan(const struct dw_fs *fs, int fd, uint64_t offset, struct dw_decoder *check, struct dw__rows *t,
    uint64_t *ret_end)
{
    char *window = dw_alloc(WINDOW);
    if (!window)
        return DW_ENOMEM;
    int rc = DW_OK;
    bool stop = false;
    while (rc == DW_OK && !stop) {
        size_t n = 0, used = 0;
        rc = dw_fs_pread(fs, fd, window, WINDOW, offset, &n);
        if (rc == DW_OK)
            rc = scan_window(dw_str_make(window, n), offset, check, t, &used, &stop);
        offset += used;
        if (used == 0)
            stop = true;
    }
    dw_free(window);
    if (rc == DW_OK)
        *ret_end = offset;
    return rc;
}
