/*
 * Segments, open and sealed, as rows of frames. Used inside core/store.
 */
#ifndef DOGWATCH_STORE_SEGMENT_INT_H
#define DOGWATCH_STORE_SEGMENT_INT_H

#include "manifest_int.h"

enum {
    DW__MAGIC_INTAKE = 0x184D2A57,
    DW__MAGIC_SEGMENT = 0x184D2A58,
    DW__MAGIC_BLOCK_VIEWS = 0x184D2A59,
    DW__MAGIC_TABLE = 0x184D2A5A,
    DW__MAGIC_SEEK = 0x184D2A5E,
    DW__INTAKE_BYTES = 44,
    DW__SKIPPABLE = 8,
    DW__BLOCK_TEXT = 4 * 1024 * 1024,   /* a block is full at this much text */
    DW__BLOCK_VIEWS = 16 * 1024 * 1024, /* or this much of views */
    DW__MARKS_MAX = 6 * DW_FRAME_EVENTS_MAX,
    DW__TABLE_MAX = 512 * 1024 * 1024,
};

/* One frame of a segment. In an open segment `offset` is its place in the file; in a sealed one text_at and views_at are its place in
 * its block, uncompressed. */
struct dw__row {
    struct dw_head head;
    struct dw_intake intake;
    uint64_t offset, len;
    uint32_t block, chain;
    uint32_t text_at, views_at;
    struct dw_str marks; /* coded as in INTAKE; in the arena of the rows */
    bool has_previous, has_hash;
};

struct dw__block {
    uint64_t offset;
    uint32_t text_packed, text_size, views_packed, views_size, frames;
};

struct dw__rows {
    struct dw_arena arena;
    struct dw__row *row;
    uint32_t count, cap;
    struct dw__block *block;
    uint32_t block_count, block_cap;
};

void dw__rows_init(struct dw__rows *t);
void dw__rows_fini(struct dw__rows *t);
/* Appends a copy of a row (its marks are copied to the arena). */
DW_MUST_USE int dw__rows_add(struct dw__rows *t, const struct dw__row *row);
DW_MUST_USE int dw__rows_add_block(struct dw__rows *t, const struct dw__block *block);

/* ---- open segment (seg_open.c) ---- */

/* Codes marks: only events that have one. */
void dw__marks_write(const uint8_t *mark, uint32_t count, struct dw_buf *out);
/* Expands to one byte an event; DW_ECORRUPT when they do not fit. */
DW_MUST_USE int dw__marks_read(struct dw_str marks, uint32_t count, uint8_t *out);
/* Appends INTAKE and the frame's bytes to `out`. */
void dw__open_write(const struct dw_intake *in, struct dw_str marks, struct dw_str frame, struct dw_buf *out);
/* Reads one INTAKE + frame at the start of `bytes`. *ret_len: both together. DW_EAGAIN: cut off. */
DW_MUST_USE int dw__open_read(struct dw_str bytes, struct dw__row *ret_row, size_t *ret_len);
/* Lists the frames of an open segment's file in order, from `offset` on, adding to `t`; *ret_end is the end of
 * the last whole one. With a decoder, frames are decoded and checked, and the list ends before the first that is not valid. */
DW_MUST_USE int dw__open_scan(const struct dw_fs *fs, int fd, uint64_t offset, struct dw_decoder *check,
    struct dw__rows *t, uint64_t *ret_end);

/* ---- sealed segment (seg_table.c, seg_seal.c) ---- */

/* TABLE's uncompressed bytes. */
DW_MUST_USE int dw__table_write(const struct dw__rows *t, struct dw_buf *out);
DW_MUST_USE int dw__table_read(struct dw_str bytes, struct dw__rows *t);
/* Writes the frames of an open segment's file to `path` as a sealed one and fills *ret_info. */
struct dw__seal {
    const struct dw_fs *fs;
    int open_fd;
    const char *path; /* of the sealed file; written beside it and renamed */
    uint64_t number;
    struct dw_decoder *decoder;
};
DW_MUST_USE int dw__seal_run(const struct dw__seal *s, struct dw__rows *rows, struct dw_segment_info *ret_info);

#endif
