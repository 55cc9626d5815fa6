/*
 * seg_open: the open segment, frames as they came, each behind its intake record.
 *
 * Invariants:
 *   (1) A frame counts only when it and its INTAKE are whole; recovery also checks its roots and hash.
 *   (2) Scanning holds at most one read window and one row a frame.
 *   (3) Damage ends no scan: an INTAKE that holds says how long its frame is, and where none holds the next one is looked for.
 */
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

enum { WINDOW = 2 * DW_FRAME_READ_MAX, JUMP_MAX = 65536 };

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
    t->damaged_count += row->damaged;
    t->damaged_bytes += row->damaged ? row->len : 0;
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

/* CRC-32 as zlib and PNG have it, four bits a step. Against accident: what an agent says is hashed in its frame. */
static uint32_t crc32_of(struct dw_str s)
{
    static const uint32_t step[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158,
        0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (uint8_t)s.ptr[i];
        crc = step[crc & 15] ^ crc >> 4;
        crc = step[crc & 15] ^ crc >> 4;
    }
    return ~crc;
}

void dw__open_write(const struct dw_intake *in, struct dw_str marks, struct dw_str frame, struct dw_buf *out)
{
    dw_buf_u32(out, DW__MAGIC_INTAKE);
    dw_buf_u32(out, (uint32_t)(DW__INTAKE_BYTES + marks.len));
    size_t content = out->len;
    dw_buf_add(out, "dwI1", 4);
    dw_buf_u64(out, in->number);
    dw_buf_u64(out, (uint64_t)in->arrival_ns);
    dw_buf_u64(out, in->source);
    dw_buf_u64(out, in->offset);
    dw_buf_u64(out, in->next);
    dw_buf_u64(out, frame.len);
    dw_buf_str(out, marks);
    if (out->err)
        return;
    dw_buf_u32(out, crc32_of(dw_str_slice(dw_buf_view(out), content, out->len)));
    dw_buf_str(out, frame);
}

/* INTAKE alone; *ret_len with its skippable header. row.len is the frame's. */
static int read_intake(struct dw_str bytes, struct dw__row *ret_row, size_t *ret_len)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    if (bytes.len < DW__SKIPPABLE + DW__INTAKE_BYTES)
        return DW_EAGAIN;
    uint32_t magic = dw_take_u32(&c), len = dw_take_u32(&c);
    if (magic != DW__MAGIC_INTAKE || len < DW__INTAKE_BYTES || len > DW__INTAKE_BYTES + DW__MARKS_MAX)
        return DW_ESYNTAX;
    struct dw_str content = dw_take_bytes(&c, len - DW__CHECK_BYTES);
    uint32_t check = dw_take_u32(&c);
    if (c.bad)
        return DW_EAGAIN;
    if (check != crc32_of(content))
        return DW_ESYNTAX;
    struct dw__row row = {.has_previous = true, .has_hash = true};
    c = dw_cursor_of(content);
    if (!dw_str_eq(dw_take_bytes(&c, 4), DW_STR("dwI1")))
        return DW_ESYNTAX;
    row.intake.number = dw_take_u64(&c);
    row.intake.arrival_ns = (int64_t)dw_take_u64(&c);
    row.intake.source = dw_take_u64(&c);
    row.intake.offset = dw_take_u64(&c);
    row.intake.next = dw_take_u64(&c);
    row.len = dw_take_u64(&c);
    row.marks = dw_take_bytes(&c, dw_cursor_left(&c));
    if (c.bad || row.len == 0 || row.len > DW_FRAME_READ_MAX || row.intake.number == UINT64_MAX)
        return DW_ESYNTAX;
    *ret_row = row;
    *ret_len = DW__SKIPPABLE + len;
    return DW_OK;
}

int dw__open_read(struct dw_str bytes, struct dw__row *ret_row, size_t *ret_len)
{
    size_t at, len;
    *ret_row = (struct dw__row){0};
    int rc = read_intake(bytes, ret_row, &at);
    if (rc < 0)
        return rc;
    struct dw_str frame = dw_str_slice(bytes, at, bytes.len);
    if (ret_row->len > frame.len)
        return DW_EAGAIN;
    ret_row->damaged = dw_head_read(dw_str_slice(frame, 0, (size_t)ret_row->len), &ret_row->head, &len) < 0 || len != ret_row->len;
    ret_row->offset = at;
    *ret_len = at + (size_t)ret_row->len;
    return DW_OK;
}

/* Whether a frame's content is what was hashed. What cannot be judged for another reason is no damage. */
static int judge(struct dw_decoder *check, struct dw_str frame, bool *ret_damaged)
{
    struct dw_decoded got;
    int rc = dw_decode(check, frame, &got);
    if (rc == DW_OK)
        rc = dw_decoded_check(check, &got);
    *ret_damaged = rc == DW_ECORRUPT || rc == DW_ESYNTAX || rc == DW_EVERSION;
    return rc == DW_ENOMEM ? rc : DW_OK;
}

static int add_row(struct dw__scan *s, const struct dw__row *row)
{
    s->due = row->intake.number + 1;
    return dw__rows_add(s->rows, row);
}

/* Adds what stands whole in one window of the file and moves on behind it. *ret_lost: no INTAKE holds there. */
static int scan_window(struct dw__scan *s, struct dw_str window, bool *ret_lost)
{
    size_t used = 0;
    for (;;) {
        struct dw__row row;
        size_t len;
        struct dw_str rest = dw_str_slice(window, used, window.len);
        int rc = dw__open_read(rest, &row, &len);
        if (rc < 0) {
            *ret_lost = rest.len && row.len == 0;
            s->offset += used;
            return DW_OK;
        }
        if (s->check && !row.damaged)
            rc = judge(s->check, dw_str_slice(rest, (size_t)row.offset, len), &row.damaged);
        row.offset += s->offset + used;
        if (rc == DW_OK)
            rc = add_row(s, &row);
        if (rc < 0)
            return rc;
        used += len;
    }
}

/* Where in `bytes` the next INTAKE that holds begins, behind the first byte; bytes.len when none does. */
static size_t find_intake(const struct dw__scan *s, struct dw_str bytes)
{
    static const char magic[] = {0x57, 0x2A, 0x4D, 0x18};
    for (size_t at = 1; at < bytes.len; at++) {
        struct dw__row row;
        size_t len;
        at += dw_str_find(dw_str_slice(bytes, at, bytes.len), dw_str_make(magic, sizeof magic));
        if (at < bytes.len && read_intake(dw_str_slice(bytes, at, bytes.len), &row, &len) == DW_OK && row.intake.number >= s->due
            && row.intake.number - s->due <= JUMP_MAX)
            return at;
    }
    return bytes.len;
}

/* No INTAKE holds at our offset: looks for the next and makes what lies between a damaged row. *ret_found: there is one. A line may hold
 * what looks like an INTAKE, but then what it brings in is of no agent's chain, and hides nothing that follows. */
static int pass_over(struct dw__scan *s, char *window, bool *ret_found)
{
    enum { OVERLAP = DW__SKIPPABLE + DW__INTAKE_BYTES + DW__MARKS_MAX };
    uint64_t at = s->offset;
    size_t n = WINDOW;
    *ret_found = false;
    while (!*ret_found && n == WINDOW) {
        int rc = dw_fs_pread(s->fs, s->fd, window, WINDOW, at, &n);
        if (rc < 0)
            return rc;
        size_t found = find_intake(s, dw_str_make(window, n));
        *ret_found = found < n;
        at += *ret_found ? found : WINDOW - OVERLAP;
    }
    if (!*ret_found)
        return DW_OK;
    struct dw__row hole = {.offset = s->offset, .len = at - s->offset, .intake.number = s->due, .damaged = true};
    s->offset = at;
    return dw__rows_add(s->rows, &hole);
}

int dw__open_scan(struct dw__scan *s)
{
    char *window = dw_alloc(WINDOW);
    bool more = true;
    int rc = window ? DW_OK : DW_ENOMEM;
    while (rc == DW_OK && more) {
        size_t n = 0;
        bool lost = false;
        uint64_t before = s->offset;
        rc = dw_fs_pread(s->fs, s->fd, window, WINDOW, s->offset, &n);
        if (rc == DW_OK)
            rc = scan_window(s, dw_str_make(window, n), &lost);
        more = s->offset > before;
        if (rc == DW_OK && lost && !more)
            rc = pass_over(s, window, &more);
    }
    dw_free(window);
    return rc;
}
